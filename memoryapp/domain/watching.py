"""More than people do in an hour: signs of a stolen session, key or password. Pure.

Nobody is stopped, since an operator may have good reason to do much at once. It is recorded and
reported, and a person looks (OWASP ASVS 4.0.3, 11.1.7 and 11.1.8).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

FLAGGED = "use.unusual"
#: Whoever failed may be somebody else, so these rows are counted by the account they tried.
FAILED = "sign_in.failed"
HOUR = timedelta(hours=1)
#: Kinds of the audit log to how many one person may have in an hour before it is reported. Thirty
#: decisions a minute is a quick reviewer; keys, exports and members change now and then.
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
    """The usual figures with some of them ``changed``; 0 is no limit."""
    return {kind: most for kind, most in {**USUAL, **changed}.items() if most}


def figure(given: Any) -> int:
    """Read a figure out of a setting.

    Raises:
        TypeError: no whole number.
        ValueError: less than 0.
    """
    if isinstance(given, bool) or not isinstance(given, int):
        raise TypeError("no whole number")
    if given < 0:
        raise ValueError("less than 0")
    return given
