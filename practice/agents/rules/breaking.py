"""How a server says that it broke, which tells nothing of the world its tools are about."""

from __future__ import annotations

import re

#: how a server says that it broke; what it broke at is no rule of its world.
_BROKE = re.compile(
    r"\bHTTP 5\d\d\b|\binternal (?:server )?error\b|"
    r"\b50[0234] (?:internal|bad|service|gateway)|\btimed? ?out\b|"
    r"\b(?:temporarily|service) unavailable\b|\bconnection (?:reset|refused|closed)\b|"
    r"\btoo many requests\b|\brate limit",
    re.IGNORECASE,
)
#: how it asks to be asked once more.
_AGAIN = re.compile(
    r"\b(?:please retry|retry after|try again|temporarily|service unavailable|too many requests|"
    r"50[34] (?:service|gateway))",
    re.IGNORECASE,
)


def broke(said: str) -> bool:
    """Whether an error says that the server failed, and not that it refuses something."""
    return _BROKE.search(said) is not None


def wants_retry(said: str) -> bool:
    """Whether an error says that the server failed for now, and the same call may work later."""
    return broke(said) and _AGAIN.search(said) is not None
