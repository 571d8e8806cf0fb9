"""What the paper's artifact would do with the same inputs, worked out by hand from its rules."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from memoryapp.domain import preping
from memoryapp.domain.playbook import Bullet
from practice.domain import faithful
from practice.domain.artifact import read_memory
from practice.domain.faithful import Entry, Judgement

FOLDER = Path(__file__).parent / "artifact"
MEMORY = json.loads((FOLDER / "proposer_memory.json").read_text())

GOOD = Judgement(5, 4, "Possible.", "Done.")
BAD = Judgement(5, 3, "Possible.", "Half done.")
IMPOSSIBLE = Judgement(4, 5, "There is no such file.", "Done.")


@pytest.mark.parametrize(
    ("judgement", "expected"),
    [(GOOD, "success"), (BAD, "failure"), (IMPOSSIBLE, "invalid"), (Judgement(1, 1), "invalid")],
)
def test_it_labels_by_feasibility_five_and_completion_four(
    judgement: Judgement, expected: str
) -> None:
    assert faithful.label(judgement) == expected


@pytest.mark.parametrize(
    ("attempts", "planned", "category", "teacher"),
    [
        ((GOOD,), 1, "success", 0),
        ((BAD,), 1, "failure", 0),
        ((IMPOSSIBLE,), 1, "infeasible", None),
        ((BAD, GOOD, BAD), 3, "boundary", 1),
        ((GOOD, GOOD), 2, "trivial", None),
        ((BAD, BAD), 2, "unsolved_feasible", None),
        ((GOOD, IMPOSSIBLE), 2, "infeasible", None),
    ],
)
def test_it_admits_and_categorizes_as_the_artifact_does(
    attempts: tuple[Judgement, ...], planned: int, category: str, teacher: int | None
) -> None:
    found = faithful.diagnose(attempts, planned=planned)

    assert (found.category, found.teacher, found.passed) == (
        category,
        teacher,
        teacher is not None,
    )


def test_it_learns_from_successes_only_where_that_is_the_policy() -> None:
    found = faithful.diagnose((BAD,), policy="success_only")

    assert found.teacher is None
    assert found.fail_reasons == ("single-run success required",)


def test_it_says_why_a_task_did_not_pass_in_the_words_of_the_file() -> None:
    assert faithful.diagnose((IMPOSSIBLE,)).fail_reasons == (
        "feasibility_score below 5 exists",
        "contains invalid validation_result",
    )
    assert faithful.diagnose((GOOD, GOOD), planned=2).fail_reasons == (
        "missing mixed outcomes (success+failure)",
    )


def test_it_refuses_a_task_nobody_judged() -> None:
    with pytest.raises(ValueError, match="judged attempt"):
        faithful.diagnose(())


def test_it_summarises_the_environment_from_a_success_if_there_is_one() -> None:
    assert faithful.representative((IMPOSSIBLE, BAD, GOOD)) == 2
    assert faithful.representative((IMPOSSIBLE, BAD)) == 1
    assert faithful.representative((IMPOSSIBLE,)) == 0


def test_it_keeps_three_different_reasons() -> None:
    attempts = [replace(BAD, completion_reason=f"Reason {n // 2}. ") for n in range(9)]

    assert faithful.failure_reasons([GOOD, *attempts]) == ("Reason 0.", "Reason 1.", "Reason 2.")
    assert faithful.feasibility_reasons(attempts) == ("Possible.",)


def test_it_computes_the_history_view_of_the_artifact() -> None:
    entries = [entry for _, entry in read_memory(MEMORY).items]

    assert faithful.history_view(entries) == MEMORY["generation_summary"]


@pytest.mark.parametrize(
    ("counts", "category"),
    [((1, 0, 0), "success"), ((0, 1, 0), "failure"), ((0, 3, 0), "unsolved_feasible"),
     ((2, 1, 0), "boundary"), ((3, 0, 0), "trivial"), ((2, 0, 1), "infeasible"), ((0, 0, 0), "")],
)  # fmt: skip
def test_it_takes_a_missing_category_from_the_counts(
    counts: tuple[int, int, int], category: str
) -> None:
    entry = Entry(success_count=counts[0], failure_count=counts[1], invalid_count=counts[2])
    assert faithful.category_of(entry) == category
    assert faithful.contradiction(entry) == ""


def test_it_notices_a_category_that_its_counts_deny() -> None:
    said = faithful.contradiction(Entry(failure_count=3, task_generation_category="success"))
    assert "counts lead to unsolved_feasible" in said


def test_it_counts_use_in_the_last_fifty_records_and_names_ten() -> None:
    old = [Entry(used_apis=("old",)) for _ in range(30)]
    new = [Entry(used_apis=("always", f"tool{n % 12}")) for n in range(50)]

    found = faithful.usage([*old, *new])

    assert found["recent_entry_count"] == 50
    assert found["recent_overused_apis"][0] == {"name": "always", "count": 50}
    assert len(found["recent_overused_apis"]) == 10
    assert {"name": "old", "count": 30} not in found["recent_overused_apis"]


def test_it_samples_facts_uniformly_with_the_seed_of_the_run() -> None:
    facts = list(range(100))
    first = faithful.sample_facts(facts, seed=1, cycle=2)

    assert len(set(first)) == 10
    assert first == faithful.sample_facts(facts, seed=1, cycle=2)
    assert first != faithful.sample_facts(facts, seed=2, cycle=2)
    assert faithful.sample_facts(facts[:10], seed=1, cycle=2) == tuple(range(10))
    hits = [n for cycle in range(300) for n in faithful.sample_facts(facts, seed=1, cycle=cycle)]
    assert all(10 <= hits.count(n) <= 60 for n in facts)


@pytest.mark.parametrize(
    ("helpful", "harmful", "score", "tag"),
    [(0, 0, 0.0, "neutral"), (9, 1, 0.8, "helpful"), (1, 1, 0.0, "neutral"), (0, 2, -1, "harmful")],
)
def test_it_scores_and_tags_votes(helpful: int, harmful: int, score: float, tag: str) -> None:
    assert preping.score(helpful, harmful) == score
    assert preping.tag(helpful, harmful) == tag


def test_it_ranks_by_score_in_each_section_and_hides_nothing() -> None:
    bullets = (
        Bullet("apis-001", "apis", "a"),
        Bullet("strategies-001", "strategies", "b", helpful=9, harmful=1),
        Bullet("strategies-002", "strategies", "c", helpful=3),
        Bullet("team-001", "team", "d"),
        Bullet("pitfalls-001", "pitfalls", "e", harmful=4),
        Bullet("code_snippets-001", "code_snippets", "f"),
    )

    assert [bullet.label for bullet in faithful.ranked(bullets)] == [
        "strategies-002",
        "strategies-001",
        "code_snippets-001",
        "pitfalls-001",
        "apis-001",
        "team-001",
    ]


def test_it_knows_a_bullet_that_says_the_same_words_in_the_same_section() -> None:
    first = Bullet("apis-001", "apis", "Log in first.")

    assert faithful.said_already((first,), "apis", " log in FIRST. ") == first
    assert faithful.said_already((first,), "pitfalls", "Log in first.") is None
