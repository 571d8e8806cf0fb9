"""What changed between two texts, word by word. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import groupby
from typing import Literal

Kind = Literal["equal", "insert", "delete"]

#: A quoted name with its backticks, an amount, a word with inner dots or dashes, or one mark, and
#: the white space behind it. Tool names such as ``refunds.create`` and amounts such as ``$150``
#: stay whole. A text may begin with white space behind no word.
_TOKEN = re.compile(r"(`[^`\s]+`|[$€£]?\w+(?:[.\-/'’_:]\w+)*%?|[^\w\s]|\A(?=\s))(\s*)")

#: A word this short between two changes is no anchor for the eye.
_TINY = 3

#: Beyond this many differing words on both sides a comparison is not worth its time.
MAX_TOKENS = 4000
#: Nor with more than this many pairs of equal words for each word: every pair is looked at again
#: and again. Prose has some 15 at most.
MAX_PAIRS = 20

#: a word and the white space behind it.
Token = tuple[str, str]


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
    ``MAX_TOKENS`` words, or say the same ones all the time, come back as their common ends around
    one replacement. White space is compared where the words before it are the same: taken for
    words, it would be most of what there is to compare.
    """
    old, new = _TOKEN.findall(before), _TOKEN.findall(after)
    head = _common_start(old, new)
    tail = _common_start(old[head:][::-1], new[head:][::-1])
    old_middle, new_middle = old[head : len(old) - tail], new[head : len(new) - tail]
    pieces = [
        Segment("equal", _text(old[:head])),
        *_compare(old_middle, new_middle),
        Segment("equal", _text(old[len(old) - tail :])),
    ]
    return list(_joined(_absorb_gaps(_joined(pieces))))


def _text(tokens: Iterable[Token]) -> str:
    return "".join(word + gap for word, gap in tokens)


def _common_start(one: list[Token], other: list[Token]) -> int:
    """Count the leading tokens two lists share."""
    count = 0
    for left, right in zip(one, other, strict=False):
        if left != right:
            break
        count += 1
    return count


def _compare(old: list[Token], new: list[Token]) -> Iterator[Segment]:
    """Yield the raw differences of two token lists."""
    words, others = [word for word, _ in old], [word for word, _ in new]
    if _takes_too_long(words, others):
        yield from _replaced(old, new)
        return
    matcher = SequenceMatcher(None, words, others, autojunk=False)
    for tag, a, b, c, d in matcher.get_opcodes():
        if tag != "equal":
            yield from _replaced(old[a:b], new[c:d])
            continue
        for (word, gap), (_, gap_now) in zip(old[a:b], new[c:d], strict=True):
            yield Segment("equal", word)
            yield from _gap(gap, gap_now)


def _takes_too_long(words: list[str], others: list[str]) -> bool:
    there, total = Counter(others), len(words) + len(others)
    pairs = sum(count * there[word] for word, count in Counter(words).items())
    return total > MAX_TOKENS or pairs > MAX_PAIRS * total


def _replaced(old: list[Token], new: list[Token]) -> Iterator[Segment]:
    """Yield one text in the place of another; white space behind both is part of neither."""
    gap = old[-1][1] if old and new and old[-1][1] == new[-1][1] else ""
    yield Segment("delete", _text(old).removesuffix(gap))
    yield Segment("insert", _text(new).removesuffix(gap))
    yield Segment("equal", gap)


def _gap(before: str, after: str) -> Iterator[Segment]:
    if before == after:
        yield Segment("equal", before)
    else:
        yield Segment("delete", before)
        yield Segment("insert", after)


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
