"""Rewording a bullet."""

from __future__ import annotations

from typing import Any

import pytest

from memoryapp.services.bullets import bullet_edit
from tests.factories import BulletFactory, PlaybookFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def bullet(workspace: Any) -> Any:
    playbook = PlaybookFactory(workspace=workspace, slug="help-desk")
    return BulletFactory(playbook=playbook, content="Refund at once.")


def edit(client: Any, bullet: Any, content: str = "Refund within a day.", **more: Any) -> Any:
    posted = {"content": content, "reason": "Too fast", "revision": 1} | more
    return client.post(f"{bullet.get_absolute_url()}edit/", posted)


def test_it_appends_a_revision(rita_client: Any, bullet: Any, rita: Any) -> None:
    assert edit(rita_client, bullet).url == bullet.get_absolute_url()
    bullet.refresh_from_db()
    assert bullet.content == "Refund within a day."
    newest = bullet.revisions.first()
    assert (newest.number, newest.author, newest.reason) == (2, rita, "Too fast")


def test_it_keeps_what_was_typed_when_somebody_was_faster(
    rita_client: Any, bullet: Any, ada: Any
) -> None:
    bullet_edit(bullet=bullet, content="Ada was faster.", reason="", by=ada, revision=1)
    answer = edit(rita_client, bullet)
    said = answer.content.decode()
    assert answer.status_code == 409
    assert "was changed while you were writing" in said
    assert "Refund within a day." in said
    assert 'name="revision" value="2"' in said
    assert "Too fast" in said


def test_it_keeps_the_reason_when_the_text_is_empty(rita_client: Any, bullet: Any) -> None:
    answer = edit(rita_client, bullet, content=" ")
    assert answer.status_code == 422
    assert 'value="Too fast"' in answer.content.decode()


def test_it_says_how_long_a_text_may_be(rita_client: Any, bullet: Any) -> None:
    said = edit(rita_client, bullet, content="x" * 20_001).content.decode()
    assert "What agents should know: Use at most 20,000 characters." in said


def test_it_is_refused_to_a_viewer(vera_client: Any, bullet: Any) -> None:
    assert edit(vera_client, bullet).status_code == 403


def test_it_does_not_exist_for_other_workspaces(olga_client: Any, bullet: Any) -> None:
    assert edit(olga_client, bullet).status_code == 404


def test_lines_are_stored_as_they_are_whatever_the_browser_sends(
    rita_client: Any, bullet: Any, rita: Any
) -> None:
    bullet_edit(bullet=bullet, content="One.\nTwo.", reason="", by=rita, revision=1)
    answer = edit(rita_client, bullet, "One.\r\nTwo.", revision=2)
    assert "The text is unchanged" in answer.content.decode()
    edit(rita_client, bullet, "One.\r\nTwo.\r\nThree.", revision=2)
    bullet.refresh_from_db()
    assert bullet.content == "One.\nTwo.\nThree."
