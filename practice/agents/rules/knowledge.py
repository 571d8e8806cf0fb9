"""The playbook as rules: what the solver may rely on before it tries anything.

Only live bullets count, and only those that still carry their ``rule``: a bullet a person rewrote
is text, and this engine does not guess what text means.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from memoryapp.domain.playbook import Bullet, Playbook

Rule = Mapping[str, Any]


class Knowledge:
    """Lessons by tool, from the live bullets of a playbook."""

    def __init__(self, playbook: Playbook) -> None:
        self._bullets = [b for b in playbook.live if b.rule]

    def rules(self, kind: str, tool: str) -> Iterator[Rule]:
        """Yield the rules of one kind about ``tool``, in playbook order."""
        for bullet in self._bullets:
            rule = bullet.rule or {}
            about = (*rule.get("tools", ()), rule.get("tool"))
            if rule.get("kind") == kind and tool in about:
                yield rule

    def prerequisites(self, tool: str) -> list[Rule]:
        return list(self.rules("prerequisite", tool))

    def about(self, kind: str, tool: str, parameter: str) -> Rule | None:
        """Return the rule of one kind about one parameter, if there is one."""
        return next(
            (
                rule
                for rule in self.rules(kind, tool)
                if parameter in (rule.get("parameter"), *rule.get("also", ()))
            ),
            None,
        )

    def producer(self, tool: str, parameter: str) -> str:
        """Return the tool a parameter was taken from before, or an empty string."""
        for bullet in self._bullets:
            rule = bullet.rule or {}
            if rule.get("kind") == "source" and [tool, parameter] in rule["consumers"]:
                return str(rule["producer"])
        return ""


def bullet_for(playbook: Playbook, key: str) -> Bullet | None:
    """Return the live bullet that carries the lesson ``key``."""
    return next((b for b in playbook.live if b.rule and b.rule.get("key") == key), None)
