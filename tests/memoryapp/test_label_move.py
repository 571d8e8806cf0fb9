"""Moving a label to another release."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from memoryapp.models import LabelMove
from memoryapp.services.releases import label_move, release_publish
from tests.factories import BulletFactory, PlaybookFactory

pytestmark = pytest.mark.django_db

URL = "/playbooks/help-desk/labels/move/"


@pytest.fixture
def playbook(workspace: Any, ada: Any) -> Any:
    """A playbook with two releases; production points at the second."""
    playbook = PlaybookFactory(workspace=workspace, slug="help-desk")
    for _ in range(2):
        BulletFactory(playbook=playbook)
        release_publish(playbook=playbook, by=ada, label="production")
    return playbook


def to(release: Any, name: str = "production", seen: str = "production:2") -> dict[str, Any]:
    return {"name": name, "release": release, "labels": seen}


def test_it_moves_back_and_says_who_did(rita_client: Any, playbook: Any, rita: Any) -> None:
    answer = rita_client.post(URL, to(1), follow=True)
    assert playbook.labels.get().release.number == 1
    move = LabelMove.objects.first()
    assert move is not None
    assert (move.moved_by, str(move.from_release), str(move.to_release)) == (rita, "v2", "v1")
    assert "production points at v1 now" in answer.content.decode()


def test_it_moves_back_only_what_nobody_moved_meanwhile(
    rita_client: Any, vera_client: Any, playbook: Any, ada: Any
) -> None:
    page = "/playbooks/help-desk/labels/production/"
    assert "Move back to v1" in rita_client.get(page).content.decode()
    assert "Move back to v1" not in vera_client.get(page).content.decode()
    BulletFactory(playbook=playbook)
    release_publish(playbook=playbook, by=ada, label="production")
    back = {"name": "production", "release": 1, "now": 2}
    answer = rita_client.post(URL, back)
    assert answer.status_code == 409
    assert "now points at v3" in answer.content.decode()
    rita_client.post(URL, back | {"release": 2, "now": 3})
    assert playbook.labels.get().release.number == 2
    assert rita_client.post(URL, back | {"name": "staging"}).status_code == 404


def test_it_reads_no_text_of_a_release(rita_client: Any, playbook: Any) -> None:
    with CaptureQueriesContext(connection) as ran:
        rita_client.post(URL, {"name": "production", "release": 1, "now": 2})
        rita_client.post(URL, to(2, seen="production:1"))
    assert playbook.labels.get().release.number == 2
    assert not [query for query in ran if '"document"' in query["sql"]]


def test_it_moves_back_only_to_where_its_reader_was_told(
    rita_client: Any, playbook: Any, ada: Any
) -> None:
    """It went on and came back meanwhile: it points where it did, and came from elsewhere."""
    BulletFactory(playbook=playbook)
    release_publish(playbook=playbook, by=ada, label="production")
    label_move(
        playbook=playbook, name="production", release=playbook.releases.get(number=2), by=ada
    )
    answer = rita_client.post(URL, {"name": "production", "release": 1, "now": 2})
    assert answer.status_code == 409
    assert "would now go back to v3" in answer.content.decode()
    assert playbook.labels.get().release.number == 2


def test_it_makes_a_new_label(rita_client: Any, playbook: Any) -> None:
    rita_client.post(URL, to(2, "canary"))
    assert playbook.labels.get(name="canary").release.number == 2


@pytest.mark.parametrize(
    ("posted", "status", "words"),
    [
        (to(2), 409, "already points at v2"),
        (to(1, "Two Words"), 409, "lower-case letters"),
        (to("x"), 422, "Release"),
        (to(7), 404, ""),
    ],
)
def test_it_says_why_it_did_not_move(
    rita_client: Any, playbook: Any, posted: Any, status: int, words: str
) -> None:
    answer = rita_client.post(URL, posted)
    assert answer.status_code == status
    assert words in answer.content.decode()
    assert playbook.labels.get().release.number == 2


def test_it_is_refused_to_a_viewer(vera_client: Any, playbook: Any) -> None:
    assert vera_client.post(URL, {"name": "production", "release": 1}).status_code == 403


def test_it_does_not_exist_for_other_workspaces(olga_client: Any, playbook: Any) -> None:
    assert olga_client.post(URL, {"name": "production", "release": 1}).status_code == 404


@pytest.mark.parametrize("page", ["?tab=releases", "releases/1/"])
def test_it_moves_only_from_where_its_reader_saw_it(
    rita_client: Any, playbook: Any, ada: Any, page: str
) -> None:
    """Somebody took production back meanwhile: the next click would undo that unseen."""
    BulletFactory(playbook=playbook)
    release_publish(playbook=playbook, by=ada, label="staging")
    said = rita_client.get(f"/playbooks/help-desk/{page}").content.decode()
    seen = "production:2 staging:3"
    assert f'name="labels" value="{seen}"' in said
    label_move(
        playbook=playbook, name="production", release=playbook.releases.get(number=1), by=ada
    )
    answer = rita_client.post(URL, to(3, seen=seen))
    assert answer.status_code == 409
    assert playbook.labels.get(name="production").release.number == 1
    said = answer.content.decode()
    assert "production now points at v1" in said
    assert "from v2 to v1" in said
    assert 'value="production" required' in said
    assert '<option value="3" selected>' in said
    seen = "production:1 staging:3"
    assert f'name="labels" value="{seen}"' in said
    assert rita_client.post(URL, to(3, seen=seen)).status_code == 302
    # Another label is as it was seen.
    assert rita_client.post(URL, to(2, "staging", seen="production:9 staging:3")).status_code == 302


@pytest.mark.parametrize("seen", ["", "production", "production:x", "staging:2", "\x00"])
def test_who_saw_it_nowhere_moves_it_nowhere(rita_client: Any, playbook: Any, seen: str) -> None:
    assert rita_client.post(URL, to(1, seen=seen)).status_code in {409, 422}
    assert playbook.labels.get().release.number == 2
