"""What may be shown of a text that a model wrote about an answer: only what can be checked.

A sentence stands if it cites evidence of the analysis, is about components of its graph, and uses
no name that neither the graph nor that evidence has. Others are dropped, not mended.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from practice.domain.rootcause.types import Analysis, Evidence

SENTENCES = 8
SHOWN = 24
# What looks like a name: in backticks, or words joined by a sign.
_NAME = re.compile(r"`([^`\n]+)`|\b([A-Za-z]\w*(?:[-.:/#@]\w+)+|\w*_\w+)")


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence, the components it is about (node ids) and the evidence it rests on."""

    text: str
    about: tuple[str, ...]
    evidence: tuple[str, ...]


def shown(found: Analysis) -> tuple[Evidence, ...]:
    """The evidence a text may rest on: that of the first causes, then the strongest."""
    first = [name for cause in found.causes[:3] for name in cause.evidence]
    place = {name: number for number, name in enumerate(dict.fromkeys(first))}
    order = sorted(
        found.evidence,
        key=lambda one: (place.get(one.evidence_id, len(place)), -one.weight, one.evidence_id),
    )
    return tuple(order[:SHOWN])


def checked(sentences: Iterable[Sentence], found: Analysis) -> tuple[Sentence, ...]:
    """The sentences that keep to the graph and to the evidence that was shown."""
    evidence = {one.evidence_id: one for one in shown(found)}
    ids = {node.node_id for node in found.nodes}
    named = {node.name: node.node_id for node in found.nodes}
    kept = []
    for one in sentences:
        about = tuple(named.get(name, name) for name in one.about)
        if not one.evidence or not set(one.evidence) <= set(evidence) or not set(about) <= ids:
            continue
        known = " ".join(
            (*ids, *one.evidence, *(evidence[name].statement for name in one.evidence))
        )
        if not strangers(one.text, known):
            kept.append(Sentence(" ".join(one.text.split()), about, one.evidence))
    return tuple(kept[:SENTENCES])


def strangers(text: str, known: str) -> tuple[str, ...]:
    """What looks like a name in ``text`` and does not stand in ``known``.

    A plain word that happens to be a name ("postgres") is not told from any other word.
    """
    names = [quoted or joined for quoted, joined in _NAME.findall(text)]
    return tuple(name for name in names if not _within(name, known))


def _within(name: str, known: str) -> bool:
    """Whether ``known`` has the name whole, not as a part of another."""
    return re.search(rf"(?<![\w-]){re.escape(name.strip())}(?![\w-])", known) is not None
