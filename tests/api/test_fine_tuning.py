"""Approved trajectories leave as files for fine-tuning."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from practice.models import Attempt
from tests.factories import (
    AttemptFactory,
    EnvironmentFactory,
    RunFactory,
    StepFactory,
    TaskFactory,
    ToolFactory,
)

pytestmark = pytest.mark.django_db
URL = "/api/v1/trajectories/fine-tuning"


def attempt(task: Any, label: str, answer: str, **more: Any) -> Attempt:
    made: Attempt = AttemptFactory(
        task=task, label=label, answer=answer, outcome="finished", status="validated", **more
    )
    StepFactory(attempt=made, number=1, observation=f"seen by {answer}")
    return made


@pytest.fixture
def tasks(workspace: Any) -> list[Any]:
    environment = EnvironmentFactory(workspace=workspace, slug="desk")
    ToolFactory(environment=environment, name="get_thing")
    run = RunFactory(workspace=workspace, environment=environment)
    return [TaskFactory(round__run=run, instruction=f"Task {n}") for n in range(2)]


@pytest.fixture
def reader(with_key: Any) -> Client:
    client: Client = with_key("read")
    return client


def lines(client: Client, **asked: str) -> list[Any]:
    answer: Any = client.get(URL, asked, headers={"Accept": "application/x-ndjson"})
    assert answer.status_code == 200
    return [json.loads(line) for line in b"".join(answer.streaming_content).splitlines()]


def answers(found: list[Any]) -> list[str]:
    return [line["messages"][-1]["content"] for line in found]


def test_it_gives_each_success_as_one_conversation(reader: Client, tasks: list[Any]) -> None:
    attempt(tasks[0], "success", "right")
    attempt(tasks[0], "failure", "wrong", number=2)
    attempt(tasks[1], "success", "")  # it never answered
    (line,) = lines(reader, format="sft")
    roles = [message["role"] for message in line["messages"]]
    assert roles == ["user", "assistant", "tool", "assistant"]
    assert line["tools"][0]["function"]["name"] == "get_thing"


def test_it_leaves_out_earlier_tries_trials_and_held_out_tasks(
    reader: Client, tasks: list[Any]
) -> None:
    made = attempt(tasks[0], "success", "right")
    Attempt.objects.filter(pk=made.pk).update(current_try=2)
    StepFactory(attempt=made, try_number=2, number=1, observation="the second try")
    held_out = TaskFactory(round=tasks[0].round, is_held_out=True)
    attempt(held_out, "success", "secret")
    (line,) = lines(reader, format="sft")
    assert line["messages"][2]["content"] == "the second try"


def test_it_teaches_no_answer_whose_steps_were_dropped(reader: Client, tasks: list[Any]) -> None:
    kept = attempt(tasks[0], "success", "right")
    kept.run.steps_dropped_at = timezone.now()
    kept.run.save()

    assert lines(reader, format="sft") == []


def test_it_pairs_what_was_accepted_with_what_was_rejected(
    reader: Client, tasks: list[Any]
) -> None:
    attempt(tasks[0], "success", "right")
    attempt(tasks[0], "failure", "wrong", number=2)
    attempt(tasks[0], "infeasible", "no way", number=3)
    attempt(tasks[1], "success", "alone")
    (line,) = lines(reader, format="dpo")
    assert line["preferred_output"][-1]["content"] == "right"
    assert line["non_preferred_output"][-1]["content"] == "wrong"


def test_it_believes_a_person_more_than_the_validator(
    reader: Client, tasks: list[Any], rita: Any
) -> None:
    attempt(tasks[0], "success", "by the validator")
    made = attempt(tasks[1], "failure", "by a person")
    made.overrules.create(label="success", was="failure", by=rita)
    assert answers(lines(reader, format="sft")) == ["by the validator", "by a person"]
    assert answers(lines(reader, format="sft", confirmed="true")) == ["by a person"]


def test_it_gives_the_same_bytes_and_asks_no_more_for_more_rows(
    reader: Client, tasks: list[Any], django_assert_num_queries: Any
) -> None:
    attempt(tasks[0], "success", "one")
    first = lines(reader, format="sft")
    with django_assert_num_queries(8):
        assert lines(reader, format="sft") == first
    for number in range(2, 12):
        attempt(tasks[0], "success", "more", number=number)
    with django_assert_num_queries(8):
        assert len(lines(reader, format="sft")) == 11


def test_it_says_what_can_be_asked_for(reader: Client, tasks: list[Any]) -> None:
    for asked in ({}, {"format": "rlhf"}, {"format": "sft", "confirmed": "maybe"}):
        answer = reader.get(URL, asked)
        assert answer.status_code == 400
        assert "Choose one of" in str(answer.json()["errors"])
    assert reader.get(URL, {"format": "sft", "environment": "nope"}).status_code == 404


def test_it_is_for_readers_of_the_workspace(
    tasks: list[Any], with_key: Any, vera_client: Client, olga_client: Client
) -> None:
    attempt(tasks[0], "success", "right")
    assert with_key("playbooks:pull").get(URL, {"format": "sft"}).status_code == 403
    assert Client().get(URL, {"format": "sft"}).status_code == 401
    assert len(lines(vera_client, format="sft")) == 1
    assert lines(olga_client, format="sft") == []
