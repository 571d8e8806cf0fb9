"""Changing only what its reader saw: the one check of every form that replaces what stands."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from memoryapp.domain.errors import ChangedMeanwhile
from memoryapp.domain.seen import shown


def check_seen(
    seen: str | None, now: Mapping[str, Any], then: Mapping[str, Any] | None = None
) -> None:
    """See to it that nobody replaces what somebody else has just saved.

    ``now`` is what stands, read under the lock of the change; ``seen`` is ``shown`` of what was
    read, or ``None`` from callers that read nothing. Named as the audit log names it, ``now`` lets
    a page say what changed (``queries.meanwhile``). ``then`` is what would stand afterwards: a
    second click asks for what the first one has just saved, and replaces nothing of anybody.

    Raises:
        ChangedMeanwhile: something else was seen.
    """
    digest = shown(now)
    if seen is not None and seen != digest and then != now:
        raise ChangedMeanwhile(
            "This was changed since you read it. Nothing was saved; look at what changed, then "
            "save again.",
            shown=digest,
        )
