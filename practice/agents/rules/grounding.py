"""Where the values of calls and answers come from: the task, earlier observations, the schema.

A value nothing showed is invented. What follows from shown values is not: another spelling of a
date or name, an abbreviation, the sum, difference or product of two numbers, a count.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property, lru_cache
from itertools import combinations
from typing import Any

from practice.agents.rules import goals, schema
from practice.agents.rules.documents import failure, leaves
from practice.agents.rules.equality import scalars
from practice.agents.rules.recovery import reformatted
from practice.agents.rules.schema import Role
from practice.agents.rules.words import content
from practice.domain.types import Json, Step, TaskSpec, ToolSpec, Trajectory

#: numbers up to here may be counted or named in words.
COUNTABLE = 200
_DERIVED_FROM = 60
_ABBREVIATION = 6
_LONGEST_DATE = 40
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}\b)")
_WORD = re.compile(r"[A-Za-z]+")
#: Of few parts: one made of thousands would be looked at anew from each of them.
_MARKED = re.compile(r"\b(?:[A-Za-z]{1,64}[-_]){1,16}\d[\w-]*\b")
_PROPER = re.compile(r"\b[A-Z][a-z]+(?: [A-Z][a-z]+)*\b")
_WORDS = dict(
    zip(
        ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"),
        range(11),
        strict=True,
    )
)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_ISO = re.compile(r"(\d{4})-(\d\d)-(\d\d)")
#: values that name nothing: empty, here, the folder above, home.
_EVERYWHERE = ("", ".", "..", "~", "/")
#: roles whose values must come from somewhere whatever the task; a model may not choose them.
STRICT = (Role.ENTITY, Role.CREDENTIAL, Role.PAGING)
#: roles whose values a person mostly states, though an agent may work one out or choose it.
FREE = (Role.NUMBER, Role.AMOUNT, Role.DATE, Role.NEW, Role.TEXT)


class Shown:
    """The text an agent has been shown so far, asked whether a value stands in it."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._lower = text.lower()

    @cached_property
    def _squashed(self) -> str:
        return _squash(self._text)

    @cached_property
    def _numbers(self) -> frozenset[float]:
        return numbers(self._text)

    @cached_property
    def _stems(self) -> frozenset[str]:
        # Word by word: ``content`` keeps the texts it has seen, and this one may be very long.
        return frozenset(s for w in set(_WORD.findall(self._text)) for s in content(w))

    def has(self, value: Any) -> bool:
        """Whether one scalar was shown, in any spelling."""
        if value is None or isinstance(value, bool) or value in _EVERYWHERE:
            return True
        told = str(value)
        if _NUMBER.fullmatch(told.strip()):
            return self.number(float(told))
        return (
            told.lower() in self._lower
            or (len(told) > 3 and _squash(told) in self._squashed)
            or self._dated(told)
            or self._abbreviated(told)
        )

    def number(self, value: float) -> bool:
        """Whether a number was shown in digits or words."""
        if value in self._numbers:
            return True
        return any(n == value and re.search(rf"\b{w}\b", self._lower) for w, n in _WORDS.items())

    def derived(self, value: float) -> bool:
        """Whether a number is the sum, difference or product of two that were shown."""
        if value != value or abs(value) in (0.0, 1.0):
            return False
        some = sorted(self._numbers)[:_DERIVED_FROM]
        pairs = [*combinations(some, 2), *((n, n) for n in some)]
        found = (r for a, b in pairs for r in (a + b, abs(a - b), a * b))
        return any(abs(r - value) < 0.006 for r in found)

    def phrased(self, text: str) -> bool:
        """Whether most of the meaningful words of a text were shown."""
        words = content(text)
        return bool(words) and len(words & self._stems) >= 0.7 * len(words)

    def _dated(self, told: str) -> bool:
        """Whether a date was shown in figures of another form, or in words."""
        if any(other in self._lower for other in _dates(told)):
            return True
        iso = _ISO.match(told)
        if iso is None:
            return False
        year, month, day = (float(group) for group in iso.groups())
        if not 1 <= month <= len(_MONTHS):
            return False
        named = re.search(rf"\b{_MONTHS[int(month) - 1]}", self._lower) is not None
        return named and day in self._numbers and year in self._numbers

    def _abbreviated(self, told: str) -> bool:
        """Whether a short code in capitals is made of the letters of a name that was shown."""
        if not (told.isalpha() and told.isupper() and len(told) <= _ABBREVIATION):
            return False
        return any(_subsequence(told, name) for name in _PROPER.findall(self._text))


@lru_cache(maxsize=1024)
def _dates(told: str) -> tuple[str, ...]:
    """The other forms of a date; nothing is one that is longer than any. One is asked for often."""
    others = reformatted(told, "2024-01-31") if len(told) <= _LONGEST_DATE else ()
    return tuple(other.lower() for other in others)


def numbers(text: str) -> frozenset[float]:
    """Return the numbers of a text; thousands separators are not decimals."""
    return frozenset(float(n) for n in _NUMBER.findall(_THOUSANDS.sub("", text)))


def ungrounded(
    task: TaskSpec,
    steps: Sequence[Step],
    known: Mapping[str, ToolSpec],
    roles: Sequence[Role] = STRICT,
) -> Iterator[tuple[int, str]]:
    """Yield (step number, parameter) of working calls with a value that nothing had shown.

    Values of a structured goal count as shown: it is the task, written for a machine.
    """
    stated = f"{task.instruction}\n" + "\n".join(str(v) for v in goals.literals(task))
    seen = [stated]
    for step in steps:
        tool = known.get(step.tool)
        if tool is not None and not failure(step):
            shown = Shown("\n".join(seen))
            for name, value in step.arguments.items():
                if name in tool.parameters and not _comes_from(shown, tool, name, value, roles):
                    yield step.number, name
        seen.append(_told(step))


def _told(step: Step) -> str:
    """Return what a step made known; an error that repeats a value does not vouch for it."""
    if not failure(step):
        return f"{step.arguments}\n{step.observation}"
    text = step.observation
    for value in (v for a in step.arguments.values() for v in scalars(a)):
        text = text.replace(str(value), "") if value not in (None, "") else text
    return text


def invented(task: TaskSpec, trajectory: Trajectory) -> list[str]:
    """Return identifiers and numbers of the answer that nothing showed.

    Counts are allowed, as far as there is something to count.
    """
    countable = max(COUNTABLE, sum(len(leaves(s.observation, s.tool)) for s in trajectory.steps))
    text = task.instruction + "".join(
        f"\n{s.observation} {dict(s.arguments)} {s.tool}" for s in trajectory.steps
    )
    shown = Shown(text)
    told = [v for v in _MARKED.findall(trajectory.answer) if v.lower() not in text.lower()]
    for number in sorted(numbers(_MARKED.sub("", trajectory.answer))):
        known = shown.number(number) or shown.number(-number) or shown.derived(abs(number))
        if abs(number) > countable and not known:
            told.append(f"{number:g}")
    return list(dict.fromkeys(told))


def _comes_from(shown: Shown, tool: ToolSpec, name: str, value: Any, roles: Sequence[Role]) -> bool:
    wanted: Json = tool.parameters[name]
    role = schema.role(tool, name)
    if role not in roles:
        return True
    offered = str(wanted).lower()
    for item in scalars(value):
        if shown.has(item) or (role is not Role.NUMBER and str(item).lower() in offered):
            continue
        if role in (Role.NUMBER, Role.AMOUNT) and _number_comes_from(shown, wanted, item):
            continue
        if role in (Role.TEXT, Role.NEW) and shown.phrased(str(item)):
            continue
        return False
    return True


def _number_comes_from(shown: Shown, wanted: Json, item: Any) -> bool:
    """Whether a number is the default, an end of its range, or follows from shown numbers."""
    try:
        number = float(item)
    except (TypeError, ValueError, OverflowError):
        return False
    edges = (*schema.bounds(wanted), wanted.get("default"))
    return any(e == number for e in edges if _is_number(e)) or (
        abs(number) > max(_WORDS.values()) and shown.derived(number)
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _subsequence(code: str, name: str) -> bool:
    letters = iter(name.upper().replace(" ", ""))
    return code[0] == name[0] and all(letter in letters for letter in code)


def _squash(text: str) -> str:
    return re.sub(r"[\W_]+", "", text.lower())
