"""The artifact's files through the database and back."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from memoryapp.models import Bullet, Event
from memoryapp.services.bullets import bullet_add
from memoryapp.services.imports import playbook_import
from practice.models import PracticeRecord, Run
from practice.queries.memory import history_counts
from practice.services.artifact import memory_document, playbook_document
from tests.factories import AttemptFactory, BulletFactory, PlaybookFactory
from tests.practice.artifacts import MEMORY, PLAYBOOK, imported
from tests.practice.memories import desk, practised, run_in


@pytest.fixture
def environment(workspace: Any) -> Any:
    return desk(workspace)


@pytest.fixture
def playbook(workspace: Any) -> Any:
    return PlaybookFactory(workspace=workspace, slug="music")


def test_it_gives_the_memory_back_as_it_came(environment: Any, playbook: Any) -> None:
    report = imported(environment, playbook, MEMORY)

    assert report.counts == {"added": 5, "review": 0, "kept": 0, "refused": 0, "noted": 0}
    assert memory_document(environment) == MEMORY


def test_it_gives_the_playbook_back_as_it_came(environment: Any, playbook: Any) -> None:
    imported(environment, playbook, PLAYBOOK)

    assert playbook_document(playbook) == PLAYBOOK


def test_a_bullet_of_another_form_says_when_it_was_made(playbook: Any) -> None:
    text = "## PITFALLS\n[pitfalls-00001] helpful=2 harmful=0 :: Ask first.\n"
    playbook_import(playbook=playbook, form="ace", text=text, by=None)
    (row,) = playbook_document(playbook)["pitfalls"]
    assert row["metadata"]["created_at"] == Bullet.objects.get().created_at.isoformat()


@pytest.mark.parametrize("document", [MEMORY, PLAYBOOK])
def test_it_adds_nothing_the_second_time(environment: Any, playbook: Any, document: Any) -> None:
    added = imported(environment, playbook, document).counts["added"]
    rows = (PracticeRecord.objects.count(), Bullet.objects.count(), Run.objects.count())

    again = imported(environment, playbook, document)

    assert again.counts == {"added": 0, "review": 0, "kept": added, "refused": 0, "noted": 0}
    assert rows == (PracticeRecord.objects.count(), Bullet.objects.count(), Run.objects.count())


def test_it_says_that_counters_which_moved_on_were_not_taken(
    environment: Any, playbook: Any
) -> None:
    imported(environment, playbook, PLAYBOOK)
    later = copy.deepcopy(PLAYBOOK)
    later["strategies"][0]["metadata"] |= {"helpful_count": 20, "harmful_count": 3}

    rows = imported(environment, playbook, later).rows

    told = [row.message for row in rows if "were not taken" in row.message]
    assert told == [
        "strategies-001 is here already. Its votes stay 9 helpful and 1 harmful; the file's 20 and "
        "3 were not taken."
    ]


@pytest.mark.parametrize("document", [MEMORY, PLAYBOOK])
def test_it_stores_nothing_in_a_dry_run(environment: Any, playbook: Any, document: Any) -> None:
    report = imported(environment, playbook, document, dry_run=True)

    assert report.counts["added"] > 0
    assert not any(model.objects.exists() for model in (PracticeRecord, Bullet, Run))
    assert not Event.objects.filter(kind__endswith=".imported").exists()


def test_it_keeps_imported_records_under_an_ended_run_of_their_own(
    environment: Any, playbook: Any, rita: Any
) -> None:
    imported(environment, playbook, MEMORY)

    run = Run.objects.get()
    assert (run.status, run.engine, run.playbook) == ("finished", "imported", playbook)
    assert "Nothing was practised" in run.message
    assert [r.number for r in run.rounds.all()] == [1, 2]
    categories = list(environment.practice_records.values_list("category", flat=True))
    assert categories == ["trivial", "unsolved", "infeasible", "boundary", "trivial"]


def test_it_credits_no_tool_that_a_file_only_mentions(environment: Any, playbook: Any) -> None:
    imported(environment, playbook, MEMORY)

    counted = history_counts(environment)
    assert counted.total == 5
    assert counted.tools == {}


def test_it_refuses_row_by_row_and_says_why(environment: Any, playbook: Any) -> None:
    document = copy.deepcopy(MEMORY)
    blank = {"success_count": 0, "failure_count": 0, "invalid_count": 0}
    document["entries"][0] |= {"task_generation_category": "", **blank}
    document["entries"][1]["cycle"] = 5_000
    document["entries"][2]["mood"] = "fine"
    document["extra"] = 1

    report = imported(environment, playbook, document)

    said = {row.place: (row.verdict, row.message) for row in report.rows if row.verdict != "added"}
    assert report.counts == {"added": 3, "review": 0, "kept": 0, "refused": 3, "noted": 1}
    assert said["entries[0]"][1].startswith("It has neither a category nor counts")
    assert said["entries[1]"][1].startswith("Its cycle is above 1,000")
    assert said["entries[2]"] == ("noted", "Not understood and left out: mood.")
    assert said["extra"][0] == "refused"


def test_it_keeps_labels_counters_and_the_next_number(
    environment: Any, playbook: Any, rita: Any
) -> None:
    imported(environment, playbook, PLAYBOOK)

    bullet = playbook.bullets.get(label="strategies-001")
    assert (bullet.practice_helpful, bullet.practice_harmful, bullet.status) == (9, 1, "approved")
    assert bullet.revisions.get().reason == "Imported from playbook.json"
    playbook.refresh_from_db()
    new = bullet_add(playbook=playbook, section="strategies", content="New.", by=rita)
    assert new.label == "strategies-005"


def test_it_refuses_bullets_that_clash_or_do_not_fit(environment: Any, playbook: Any) -> None:
    BulletFactory(playbook=playbook, label="strategies-001", content="Something else.")
    playbook.token_budget = 20
    playbook.save()

    report = imported(environment, playbook, PLAYBOOK)

    said = {row.place: row.message for row in report.rows if row.verdict == "refused"}
    assert said["strategies[0]"] == "strategies-001 says something else here."
    assert any("budget" in message for message in said.values())


def test_it_gives_a_label_to_an_id_that_cannot_be_one_and_keeps_the_id(
    environment: Any, playbook: Any
) -> None:
    document = {"apis": [{"id": "3f/..", "content": "Ids are numbers."}]}

    assert imported(environment, playbook, document).counts["added"] == 1
    assert imported(environment, playbook, document).counts["kept"] == 1
    assert playbook.bullets.get().label == "apis-001"
    assert playbook_document(playbook)["apis"][0]["id"] == "3f/.."


def test_it_brings_votes_since_the_import_into_the_file(environment: Any, playbook: Any) -> None:
    imported(environment, playbook, PLAYBOOK)
    playbook.bullets.filter(label="pitfalls-001").update(practice_helpful=8)

    row = playbook_document(playbook)["pitfalls"][0]

    assert (row["metadata"]["helpful_count"], row["tag"]) == (8, "helpful")


def test_it_writes_own_records_as_the_artifact_counts_them(environment: Any) -> None:
    run = run_in(environment)
    record = practised(
        run,
        ("music.login", False, 1),
        ("music.play", True, 1),
        category="unsolved",
        intended_tools=["music.play"],
    )
    record.task.number = 1
    record.task.save()
    AttemptFactory(
        task=record.task,
        label="failure",
        feasibility=5,
        completion=2,
        feasibility_reason="Possible.",
        completion_reason="No sound.",
    )

    (entry,) = memory_document(environment)["entries"]

    assert entry == {
        "cycle": 1,
        "synthetic_task_index": 0,
        "instruction": record.task.instruction,
        "diagnostic_mode": "single_run",
        "execution_mode": "single_run",
        "success_count": 0,
        "failure_count": 1,
        "invalid_count": 0,
        "aggregate_pass": True,
        "task_generation_category": "failure",
        "aggregate_fail_reasons": [],
        "failure_reasons": ["No sound."],
        "feasibility_reasons": ["Possible."],
        "involved_apps": ["music"],
        "involved_apis": ["music.play"],
        "used_apps": ["music"],
        "used_apis": ["music.login", "music.play"],
    }


def test_it_imports_own_records_into_their_environment_only_once(
    environment: Any, playbook: Any
) -> None:
    record = practised(run_in(environment), ("get_order", False))
    AttemptFactory(task=record.task, label="success", feasibility=5, completion=5)

    assert imported(environment, playbook, memory_document(environment)).counts["kept"] == 1
