"""Publishing a release."""

from __future__ import annotations

from typing import Any

import pytest

from tests.factories import BulletFactory, PlaybookFactory

pytestmark = pytest.mark.django_db

URL = "/playbooks/help-desk/releases/publish/"


@pytest.fixture
def playbook(workspace: Any) -> Any:
    playbook = PlaybookFactory(workspace=workspace, slug="help-desk")
    BulletFactory(playbook=playbook)
    return playbook


def test_it_freezes_the_draft_and_moves_the_label(rita_client: Any, playbook: Any) -> None:
    answer = rita_client.post(URL, {"notes": "The first.", "label": "production"}, follow=True)
    release = playbook.releases.get()
    assert (release.number, release.notes) == (1, "The first.")
    assert playbook.labels.get().release == release
    assert "production points at it now" in answer.content.decode()


def test_it_offers_production_before_labels_that_come_first_by_name(
    rita_client: Any, playbook: Any
) -> None:
    rita_client.post(URL, {"label": "beta"})
    page = rita_client.get("/playbooks/help-desk/?tab=releases")
    assert page.context["label_names"] == ["production", "beta", "staging"]


def test_it_publishes_without_a_label(rita_client: Any, playbook: Any) -> None:
    rita_client.post(URL, {"label": ""})
    assert playbook.releases.exists()
    assert not playbook.labels.exists()


def test_it_keeps_the_notes_when_nothing_changed(rita_client: Any, playbook: Any) -> None:
    rita_client.post(URL, {})
    answer = rita_client.post(URL, {"notes": "Again."})
    said = answer.content.decode()
    assert answer.status_code == 409
    assert "Nothing changed since v1" in said
    assert "Again." in said
    assert playbook.releases.count() == 1


def test_it_publishes_nothing_when_the_label_is_no_name(rita_client: Any, playbook: Any) -> None:
    answer = rita_client.post(URL, {"label": "No Name"})
    assert answer.status_code == 409
    assert not playbook.releases.exists()


def test_it_says_what_to_retire_when_the_budget_was_lowered(
    rita_client: Any, playbook: Any
) -> None:
    playbook.token_budget = playbook.as_value().tokens - 1
    playbook.save()
    answer = rita_client.post(URL, {"notes": "The first."})
    said = answer.content.decode()
    assert answer.status_code == 409
    assert "Retire bullets worth 1 token first. Least proven" in said
    assert "The first." in said
    assert not playbook.releases.exists()


def test_it_is_refused_to_a_viewer(vera_client: Any, playbook: Any) -> None:
    assert vera_client.post(URL).status_code == 403


def test_it_does_not_exist_for_other_workspaces(olga_client: Any, playbook: Any) -> None:
    assert olga_client.post(URL).status_code == 404
