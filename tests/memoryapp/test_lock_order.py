"""Who counts and who changes several bullets at one moment never wait for each other."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from django.db import transaction

from memoryapp.models import Bullet, Candidate, Playbook, Report
from memoryapp.services import curation, patience, withdrawals
from memoryapp.services.counters import practice_tags_count
from memoryapp.services.patience import PlaybookBusy
from memoryapp.services.proposals import lesson_propose
from memoryapp.services.releases import release_publish
from memoryapp.services.reports import Said, report_take
from memoryapp.services.tokens import api_key_create
from tests.factories import BulletFactory, PlaybookFactory
from tests.locks import elsewhere, until_somebody_waits

pytestmark = pytest.mark.django_db(transaction=True)
LABELS = ("strategies-001", "strategies-002")


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine is no busy playbook."""
    monkeypatch.setattr(patience, "LOCK_SECONDS", 60)


@pytest.fixture
def playbook(workspace: Any) -> Any:
    playbook = PlaybookFactory(workspace=workspace)
    for number, label in enumerate(LABELS, start=1):
        BulletFactory(
            pk=UUID(int=number),
            playbook=playbook,
            label=label,
            section="strategies",
            content=f"Do {label}.",
        )
    return playbook


@pytest.fixture
def votes(playbook: Any, ada: Any) -> Callable[[str], Callable[[], object]]:
    """Ways to count a vote for each of the bullets, by who gives them."""
    release = release_publish(playbook=playbook, by=ada, label="production")

    def ways(who: str) -> Callable[[], object]:
        if who == "a run":
            return lambda: practice_tags_count(
                playbook=playbook, tags=dict.fromkeys(LABELS, "helpful")
            )
        said = [Said(label, "helpful") for label in LABELS]
        return lambda: report_take(release=release, votes=said)

    return ways


@pytest.mark.parametrize("who", ["an agent", "a run"])
def test_votes_and_a_merge_both_come_through(
    playbook: Any, votes: Any, ada: Any, monkeypatch: pytest.MonkeyPatch, who: str
) -> None:
    # Merged from the last to the first: the other way round than votes are counted.
    labels = [*reversed(LABELS)]
    seen = curation.merge_digest(curation.bullets_named(playbook, labels))
    troubles: list[Exception] = []
    voting: list[threading.Thread] = []
    revise = Bullet.revise

    def revise_first(self: Bullet, **given: Any) -> Any:
        made = revise(self, **given)
        if not voting:
            voting.append(elsewhere(votes(who), troubles))
            until_somebody_waits()
        return made

    monkeypatch.setattr(Bullet, "revise", revise_first)
    kept = curation.bullets_merge(
        playbook=playbook, labels=labels, content="Do both.", seen=seen, reason="", by=ada
    )
    voting[0].join(60)
    assert troubles == []
    assert kept.label == labels[0]
    column = "deployed_helpful" if who == "an agent" else "practice_helpful"
    assert dict(Bullet.objects.values_list("label", column)) == dict.fromkeys(LABELS, 1)


def test_a_report_and_a_withdrawal_both_come_through(
    playbook: Any, votes: Any, ada: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    vote = votes("an agent")
    troubles: list[Exception] = []
    voting: list[threading.Thread] = []
    replacement_of = withdrawals._replacement

    def replacement_first(*given: Any) -> Any:
        voting.append(elsewhere(vote, troubles))
        until_somebody_waits()
        return replacement_of(*given)

    monkeypatch.setattr(withdrawals, "_replacement", replacement_first)
    withdrawals.release_withdraw(
        release=playbook.releases.get(), kind="recalled", reason="Wrong.", by=ada
    )
    voting[0].join(60)
    assert troubles == []
    assert Report.objects.get().votes.count() == len(LABELS)


@pytest.mark.parametrize("what", ["a report", "a lesson"])
def test_no_agent_waits_for_long(
    playbook: Any, votes: Any, ada: Any, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """A dozen that do, behind a large import, would be all threads of the web server."""
    monkeypatch.setattr(patience, "LOCK_SECONDS", 1)
    key = api_key_create(
        workspace=playbook.workspace, name="desk", scopes=("trajectories:write",), by=ada
    )[0]
    ways: dict[str, tuple[Callable[[], object], Any]] = {
        "a report": (votes("an agent"), Report),
        "a lesson": (
            lambda: lesson_propose(playbook=playbook, content="Ask first.", by=key),
            Candidate,
        ),
    }
    send, kept = ways[what]
    troubles: list[Exception] = []
    with transaction.atomic():
        Playbook.objects.select_for_update(no_key=True).get(pk=playbook.pk)
        elsewhere(send, troubles).join(20)
        assert [type(trouble) for trouble in troubles] == [PlaybookBusy]
    assert not kept.objects.exists()
    send()
    assert kept.objects.exists()
