"""Deciding which tools of an environment practice may call."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from memoryapp.domain.errors import UnableToConnect
from memoryapp.services.events import event_record
from memoryapp.services.seen import check_seen
from practice.domain.types import Effect
from practice.models import EnvironmentTool
from practice.models.environments import MARK_HEX

_MAY = {
    Effect.DESTRUCTIVE: "may delete or overwrite data",
    Effect.UNKNOWN: "does not say what it may change",
}


def switch_of(tool: EnvironmentTool) -> dict[str, Any]:
    """Whether a tool is allowed, and as what; ``domain.seen.shown`` of it is ``seen``.

    Whoever turns a tool on has read its description: a server may give another one meanwhile.
    """
    mark = tool.schema_hash[:MARK_HEX]
    return {"allowed": tool.is_enabled, "effect": tool.effect.value, "described as": mark}


def tool_allow(
    *,
    tool: EnvironmentTool,
    allowed: bool,
    by: Any,
    accepts: str = "",
    seen: str | None = None,
) -> EnvironmentTool:
    """Turn a tool on or off for practice runs that start from now on.

    ``accepts`` is the effect a person saw and takes upon them; only a tool that may destroy
    something, or does not say what it changes, asks for it. ``seen`` is the digest of ``switch_of``
    that was read. Turning off is never refused.

    Raises:
        ChangedMeanwhile: somebody turned it on since, or its server describes it otherwise.
        UnableToConnect: its input schema cannot be used, or its effect is not what was accepted.
    """
    with transaction.atomic():
        rows = EnvironmentTool.objects.select_for_update(of=("self",), no_key=True)
        tool = rows.select_related("environment__workspace").get(pk=tool.pk)
        was = switch_of(tool)
        if allowed:
            check_seen(seen, was, was | {"allowed": allowed})
        if allowed and tool.problem:
            raise UnableToConnect(f"{tool.name} cannot be used: {tool.problem}")
        if allowed and tool.effect.is_cautious and accepts != tool.effect:
            raise UnableToConnect(
                f"{tool.name} {_MAY[tool.effect]}. To allow it all the same, accept that it is "
                f"{tool.effect.value}{f', not {accepts}' if accepts else ''}."
            )
        if tool.is_enabled != allowed:
            tool.is_enabled = allowed
            tool.save(update_fields=["is_enabled"])
            event_record(
                workspace=tool.environment.workspace,
                actor=by,
                kind="tool.allowed" if allowed else "tool.forbidden",
                subject=tool,
                environment=tool.environment.slug,
                effect=tool.effect.value,
                before=was,
                after=switch_of(tool),
            )
    return tool
