"""What a proposer knows of the environment: the records its facts carry, joined where they meet."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from practice.agents.rules import checking, schema
from practice.agents.rules.documents import schema_fields
from practice.agents.rules.linking import STRONG, match
from practice.agents.rules.words import content, nouns, parts, vocabulary
from practice.domain.types import Fact, Json, ToolSpec

MAX_JOINED = 400
STATES = vocabulary("status state stage phase")
OVER = vocabulary(
    "done complete completed closed cancelled canceled finished archived resolved deleted "
    "delivered expired ended"
)

#: (tool, parameter, value): whether a value may be passed once more.
Usable = Callable[[str, str, Any], bool]


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

    def picks(
        self,
        tool: ToolSpec,
        names: Sequence[str],
        rng: random.Random,
        usable: Usable,
        states: frozenset[str] = frozenset(),
    ) -> dict[str, Pick]:
        """Return observed values for as many of ``names`` as one joined record can give.

        Taking them from one record keeps them about the same thing: an order and *its* customer.
        ``usable(tool, name, value)`` tells what was refused before; records in one of ``states``
        come first, and what is changed is rather something that is not over yet.
        """
        changes = not schema.is_read(tool)
        options: list[tuple[tuple[bool, int, bool], dict[str, Pick]]] = []
        for known in self.records:
            found: dict[str, Pick] = {}
            self._add(found, tool, names, (known,), usable)
            if found:
                joined = self._joined(known)
                self._add(found, tool, names, joined, usable)
                self._add(found, tool, names, self._same_kind(found), usable)
                fit = any(v in states for k in joined for v in k.record.values() if v)
                over = changes and any(_is_over(p.known.record) for p in found.values())
                options.append(((fit, len(found), not over), found))
        most = max((rank for rank, _ in options), default=None)
        best = [found for rank, found in options if rank == most]
        return rng.choice(best) if best else {}

    def _add(
        self,
        found: dict[str, Pick],
        tool: ToolSpec,
        names: Sequence[str],
        among: Sequence[Known],
        usable: Usable,
    ) -> None:
        """Add a pick for each name that has none; no two parameters take the same value."""
        for name in names:
            taken = [p.value for p in found.values()]
            pick = None if name in found else self._pick(tool, name, among, usable, taken)
            if pick is not None:
                found[name] = pick

    def several(self, tool: ToolSpec, name: str, rng: random.Random) -> list[Any]:
        """Return one or two observed identifiers for a list of them, none that was not seen."""
        items = schema.items_of(tool.parameters.get(name, {}))
        seen = [
            checking.coerce(value, items)
            for known in self.records
            for field, value in known.record.items()
            if match(tool, name, field) >= STRONG and checking.fits(value, items)
        ]
        different = list(dict.fromkeys(seen))
        return rng.sample(different, k=min(len(different), rng.randint(1, 2)))

    def by(self, tool: str) -> bool:
        """Whether ``tool`` is known to show something."""
        return any(known.tool == tool for known in self.records)

    def field(self, reader: ToolSpec, tool: ToolSpec, name: str) -> str:
        """Return the field in which ``reader`` was seen to show what a parameter asks for."""
        shown = (f for known in self.records if known.tool == reader.name for f in known.record)
        return next((f for f in shown if match(tool, name, f) >= STRONG), "")

    def about(self, pick: Pick) -> list[tuple[str, Any]]:
        """Return the (field, value) pairs of the picked record, then of those joined to it."""
        return [pair for known in self._joined(pick.known) for pair in known.record.items()]

    def word(self, tool: ToolSpec, kin: Callable[[str, str], float], rng: random.Random) -> str:
        """Return what ``tool`` may search for and find, or nothing.

        Where its description names the fields it searches, a value of such a field; otherwise a
        word of what its relatives showed.
        """
        named = content(tool.description)
        told = [
            str(value)
            for known in self.records
            for field, value in known.record.items()
            if isinstance(value, str) and 2 < len(value) <= 40 and content(field) <= named
            if content(field) and "id" not in parts(field)
        ]
        if told:
            return rng.choice(told)
        if re.search(r"\bby \w+, ", tool.description):
            return ""
        near = sorted(self.records, key=lambda k: -kin(tool.name, k.tool))[:8]
        words = [
            word.strip(".,!?:;()\"'#")
            for known in near
            if kin(tool.name, known.tool) > 0.1 and set(nouns(tool.name)) & set(nouns(known.tool))
            for value in known.record.values()
            if isinstance(value, str) and " " in value
            for word in value.split()
        ]
        usable = [w for w in words if len(w) > 3 and w.isalpha()]
        return rng.choice(usable) if usable else ""

    def _pick(
        self,
        tool: ToolSpec,
        name: str,
        among: Sequence[Known],
        usable: Usable,
        taken: Sequence[Any],
    ) -> Pick | None:
        wanted = tool.parameters.get(name, {})
        own = {f for f, _ in schema_fields(tool.promised, tool.name)} - {name}
        # What a look-up itself answers is not what it is asked with.
        answers = own if schema.is_read(tool) and len(own) == 1 else set()
        best: tuple[float, Pick | None] = (STRONG - 0.01, None)
        for known in among:
            for field, value in known.record.items():
                if value in taken or field in answers or _placeholder(value):
                    continue
                if not schema.kind_of_path(name, value):
                    continue
                if checking.fits(value, wanted) and usable(tool.name, name, value):
                    score = match(tool, name, field)
                    if score > best[0]:
                        best = (score, Pick(checking.coerce(value, wanted), field, known))
        return best[1]

    def _same_kind(self, found: Mapping[str, Pick]) -> list[Known]:
        """Return records with nothing but the field a pick comes from: another city, another tag.

        They belong to no thing, so a second one of them breaks nothing up.
        """
        plain = {(p.known.tool, p.field) for p in found.values() if len(p.known.record) == 1}
        return [
            known
            for known in self.records
            if len(known.record) == 1 and (known.tool, next(iter(known.record))) in plain
        ]

    def _joined(self, known: Known) -> list[Known]:
        """Return the records that share an identifier with ``known``, itself first."""
        keys = {v for f, v in known.record.items() if "id" in parts(f) and v not in (None, "")}
        linked = [k for k in self.records if k is not known and keys & _keys(k)]
        return [known, *linked]


def _is_over(record: Json) -> bool:
    """Whether a record says in its state that nothing more is to happen to the thing."""
    return any(
        STATES & set(parts(field)) and OVER & set(parts(str(value)))
        for field, value in record.items()
        if isinstance(value, str)
    )


def _placeholder(value: Any) -> bool:
    """Whether a text says that there is no value: ``00000``, ``n/a``, ``Stock not found``."""
    plain = str(value).strip().lower()
    zeros = isinstance(value, str) and len(plain) > 1 and not plain.strip("0")
    return zeros or plain in ("n/a", "none", "null", "unknown") or plain.endswith("not found")


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
