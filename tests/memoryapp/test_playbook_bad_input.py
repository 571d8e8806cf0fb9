"""What people may send to the pages around a playbook, and what must not come of it."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse

from memoryapp.domain.review import Policy
from memoryapp.services.bullets import bullet_edit
from memoryapp.services.curation import playbook_change
from memoryapp.services.policies import policy_change
from memoryapp.services.releases import label_move, release_publish
from memoryapp.services.saved_views import view_save
from memoryapp.services.tokens import api_key_create
from tests.factories import BulletFactory, PlaybookFactory

pytestmark = pytest.mark.django_db

MARKUP = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'&"


@pytest.fixture
def playbook(workspace: Any) -> Any:
    return PlaybookFactory(workspace=workspace, slug="help-desk", name="Help desk")


def act(client: Any, name: str, bullet: Any, **sent: str) -> Any:
    url = reverse(f"bullet-{name}", args=[bullet.playbook.slug, bullet.label])
    return client.post(url, sent)


def test_markup_in_every_field_is_text(
    ada_client: Any, ada: Any, workspace: Any, playbook: Any
) -> None:
    ada.first_name = MARKUP
    ada.save(update_fields=["first_name"])
    bullet = BulletFactory(playbook=playbook, content="Old.")
    bullet_edit(bullet=bullet, content=MARKUP, reason=MARKUP, by=ada, revision=1)
    playbook_change(playbook=playbook, name=MARKUP, description=MARKUP, token_budget=9_000, by=ada)
    policy_change(playbook=playbook, to=Policy(reviewers=2), reason=MARKUP, by=ada)
    release = release_publish(playbook=playbook, by=ada, notes=MARKUP)
    label_move(playbook=playbook, name="production", release=release, by=ada)
    api_key_create(workspace=workspace, name=MARKUP, scopes=["read"], by=ada)
    view_save(
        workspace=workspace, page="entry-list", name=MARKUP, query="q=x", is_shared=True, by=ada
    )
    said = ""
    for page in (
        "/",
        "/playbooks/",
        "/playbooks/help-desk/",
        "/playbooks/help-desk/?tab=releases",
        "/playbooks/help-desk/?tab=sources",
        "/playbooks/help-desk/policy/",
        "/playbooks/help-desk/releases/1/",
        bullet.get_absolute_url(),
        f"{bullet.get_absolute_url()}?edit=1",
        f"{bullet.get_absolute_url()}graph/",
        "/memory/",
        "/memory/duplicates/",
        "/review/",
        "/settings/keys/",
        "/settings/members/",
        "/settings/audit/",
        "/palette/?q=script",
    ):
        answer = ada_client.get(page)
        assert answer.status_code == 200, page
        said += answer.content.decode()
    assert "&lt;script&gt;alert(1)" in said
    assert "<script>alert" not in said
    assert "<img src=x" not in said


def test_markup_is_no_tag_no_section_and_no_label(rita_client: Any, playbook: Any) -> None:
    bullet = BulletFactory(playbook=playbook)
    act(rita_client, "tag", bullet, tags=MARKUP)
    act(rita_client, "move", bullet, own=MARKUP)
    rita_client.post(reverse("label-move", args=["help-desk"]), {"name": MARKUP, "release": "1"})
    bullet.refresh_from_db()
    assert (bullet.tags, bullet.section, playbook.labels.count()) == ([], "strategies", 0)


def test_a_bullet_of_a_megabyte_is_refused_and_its_text_comes_back(
    rita_client: Any, playbook: Any
) -> None:
    bullet = BulletFactory(playbook=playbook)
    long = "x " * 500_000
    answer = act(rita_client, "edit", bullet, content=long, revision="1")
    assert answer.status_code == 422
    assert answer.content.decode().count(long.strip()) == 1
    assert bullet.revisions.count() == 1


def test_a_megabyte_that_is_there_already_is_shown_and_can_be_retired(
    rita_client: Any, playbook: Any
) -> None:
    bullet = BulletFactory(playbook=playbook, content="x " * 500_000)
    for page in (playbook.get_absolute_url(), bullet.get_absolute_url(), "/memory/"):
        assert rita_client.get(page).status_code == 200
    act(rita_client, "retire", bullet, reason="Too long")
    bullet.refresh_from_db()
    assert bullet.status == "retired"


def test_hidden_characters_are_left_out_and_right_to_left_writing_stays(
    rita_client: Any, playbook: Any
) -> None:
    bullet = BulletFactory(playbook=playbook)
    sneaky = "Refund\u200b at \u202eonce\u202c. שלום"
    act(rita_client, "edit", bullet, content=sneaky, revision="1", reason="\u202eWhy")
    bullet.refresh_from_db()
    assert bullet.content == "Refund at once. שלום"
    assert bullet.revisions.get(number=2).reason == "Why"


def test_the_same_click_twice_makes_one_revision(rita_client: Any, playbook: Any) -> None:
    bullet = BulletFactory(playbook=playbook)
    for _ in range(2):
        answer = act(rita_client, "edit", bullet, content="New words.", revision="1")
    assert answer.status_code == 409
    assert "New words." in answer.content.decode()
    assert bullet.revisions.count() == 2


def test_a_form_from_before_a_change_loses_nothing(
    rita_client: Any, ada: Any, playbook: Any
) -> None:
    """The back button, or a page that stood open: what was typed comes back beside the news."""
    bullet = BulletFactory(playbook=playbook)
    bullet_edit(bullet=bullet, content="Of somebody else.", reason="", by=ada, revision=1)
    said = act(rita_client, "edit", bullet, content="Mine.", revision="1").content.decode()
    assert "was changed while you were writing" in said
    assert "Mine." in said
    bullet.refresh_from_db()
    assert bullet.content == "Of somebody else."


def test_a_bullet_that_is_gone_is_a_clear_answer(rita_client: Any, playbook: Any) -> None:
    bullet = BulletFactory(playbook=playbook)
    bullet.delete()
    for name in ("edit", "retire", "restore", "confirm", "move", "place", "tag"):
        assert act(rita_client, name, bullet).status_code == 404, name


def test_forged_addresses_of_another_workspace_are_unknown(rita_client: Any, olga: Any) -> None:
    theirs = PlaybookFactory(workspace=olga.memberships.get().workspace, slug="theirs")
    bullet = BulletFactory(playbook=theirs)
    for name in ("edit", "retire", "restore", "confirm", "move", "place", "tag"):
        assert act(rita_client, name, bullet).status_code == 404, name
    for name in ("bullets-merge", "playbook-change", "run-undo", "release-publish", "label-move"):
        assert rita_client.post(reverse(name, args=["theirs"]), {}).status_code == 404, name
    assert bullet.revisions.count() == 1
