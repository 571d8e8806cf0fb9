"""A release is taken out of use on its page, and a playbook is filled from a file on its own."""

from __future__ import annotations

from typing import Any

import pytest

from memoryapp.models import Bullet, Playbook
from memoryapp.services.releases import release_publish
from tests.factories import BulletFactory, PlaybookFactory

pytestmark = pytest.mark.django_db
URL = "/playbooks/help-desk/releases/2/"
IMPORT = "/playbooks/help-desk/import/"
ACE = "## PITFALLS\n[pitfalls-00001] helpful=0 harmful=0 :: Verify first.\nnonsense\n"


@pytest.fixture
def playbook(workspace: Any, ada: Any) -> Playbook:
    playbook = PlaybookFactory(workspace=workspace, slug="help-desk")
    for label in ("", "production"):
        BulletFactory(playbook=playbook)
        release_publish(playbook=playbook, by=ada, label=label)
    return playbook


def withdraw(client: Any, **changes: Any) -> Any:
    posted = {"kind": "recalled", "reason": "It deletes orders.", "replacement": ""} | changes
    return client.post(f"{URL}withdraw/", posted, follow=True)


def test_it_recalls_and_says_what_replaces_it(playbook: Any, rita_client: Any) -> None:
    said = withdraw(rita_client).content.decode()
    assert "v2 is recalled. Agents are sent on to v1." in said
    assert "It deletes orders." in said
    assert playbook.labels.get().release.number == 1


def test_it_says_what_is_missing(playbook: Any, rita_client: Any) -> None:
    assert "Reason" in withdraw(rita_client, reason="").content.decode()
    assert not playbook.releases.get(number=2).withdrawal
    assert withdraw(rita_client, replacement="9").status_code == 404


def test_it_brings_it_back(playbook: Any, rita_client: Any) -> None:
    withdraw(rita_client)
    said = rita_client.post(f"{URL}reinstate/", follow=True).content.decode()
    assert "in use again" in said
    assert "is in use." in rita_client.post(f"{URL}reinstate/", follow=True).content.decode()


def test_it_is_for_reviewers(playbook: Any, vera_client: Any, olga_client: Any) -> None:
    assert "Take v2 out of use" not in vera_client.get(URL).content.decode()
    for path in ("withdraw/", "reinstate/"):
        assert vera_client.post(URL + path).status_code == 403
        assert olga_client.post(URL + path).status_code == 404
    assert vera_client.get(IMPORT).status_code == 403
    assert olga_client.get(IMPORT).status_code == 404


def send(client: Any, **changes: Any) -> Any:
    return client.post(IMPORT, {"form": "ace", "content": ACE, "on_conflict": "skip"} | changes)


def test_it_checks_a_file_and_stores_nothing(playbook: Any, rita_client: Any) -> None:
    said = send(rita_client, check="1").content.decode()
    assert "This would happen" in said
    assert "line 3" in said
    assert Bullet.objects.filter(label="pitfalls-001").count() == 0
    assert "Verify first." in said  # the text is still in the form


def test_it_imports_and_shows_what_was_refused(playbook: Any, rita_client: Any) -> None:
    said = send(rita_client, **{"import": "1"}).content.decode()
    assert "This happened" in said
    assert Bullet.objects.get(label="pitfalls-001").content == "Verify first."


def test_it_returns_to_the_playbook_when_all_went_in(playbook: Any, rita_client: Any) -> None:
    answer = send(rita_client, content=ACE.replace("nonsense\n", ""), **{"import": "1"})
    assert (answer.status_code, answer["Location"]) == (302, "/playbooks/help-desk/")


def test_it_says_what_is_wrong_with_the_file(playbook: Any, rita_client: Any) -> None:
    answer = send(rita_client, form="json", content="{")
    assert answer.status_code == 422
    assert "not a JSON document" in answer.content.decode()


def test_it_shows_markup_in_a_file_as_text(playbook: Any, rita_client: Any) -> None:
    said = send(rita_client, content=f"<script>alert(1)</script>\n{ACE}").content.decode()
    assert "<script>alert(1)" not in said
