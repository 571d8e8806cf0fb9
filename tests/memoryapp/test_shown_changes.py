"""What the audit log says has changed."""

import pytest

from memoryapp.models import Event
from memoryapp.templatetags import events


def test_what_there_was_and_what_was_done_with_it_are_no_change() -> None:
    said = events.event_changes({"before": {"to change": 14}, "after": {"done": 13, "left": 1}})
    assert [(row.name, row.after, row.is_new) for row in said] == [
        ("to change", "14", True),
        ("done", "13", True),
        ("left", "1", True),
    ]
    gone = events.event_changes({"before": {"name": "Desk"}, "after": {}})
    assert [(row.name, row.before, row.after) for row in gone] == [("name", "Desk", "nothing")]


@pytest.mark.parametrize(
    ("subject_type", "name", "shown"),
    [
        ("candidate", "ADD code_snippets", "Add, Code snippets"),
        ("bullet", "apis-001", "<code>apis-001</code>"),
        ("environmenttool", "<refund>", "<code>&lt;refund&gt;</code>"),
        ("run", "Run 3", "Run 3"),
    ],
)
def test_a_subject_is_said_in_words_and_as_code_where_machines_say_it(
    subject_type: str, name: str, shown: str
) -> None:
    assert events.event_subject(Event(subject_type=subject_type, subject_name=name)) == shown


def test_of_a_filter_that_was_asked_for_it_says_what_was_chosen() -> None:
    asked = {"op": "", "status": "pending", "tags": [], "is_blind": False, "run": 0}
    told = dict(events.event_details({"query": asked, "nothing": {"op": ""}, "deep": {"a": [1]}}))
    assert told == {
        "query": "status pending, is blind no, run 0",
        "nothing": "nothing",
        "deep": '{"a": [1]}',
    }
