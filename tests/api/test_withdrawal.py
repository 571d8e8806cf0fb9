"""A release is retired or recalled, and agents are sent on."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from memoryapp.domain.errors import UnableToChange
from memoryapp.models import Event, LabelMove, Playbook
from memoryapp.services.canaries import canary_start
from memoryapp.services.evaluations import evaluation_record
from memoryapp.services.releases import label_move, release_publish
from memoryapp.services.withdrawals import release_reinstate, release_withdraw
from tests.factories import BulletFactory, PlaybookFactory

pytestmark = pytest.mark.django_db
URL = "/api/v1/playbooks/help-desk"


@pytest.fixture
def playbook(workspace: Any, ada: Any) -> Playbook:
    playbook = PlaybookFactory(workspace=workspace, slug="help-desk", name="Help desk")
    for number in range(2):
        BulletFactory(playbook=playbook)
        release_publish(playbook=playbook, by=ada, label="production" if number else "")
    return playbook


def release(playbook: Playbook, number: int) -> Any:
    return playbook.releases.get(number=number)


def recall(playbook: Playbook, number: int, by: Any, **more: Any) -> Any:
    given = {"kind": "recalled", "reason": "It deletes orders.", **more}
    return release_withdraw(release=release(playbook, number), by=by, **given)


def test_no_label_is_led_to_a_release_that_was_withdrawn_a_moment_ago(
    playbook: Playbook, ada: Any
) -> None:
    """Whoever asked for it had read the release before it was."""
    label, read, again = playbook.labels.get(), release(playbook, 1), release(playbook, 1)
    recall(playbook, 1, ada)
    with pytest.raises(UnableToChange, match="was recalled"):
        label_move(playbook=playbook, name="production", release=read, by=ada)
    with pytest.raises(UnableToChange, match="was recalled"):
        canary_start(label=label, release=again, share=10, by=ada)


def test_it_answers_410_with_the_replacement(playbook: Any, ada: Any, with_key: Any) -> None:
    recall(playbook, 2, ada)
    answer = with_key("playbooks:pull").get(f"{URL}?version=2")
    assert answer.status_code == 410
    assert answer["Content-Type"] == "application/problem+json"
    said = answer.json()
    assert said["detail"] == "v2 was recalled: It deletes orders. Pull version 1 instead."
    assert said["replacement"]["version"] == 1
    assert with_key("playbooks:pull").get(said["replacement"]["url"]).status_code == 200


def test_it_moves_the_labels_with_it(playbook: Any, ada: Any, with_key: Any) -> None:
    recall(playbook, 2, ada)
    assert with_key("playbooks:pull").get(URL)["X-Playbook-Version"] == "1"
    move = LabelMove.objects.first()
    assert move is not None
    assert move.from_release is not None
    assert (move.from_release.number, move.to_release.number) == (2, 1)
    event = Event.objects.get(kind="release.recalled")
    assert event.data["labels"] == ["production"]
    assert event.data["reason"] == "It deletes orders."


def test_it_answers_410_by_label_where_nothing_replaces_it(
    playbook: Any, ada: Any, with_key: Any
) -> None:
    recall(playbook, 1, ada)
    recall(playbook, 2, ada)
    answer = with_key("playbooks:pull").get(URL)
    assert (answer.status_code, answer.json()["replacement"]) == (410, None)


def test_it_names_what_production_serves_where_nothing_could_replace_it_then(
    playbook: Any, ada: Any, with_key: Any
) -> None:
    """An agent pinned to the first release is sent on once there is a better one."""
    recall(playbook, 2, ada)
    recall(playbook, 1, ada)
    pull = with_key("playbooks:pull")
    assert [pull.get(f"{URL}?version={n}").json()["replacement"] for n in (1, 2)] == [None, None]
    BulletFactory(playbook=playbook)
    release_publish(playbook=playbook, by=ada, label="production")
    for number in (1, 2):
        said = pull.get(f"{URL}?version={number}").json()
        assert said["replacement"]["version"] == 3
        assert said["detail"].endswith("Pull version 3 instead.")


def test_it_sends_on_whoever_was_sent_to_it(playbook: Any, ada: Any) -> None:
    BulletFactory(playbook=playbook)
    release_publish(playbook=playbook, by=ada)
    recall(playbook, 3, ada)
    recall(playbook, 2, ada)
    assert release(playbook, 3).replacement.number == 1


def test_it_ends_a_trial_of_the_release(playbook: Any, ada: Any) -> None:
    label = playbook.labels.get()
    label_move(playbook=playbook, name="production", release=release(playbook, 1), by=ada)
    canary_start(label=label, release=release(playbook, 2), share=10, by=ada)
    recall(playbook, 2, ada)
    assert playbook.labels.get().canary is None


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"reason": " "}, "Say why"),
        ({"kind": "lost"}, "retired or recalled"),
    ],
)
def test_it_refuses_what_says_too_little(playbook: Any, ada: Any, given: Any, says: str) -> None:
    with pytest.raises(UnableToChange, match=says):
        recall(playbook, 2, ada, **given)


def test_it_refuses_a_replacement_that_cannot_serve(playbook: Any, ada: Any) -> None:
    recall(playbook, 1, ada)
    for number, said in ((1, "in use"), (2, "cannot replace itself")):
        with pytest.raises(UnableToChange, match=said):
            recall(playbook, 2, ada, replacement=release(playbook, number))


def test_it_withdraws_once(playbook: Any, ada: Any) -> None:
    recall(playbook, 2, ada)
    with pytest.raises(UnableToChange, match="already"):
        recall(playbook, 2, ada)


def test_it_lets_no_label_point_at_it(playbook: Any, ada: Any) -> None:
    recall(playbook, 2, ada)
    with pytest.raises(UnableToChange, match="Reinstate it"):
        label_move(playbook=playbook, name="staging", release=release(playbook, 2), by=ada)


def test_it_can_be_reinstated(playbook: Any, ada: Any, with_key: Any) -> None:
    recall(playbook, 2, ada)
    release_reinstate(release=release(playbook, 2), by=ada)
    assert with_key("playbooks:pull").get(f"{URL}?version=2").status_code == 200
    with pytest.raises(UnableToChange, match="in use"):
        release_reinstate(release=release(playbook, 2), by=ada)


def test_it_works_over_the_api(playbook: Any, with_key: Any) -> None:
    client = with_key("write")
    body = {"kind": "recalled", "reason": "wrong", "replacement": 1}
    url = f"{URL}/releases/2"
    answer = client.post(f"{url}/withdraw", body, content_type="application/json")
    assert answer.status_code == 200
    assert (answer.json()["withdrawal"], answer.json()["replacement"]) == ("recalled", 1)
    assert client.post(f"{url}/withdraw", body, content_type="application/json").status_code == 409
    assert client.post(f"{url}/reinstate").json()["withdrawal"] == ""
    assert with_key("read").post(f"{url}/reinstate").status_code == 403


@pytest.mark.parametrize(
    "path",
    ["?version=2", "/releases", "/labels", "/evaluations"],
)
def test_nothing_that_only_names_releases_reads_their_texts(
    playbook: Playbook, ada: Any, with_key: Any, path: str
) -> None:
    evaluation_record(
        playbook=playbook,
        digest="0",
        name="X",
        link="/x/",
        figures={},
        release=release(playbook, 1),
    )
    recall(playbook, 2, ada)
    client = with_key("read")
    with CaptureQueriesContext(connection) as seen:
        answer = client.get(f"{URL}{path}")
    assert answer.status_code == (410 if "version" in path else 200)
    assert not [q["sql"] for q in seen if '"bodies"' in q["sql"] or '"document"' in q["sql"]]
