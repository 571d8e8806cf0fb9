"""One release, what it changed, and its files."""

from __future__ import annotations

from typing import Any

import pytest

from memoryapp.services.bullets import bullet_edit
from memoryapp.services.releases import release_publish
from tests.factories import BulletFactory, PlaybookFactory

pytestmark = pytest.mark.django_db

URL = "/playbooks/help-desk/releases/"


@pytest.fixture
def playbook(workspace: Any, rita: Any) -> Any:
    """A playbook with two releases; the second rewords the only bullet."""
    playbook = PlaybookFactory(workspace=workspace, slug="help-desk")
    bullet = BulletFactory(playbook=playbook, content="Refund at once.")
    release_publish(playbook=playbook, by=rita)
    bullet_edit(bullet=bullet, content="Refund in a day.", reason="", by=rita, revision=1)
    release_publish(playbook=playbook, by=rita, label="production")
    return playbook


def test_it_compares_with_the_release_before(vera_client: Any, playbook: Any) -> None:
    answer = vera_client.get(f"{URL}2/")
    assert "<del>at once</del>" in answer.content.decode()
    assert [label.name for label in answer.context["labels"]] == ["production"]


def test_it_compares_with_any_other_release(vera_client: Any, playbook: Any) -> None:
    context = vera_client.get(f"{URL}1/?against=2").context
    assert [(c.before, c.after) for c in context["changes"]] == [
        ("Refund in a day.", "Refund at once.")
    ]


@pytest.mark.parametrize("path", ["3/", "2/?against=9", "2/exe/"])
def test_it_does_not_know_what_was_never_published(
    vera_client: Any, playbook: Any, path: str
) -> None:
    assert vera_client.get(URL + path).status_code == 404


@pytest.mark.parametrize("form", ["md", "json", "ace", "preping"])
def test_it_downloads_what_agents_are_served(vera_client: Any, playbook: Any, form: str) -> None:
    release = playbook.releases.get(number=2)
    answer = vera_client.get(f"{URL}2/{form}/")
    assert answer.content.decode() == release.bodies[form]
    assert "help-desk-v2." in answer["Content-Disposition"]


def test_it_writes_a_release_older_than_a_form_anew(vera_client: Any, playbook: Any) -> None:
    release = playbook.releases.get(number=2)
    written = release.bodies.pop("preping")
    release.save()

    assert "playbook.json" in vera_client.get(f"{URL}2/").content.decode()
    assert vera_client.get(f"{URL}2/preping/").content.decode() == written


@pytest.mark.parametrize("path", ["2/", "2/md/"])
def test_it_does_not_exist_for_other_workspaces(olga_client: Any, playbook: Any, path: str) -> None:
    assert olga_client.get(URL + path).status_code == 404


def test_it_says_how_large_each_file_is(vera_client: Any, playbook: Any) -> None:
    release = playbook.releases.get(number=2)
    release.bodies["ace"] = "ü" * 700
    release.bodies.pop("md")
    release.save()
    shown = {
        item["name"]: item["size"] for item in vera_client.get(f"{URL}2/").context["downloads"]
    }
    assert shown["ace"] == 1400
    assert shown["json"] == len(release.bodies["json"].encode())
    for form in ("md", "skill", "agents-md"):
        assert shown[form] == len(vera_client.get(f"{URL}2/{form}/").content)
