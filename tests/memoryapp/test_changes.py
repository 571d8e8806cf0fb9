"""What differs between two released documents."""

from __future__ import annotations

from typing import Any

import pytest

from memoryapp.domain.changes import Draft, changes


def document(**texts: str) -> dict[str, Any]:
    """One section per bullet: ``pitfalls_001="text"`` is bullet pitfalls-001 of pitfalls."""
    return {
        "sections": [
            {
                "name": name.partition("_")[0],
                "bullets": [{"label": name.replace("_", "-"), "content": text, "helpful": 1}],
            }
            for name, text in texts.items()
        ]
    }


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (None, document(apis_001="a"), [("added", "apis-001", "", "a")]),
        (document(apis_001="a"), document(apis_001="b"), [("reworded", "apis-001", "a", "b")]),
        (document(apis_001="a"), document(), [("retired", "apis-001", "a", "")]),
        (document(apis_001="a"), document(apis_001="a"), []),
        (
            document(apis_001="a", apis_002="b"),
            document(apis_002="b", apis_003="c"),
            [("added", "apis-003", "", "c"), ("retired", "apis-001", "a", "")],
        ),
    ],
)
def test_it_tells_added_reworded_and_retired_apart(before: Any, after: Any, expected: Any) -> None:
    found = changes(before, after)
    assert [(c.kind, c.label, c.before, c.after) for c in found] == expected


def test_it_ignores_counters() -> None:
    before, after = document(apis_001="a"), document(apis_001="a")
    after["sections"][0]["bullets"][0]["helpful"] = 9
    assert changes(before, after) == []


@pytest.mark.parametrize(("bullets", "publishable"), [(1, True), (0, False)])
def test_it_publishes_no_empty_draft(bullets: int, publishable: bool) -> None:
    found = changes(document(apis_001="a", apis_002="b"), document(apis_002="c"))
    draft = Draft(2, found, "v1", bullets, 10, "shown")
    assert draft.is_changed is publishable
    assert (draft.added, draft.reworded, draft.retired, draft.same_as) == (0, 1, 1, "")
