"""Saying that a stale bullet still holds."""

from __future__ import annotations

from typing import Any

import pytest

from memoryapp.models import Event
from tests.factories import BulletFactory, PlaybookFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def bullet(workspace: Any) -> Any:
    return BulletFactory(playbook=PlaybookFactory(workspace=workspace), status="stale")


def confirm(client: Any, bullet: Any) -> Any:
    return client.post(f"{bullet.get_absolute_url()}confirm/")


def test_it_is_approved_again_with_a_revision_that_says_so(
    rita_client: Any, rita: Any, bullet: Any
) -> None:
    answer = confirm(rita_client, bullet)
    assert "still holds" in rita_client.get(answer.url).content.decode()
    bullet.refresh_from_db()
    newest = bullet.revisions.first()
    assert (bullet.status, newest.status, newest.author) == ("approved", "approved", rita)
    assert Event.objects.filter(kind="bullet.confirmed").count() == 1


def test_it_is_refused_for_a_bullet_nobody_doubts(rita_client: Any, bullet: Any) -> None:
    confirm(rita_client, bullet)
    answer = confirm(rita_client, bullet)
    assert answer.status_code == 409
    assert "there is no doubt to end" in answer.content.decode()


def test_it_is_refused_to_a_viewer(vera_client: Any, bullet: Any) -> None:
    assert confirm(vera_client, bullet).status_code == 403


def test_it_does_not_exist_for_other_workspaces(olga_client: Any, bullet: Any) -> None:
    assert confirm(olga_client, bullet).status_code == 404
