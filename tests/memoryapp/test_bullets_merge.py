"""Merging bullets by hand, with a preview."""

from __future__ import annotations

from typing import Any

import pytest

from memoryapp.models import Bullet, Event
from tests.factories import BulletFactory, CandidateFactory, PlaybookFactory

pytestmark = pytest.mark.django_db

URL = "/playbooks/help-desk/merge/"


@pytest.fixture
def two(workspace: Any) -> list[Any]:
    playbook = PlaybookFactory(workspace=workspace, slug="help-desk")
    return [
        BulletFactory(
            playbook=playbook,
            label=f"strategies-00{n}",
            content=f"Verify before refund {n}.",
            practice_helpful=n,
            deployed_harmful=n,
            verified_wins=n,
        )
        for n in (1, 2)
    ]


def asked(client: Any, **changes: Any) -> dict[str, Any]:
    page = client.get(f"{URL}?bullet=strategies-001&bullet=strategies-002").context
    given = {
        "bullet": ["strategies-001", "strategies-002"],
        "first": "strategies-001",
        "content": "Verify before any refund.",
        "seen": page["seen"],
    }
    return given | changes


def test_it_shows_what_would_happen_and_changes_nothing(rita_client: Any, two: Any) -> None:
    page = rita_client.post(URL, asked(rita_client, preview="1"))
    said = page.content.decode()
    assert "<ins>any</ins>" in said
    assert page.context["tokens"] == (12, 7)
    assert Bullet.objects.live().count() == 2


def test_it_says_how_many_of_those_chosen_it_takes(rita_client: Any, workspace: Any) -> None:
    playbook = PlaybookFactory(workspace=workspace, slug="help-desk")
    many = [BulletFactory(playbook=playbook) for _ in range(22)]
    page = rita_client.get(URL, {"bullet": [bullet.label for bullet in many]})
    assert len(page.context["rows"]) == 20
    assert "You chose 22 bullets; these are the first 20." in page.content.decode()


def test_it_keeps_one_and_retires_the_other(rita_client: Any, two: Any) -> None:
    waiting = CandidateFactory(playbook=two[0].playbook, op="UPDATE")
    waiting.targets.add(two[1])
    rita_client.post(URL, asked(rita_client))
    first, other = Bullet.objects.order_by("label")
    assert (first.content, first.status) == ("Verify before any refund.", "approved")
    assert (first.practice_helpful, first.deployed_harmful, first.verified_wins) == (3, 3, 0)
    assert (other.status, other.revisions.all()[0].reason) == (
        "retired",
        "Merged into strategies-001",
    )
    waiting.refresh_from_db()
    assert waiting.status == "superseded"
    assert Event.objects.get(kind="bullet.merged").data["merged"] == ["strategies-002"]


def test_it_lets_the_person_choose_which_one_stays(rita_client: Any, two: Any) -> None:
    page = rita_client.get(
        f"{URL}?bullet=strategies-001&bullet=strategies-002&first=strategies-002"
    ).context
    given = asked(rita_client, first="strategies-002", seen=page["seen"])
    rita_client.post(URL, given)
    assert Bullet.objects.live().get().label == "strategies-002"


def test_it_refuses_what_changed_meanwhile(rita_client: Any, two: Any) -> None:
    given = asked(rita_client)
    two[1].revise(
        content="Other.",
        section="strategies",
        status="approved",
        rule=None,
        author=None,
        reason="",
    )
    answer = rita_client.post(URL, given)
    assert answer.status_code == 409
    assert "Nothing was merged" in answer.content.decode()
    assert "Verify before any refund." in answer.content.decode()


def test_it_needs_two(rita_client: Any, two: Any) -> None:
    answer = rita_client.get(f"{URL}?bullet=strategies-001&bullet=nonsense", follow=True)
    assert "Choose at least two bullets" in answer.content.decode()


def test_it_refuses_a_retired_one(rita_client: Any, two: Any) -> None:
    Bullet.objects.filter(pk=two[1].pk).update(status="retired")
    page = rita_client.get(f"{URL}?bullet=strategies-001&bullet=strategies-002")
    assert "strategies-002 is retired" in page.content.decode()


def test_it_is_for_reviewers_of_the_workspace(vera_client: Any, olga_client: Any, two: Any) -> None:
    query = "?bullet=strategies-001&bullet=strategies-002"
    assert vera_client.get(URL + query).status_code == 403
    assert olga_client.get(URL + query).status_code == 404


def test_another_that_stays_keeps_its_own_text_until_somebody_types(
    rita_client: Any, two: Any
) -> None:
    chosen = {"first": "strategies-002", "shown_first": "strategies-001", "preview": "1"}
    untouched = asked(rita_client, content=two[0].content, **chosen)
    assert rita_client.post(URL, untouched).context["content"] == two[1].content
    typed = asked(rita_client, content="My own words.", **chosen)
    assert rita_client.post(URL, typed).context["content"] == "My own words."
