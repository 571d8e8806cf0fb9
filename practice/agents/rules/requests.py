"""What a free text asks for, and which of it the calls of an attempt took up.

Without a structured goal there is only the wording. It is split into requests, and the working
calls are laid along them in order, each where its tool's words and its values fit best. A request
without a call is left over; calls that end before the last request were cut off. Words are all this
sees: it can show that something is missing, never that everything is there.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from practice.agents.rules.documents import failure
from practice.agents.rules.equality import scalars
from practice.agents.rules.errors import UNDOING
from practice.agents.rules.grounding import Shown
from practice.agents.rules.knowledge import Asked
from practice.agents.rules.serving import changing, told_by_error
from practice.agents.rules.words import content, first_sentence, parts
from practice.domain.types import Check, Step, TaskSpec, ToolSpec, Trajectory

_SENTENCE = re.compile(r"(?<=[.!?;])[\"'”’)]*\s+")
_VALUE = re.compile(
    r"[\"“‘](?P<double>[^\"”’\n]{1,200})[\"”’]|(?<!\w)'(?P<single>[^'\n]{1,200})'(?!\w)|"
    r"(?P<file>\b\w[\w-]{0,120}\.[a-z]{2,5}\b)|"
    r"(?P<code>\b(?:[A-Z]+[-_]\d[\w-]*|(?=\w*\d)(?=\w*[A-Za-z])[\w-]{4,})\b)"
)
_CODE = re.compile(r"(?=.*\d)(?=.*[A-Za-z])[\w-]{2,40}")
#: how much of what a tool is called and does a sentence has to say before it asks for that tool.
ASKS = 0.5
#: what the values of a call weigh against the words of its tool, which weigh 1.
VALUES = 0.5
#: less in common than this says nothing.
MENTIONS = 0.1
#: what it costs to pass over a request between two calls.
PASSING = 0.3


@dataclass(frozen=True, slots=True)
class Request:
    """One line of an instruction, or one sentence where it has a single line.

    ``clear`` tells whether it plainly asks for something: a line does, a sentence only where its
    words are those of a tool.
    """

    text: str
    stems: frozenset[str]
    values: tuple[str, ...]
    clear: bool


@dataclass(frozen=True, slots=True)
class Coverage:
    """Which request each working step serves, what no call used, and which changes are strays."""

    requests: tuple[Request, ...]
    serves: Mapping[int, int]
    unused: tuple[str, ...] = ()
    strays: tuple[int, ...] = ()

    @property
    def missed(self) -> tuple[Request, ...]:
        """Clear requests without a call, before the one the calls end with."""
        served = set(self.serves.values())
        last = max(served, default=-1)
        return tuple(r for i, r in enumerate(self.requests[:last]) if r.clear and i not in served)

    @property
    def left(self) -> tuple[Request, ...]:
        """Clear requests after the one the calls end with."""
        last = max(self.serves.values(), default=-1)
        return tuple(r for r in self.requests[last + 1 :] if r.clear)

    def checks(self) -> Iterator[Check]:
        """Yield the findings of a free text."""
        yield Check(
            "requests_covered",
            not self.missed,
            f"No call took up {_quoted(self.missed)}."
            if self.missed
            else "No clear request was passed over.",
            tuple(self.serves),
        )
        yield Check(
            "ended_at_the_end",
            not self.left,
            f"The calls end before {_quoted(self.left)}."
            if self.left
            else "The calls reach the last clear request.",
        )
        yield Check(
            "values_used",
            not self.unused,
            f"Named by the task and not acted on: {', '.join(self.unused)}."
            if self.unused
            else "Every value the task names was used.",
        )
        where = ", ".join(str(n) for n in self.strays)
        yield Check(
            "nothing_unasked",
            not self.strays,
            f"There are changes that nobody asked for: step {where}."
            if self.strays
            else "No changes that nobody asked for.",
            self.strays,
        )


def coverage(
    task: TaskSpec, trajectory: Trajectory, known: Mapping[str, ToolSpec], memory: Asked
) -> Coverage:
    """Lay the working calls of ``trajectory`` along the requests of ``task``."""
    words = _Wording(tuple(known.values()))
    asked = tuple(_requests(task.instruction, words))
    good = [s for s in trajectory.steps if not failure(s)]
    fits = _fits(good, asked, words)
    places = _aligned(fits) if asked else []
    passed = "\n".join(f"{[*_passed(s)]}" for s in trajectory.steps)
    # A listing shows every identifier there is: the one that was asked for has to be acted on.
    acted, used = (
        Shown(f"{passed}\n{trajectory.answer}"),
        Shown("\n".join([passed, *(s.observation for s in trajectory.steps)])),
    )
    named = dict.fromkeys(v for r in asked for v in r.values)
    strays = (
        s.number
        for s, each in zip(good, fits, strict=True)
        if UNDOING & set(parts(s.tool))
        and changing(s.tool, known)
        and max(each, default=0) <= MENTIONS
        and not _remembered(s, good, memory)
        and not told_by_error(s, trajectory, known)
    )
    return Coverage(
        requests=asked,
        serves={s.number: place for s, place in zip(good, places, strict=False)},
        unused=tuple(v for v in named if not (acted if _CODE.fullmatch(v) else used).has(v)),
        strays=tuple(strays),
    )


def _remembered(step: Step, good: Sequence[Step], memory: Asked) -> bool:
    """Whether the memory puts a step before one that follows it."""
    then = memory.get(step.tool, frozenset())
    return any(s.tool in then for s in good if s.number > step.number)


class _Wording:
    """How much a text says of a tool's name and description, rare words weighing more."""

    def __init__(self, tools: Sequence[ToolSpec]) -> None:
        self._names = {t.name: content(t.name.replace("_", " ")) for t in tools}
        self._words = {
            t.name: self._names[t.name]
            | content(first_sentence(t.description))
            | content(" ".join(t.parameters).replace("_", " "))
            for t in tools
        }
        counts = Counter(w for words in self._words.values() for w in words)
        self._weights = {w: math.log((len(tools) + 1) / n) for w, n in counts.items()}

    def score(self, stems: frozenset[str], tool: str) -> float:
        """Return 0..1: the weight of what the stems share with a tool, its name first."""
        if tool not in self._names:
            return 0.0
        name, words = self._names[tool], self._words[tool]
        return 0.6 * self._share(stems, name) + 0.4 * self._share(stems, words)

    def asks(self, stems: frozenset[str]) -> bool:
        """Whether the stems plainly speak of some tool."""
        return any(self.score(stems, name) >= ASKS for name in self._names)

    def _share(self, stems: frozenset[str], words: frozenset[str]) -> float:
        whole = math.fsum(self._weights[w] for w in words)
        return math.fsum(self._weights[w] for w in stems & words) / whole if whole else 0.0


def _requests(instruction: str, words: _Wording) -> Iterator[Request]:
    lines = [line.strip() for line in instruction.splitlines() if line.strip()]
    several = len(lines) > 1
    for text in lines if several else _SENTENCE.split(instruction.strip()):
        stems, values = content(text), tuple(_values(text))
        if stems or values:
            yield Request(text, stems, values, several or words.asks(stems))


def _values(text: str) -> Iterator[str]:
    for found in _VALUE.finditer(text):
        yield next(v for v in found.groups() if v)


def _fits(good: Sequence[Step], asked: Sequence[Request], words: _Wording) -> list[list[float]]:
    """How well each call fits each request: its tool's words, and its values that stand there.

    A session may have hundreds of both, so what is said of one alone is looked at once.
    """
    shown = [Shown(request.text) for request in asked]
    by_tool: dict[str, list[float]] = {}
    fits = []
    for step in good:
        if step.tool not in by_tool:
            by_tool[step.tool] = [words.score(request.stems, step.tool) for request in asked]
        told = [v for v in _passed(step) if len(v) > 1]
        shares = [sum(map(one.has, told)) / len(told) if told else 0.0 for one in shown]
        scores = zip(by_tool[step.tool], shares, strict=True)
        fits.append([score + VALUES * share for score, share in scores])
    return fits


def _aligned(fits: Sequence[Sequence[float]]) -> list[int]:
    """Return the request of each call, never going back, with the best fit in all.

    ``fits`` has a row per call and a column per request. Passing over requests costs ``PASSING``
    each, also before the first call, so that nothing is skipped without need.
    """
    best: list[list[float]] = []
    came: list[list[int]] = []
    for row in fits:
        if not best:
            best.append([fit - PASSING * place for place, fit in enumerate(row)])
            came.append([0] * len(row))
            continue
        above, here, origin = best[-1], [], []
        # The one to come from among those before: a session may have hundreds of requests, and
        # looking back at all of them from each would take minutes.
        before = 0
        for place, fit in enumerate(row):
            came_far = (above[before] - PASSING * max(0, place - before - 1), before)
            value, start = max(came_far, (above[place], place))
            here.append(value + fit)
            origin.append(start)
            if above[place] + PASSING * (place - before) >= above[before]:
                before = place
        best.append(here)
        came.append(origin)
    if not best:
        return []
    place = max(range(len(best[-1])), key=lambda i: best[-1][i])
    path = [place]
    for origin in reversed(came[1:]):
        place = origin[place]
        path.append(place)
    return path[::-1]


def _passed(step: Step) -> Iterator[str]:
    yield from (str(v) for a in step.arguments.values() for v in scalars(a))


def _quoted(requests: Sequence[Request]) -> str:
    return ", ".join(f'"{_short(r.text)}"' for r in requests)


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 60 else f"{line[:59]}…"
