"""How far the epistemic answer can be trusted: fitted on half of the cases, held to the rest.

``epistemics.txt`` has forty lessons of a support team, forty questions that one of them answers (in
other words) and forty of the same trade that none does, all written for this. Even cases fit the
two numbers of ``domain/epistemics.py``; odd ones give the figures: the share of *known* and of
*unknown* that is right, how many stay *weak*, the Brier score beside that of always one half,
and what was right among questions of like confidence. Needs the local model
(docs/configuration.md).

    EMBEDDING_MODEL_DIR=… python -m benchmarks.epistemics [--fit]
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
from pathlib import Path

import numpy as np

from memoryapp.clients import minilm
from memoryapp.domain.epistemics import KNOWN, UNKNOWN, confidence_of

#: lesson | a question it answers | a question of the trade that no lesson answers
CASES = Path(__file__).with_suffix(".txt")
BINS = ((0.0, UNKNOWN), (UNKNOWN, 0.5), (0.5, KNOWN), (KNOWN, 1.01))
Seen = list[tuple[float, bool]]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fit", action="store_true", help="Print what even cases fit.")
    asked = parser.parse_args()
    fitting, held_out = _seen()
    if asked.fit:
        print(json.dumps({"fitted": _fit(fitting)}))
    judged = [(confidence_of(similarity), truth) for similarity, truth in held_out]
    known = [truth for confidence, truth in judged if confidence >= KNOWN]
    unknown = [truth for confidence, truth in judged if confidence <= UNKNOWN]
    print(
        json.dumps(
            {
                "figure": "epistemic answer on held-out questions",
                "questions": len(judged),
                "known": len(known),
                "known_right": _share(known),
                "unknown": len(unknown),
                "unknown_right": _share([not truth for truth in unknown]),
                "weak": len(judged) - len(known) - len(unknown),
                "brier": round(sum((c - t) ** 2 for c, t in judged) / len(judged), 3),
                "peer": {"always one half": 0.25},
                "confidence_n_said_right": [
                    _bin([(c, t) for c, t in judged if low <= c < high]) for low, high in BINS
                ],
            }
        )
    )
    return 0


def _seen() -> tuple[Seen, Seen]:
    """Similarity of the closest lesson and the truth, of even and of odd cases."""
    model = minilm.MiniLM(minilm.folder(os.environ.get("EMBEDDING_MODEL_DIR", "")))
    rows = [line.split("|") for line in CASES.read_text().splitlines()]
    lessons = np.array(model.embed([lesson for lesson, _, _ in rows]))
    halves: tuple[Seen, Seen] = ([], [])
    for place, (_, answered, open_) in enumerate(rows):
        for question, truth in zip(model.embed([answered, open_]), (True, False), strict=True):
            halves[place % 2].append((float((lessons @ np.array(question)).max()), truth))
    return halves


def _fit(rows: Seen) -> list[float]:
    """Logistic regression by gradient descent."""
    constant = weight = 0.0
    for _ in range(100_000):
        misses = [
            (1 / (1 + math.exp(-(constant + weight * similarity))) - truth, similarity)
            for similarity, truth in rows
        ]
        constant -= 0.8 * sum(miss for miss, _ in misses) / len(rows)
        weight -= 0.8 * (sum(miss * s for miss, s in misses) / len(rows) + 0.0002 * weight)
    return [round(constant, 1), round(weight, 1)]


def _share(right: list[bool]) -> float | None:
    return round(sum(right) / len(right), 3) if right else None


def _bin(rows: list[tuple[float, bool]]) -> list[float | None]:
    said = round(sum(c for c, _ in rows) / len(rows), 2) if rows else None
    return [len(rows), said, _share([truth for _, truth in rows])]


if __name__ == "__main__":
    sys.exit(main())
