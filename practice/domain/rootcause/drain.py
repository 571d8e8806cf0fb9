"""Log templates by a Drain miner (He et al., ICWS 2017), our own and small.

A line is masked (numbers, ids, addresses, quoted values), cut into tokens and led down a tree of
fixed depth by its length and first tokens to a leaf of candidate templates; the most similar one
takes it in, and positions that differ become ``<*>``. Deterministic for the same lines in the
same order.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from operator import eq

import numpy as np
from numpy.typing import NDArray

from memoryapp.domain.masking import redact
from practice.domain.rootcause.telemetry import Labels, LogTable, distinct

WILDCARD = "<*>"
_DEPTH = 2
_SIMILAR = 0.5
_CHILDREN = 100
_TOKENS = 60
# So many templates of one length and beginning are no statements: what else comes there is
# somebody's words, and kept as one. Each line is held against all of them.
_CROWDED = 100
_MASK = re.compile(
    r"\b[0-9a-fA-F]{8}-[0-9a-fA-F-]{27,}\b|\b(?:\d{1,3}\.){3}\d{1,3}(?::\d+)?\b"
    r"|\b0x[0-9a-fA-F]+\b|\b(?=[a-fA-F]*\d)[0-9a-fA-F]{8,}\b|(?<![A-Za-z])[-+]?\d[\d.,:eE+-]*"
    r"|\"[^\"]*\"|'[^']*'|<[a-z]+>"
)
# Which digit it is tells the mask nothing but in "0x": lines alike but for digits are masked once.
_BLURRED = str.maketrans("123456789", "000000000")
# So many lines are known again, and no more: each costs its length.
_REMEMBERED = 100_000
Rows = NDArray[np.int64]


@dataclass(slots=True)
class _Template:
    number: int
    tokens: list[str]


@dataclass(slots=True)
class Miner:
    """Learns templates line by line; ``add`` returns the template's number."""

    templates: list[_Template] = field(default_factory=list)
    _leaves: dict[tuple[str, ...], list[_Template]] = field(default_factory=dict)
    _widths: dict[tuple[str, ...], set[str]] = field(default_factory=dict)
    _known: dict[str, int] = field(default_factory=dict)
    _blurred: dict[str, int] = field(default_factory=dict)
    _words: dict[tuple[str, ...], _Template] = field(default_factory=dict)

    def add(self, message: str) -> int:
        """Return the number of the line's template, learned from it where it is a new one."""
        blurred = message.translate(_BLURRED)
        known = self._blurred.get(blurred)
        if known is None:
            known = self._learned(_MASK.sub(WILDCARD, message))
            if len(self._blurred) < _REMEMBERED and "0x" not in message:
                self._blurred[blurred] = known
        return known

    def _learned(self, masked: str) -> int:
        known = self._known.get(masked)
        if known is not None:
            return known
        tokens = masked.split()[:_TOKENS] or [WILDCARD]
        place = self._place(tokens)
        leaf = self._leaves.setdefault(place, [])
        best = max(leaf, key=lambda template: _alike(template.tokens, tokens), default=None)
        if best is None or _alike(best.tokens, tokens) < _SIMILAR:
            best = self._new(place, leaf, tokens)
        else:
            best.tokens[:] = [
                old if old == new else WILDCARD
                for old, new in zip(best.tokens, tokens, strict=True)
            ]
        if len(self._known) < _REMEMBERED:
            self._known[masked] = best.number
        return best.number

    def _new(self, place: tuple[str, ...], leaf: list[_Template], tokens: list[str]) -> _Template:
        """A template of a line that is like none; the one of all words where there are too many."""
        is_crowded = len(leaf) >= _CROWDED
        if is_crowded and place in self._words:
            return self._words[place]
        found = _Template(len(self.templates), [WILDCARD] * len(tokens) if is_crowded else tokens)
        self.templates.append(found)
        if is_crowded:
            self._words[place] = found
        else:
            leaf.append(found)
        return found

    def text(self, number: int) -> str:
        return " ".join(self.templates[number].tokens)

    def _place(self, tokens: Sequence[str]) -> tuple[str, ...]:
        place: tuple[str, ...] = (str(len(tokens)),)
        for token in tokens[:_DEPTH]:
            seen = self._widths.setdefault(place, set())
            if any(c.isdigit() for c in token) or (token not in seen and len(seen) >= _CHILDREN):
                token = WILDCARD
            seen.add(token)
            place = (*place, token)
        return place


def _alike(template: Sequence[str], tokens: Sequence[str]) -> float:
    fixed = len(template) - template.count(WILDCARD)
    if not fixed:
        return 1.0
    same: int = sum(map(eq, template, tokens))
    if WILDCARD in tokens:  # what varies in both is no likeness
        same = sum(a == b and a != WILDCARD for a, b in zip(template, tokens, strict=True))
    return same / fixed


def mined(messages: Iterable[str]) -> tuple[list[int], list[str]]:
    """The template number of each message, and the templates' texts."""
    miner = Miner()
    numbers = [miner.add(message) for message in messages]
    return numbers, [miner.text(number) for number in range(len(miner.templates))]


def statements(logs: LogTable) -> Labels:
    """A name for the statement behind each line: ``LEVEL source``, or the mined template.

    Where the collector knows logger and line, that is the statement; templates are mined for the
    rest, level by level.
    """
    width = max(len(logs.source.names), 1)
    known = np.array([bool(name) for name in logs.source.names], dtype=np.bool_)
    sourced = known[logs.source.codes] if len(logs) else np.zeros(0, dtype=np.bool_)
    codes = np.empty(len(logs), dtype=np.int32)
    names: dict[str, int] = {}

    def named(rows: Rows, of: Rows, name: Callable[[int], str]) -> None:
        """Number the names of rows, in the order in which the names come up."""
        found, first, place = np.unique(of, return_index=True, return_inverse=True)
        numbers = np.empty(len(found), dtype=np.int32)
        for at in np.argsort(first, kind="stable").tolist():
            numbers[at] = names.setdefault(name(int(found[at])), len(names))
        codes[rows] = numbers[place]

    rows = np.flatnonzero(sourced)
    place = logs.level.codes[rows].astype(np.int64) * width + logs.source.codes[rows]
    named(
        rows, place, lambda code: _statement(logs, code // width, logs.source.names[code % width])
    )
    rows = np.flatnonzero(~sourced)
    levels = max(len(logs.level.names), 1)
    mined_as = np.empty(len(rows), dtype=np.int64)
    miners: dict[int, Miner] = {}
    level_of = logs.level.codes[rows]
    for level in distinct(level_of).tolist():
        mine = np.flatnonzero(level_of == level)
        add = miners.setdefault(level, Miner()).add
        lines = map(logs.message.__getitem__, rows[mine].tolist())
        mined_as[mine] = np.fromiter(map(add, lines), np.int64, len(mine)) * levels + level
    named(
        rows,
        mined_as,
        lambda code: _statement(logs, code % levels, miners[code % levels].text(code // levels)),
    )
    return Labels(codes, tuple(names))


def _statement(logs: LogTable, level: int, what: str) -> str:
    """With secrets masked: what is said of a statement is shown, reported and remembered."""
    return redact(f"{logs.level.names[level]} {what}")
