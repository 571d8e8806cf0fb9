"""Secrets at rest: sealed under the first key, readable under the others.

The one place that encrypts. Keys come from the settings (``SEALING_KEYS``); to change them put the
new one first and keep the old ones until ``manage.py rotate_secrets`` has sealed everything anew.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence

from cryptography.fernet import Fernet, InvalidToken, MultiFernet


class Unreadable(ValueError):
    """It was sealed under a key that is not configured any more."""

    def __init__(self) -> None:
        super().__init__(
            "It was encrypted with another key. Add the old key to SEALING_KEYS, after the new "
            "one, or enter the secret again."
        )


class Seal:
    """Seals for one purpose; what is sealed for one opens for no other.

    Args:
        keys: the first seals, all open. Any text; each is hashed into a key of 256 bits.
        purpose: such as ``webhook``.
    """

    def __init__(self, keys: Sequence[str], purpose: str) -> None:
        derived = (hashlib.sha256(f"{purpose} {key}".encode()).digest() for key in keys)
        self._boxes = [Fernet(base64.urlsafe_b64encode(key)) for key in derived]
        self._all = MultiFernet(self._boxes)

    def close(self, secret: bytes) -> str:
        """Encrypt. The text is base64, without white space."""
        return self._all.encrypt(secret).decode()

    def open(self, sealed: str) -> bytes:
        """Decrypt.

        Raises:
            Unreadable: under none of the keys.
        """
        try:
            return self._all.decrypt(sealed.encode())
        except InvalidToken as error:
            raise Unreadable from error

    def renewed(self, sealed: str) -> str | None:
        """Return it sealed under the first key, or ``None`` where it is so already.

        Raises:
            Unreadable: under none of the keys.
        """
        try:
            self._boxes[0].decrypt(sealed.encode())
        except InvalidToken:
            return self.close(self.open(sealed))
        return None
