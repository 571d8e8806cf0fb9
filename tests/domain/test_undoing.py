"""Taking back a job's changes to one bullet, as a table."""

from __future__ import annotations

import pytest

from memoryapp.domain.undoing import Effect, Undoing, Written, undoing

JOB, PERSON, MARK = "job", "person", "mark"


def written(*kinds: str) -> list[Written]:
    return [
        Written(number, of_job=kind == JOB, by_person=kind == PERSON)
        for number, kind in enumerate(kinds, start=1)
    ]


@pytest.mark.parametrize(
    ("kinds", "expected"),
    [
        ([], Undoing(Effect.NOTHING)),
        ([PERSON], Undoing(Effect.NOTHING)),
        ([JOB], Undoing(Effect.RETIRE)),
        ([JOB, JOB], Undoing(Effect.RETIRE)),
        ([JOB, MARK], Undoing(Effect.RETIRE)),
        ([PERSON, JOB], Undoing(Effect.REVERT, 1)),
        ([PERSON, JOB, MARK, JOB], Undoing(Effect.REVERT, 1)),
        ([PERSON, MARK, JOB], Undoing(Effect.REVERT, 2)),
        ([JOB, PERSON], Undoing(Effect.SPARE, 2)),
        ([JOB, PERSON, MARK], Undoing(Effect.SPARE, 2)),
        ([JOB, PERSON, JOB], Undoing(Effect.REVERT, 2)),
        ([JOB, MARK, PERSON, PERSON], Undoing(Effect.SPARE, 3)),
    ],
)
def test_it_says_how_to_take_a_job_back(kinds: list[str], expected: Undoing) -> None:
    assert undoing(written(*kinds)) == expected
