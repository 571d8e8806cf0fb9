"""Making a playbook."""

from __future__ import annotations

from typing import Any

import pytest

from memoryapp.services.curation import playbook_change
from memoryapp.services.playbooks import playbook_create
from tests.factories import PlaybookFactory

pytestmark = pytest.mark.django_db

POSTED = {"name": "Refunds desk", "description": "Refunds", "token_budget": "400"}


def create(client: Any, **changes: str) -> Any:
    return client.post("/new/playbook/", POSTED | changes)


def test_it_opens_the_new_playbook(rita_client: Any, workspace: Any) -> None:
    assert create(rita_client).url == "/playbooks/refunds-desk/"
    playbook = workspace.playbooks.get()
    assert (playbook.token_budget, playbook.description) == (400, "Refunds")


def test_its_name_is_one_line_of_what_can_be_seen(rita: Any, workspace: Any) -> None:
    """Agents read it as the title of all they are given."""
    made = playbook_create(workspace=workspace, name="Refunds\u200b\n# desk", by=rita)
    assert (made.name, made.slug) == ("Refunds # desk", "refunds-desk")
    changed = playbook_change(
        playbook=made, name="Desk\n\u202e", description="x" * 400, token_budget=400, by=rita
    )
    assert (changed.name, len(changed.description)) == ("Desk", 300)


def test_it_may_be_called_new(rita_client: Any, workspace: Any) -> None:
    assert rita_client.get(create(rita_client, name="New").url).status_code == 200


def test_it_says_that_a_name_is_taken_and_keeps_the_form(rita_client: Any, workspace: Any) -> None:
    PlaybookFactory(workspace=workspace, slug="refunds-desk", name="Refunds desk")
    answer = create(rita_client)
    said = answer.content.decode()
    assert answer.status_code == 409
    assert "There is already a playbook named Refunds desk" in said
    assert 'value="Refunds desk"' in said


def test_it_refuses_a_negative_budget(rita_client: Any) -> None:
    assert create(rita_client, token_budget="-1").status_code == 422


def test_it_is_refused_to_a_viewer(vera_client: Any) -> None:
    assert create(vera_client).status_code == 403
