"""The playbook as rules: what the solver may rely on before it tries anything.

Only live bullets count, and only those that still carry their ``rule``: a bullet a person rewrote
is text, and this engine does not guess what text means.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from memoryapp.domain.playbook import Bullet, Playbook
from practice.agents.rules.schema import kind_of_path
from practice.agents.rules.words import GENERIC, parts

Rule = Mapping[str, Any]
#: tool → the tools that a memory says it has to be called before.
Asked = Mapping[str, frozenset[str]]
#: (tool, parameter) → the values that a memory says the tool takes for it.
Allowed = Mapping[tuple[str, str], tuple[Any, ...]]


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

    def needing(self, first: str) -> list[Rule]:
        """Return the rules that say ``first`` has to be called before other tools."""
        rules = [b.rule for b in self._bullets if b.rule]
        return [r for r in rules if r.get("kind") == "prerequisite" and r.get("needs") == first]

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

    def location(self, move: str) -> Rule | None:
        """Return the rule that says things may be elsewhere, and that ``move`` goes there."""
        return next(
            (b.rule for b in self._bullets if b.rule and b.rule.get("key") == f"location:{move}"),
            None,
        )

    def made(self, tool: str, parameter: str, value: Any = None) -> Rule | None:
        """Return the rule that says which tool makes what a parameter names, if there is one.

        A parameter of the same telling name means the same thing in another tool. What makes
        folders is not it where ``value`` is the name of a file.
        """
        rules = [
            b.rule
            for b in self._bullets
            if b.rule
            and b.rule.get("kind") == "made"
            and (value is None or b.rule.get("field") or kind_of_path(named(b.rule), value))
        ]
        own = [r for r in rules if [tool, parameter] in r["consumers"]]
        about = _telling(parameter)
        akin = [r for r in rules if about and any(_telling(n) == about for _, n in r["consumers"])]
        return next((r for r in (*own, *akin) if r["producer"] != tool), None)

    def source(self, tool: str, parameter: str) -> tuple[str, str]:
        """Return (tool, field) a parameter was taken from before; empty strings if none is known.

        A parameter of the same telling name is filled the same way in another tool. What made the
        value is no place to look it up.
        """
        rules = [
            b.rule
            for b in self._bullets
            if b.rule and b.rule.get("kind") == "source" and not b.rule.get("makes")
        ]
        own = [r for r in rules if [tool, parameter] in r["consumers"]]
        about = _telling(parameter)
        akin = [r for r in rules if about and any(n == parameter for _, n in r["consumers"])]
        found = next((r for r in (*own, *akin) if r["producer"] != tool), None)
        return (str(found["producer"]), str(found["field"])) if found else ("", "")


def asked_before(rules: Iterable[Rule]) -> Asked:
    """Return tool → the tools that ``rules`` say it has to be called before."""
    found: dict[str, set[str]] = {}
    for rule in rules:
        if rule.get("kind") == "prerequisite":
            found.setdefault(str(rule["needs"]), set()).update(rule.get("tools", ()))
    return {first: frozenset(then) for first, then in found.items()}


def allowed_values(rules: Iterable[Rule]) -> Allowed:
    """Return (tool, parameter) → the values that ``rules`` say the tool takes for it."""
    return {
        (str(tool), str(name)): tuple(rule["values"])
        for rule in rules
        if rule.get("kind") == "enum"
        for tool in (rule.get("tool"), *rule.get("tools", ()))
        for name in (rule.get("parameter"), *rule.get("also", ()))
        if tool and name
    }


def named(rule: Rule) -> str:
    """Return the parameter of the maker that takes the name of the thing it makes.

    The last part of the key of a ``made`` rule: ``made:mkdir:dir_name``.
    """
    return str(rule["key"]).rpartition(":")[2]


def _telling(parameter: str) -> frozenset[str]:
    """Return the words of a name that tell which thing it is about: of ``order_id``, ``order``."""
    return frozenset(w for w in parts(parameter) if w not in GENERIC and not w.isdigit())


def bullet_for(playbook: Playbook, key: str) -> Bullet | None:
    """Return the live bullet that carries the lesson ``key``."""
    return next((b for b in playbook.live if b.rule and b.rule.get("key") == key), None)
