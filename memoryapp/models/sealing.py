"""Secrets at rest: encrypted under SECRET_KEY, readable under its fallbacks."""

from __future__ import annotations

import base64
import hashlib

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings


class Unreadable(ValueError):
    """It was sealed under a key that is not configured any more."""


def _box(purpose: str) -> MultiFernet:
    keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    derived = (hashlib.sha256(f"{purpose} {key}".encode()).digest() for key in keys)
    return MultiFernet([Fernet(base64.urlsafe_b64encode(key)) for key in derived])


def seal(secret: bytes, *, purpose: str) -> str:
    """Encrypt; what is sealed for one purpose opens for no other."""
    return _box(purpose).encrypt(secret).decode()


def unseal(sealed: str, *, purpose: str) -> bytes:
    """Decrypt.

    Raises:
        Unreadable: SECRET_KEY was changed without a fallback.
    """
    try:
        return _box(purpose).decrypt(sealed.encode())
    except InvalidToken as error:
        raise Unreadable(
            "It was stored under another SECRET_KEY. Put the old key into SECRET_KEY_FALLBACKS."
        ) from error
