"""Does the memory know an answer, perhaps, or not at all? Pure.

A logistic model over the cosine similarity of the closest hit. It was fitted on half of a labelled
set of questions, in other words than the lessons', and is reported on the other half
(``benchmarks/epistemics.py``, docs/benchmarks-practice.md). How many of its words a hit shares
told nothing there about whether a question is answered, so without vectors the answer is always
*weak*: words alone cannot tell.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

_WORD = re.compile(r"[a-z0-9]+")
#: words that say nothing of what a question is about.
_EMPTY_WORDS = """
a about after again all also an and any are as at be because been before but by can could did do
does doing for from get had has have how i if in into is it its just like may me must my need no
not of on one or our out over should so some such than that the their them then there these they
this to too up us use was we were what when where which who why will with would you your
"""
_EMPTY = frozenset(_EMPTY_WORDS.split())
#: words are compared by their first letters: refunded and refunds are one.
_STEM = 5

#: constant and weight of the similarity; fitted for the local model.
CONSTANT, OF_SIMILARITY = -2.9, 7.6
KNOWN, UNKNOWN = 0.7, 0.3


class Answer(StrEnum):
    KNOWN = "known"
    WEAK = "weak"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Epistemic:
    """How sure one may be that what was found answers the question; ``confidence`` is 0 to 1."""

    answer: Answer
    confidence: float
    #: share of the question's words that the best hit has, 0 to 1.
    coverage: float
    #: cosine similarity of the closest hit; ``None`` where vectors do not serve.
    similarity: float | None


def judge(question: str, found: Iterable[str], similarity: float | None) -> Epistemic:
    """Judge what was found.

    ``found`` are the contents of the best few hits. ``similarity`` is the cosine of the closest
    one, ``None`` where vectors do not serve: then the answer is *weak*.
    """
    coverage = max((covered(question, text) for text in found), default=0.0)
    confidence = 0.5 if similarity is None else confidence_of(similarity)
    answer = Answer.WEAK
    if confidence >= KNOWN:
        answer = Answer.KNOWN
    elif confidence <= UNKNOWN:
        answer = Answer.UNKNOWN
    return Epistemic(answer, round(confidence, 3), round(coverage, 3), similarity)


def confidence_of(similarity: float) -> float:
    """How likely it is that a question with a closest hit this similar is answered, 0 to 1."""
    return 1 / (1 + math.exp(-(CONSTANT + OF_SIMILARITY * similarity)))


def covered(question: str, text: str) -> float:
    """The share of the question's telling words that ``text`` has, by their first letters."""
    asked = _stems(question)
    return len(asked & _stems(text)) / len(asked) if asked else 0.0


def _stems(text: str) -> frozenset[str]:
    words = _WORD.findall(text.lower().replace("_", " "))
    return frozenset(word[:_STEM] for word in words if word not in _EMPTY)
