"""What is more than people do in an hour: signs of a stolen session, key or password. Pure.

Nobody is stopped: an operator with a good reason does much at once, too. It is written down and
told, and a person looks (OWASP ASVS 4.0.3, 11.1.7 and 11.1.8).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

FLAGGED = "use.unusual"
#: Who failed is not known to be the person, so such rows are counted by whom they were for.
FAILED = "sign_in.failed"
HOUR = timedelta(hours=1)
#: Kinds of the audit log to how many of them one person has in an hour without a word. Some thirty
#: decisions a minute are a quick reviewer; keys, exports and members change now and then.
USUAL: Mapping[str, int] = {
    FAILED: 10,
    "bullet.retired": 200,
    "candidate.approved": 2_000,
    "environment.reached_anew": 20,
    "export.asked": 5,
    "export.fetched": 10,
    "key.created": 10,
    "key.rotated": 20,
    "label.moved": 60,
    "member.invited": 50,
    "member.removed": 10,
    "member.role_changed": 20,
    "policy.changed": 20,
    "release.recalled": 10,
    "retention.set": 10,
    "webhook.created": 10,
}


def usual(changed: Mapping[str, int]) -> dict[str, int]:
    """What is usual with some figures ``changed``; what is 0 may be any number."""
    return {kind: most for kind, most in {**USUAL, **changed}.items() if most}


def figure(given: Any) -> int:
    """How many are usual, of a setting.

    Raises:
        TypeError: no whole number.
        ValueError: less than 0.
    """
    if isinstance(given, bool) or not isinstance(given, int):
        raise TypeError("no whole number")
    if given < 0:
        raise ValueError("less than 0")
    return given
