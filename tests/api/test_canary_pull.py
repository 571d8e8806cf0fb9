"""Some agents get a release on trial, and what they report ends it."""

from __future__ import annotations

from typing import Any

import pytest

from memoryapp.clients import receipts, store
from memoryapp.domain.canary import is_on_trial
from memoryapp.domain.errors import UnableToChange
from memoryapp.indexer.receipts import flush
from memoryapp.models import Event, Playbook, Report
from memoryapp.services.canaries import canaries_judge, canary_end, canary_promote, canary_start
from memoryapp.services.releases import label_move, release_publish
from tests.factories import BulletFactory, PlaybookFactory

pytestmark = pytest.mark.django_db
URL = "/api/v1/playbooks/help-desk"


@pytest.fixture(autouse=True)
def _receipts() -> None:
    store._rests_until = 0.0  # another test may have met a dead Redis
    store.client().delete(receipts.BUFFER, receipts.TAKEN)


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


def report(release: Any, successes: int, failures: int, *, label: str = "production") -> None:
    for number in range(successes + failures):
        Report.objects.create(
            release=release,
            label=label,
            task=f"{label} {number}",
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


def test_it_counts_nothing_that_another_label_handed_out(
    playbook: Any, label: Any, ada: Any
) -> None:
    label_move(playbook=playbook, name="staging", release=second(playbook), by=ada)
    canary_start(label=label, release=second(playbook), share=20, by=ada)
    report(playbook.releases.get(number=1), 40, 2)
    report(second(playbook), 1, 39, label="staging")
    report(second(playbook), 19, 1)
    assert canaries_judge(second(playbook)) == []
    report(second(playbook), 1, 39, label="")
    assert canaries_judge(second(playbook)) == []


@pytest.fixture
def both(playbook: Any, label: Any, ada: Any) -> Any:
    """The second release, on trial under production and what staging points at."""
    label_move(playbook=playbook, name="staging", release=second(playbook), by=ada)
    canary_start(label=label, release=second(playbook), share=99, by=ada)
    return second(playbook)


def on_trial(label: Any, release: Any) -> str:
    """An agent that the label gives the release on trial."""
    agents = (f"a{number}" for number in range(50))
    trial = f"{label.pk}:{release.pk}"
    return next(agent for agent in agents if is_on_trial(agent, trial=trial, share=99))


def test_a_report_is_of_the_label_its_agent_pulled_by(both: Any, label: Any, with_key: Any) -> None:
    client = with_key("playbooks:pull", "feedback:write")
    headers = {"X-Agent-Id": on_trial(label, both)}
    for pulled in ("label=production", "version=2", "label=staging"):
        client.get(f"{URL}?{pulled}", headers=headers)
        flush()
        said = {"release": both.pk, "task": pulled, "outcome": "failure"}
        client.post("/api/v1/feedback", said, "application/json", headers=headers)
    found = dict(Report.objects.values_list("task", "label"))
    assert found == {
        "label=production": "production",
        "version=2": "",
        "label=staging": "staging",
    }


def test_a_report_that_names_its_agent_may_follow_a_pull_that_did_not(
    both: Any, with_key: Any
) -> None:
    client = with_key("playbooks:pull", "feedback:write")
    client.get(f"{URL}?label=staging")
    flush()
    said = {"release": both.pk, "task": "t", "agent": "tester", "outcome": "failure"}
    client.post("/api/v1/feedback", said, content_type="application/json")
    assert Report.objects.get().label == "staging"


def test_a_report_of_an_agent_is_not_taken_for_another_s_of_its_key(
    both: Any, label: Any, with_key: Any
) -> None:
    client, agent = with_key("playbooks:pull", "feedback:write"), on_trial(label, both)
    client.get(f"{URL}?label=staging", headers={"X-Agent-Id": "tester"})
    client.get(URL, headers={"X-Agent-Id": agent})
    flush()
    for name in ("tester", agent, "stranger"):
        said = {"release": both.pk, "task": name, "agent": name, "outcome": "failure"}
        client.post("/api/v1/feedback", said, content_type="application/json")
    found = dict(Report.objects.values_list("task", "label"))
    assert found == {"tester": "staging", agent: "production", "stranger": ""}


def test_a_report_before_its_receipt_is_of_the_only_label_there_is(
    playbook: Any, label: Any, ada: Any, with_key: Any
) -> None:
    canary_start(label=label, release=second(playbook), share=99, by=ada)
    said = {"release": second(playbook).pk, "task": "t", "outcome": "failure"}
    with_key("feedback:write").post("/api/v1/feedback", said, content_type="application/json")
    assert Report.objects.get().label == "production"


def test_a_label_that_was_not_known_is_once_the_outcome_is_said(
    both: Any, label: Any, with_key: Any
) -> None:
    client = with_key("playbooks:pull", "feedback:write")
    headers = {"X-Agent-Id": on_trial(label, both)}
    client.get(URL, headers=headers)
    bullet = both.document["sections"][0]["bullets"][0]["label"]
    for more in ({"bullets": [{"id": bullet, "vote": "helpful"}]}, {"outcome": "success"}):
        said = {"release": both.pk, "task": "t", **more}
        client.post("/api/v1/feedback", said, "application/json", headers=headers)
        known = Report.objects.get().label
        assert known == ("production" if "outcome" in more else "")
        flush()


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
    shown = client.get(f"{URL}/labels").json()[0]["shown"]
    late = body | {"share": 50, "seen": started["shown"]}
    assert client.put(url, late, content_type="application/json").json()["shown"] != shown
    for path, sent in ((url, body | {"seen": shown}), (f"{url}/promote", {"seen": shown})):
        send = client.put if path == url else client.post
        refused = send(path, sent, content_type="application/json")
        assert refused.status_code == 409
        assert refused.json()["type"] == "urn:greenroom:problem:changed-meanwhile"
    promoted = client.post(f"{url}/promote", content_type="application/json")
    assert promoted.json()["version"] == 2
    assert with_key("playbooks:pull").put(url, body).status_code == 403
