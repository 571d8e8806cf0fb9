"""What a proposer knows of the environment, and which of it a task is about."""

from __future__ import annotations

import json
import random

import pytest

from practice.agents.rules.observed import Observed
from practice.agents.rules.summariser import RulesSummariser
from practice.domain.types import Fact, Json, Step, TaskSpec, ToolSpec, Trajectory
from tests.agents.rules_shop import READ, WRITE, tool

LIST = tool("get_next_job", "List the jobs of a shift, with the next one.", READ)
SHOW = tool("get_job", "Get a job.", READ, "job_id", job_id="The job.")
DROP = tool("drop_job", "Delete a job.", WRITE, "job_id", job_id="The job.")


def chosen(asked: ToolSpec, *records: Json) -> set[str]:
    known = Observed([Fact("Jobs.", data={"tool": LIST.name, "records": list(records)})])
    found = set()
    for seed in range(20):
        picks = known.picks(asked, ["job_id"], random.Random(seed), lambda *_: True)
        found.add(str(picks["job_id"].value))
    return found


@pytest.mark.parametrize("state", ["✅ Done", "closed", "Completed", "CANCELLED"])
def test_a_task_changes_something_that_is_not_over_yet(state: str) -> None:
    jobs = {"job_id": "J-1", "status": state}, {"job_id": "J-2", "status": "In progress"}
    assert chosen(DROP, *jobs) == {"J-2"}
    assert chosen(SHOW, *jobs) == {"J-1", "J-2"}


def test_a_task_changes_what_is_over_where_there_is_nothing_else() -> None:
    assert chosen(DROP, {"job_id": "J-1", "job_state": "done"}) == {"J-1"}
    assert chosen(DROP, {"job_id": "J-1", "title": "Done"}, {"job_id": "J-2"}) == {"J-1", "J-2"}


def test_a_fact_leaves_out_what_leads_to_the_next_page_and_nothing_else() -> None:
    shown = {
        "jobs": [{"job_id": "J-1", "next_job_status": "open", "next_page_token": "abc"}],
        "next_cursor": "abc",
    }
    step = Step(1, LIST.name, {}, json.dumps(shown))
    told = RulesSummariser().summarise(TaskSpec("Look."), Trajectory((step,)), (LIST,))
    (record,) = [row for fact in told.facts for row in fact.data["records"] if "job_id" in row]
    assert record == {"job_id": "J-1", "next_job_status": "open"}


@pytest.mark.parametrize(
    ("row", "end"),
    [
        ({"note": "A scratch"}, "note A scratch."),
        ({"note": "A scratch."}, "note “A scratch.”"),
        ({"note": "Seen twice;\na scratch"}, "note “Seen twice; a scratch”."),
        ({"title": "Wing", "note": "A scratch."}, "note “A scratch.” and job title Wing."),
    ],
)
def test_a_fact_is_one_sentence_whatever_its_values_are(row: Json, end: str) -> None:
    step = Step(1, SHOW.name, {"job_id": "J-1"}, json.dumps({"job_id": "J-1", **row}))
    told = RulesSummariser().summarise(TaskSpec("Look."), Trajectory((step,)), (SHOW,))
    (fact,) = told.facts
    assert fact.text == f"`get_job` shows job ID J-1 with {end}"
