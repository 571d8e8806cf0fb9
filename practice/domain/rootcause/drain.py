"""Log templates by a Drain miner (He et al., ICWS 2017), our own and small.

A line is masked (numbers, ids, addresses, quoted values), cut into tokens and led down a tree of
fixed depth by its length and first tokens to a leaf of candidate templates; the most similar one
takes it in, and positions that differ become ``<*>``. Deterministic for the same lines in the
same order.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from practice.domain.rootcause.telemetry import Labels, LogTable

WILDCARD = "<*>"
_DEPTH = 2
_SIMILAR = 0.5
_CHILDREN = 100
_TOKENS = 60
_MASK = re.compile(
    r"\b[0-9a-fA-F]{8}-[0-9a-fA-F-]{27,}\b|\b(?:\d{1,3}\.){3}\d{1,3}(?::\d+)?\b"
    r"|\b0x[0-9a-fA-F]+\b|\b(?=[a-fA-F]*\d)[0-9a-fA-F]{8,}\b|(?<![A-Za-z])[-+]?\d[\d.,:eE+-]*"
    r"|\"[^\"]*\"|'[^']*'|<[a-z]+>"
)


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

    def add(self, message: str) -> int:
        masked = _MASK.sub(WILDCARD, message)
        known = self._known.get(masked)
        if known is not None:
            return known
        tokens = masked.split()[:_TOKENS] or [WILDCARD]
        leaf = self._leaves.setdefault(self._place(tokens), [])
        best = max(leaf, key=lambda template: _alike(template.tokens, tokens), default=None)
        if best is None or _alike(best.tokens, tokens) < _SIMILAR:
            best = _Template(len(self.templates), tokens)
            self.templates.append(best)
            leaf.append(best)
        else:
            best.tokens[:] = [
                old if old == new else WILDCARD
                for old, new in zip(best.tokens, tokens, strict=True)
            ]
        if len(self._known) < 200_000:
            self._known[masked] = best.number
        return best.number

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
    same = sum(a == b and a != WILDCARD for a, b in zip(template, tokens, strict=True))
    fixed = sum(a != WILDCARD for a in template)
    return same / fixed if fixed else 1.0


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
    place = logs.level.codes.astype(np.int64) * width + logs.source.codes
    names: dict[str, int] = {}
    known: dict[int, int] = {}
    miners: dict[int, Miner] = {}
    templates: dict[tuple[int, int], int] = {}
    codes: list[int] = []
    pending: list[tuple[int, int, int]] = []
    for row, code in enumerate(place.tolist()):
        level, source = divmod(code, width)
        if logs.source.names[source]:
            number = known.get(code)
            if number is None:
                name = f"{logs.level.names[level]} {logs.source.names[source]}"
                number = known[code] = names.setdefault(name, len(names))
            codes.append(number)
            continue
        mined_as = miners.setdefault(level, Miner()).add(logs.message[row])
        templates[level, mined_as] = 0
        pending.append((row, level, mined_as))
        codes.append(-1)
    for level, number in templates:
        name = f"{logs.level.names[level]} {miners[level].text(number)}"
        templates[level, number] = names.setdefault(name, len(names))
    for row, level, number in pending:
        codes[row] = templates[level, number]
    return Labels(np.asarray(codes, dtype=np.int32), tuple(names))
