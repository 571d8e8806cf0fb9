"""Every request to a model is kept with its cost the moment it is answered."""

from __future__ import annotations

from decimal import Decimal
from threading import Thread
from typing import Any

import pytest
from django.db import connections
from django.db.models import Sum

from practice.agents.prompting import built_in_text
from practice.domain.calls import CallRecord
from practice.models import Environment, LedgerEntry, ModelCall, ModelPrice, Unit
from practice.orchestrator import rounds
from practice.orchestrator.calls import recorder
from practice.queries.calls import conversation
from practice.services.prompts import prompt_save
from tests.factories import EnvironmentFactory, RunFactory
from tests.fakes import Answer, Asked, failing, text, typed
from tests.practice.models import KEY, served
from tests.practice.runs import connected, driven, started
from tests.role_player import RolePlayer

pytestmark = pytest.mark.django_db


@pytest.fixture
def desk(workspace: Any) -> Environment:
    return connected(EnvironmentFactory(workspace=workspace))


def test_it_keeps_each_call_of_a_run_once_in_the_ledger(
    desk: Environment, ada: Any, settings: Any
) -> None:
    ModelPrice.objects.create(workspace=desk.workspace, model="script*", input=2, output=4)
    with served(settings, RolePlayer()) as server:
        run = driven(started(desk, ada, engine="model", rounds=1, tasks=1))

    assert run.status == "finished"
    calls = ModelCall.objects.filter(run=run)
    assert calls.count() == len(server.requests)
    spent = LedgerEntry.objects.filter(run=run).aggregate(
        tokens=Sum("input_tokens"), asked=Sum("requests"), cost=Sum("cost")
    )
    assert spent["tokens"] == 100 * len(server.requests)
    assert spent["asked"] == len(server.requests)
    assert spent["cost"] == calls.aggregate(cost=Sum("cost"))["cost"]
    # 100 tokens in and 20 out, at $2 and $4 per million.
    assert {call.cost for call in calls} == {Decimal("0.000280")}


def test_it_says_whose_call_it_was_and_stores_a_conversation_once(
    desk: Environment, ada: Any, settings: Any
) -> None:
    with served(settings, RolePlayer()):
        run = driven(started(desk, ada, engine="model", rounds=1, tasks=1))

    attempt = run.attempts.get()
    proposing = ModelCall.objects.get(run=run, role="proposer")
    assert proposing.unit is not None
    assert (proposing.unit.stage, proposing.attempt) == ("propose", None)
    assert proposing.prompt.startswith("built-in ")
    for role in ("validator", "reflector", "curator"):
        assert attempt.calls.filter(role=role).exists(), role
    calls = list(attempt.calls.filter(role="solver"))
    first, last = calls[0], calls[-1]
    assert last.request[0] == {"role": "earlier", "messages": 2 * (len(calls) - 1)}
    before = conversation(last)
    assert before[0] == first.request[0]
    assert [part for part in before if part["role"] == "tool"]
    assert conversation(first) == []
    # Nobody set a price for this model, and none is guessed.
    assert set(ModelCall.objects.filter(run=run).values_list("cost", flat=True)) == {None}
    assert set(run.ledger.filter(requests__gt=0).values_list("cost", flat=True)) == {None}


def test_it_keeps_what_was_spent_before_a_role_failed(
    desk: Environment, ada: Any, settings: Any
) -> None:
    player = RolePlayer()

    def script(asked: Asked) -> Answer:
        return text("Five, I would say.") if asked.role == "validator" else player(asked)

    with served(settings, script) as server:
        run = driven(started(desk, ada, engine="model", rounds=1, tasks=1))

    judged = [asked for asked in server.requests if asked.role == "validator"]
    assert len(judged) == 3 * 4, "three replies in each of four tries"
    assert ModelCall.objects.filter(run=run, role="validator").count() == len(judged)
    entries = LedgerEntry.objects.filter(run=run, role="validator")
    assert entries.aggregate(tokens=Sum("input_tokens"))["tokens"] == 100 * len(judged)


def test_it_reflects_once_however_often_the_curator_cannot_be_read(
    desk: Environment, ada: Any, settings: Any
) -> None:
    player = RolePlayer()

    def script(asked: Asked) -> Answer:
        return text("I would add a rule.") if asked.role == "curator" else player(asked)

    with served(settings, script) as server:
        run = driven(started(desk, ada, engine="model", rounds=1, tasks=1))

    asked = [request.role for request in server.requests]
    assert (asked.count("reflector"), asked.count("curator")) == (1, 3 * 4)
    assert run.attempts.get().reflection["what_happened"]
    unread = ModelCall.objects.filter(run=run, role="curator")
    assert {call.error.partition(".")[0] for call in unread} == {"The reply holds no JSON object"}
    assert conversation(unread[1])[-1]["content"] == "I would add a rule."


def test_it_keeps_a_request_that_was_not_answered(
    desk: Environment, ada: Any, settings: Any
) -> None:
    with served(settings, lambda asked: failing(401, message=f"bad key {KEY}")):
        run = driven(started(desk, ada, engine="model", rounds=1, tasks=1))

    call = ModelCall.objects.get(run=run)
    assert "rejected the API key" in call.error
    assert KEY not in call.error
    assert (list(call.reply), call.input_tokens, call.cost) == ([], 0, Decimal(0))


def test_it_writes_nothing_twice_for_the_rules_engine(desk: Environment, ada: Any) -> None:
    run = driven(started(desk, ada, rounds=1, tasks=1))

    assert not ModelCall.objects.filter(run=run).exists()
    assert LedgerEntry.objects.filter(run=run).exists()
    assert run.spent() == 0


def test_it_counts_what_a_worker_spent_after_it_lost_its_claim(workspace: Any) -> None:
    unit = Unit.objects.create(run=RunFactory(workspace=workspace), stage="propose", round=1)
    keep = recorder(unit)
    Unit.objects.filter(pk=unit.pk).update(status="waiting", claim=None)

    keep(CallRecord(role="proposer", model="m", request=(), input_tokens=7, cost=Decimal(1)))

    assert ModelCall.objects.get(unit=unit).input_tokens == 7
    assert unit.run.spent() == 1


@pytest.mark.django_db(transaction=True)
def test_it_keeps_calls_from_a_helper_thread_and_leaves_no_connection(
    workspace: Any, ada: Any
) -> None:
    run = RunFactory(workspace=workspace)
    unit = Unit.objects.create(run=run, stage="propose", round=1)
    keep, left = recorder(unit), []

    def work() -> None:
        keep(CallRecord(role="proposer", model="m", request=()))
        left.append(connections["default"].connection)

    thread = Thread(target=work)
    thread.start()
    thread.join()

    assert ModelCall.objects.filter(unit=unit).count() == 1
    assert left == [None]


def test_it_sends_the_environments_own_prompt_and_names_its_version(
    desk: Environment, ada: Any, settings: Any
) -> None:
    text_ = built_in_text("proposer").replace("# Role: proposer", "# Role: proposer\n\nOurs.")
    prompt_save(environment=desk, role="proposer", text=text_, note="", activate=True, by=ada)
    with served(settings, RolePlayer()) as server:
        run = started(desk, ada, engine="model", rounds=1, tasks=1)
        desk.prompts.update(is_active=False)
        rounds.work(rounds.drive(run.pk)[0])

    assert "Ours." in server.requests[0].instructions
    assert ModelCall.objects.get(run=run).prompt == "version 1"


def test_it_asks_as_many_votes_as_the_plan_wants(
    desk: Environment, ada: Any, settings: Any
) -> None:
    scores, player = [5, 1, 5], RolePlayer()

    def script(asked: Asked) -> Answer:
        if asked.role != "validator":
            return player(asked)
        score = scores.pop(0)
        return typed(
            feasibility=5, feasibility_reason="Yes.", completion=score, completion_reason="So."
        )

    with served(settings, script):
        run = started(desk, ada, engine="model", rounds=1, tasks=1)
        run.plan["votes"] = 3
        run.save()
        driven(run)

    attempt = run.attempts.get()
    assert len(attempt.votes) == 3
    assert attempt.calls.filter(role="validator").count() == 3
