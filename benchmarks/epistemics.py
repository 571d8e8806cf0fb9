"""How far the epistemic answer can be trusted: fitted on half of the questions, held to the rest.

Forty lessons of a support team, forty questions that one of them answers (in other words) and forty
of the same trade that none does, all written for this. Even ones fit the coefficients of
``domain/epistemics.py``; odd ones were not looked at and give the figures: the share of *known*
that is right, the share of *unknown* that is right, how many stay *weak*, and the Brier score
beside that of always saying one half. Search is the product's, by words alone and with the
local model.

    python -m benchmarks.epistemics [--fit]
"""

from __future__ import annotations

import argparse
import json
import math
import os
import shutil
import sys
import tempfile
from pathlib import Path

#: lesson | a question it answers | a question of the trade that no lesson answers
CASES = Path(__file__).with_suffix(".txt")


def cases() -> tuple[list[str], list[tuple[str, bool]]]:
    """The lessons, and the questions with whether one of the lessons answers them."""
    rows = [line.split("|") for line in CASES.read_text().splitlines()]
    questions = [(text, right) for _, yes, no in rows for text, right in ((yes, True), (no, False))]
    return [lesson for lesson, _, _ in rows], questions


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fit", action="store_true", help="Print coefficients fitted on the half.")
    asked = parser.parse_args()
    data = Path(tempfile.mkdtemp(prefix="gr-bench-"))
    data.chmod(0o755)
    os.environ |= {
        "GREENROOM_DATA_DIR": str(data),
        "DJANGO_SETTINGS_MODULE": "memoryapp.project.settings",
        "EMBEDDING_PROVIDER": "local",
    }
    from memoryapp.project import embedded  # noqa: PLC0415  # the folder is named only now

    postgres = embedded.Postgres(data)
    try:
        postgres.start()
        for has_vectors, seen in _seen().items():
            _report(has_vectors, seen, asked.fit)
    finally:
        postgres.stop()
        shutil.rmtree(data, ignore_errors=True)
    return 0


def _seen() -> dict[bool, list[tuple[float, float, bool]]]:
    """Similarity, coverage and truth of each question, with vectors and without."""
    import django  # noqa: PLC0415

    django.setup()
    from django.core.management import call_command  # noqa: PLC0415

    from memoryapp.indexer.vectors import index_batch  # noqa: PLC0415
    from memoryapp.models import Bullet, Playbook, Workspace  # noqa: PLC0415
    from memoryapp.queries.search import Scope  # noqa: PLC0415
    from memoryapp.services.retrieval import memory_retrieve  # noqa: PLC0415

    call_command("migrate", verbosity=0)
    workspace = Workspace.objects.create(name="Bench", slug="bench")
    playbook = Playbook.objects.create(workspace=workspace, slug="bench", name="Bench")
    lessons, questions = cases()
    for number, lesson in enumerate(lessons):
        bullet = Bullet(playbook=playbook, label=f"pitfalls-{number:03d}")
        bullet.revise(
            content=lesson, section="pitfalls", status="approved", rule=None, author=None, reason=""
        )
    found: dict[bool, list[tuple[float, float, bool]]] = {}
    for has_vectors in (False, True):
        if has_vectors:
            while index_batch():
                pass
        rows = []
        for text, is_known in questions:
            answer = memory_retrieve(
                workspace=workspace, query=text, scope=Scope(playbooks=[playbook.pk])
            ).epistemic
            rows.append((answer.similarity or 0.0, answer.coverage, is_known))
        found[has_vectors] = rows
    return found


def _report(has_vectors: bool, seen: list[tuple[float, float, bool]], fit: bool) -> None:
    from memoryapp.domain.epistemics import KNOWN, UNKNOWN, WITH_VECTORS, WITHOUT  # noqa: PLC0415

    # A case is two questions; both of an even case fit, both of an odd one are held out.
    fitting = [row for place, row in enumerate(seen) if (place // 2) % 2 == 0]
    held_out = [row for place, row in enumerate(seen) if (place // 2) % 2 == 1]
    if fit:
        print(json.dumps({"vectors": has_vectors, "fitted": _fit(fitting, has_vectors)}))
    weights = WITH_VECTORS if has_vectors else WITHOUT
    judged = [(_confidence(weights, row), row[2]) for row in held_out]
    known = [truth for confidence, truth in judged if confidence >= KNOWN]
    unknown = [truth for confidence, truth in judged if confidence <= UNKNOWN]
    brier = sum((confidence - truth) ** 2 for confidence, truth in judged) / len(judged)
    print(
        json.dumps(
            {
                "figure": "epistemic answer on held-out questions",
                "vectors": has_vectors,
                "questions": len(judged),
                "known": len(known),
                "known_right": round(sum(known) / len(known), 3) if known else None,
                "unknown": len(unknown),
                "unknown_right": round(1 - sum(unknown) / len(unknown), 3) if unknown else None,
                "weak": len(judged) - len(known) - len(unknown),
                "brier": round(brier, 3),
                "peer": {"always one half": 0.25},
            }
        )
    )


def _confidence(weights: tuple[float, float, float], row: tuple[float, float, bool]) -> float:
    constant, of_similarity, of_coverage = weights
    return 1 / (1 + math.exp(-(constant + of_similarity * row[0] + of_coverage * row[1])))


def _fit(rows: list[tuple[float, float, bool]], has_vectors: bool) -> list[float]:
    """Logistic regression by gradient descent; a little ridge keeps few rows from running off."""
    weights = [0.0, 0.0, 0.0]
    for _ in range(20_000):
        slopes = [0.0, 0.0, 0.0]
        for similarity, coverage, truth in rows:
            inputs = (1.0, similarity if has_vectors else 0.0, coverage)
            miss = _confidence((weights[0], weights[1], weights[2]), (*inputs[1:], truth)) - truth
            for place, value in enumerate(inputs):
                slopes[place] += miss * value / len(rows)
        for place in range(3):
            ridge = 0.002 * weights[place] if place else 0.0
            weights[place] -= 0.5 * (slopes[place] + ridge)
    return [round(weight, 2) for weight in weights]


if __name__ == "__main__":
    sys.exit(main())
