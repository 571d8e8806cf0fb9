"""What the audit log says has changed."""

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
