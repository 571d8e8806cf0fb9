"""Whether a backup and an installation have the key of stored secrets in common.

The key is in no backup. A word sealed under it is: what cannot open it cannot open the secrets.
"""

from __future__ import annotations

from collections.abc import Sequence

from memoryapp.domain.sealing import Seal, Unreadable

PURPOSE, WORD = "backup", b"greenroom"
OTHER_KEY = (
    "Its secrets are encrypted with a key that this installation does not have. Set SECRET_KEY "
    "and SEALING_KEYS to what they were, or copy the file secret-key from the old data folder "
    "over the new one. Nothing was restored. With --without-key everything else is restored; then "
    "nobody with a second factor can sign in, and credentials must be entered again."
)


def sealed_word(keys: Sequence[str]) -> str:
    """The word for a backup; empty without keys."""
    return Seal(keys, PURPOSE).close(WORD) if keys else ""


def is_other(sealed: str, keys: Sequence[str]) -> bool:
    """Whether none of ``keys`` is that of a backup; unknown where either is empty, so False."""
    if not keys or not sealed:
        return False
    try:
        return Seal(keys, PURPOSE).open(sealed) != WORD
    except Unreadable:
        return True
