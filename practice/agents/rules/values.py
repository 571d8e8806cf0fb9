"""Argument values a caller may choose: texts, numbers, dates, amounts, lists, new names.

People write loosely: a date in words, an amount without decimals. Where a schema states no form the
first tasks do so too, because the error that follows is how the form is learned.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator, Sequence, Set
from datetime import date, timedelta
from typing import Any

from practice.agents.rules import checking, schema
from practice.agents.rules.linking import RELATED, kinship
from practice.agents.rules.observed import Observed, Pick
from practice.agents.rules.schema import Role
from practice.agents.rules.words import nouns, parts, stem
from practice.domain.coverage import Coverage
from practice.domain.types import Json, ToolSpec

_TODAY = date(2025, 6, 16)
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
#: a metric unit and its imperial one.
_UNITS = (("km", "miles"), ("m", "ft"), ("kg", "lb"))
#: what a field inside an argument may be for a caller to add it.
FREE = frozenset({Role.TEXT, Role.CHOICE, Role.NUMBER})
MONEY = schema.MONEY | {"cent", "cost"}


class Values:
    """Chooses literal values for one proposal; ``refused`` holds JSON of [tool, name, value]."""

    def __init__(
        self,
        tools: tuple[ToolSpec, ...],
        observed: Observed,
        seen: Coverage,
        refused: Set[str],
        rng: random.Random,
    ) -> None:
        self._all = tools
        self._kin = kinship(tools)
        self._observed = observed
        self._seen = seen
        self._refused = refused
        self._rng = rng

    def literal(self, tool: ToolSpec, name: str, given: Json, picks: dict[str, Pick]) -> Any | None:
        """Return a value that is the caller's to choose, unlike those of ``given``."""
        wanted = tool.parameters[name]
        kind = schema.role(tool, name)
        offered = [o for o in schema.examples(wanted) if not self._spurned(tool, name, o)]
        if offered:
            return checking.coerce(self._rng.choice(offered), wanted)
        options = self._fresh(tool, name, schema.choices(wanted), given)
        match kind:
            case Role.CHOICE:
                return checking.coerce(self._choice(tool, options, given), wanted)
            case Role.FLAG:
                return self._rng.random() < 0.5
            case Role.NUMBER:
                alone = sum(schema.role(tool, n) is Role.NUMBER for n in tool.parameters) == 1
                modest = alone and not self._seen.of(tool.name).solved
                return schema.number(name, wanted, self._rng, modest=modest)
            case Role.AMOUNT:
                return self._amount(picks)
            case Role.DATE:
                return self._date(tool, name, given)
            case Role.TEXT:
                return self._text(tool, name)
            case Role.NEW:
                return self._new_name(tool, name)
            case Role.LIST:
                return self._list(tool, name, wanted, options)
            case Role.OBJECT:
                return self._object(tool, wanted)
            case _:
                return None

    def commonplace(self, tool: ToolSpec, name: str, given: Json) -> Any | None:
        """Return a value anyone would try, never an identifier or a credential.

        What another tool lists for such a parameter comes before general knowledge, and what a
        sibling parameter already has is left out.
        """
        unsafe = schema.role(tool, name) is Role.CREDENTIAL or "id" in parts(name)
        if unsafe or schema.kind(tool.parameters[name]) != "string":
            return None
        taken = list(given.values())
        if "unit" in parts(name) and "imperial" in tool.description.lower():
            return next((u for pair in _UNITS for u in _partner(pair, taken)), None)
        general = schema.commons(name)
        options = self._listed(tool, name, general) or general
        left = [o for o in options if o not in taken] or list(options)
        return self._rng.choice(left) if left else None

    def _listed(self, tool: ToolSpec, name: str, general: Sequence[Any]) -> list[Any]:
        """Return what other tools list for this parameter, or for a place where one is asked for.

        Of what a relative lists the first is taken: it is the plainest.
        """
        place = general == schema.PLACES
        for other in self._all:
            for known, wanted in other.parameters.items():
                same = known == name and self._kin(tool.name, other.name) > RELATED
                options = schema.choices(wanted) if same or place else []
                if options and (same or schema.commons(known) == general):
                    return options[:1] if same else options
        return []

    def guesses(self, tool: ToolSpec) -> bool:
        """Whether a call would search for words nobody has seen yet."""
        asks = any(schema.role(tool, n) is Role.TEXT for n in tool.required)
        return asks and schema.is_read(tool) and not self._observed.word(tool, self._kin, self._rng)

    def _amount(self, picks: dict[str, Pick]) -> str:
        """Return a whole amount that what is known of the same record allows."""
        for pick in picks.values():
            for field, value in self._observed.about(pick):
                number = isinstance(value, (int, float)) and not isinstance(value, bool)
                if number and value > 0 and MONEY & set(parts(field)):
                    return str(max(1, int(value // 100 if "cent" in parts(field) else value)))
        return str(self._rng.choice((20, 120, 150)))

    def _date(self, tool: ToolSpec, name: str, given: Json) -> str:
        """Return a date after any date already given, so that a period is one."""
        earlier = [n for n in given if n in tool.parameters and schema.role(tool, n) is Role.DATE]
        wanted = tool.parameters[name]
        dates = sum(schema.role(tool, n) is Role.DATE for n in tool.parameters)
        if schema.is_read(tool) and dates > 1:
            moment = self._past(last=bool(earlier))
        else:
            ahead = 30 + 14 * len(earlier) + self._rng.randint(0, 13)
            moment = self._today() + timedelta(days=ahead)
        if schema.states_date_format(wanted) or self._seen.of(tool.name).solved > 1:
            return moment.strftime(schema.date_format(name, wanted))
        return f"{moment.day} {moment:%B %Y}"

    def _days(self) -> list[str]:
        """The days that were seen, the earliest first; ``0001-01-01`` stands for no day."""
        return sorted(
            value[:10]
            for known in self._observed.records
            for value in known.record.values()
            if isinstance(value, str) and _DAY.match(value) and "1970" <= value[:4] <= "2100"
        )

    def _today(self) -> date:
        """Return a day that is about now where this environment lives: no plan is for the past."""
        days = self._days()
        try:
            return max(_TODAY, date.fromisoformat(days[len(days) // 2])) if days else _TODAY
        except ValueError:
            return _TODAY

    def _past(self, *, last: bool) -> date:
        """Return the end of a period that lies in the past: generous, as people ask for one."""
        days = self._days()
        recent = days[-1 - len(days) // 2 :] or [_TODAY.isoformat()]
        try:
            moment = date.fromisoformat(recent[-1] if last else recent[0])
        except ValueError:
            moment = _TODAY
        return moment if last else moment - timedelta(days=self._rng.randint(40, 70))

    def _fresh(self, tool: ToolSpec, name: str, options: list[Any], given: Json) -> list[Any]:
        """Leave out what was refused before and what a sibling parameter already has."""
        taken = [v for n, v in given.items() if schema.choices(tool.parameters[n]) == options]
        left = [o for o in options if o not in taken and not self._spurned(tool, name, o)]
        return left or options

    def _may_name(self, tool: str, name: str, value: Any) -> bool:
        return json.dumps([tool, name, value]) not in self._refused

    def _spurned(self, tool: ToolSpec, name: str, value: Any) -> bool:
        return not self._may_name(tool.name, name, value)

    def _text(self, tool: ToolSpec, name: str) -> str:
        finds = {"search", "find", "lookup"} & set(parts(tool.name)) and schema.is_read(tool)
        searching = finds or {"query", "keyword", "pattern", "search"} & set(parts(name))
        if not searching:
            return schema.text_value(name, self._rng)
        return self._observed.word(tool, self._kin, self._rng) or self._topic(tool)

    def _topic(self, tool: ToolSpec) -> str:
        """Return something to search for: a place where that fits, or what other tools handle."""
        places = [w for w in parts(tool.description) if w in ("city", "country")]
        if places:
            return str(self._rng.choice(schema.commons(places[0])))
        about = [n for t in self._all if t.name != tool.name for n in nouns(t.name)[-1:]]
        return self._rng.choice(about) if about else "report"

    def _choice(self, tool: ToolSpec, options: list[Any], given: Json) -> Any:
        """Return the first option until the tool has worked once, then any: make it work first.

        An option the tool is named after is what it is for. Where one choice of a call was varied
        the next is not: what goes together is unknown.
        """
        meant = {stem(w) for w in parts(tool.name)}
        if named := [o for o in options if stem(str(o).lower()) in meant]:
            return named[0]
        varied = any(
            value != schema.choices(tool.parameters[name])[0]
            for name, value in given.items()
            if name in tool.parameters and schema.role(tool, name) is Role.CHOICE
        )
        explores = self._seen.of(tool.name).solved and not varied and self._rng.random() < 0.5
        return self._rng.choice(options) if explores else options[0]

    def _new_name(self, tool: ToolSpec, name: str) -> str:
        number = self._rng.randint(10, 99)
        if "file" in parts(name) or ("path" in parts(name) and "file" in parts(tool.name)):
            return f"notes_{number}.txt"
        if "path" in parts(name):
            return f"practice_folder_{number}"
        if "number" in parts(name):
            return str(self._rng.randint(10**9, 10**10 - 1))
        stem = parts(name)[0] if parts(name)[0] not in ("name", "title") else parts(tool.name)[-1]
        return f"practice_{stem}_{number}"

    def _list(
        self, tool: ToolSpec, name: str, wanted: Json, options: list[Any]
    ) -> list[Any] | None:
        items = schema.items_of(wanted)
        if options:
            return self._rng.sample(options, k=min(len(options), self._rng.randint(1, 3)))
        if schema.kind(items) == "object":
            made = self._object(tool, items)
            return [made] if made else None
        if "id" in parts(name):
            return self._observed.several(tool, name, self._rng) or None
        if schema.kind(items) in ("number", "integer"):
            return [self._rng.randint(1, 60) for _ in range(4)]
        if {"tag", "message", "note", "text", "mention"} & set(parts(name)):
            return [schema.text_value(name, self._rng)]
        return None

    def _object(self, tool: ToolSpec, wanted: Json) -> dict[str, Any] | None:
        """Return an object of values a caller may choose or that were seen, else ``None``.

        All that is required, and one field more that is plainly the caller's.
        """
        spec = ToolSpec(tool.name, input_schema=schema.fields(wanted))
        asked = [n for n in spec.required if schema.role(spec, n) is Role.ENTITY]
        picks = self._observed.picks(spec, asked, self._rng, self._may_name) if asked else {}
        made: dict[str, Any] = {}
        for name in spec.required:
            known = picks.get(name)
            value = known.value if known else self.literal(spec, name, made, picks)
            if value is None:
                return None
            made[name] = value
        free = [n for n in spec.parameters if schema.role(spec, n) in FREE and n not in made]
        if free and (chosen := self.literal(spec, name := self._rng.choice(free), made, {})):
            made[name] = chosen
        return made or None


def _partner(pair: tuple[str, str], taken: Sequence[Any]) -> Iterator[str]:
    """Yield the unit that goes with one of ``taken``, or the first one where there is none."""
    first, second = pair
    if first in taken:
        yield second
    elif not any(isinstance(value, str) for value in taken):
        yield first
