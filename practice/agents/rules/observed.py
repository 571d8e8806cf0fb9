"""What a proposer knows of the environment: the records its facts carry, joined where they meet."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from practice.agents.rules import schema
from practice.agents.rules.linking import STRONG, match
from practice.agents.rules.words import parts
from practice.domain.types import Fact, Json, ToolSpec

MAX_JOINED = 400


@dataclass(frozen=True, slots=True)
class Known:
    """One observed record and the tool that showed it."""

    tool: str
    record: Json


@dataclass(frozen=True, slots=True)
class Pick:
    """An observed value for a parameter, and how to point at it without naming it."""

    value: Any
    field: str
    known: Known


class Observed:
    """Observed records, searchable by parameter."""

    def __init__(self, facts: Sequence[Fact]) -> None:
        self.records: list[Known] = []
        for fact in facts:
            tool = str(fact.data.get("tool", ""))
            rows = list(fact.data.get("records", ()))
            field = str(fact.data.get("field", ""))
            if not rows and field:
                rows = [{field: value} for value in fact.data.get("values", ())]
            self.records += [Known(tool, row) for row in rows if row]
        self.records = self.records[:MAX_JOINED]

    def picks(self, tool: ToolSpec, names: Sequence[str], rng: random.Random) -> dict[str, Pick]:
        """Return observed values for as many of ``names`` as one joined record can give.

        Taking them from one record keeps them about the same thing: an order and *its* customer.
        """
        options: list[dict[str, Pick]] = []
        for known in self.records:
            found = {n: p for n in names if (p := self._pick(tool, n, [known])) is not None}
            if found:
                joined = self._joined(known)
                for name in names:
                    if name not in found and (p := self._pick(tool, name, joined)) is not None:
                        found[name] = p
                options.append(found)
        most = max((len(o) for o in options), default=0)
        best = [o for o in options if len(o) == most]
        return rng.choice(best) if best else {}

    def word(self, tool: ToolSpec, kin: Callable[[str, str], float], rng: random.Random) -> str:
        """Return a word that occurs in what relatives of ``tool`` showed, or nothing."""
        near = sorted(self.records, key=lambda k: -kin(tool.name, k.tool))[:8]
        close = [k for k in near if kin(tool.name, k.tool) > 0.1]
        words = [
            word.strip(".,!?:;()\"'#")
            for known in close
            for value in known.record.values()
            if isinstance(value, str) and " " in value
            for word in value.split()
        ]
        usable = [w for w in words if len(w) > 3 and w.isalpha()]
        return rng.choice(usable) if usable else ""

    def _pick(self, tool: ToolSpec, name: str, among: Sequence[Known]) -> Pick | None:
        wanted = tool.parameters.get(name, {})
        best: tuple[float, Pick | None] = (STRONG - 0.01, None)
        for known in among:
            for field, value in known.record.items():
                if schema.fits(value, wanted):
                    score = match(tool, name, field)
                    if score > best[0]:
                        best = (score, Pick(schema.coerce(value, wanted), field, known))
        return best[1]

    def _joined(self, known: Known) -> list[Known]:
        """Return the records that share an identifier with ``known``, itself first."""
        keys = {v for f, v in known.record.items() if "id" in parts(f) and v not in (None, "")}
        linked = [k for k in self.records if k is not known and keys & _keys(k)]
        return [known, *linked]


def _keys(known: Known) -> set[Any]:
    return {v for f, v in known.record.items() if "id" in parts(f) and isinstance(v, (str, int))}


def handle(pick: Pick) -> tuple[str, Any] | None:
    """Return a (field, value) a person would use to point at a record instead of its id."""
    ids = [f for f in pick.known.record if "id" in parts(f)]
    if not ids or ids[0] != pick.field:
        return None
    for word in ("email", "name", "title", "subject"):
        for field, value in pick.known.record.items():
            told = isinstance(value, str) and 3 < len(value) <= 80
            if told and field != pick.field and word in parts(field):
                return field, value
    return None
