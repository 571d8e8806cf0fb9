"""The artifact's files, read and written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memoryapp.domain.preping import SECTIONS
from practice.domain import faithful
from practice.domain.artifact import (
    ArtifactBullet,
    Unreadable,
    read_memory,
    read_playbook,
    write_memory,
    write_playbook,
)
from practice.domain.faithful import CATEGORIES, Entry

FOLDER = Path(__file__).parent / "artifact"
MEMORY = json.loads((FOLDER / "proposer_memory.json").read_text())
PLAYBOOK = json.loads((FOLDER / "playbook.json").read_text())

TEXT = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=20)
SAID = TEXT.filter(lambda text: text.strip())
COUNT = st.integers(0, 2**31 - 1)
TEXTS = st.lists(TEXT, max_size=3).map(tuple)
MOMENT = st.none() | st.datetimes().map(lambda moment: moment.isoformat())

ENTRIES = st.builds(
    Entry,
    cycle=COUNT,
    synthetic_task_index=COUNT,
    instruction=SAID,
    diagnostic_mode=TEXT,
    execution_mode=TEXT,
    success_count=COUNT,
    failure_count=COUNT,
    invalid_count=COUNT,
    aggregate_pass=st.none() | st.booleans(),
    task_generation_category=st.sampled_from([*CATEGORIES, ""]),
    aggregate_fail_reasons=TEXTS,
    failure_reasons=TEXTS,
    feasibility_reasons=TEXTS,
    involved_apps=TEXTS,
    involved_apis=TEXTS,
    used_apps=TEXTS,
    used_apis=TEXTS,
)
BULLETS = st.builds(
    ArtifactBullet,
    id=SAID,
    content=SAID,
    section=st.sampled_from(SECTIONS),
    tag=st.sampled_from(["helpful", "harmful", "neutral"]),
    version=COUNT,
    embedding=st.none() | st.lists(st.floats(-1, 1), max_size=4).map(tuple),
    created_at=MOMENT,
    last_accessed=MOMENT,
    usage_count=COUNT,
    helpful_count=COUNT,
    harmful_count=COUNT,
    source_task_id=st.none() | SAID,
)


def through_a_file(document: Any) -> Any:
    return json.loads(json.dumps(document, ensure_ascii=False))


@given(st.lists(ENTRIES, max_size=5))
def test_it_reads_every_memory_it_writes(entries: list[Entry]) -> None:
    reading = read_memory(through_a_file(write_memory(entries)))

    assert [entry for _, entry in reading.items] == entries
    odd = [faithful.contradiction(entry) for entry in entries]
    assert [problem.message for problem in reading.problems] == list(filter(None, odd))


@given(st.lists(BULLETS, max_size=5))
def test_it_reads_every_playbook_it_writes(bullets: list[ArtifactBullet]) -> None:
    reading = read_playbook(through_a_file(write_playbook(bullets)))

    by_section = sorted(bullets, key=lambda bullet: SECTIONS.index(bullet.section))
    assert [bullet for _, bullet in reading.items] == by_section
    assert reading.problems == ()


def test_it_writes_the_hand_made_files_as_they_were() -> None:
    assert write_memory([entry for _, entry in read_memory(MEMORY).items]) == MEMORY
    assert write_playbook([bullet for _, bullet in read_playbook(PLAYBOOK).items]) == PLAYBOOK


def test_it_reads_entries_of_the_older_layout_without_tools() -> None:
    old = {"instruction": "Do it.", "cycle": 3, "task_generation_category": "failure"}

    reading = read_memory({"entries": [old]})

    assert reading.items[0][1].used_apis == ()
    assert reading.problems == ()


@pytest.mark.parametrize(
    "document", [None, [], {"tasks": []}, {"entries": {"a": 1}}, "text", {"entries": 4}]
)
def test_it_says_that_a_document_is_no_memory(document: Any) -> None:
    with pytest.raises(Unreadable):
        read_memory(document)


@pytest.mark.parametrize("document", [None, [], {}, {"strategies": "none"}, 7])
def test_it_says_that_a_document_is_no_playbook(document: Any) -> None:
    with pytest.raises(Unreadable):
        read_playbook(document)


@pytest.mark.parametrize(
    ("row", "message", "kept"),
    [
        ("text", "It is not an object.", False),
        ({"instruction": " "}, "It has no instruction.", False),
        ({"instruction": "a\x00b"}, "It holds characters that cannot be stored.", False),
        ({"instruction": "a", "failure_reasons": ["\ud800"]}, "cannot be stored", False),
        ({"instruction": "a", "task_generation_category": "odd"}, "unknown category", False),
        ({"instruction": "a", "task_generation_category": [1]}, "unknown category", False),
        ({"instruction": "a", "cycle": "two"}, "cycle is not a count; 0 is taken.", True),
        ({"instruction": "a", "cycle": True}, "cycle is not a count; 0 is taken.", True),
        ({"instruction": "a", "used_apis": [1]}, "used_apis is not a list of texts", True),
        ({"instruction": "a", "aggregate_pass": "yes"}, "neither true, false nor null", True),
        ({"instruction": "a", "mood": "fine"}, "Not understood and left out: mood.", True),
    ],
)
def test_it_reports_by_row_what_it_did_not_understand(row: Any, message: str, kept: bool) -> None:
    reading = read_memory({"entries": [{"instruction": "first"}, row]})

    (problem,) = reading.problems
    assert problem.place == "entries[1]"
    assert message in problem.message
    assert len(reading.items) == 1 + kept
    assert problem.left_out is not kept


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"content": "x"}, "It has no id."),
        ({"id": "a-1"}, "It has no content."),
        ({"id": "a-1", "content": "x", "tag": "great"}, "The tag 'great' is unknown"),
        ({"id": "a-1", "content": "x", "embedding": [float("nan")]}, "not a list of numbers"),
        ({"id": "a-1", "content": "x", "embedding": [10**400, "x"]}, "not a list of numbers"),
        ({"id": "a-1", "content": "x", "metadata": [1]}, "Its metadata"),
        ({"id": "a-1", "content": "x", "metadata": {"created_at": "soon"}}, "no ISO time"),
        ({"id": "a-1", "content": "x", "section": "pitfalls"}, "where it stands counts"),
    ],
)
def test_it_reports_what_is_odd_about_a_bullet(row: Any, message: str) -> None:
    reading = read_playbook({"apis": [row]})

    assert any(message in problem.message for problem in reading.problems)


def test_it_files_sections_of_ours_where_the_artifact_can_read_them() -> None:
    document = write_playbook([ArtifactBullet("team-001", "Be kind.", "team")])

    assert [row["id"] for row in document["strategies"]] == ["team-001"]
    assert set(document) == set(SECTIONS)
