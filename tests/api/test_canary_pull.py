"""Some agents get a release on trial, and what they report ends it."""

from __future__ import annotations

from typing import Any

import pytest

from memoryapp.domain.errors import UnableToChange
from memoryapp.models import Event, Playbook, Report
from memoryapp.services.canaries import canaries_judge, canary_end, canary_promote, canary_start
from memoryapp.services.releases import label_move, release_publish
from tests.factories import BulletFactory, PlaybookFactory

pytestmark = pytest.mark.django_db
URL = "/api/v1/playbooks/help-desk"


@pytest.fixture
def playbook(workspace: Any, ada: Any) -> Playbook:
    playbook = PlaybookFactory(workspace=workspace, slug="help-desk")
    for label in ("production", ""):
        BulletFactory(playbook=playbook)
        release_publish(playbook=playbook, by=ada, label=label)
    return playbook


@pytest.fixture
def label(playbook: Playbook) -> Any:
    return playbook.labels.get()


def second(playbook: Playbook) -> Any:
    return playbook.releases.get(number=2)


def report(release: Any, successes: int, failures: int) -> None:
    for number in range(successes + failures):
        Report.objects.create(
            release=release,
            task=f"task {number}",
            outcome="success" if number < successes else "failure",
        )


def test_it_gives_the_release_on_trial_to_its_share(
    playbook: Any, label: Any, ada: Any, with_key: Any
) -> None:
    canary_start(label=label, release=second(playbook), share=50, by=ada)
    client = with_key("playbooks:pull")

    def version(agent: int) -> str:
        return str(client.get(URL, headers={"X-Agent-Id": f"a{agent}"})["X-Playbook-Version"])

    given = [version(agent) for agent in range(40)]
    assert {"1", "2"} == set(given)
    assert [version(agent) for agent in range(40)] == given


def test_a_key_searches_the_release_that_it_pulls(
    playbook: Any, label: Any, ada: Any, with_key: Any
) -> None:
    canary_start(label=label, release=second(playbook), share=50, by=ada)
    given = []
    for _ in range(10):
        client = with_key("playbooks:pull")
        searched = client.post(f"{URL}/retrieve", {"query": "refund"}, "application/json")
        given.append((client.get(URL)["X-Playbook-Version"], str(searched.json()["version"])))
    assert {pulled == searched for pulled, searched in given} == {True}


def test_a_search_takes_no_name_that_a_pull_refuses(playbook: Any, with_key: Any) -> None:
    client, headers = with_key("playbooks:pull"), {"X-Agent-Id": "a" * 300}
    asked = client.post(f"{URL}/retrieve", {"query": "x"}, "application/json", headers=headers)
    assert asked.status_code == client.get(URL, headers=headers).status_code == 400


def test_it_gives_it_to_nobody_who_asks_for_a_version(
    playbook: Any, label: Any, ada: Any, with_key: Any
) -> None:
    canary_start(label=label, release=second(playbook), share=99, by=ada)
    answer = with_key("playbooks:pull").get(f"{URL}?version=1")
    assert answer["X-Playbook-Version"] == "1"


def test_it_ends_by_itself_when_it_does_worse(playbook: Any, label: Any, ada: Any) -> None:
    canary_start(label=label, release=second(playbook), share=20, by=ada)
    report(playbook.releases.get(number=1), 40, 2)
    report(second(playbook), 6, 14)
    assert canaries_judge(second(playbook)) == ["production"]
    label.refresh_from_db()
    assert (label.canary, label.canary_share, label.release.number) == (None, 0, 1)
    event = Event.objects.get(kind="canary.reverted")
    assert event.actor is None
    assert event.data["canary"] == [6, 14]
    assert canaries_judge(second(playbook)) == []


def test_it_goes_on_while_it_does_as_well(playbook: Any, label: Any, ada: Any) -> None:
    canary_start(label=label, release=second(playbook), share=20, by=ada)
    report(playbook.releases.get(number=1), 40, 2)
    report(second(playbook), 19, 1)
    assert canaries_judge(second(playbook)) == []


def test_it_counts_nothing_from_before_the_trial(playbook: Any, label: Any, ada: Any) -> None:
    report(playbook.releases.get(number=1), 40, 0)
    report(second(playbook), 0, 40)
    canary_start(label=label, release=second(playbook), share=20, by=ada)
    assert canaries_judge(second(playbook)) == []


@pytest.mark.parametrize("share", [0, 100, -1])
def test_it_wants_a_share(playbook: Any, label: Any, ada: Any, share: int) -> None:
    with pytest.raises(UnableToChange, match="1 to 99"):
        canary_start(label=label, release=second(playbook), share=share, by=ada)


def test_it_tries_nothing_that_is_served_already(playbook: Any, label: Any, ada: Any) -> None:
    with pytest.raises(UnableToChange, match="already"):
        canary_start(label=label, release=label.release, share=10, by=ada)


def test_it_is_promoted_with_history(playbook: Any, label: Any, ada: Any) -> None:
    canary_start(label=label, release=second(playbook), share=10, by=ada)
    canary_promote(label=label, by=ada)
    label.refresh_from_db()
    assert (label.release.number, label.canary) == (2, None)
    assert playbook.label_moves.first().from_release.number == 1
    with pytest.raises(UnableToChange, match="No release is on trial"):
        canary_end(label=label, by=ada)


def test_it_ends_when_the_label_moves(playbook: Any, label: Any, ada: Any) -> None:
    canary_start(label=label, release=second(playbook), share=10, by=ada)
    label_move(playbook=playbook, name="production", release=second(playbook), by=ada)
    label.refresh_from_db()
    assert (label.canary, label.canary_share) == (None, 0)


def test_it_works_over_the_api(playbook: Any, with_key: Any) -> None:
    client = with_key("write", "read")
    url = f"{URL}/labels/production/canary"
    body = {"version": 2, "share": 25}
    started = client.put(url, body, content_type="application/json").json()
    assert started["canary"]["share"] == 25
    assert started["canary"]["outcomes"] == {"successes": 0, "failures": 0, "interval": [0, 1]}
    assert started["canary"]["difference"] == [0, -1, 1]
    assert client.get(f"{URL}/labels").json()[0]["canary"]["version"] == 2
    assert client.delete(url).json()["canary"] is None
    assert client.delete(url).status_code == 409
    client.put(url, body, content_type="application/json")
    assert client.post(f"{url}/promote").json()["version"] == 2
    assert with_key("playbooks:pull").put(url, body).status_code == 403
