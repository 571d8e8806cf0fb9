"""The palette's answers, and the design page."""

from __future__ import annotations

import gzip
import html
import re
from typing import Any

import pytest

from memoryapp.templatetags.looks import LOOKS
from tests.factories import BulletFactory, PlaybookFactory, RunFactory

pytestmark = pytest.mark.django_db

URL = "/palette/"


def kinds(client: Any, q: str) -> list[str]:
    return [item.kind for item in client.get(URL, {"q": q}).context["found"]]


def test_it_finds_playbooks_bullets_and_runs(vera_client: Any, workspace: Any) -> None:
    playbook = PlaybookFactory(workspace=workspace, name="Refund desk")
    BulletFactory(playbook=playbook, content="Verify before a refund.")
    RunFactory(workspace=workspace, number=17)
    assert kinds(vera_client, "refund") == ["playbook", "bullet", "memory", "trajectories"]
    assert kinds(vera_client, "17")[0] == "run"
    assert kinds(vera_client, " ") == []


def test_it_is_a_page_without_scripts_and_a_part_with(vera_client: Any) -> None:
    assert "<html" in vera_client.get(URL).content.decode()
    part = vera_client.get(f"{URL}?q=x", headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in part
    assert "Search memory for" in part


@pytest.mark.parametrize("q", ["'", "%", "9" * 400, "<b>", "a\x00b", "&&|"])
def test_it_takes_any_words(vera_client: Any, q: str) -> None:
    page = vera_client.get(URL, {"q": q})
    assert page.status_code == 200
    assert "<b>" not in page.content.decode().partition('class="page"')[2]


@pytest.mark.parametrize(
    ("typed", "is_found"),
    [
        ("ref", True),
        ("verify ref", True),
        ("the refun", True),
        ("refunds", True),
        ("verify the refunding", True),
        ("apis-001", True),
        ("wait ref", False),
        ("refx", False),
        ("re", False),
        ("'':*", False),
    ],
)
def test_it_finds_bullets_while_a_word_is_typed(
    vera_client: Any, workspace: Any, typed: str, is_found: bool
) -> None:
    playbook = PlaybookFactory(workspace=workspace, name="Desk")
    BulletFactory(playbook=playbook, label="apis-001", content="Verify before a refund.")
    assert ("bullet" in kinds(vera_client, typed)) is is_found


def test_it_cuts_a_long_bullet_where_one_sees_it(vera_client: Any, workspace: Any) -> None:
    playbook = PlaybookFactory(workspace=workspace, name="Desk")
    BulletFactory(playbook=playbook, content=f"Verify before a refund. {'Wait. ' * 40}")
    page = vera_client.get(URL, {"q": "refund"}).content.decode()
    assert "Verify before a refund. Wait." in page
    assert "…</a>" in page
    assert "Wait. " * 30 not in page


def test_it_hides_other_workspaces(olga_client: Any, workspace: Any) -> None:
    BulletFactory(playbook=PlaybookFactory(workspace=workspace, name="Refund desk"))
    assert kinds(olga_client, "refund") == ["memory", "trajectories"]


def test_it_shows_every_state_on_the_design_page(vera_client: Any) -> None:
    said = vera_client.get("/design/").content.decode()
    assert all(look.word in said for look in LOOKS.values())


def test_no_link_of_the_design_page_leads_nowhere(rita_client: Any) -> None:
    said = rita_client.get("/design/").content.decode()
    links = {link.partition("#")[0] for link in re.findall(r'href="(/[^"]*)"', said)}
    links = {link for link in links if link and not link.startswith("/static/")}
    assert "/design/" in links
    gone = [link for link in links if rita_client.get(html.unescape(link)).status_code == 404]
    assert gone == []


def test_the_design_page_shows_what_apps_bring(vera_client: Any) -> None:
    said = vera_client.get("/design/").content.decode()
    label = "Causal graph of 5 components: 1 own, 2 inherited, 1 normal, 1 open."
    assert said.count(label) == 2, "once in each theme"
    assert said.count('id="arrow-pathlight"') == said.count('id="arrow-pathdark"') == 1


def test_it_sends_pages_compressed_and_leaves_the_api_alone(
    vera_client: Any, ada_client: Any
) -> None:
    page = vera_client.get("/design/", headers={"Accept-Encoding": "gzip"})
    assert page["Content-Encoding"] == "gzip"
    assert b"Colour roles" in gzip.decompress(page.content)
    answer = ada_client.get("/api/v1/playbooks", headers={"Accept-Encoding": "gzip"})
    assert "Content-Encoding" not in answer
