"""What changed between two texts, word by word. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import groupby
from typing import Literal

Kind = Literal["equal", "insert", "delete"]

#: White space, a quoted name with its backticks, an amount, a word with inner dots or dashes, or
#: one mark. Tool names such as ``refunds.create`` and amounts such as ``$150`` stay whole.
_TOKEN = re.compile(r"\s+|`[^`\s]+`|[$€£]?\w+(?:[.\-/'’_:]\w+)*%?|[^\w\s]")

#: A word of so many letters that stands alone between two changes is no anchor for the eye.
_TINY = 3

#: Beyond this many differing tokens on both sides the quadratic comparison is not worth its time.
MAX_TOKENS = 4000


@dataclass(frozen=True, slots=True)
class Segment:
    """A run of text that is in both versions, only in the new one, or only in the old one."""

    kind: Kind
    text: str


def word_diff(before: str, after: str) -> list[Segment]:
    """Return the segments that turn ``before`` into ``after``, white space kept.

    Joining the texts of ``equal`` and ``insert`` gives ``after``; joining ``equal`` and ``delete``
    gives ``before``. Neighboring changes separated by white space or a tiny word are joined, so
    that a rewritten phrase reads as one deletion and one insertion. Texts that differ in more than
    ``MAX_TOKENS`` tokens come back as their common ends around one replacement.
    """
    old, new = _TOKEN.findall(before), _TOKEN.findall(after)
    head = _common_start(old, new)
    tail = _common_start(old[head:][::-1], new[head:][::-1])
    old_middle, new_middle = old[head : len(old) - tail], new[head : len(new) - tail]
    pieces = [
        Segment("equal", "".join(old[:head])),
        *_compare(old_middle, new_middle),
        Segment("equal", "".join(old[len(old) - tail :])),
    ]
    return list(_joined(_absorb_gaps(p for p in pieces if p.text)))


def _common_start(one: list[str], other: list[str]) -> int:
    """Count the leading tokens two lists share."""
    count = 0
    for left, right in zip(one, other, strict=False):
        if left != right:
            break
        count += 1
    return count


def _compare(old: list[str], new: list[str]) -> Iterator[Segment]:
    """Yield the raw differences of two token lists."""
    if len(old) + len(new) > MAX_TOKENS:
        yield Segment("delete", "".join(old))
        yield Segment("insert", "".join(new))
        return
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    for tag, a, b, c, d in matcher.get_opcodes():
        if tag == "equal":
            yield Segment("equal", "".join(old[a:b]))
            continue
        yield Segment("delete", "".join(old[a:b]))
        yield Segment("insert", "".join(new[c:d]))


def _absorb_gaps(pieces: Iterable[Segment]) -> Iterator[Segment]:
    """Turn white space or a tiny word between two changes into part of both."""
    kept = list(pieces)
    for place, piece in enumerate(kept):
        between = 0 < place < len(kept) - 1
        if piece.kind == "equal" and between and len(piece.text.strip()) <= _TINY:
            yield Segment("delete", piece.text)
            yield Segment("insert", piece.text)
        else:
            yield piece


def _joined(pieces: Iterable[Segment]) -> Iterator[Segment]:
    """Join neighbors of a kind; within one change the deletion comes first."""
    for is_equal, run in groupby(pieces, key=lambda piece: piece.kind == "equal"):
        members = list(run)
        kinds: tuple[Kind, ...] = ("equal",) if is_equal else ("delete", "insert")
        for kind in kinds:
            text = "".join(piece.text for piece in members if piece.kind == kind)
            if text:
                yield Segment(kind, text)
