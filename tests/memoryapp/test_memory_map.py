"""Duplicates as clusters, a bullet's graph, and recall traces."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from memoryapp.models import RecallTrace
from memoryapp.services.candidates import candidate_approve
from memoryapp.services.releases import release_publish
from tests.factories import BulletFactory, CandidateFactory, EvidenceFactory

pytestmark = pytest.mark.django_db


def test_it_groups_what_says_nearly_the_same(rita_client: Any, playbook: Any) -> None:
    one = BulletFactory(playbook=playbook, content="Verify the customer before every refund")
    two = BulletFactory(playbook=playbook, content="Verify the customer before every refund now")
    BulletFactory(playbook=playbook, content="Dates are year, month, day")
    BulletFactory(playbook=playbook, content=one.content, status="retired")
    page = rita_client.get("/memory/duplicates/?playbook=help-desk")
    (group,) = page.context["clusters"]
    assert {bullet.pk for bullet in group["members"]} == {one.pk, two.pk}
    assert rita_client.get(group["merge_url"]).status_code == 200


def test_a_large_group_leads_to_as_many_as_are_merged_at_a_time(
    rita_client: Any, playbook: Any
) -> None:
    BulletFactory.create_batch(30, playbook=playbook, content="Same words here")
    (group,) = rita_client.get("/memory/duplicates/").context["clusters"]
    assert len(group["members"]) == 30
    assert group["merge_url"].count("bullet=") == 20


def test_it_shows_duplicates_of_ones_own_workspace(
    vera_client: Any, olga_client: Any, playbook: Any
) -> None:
    BulletFactory.create_batch(2, playbook=playbook, content="Same words here")
    assert len(vera_client.get("/memory/duplicates/").context["clusters"]) == 1
    assert "Merge…" not in vera_client.get("/memory/duplicates/").content.decode()
    assert olga_client.get("/memory/duplicates/?playbook=help-desk").status_code == 404
    assert olga_client.get("/memory/duplicates/").status_code == 200


def test_it_draws_where_a_bullet_came_from_and_who_has_it(
    rita: Any, vera_client: Any, olga_client: Any, playbook: Any
) -> None:
    candidate = CandidateFactory(playbook=playbook, origin_name="Run 7")
    for place in range(12):
        EvidenceFactory(candidate=candidate, tool=f"tool_{place % 2}", group=f"Task {place}")
    candidate_approve(candidate=candidate, by=rita)
    bullet = playbook.bullets.get()
    release_publish(playbook=playbook, by=rita, label="production")
    url = f"{bullet.get_absolute_url()}graph/"
    page = vera_client.get(url)
    names = [row["node"].name for row in page.context["table"]]
    assert {"Run 7", "tool_0", "tool_1", "v1"} <= set(names)
    assert ("task", 4) in page.context["hidden"]
    assert "production" in page.content.decode()
    assert olga_client.get(url).status_code == 404


def test_it_counts_what_is_not_drawn_once(rita: Any, vera_client: Any, playbook: Any) -> None:
    candidate = CandidateFactory(playbook=playbook)
    for place in range(20):
        EvidenceFactory(candidate=candidate, tool=f"tool {place % 10}", group="Task", link="")
    EvidenceFactory(candidate=candidate, tool="find & sort", group="Another", link="")
    candidate_approve(candidate=candidate, by=rita)
    page = vera_client.get(f"{playbook.bullets.get().get_absolute_url()}graph/")
    assert dict(page.context["hidden"]) == {"tool": 3}
    urls = {row["node"].name: row["node"].url for row in page.context["table"]}
    assert urls["tool 0"].endswith("?tool=tool+0")


def test_it_draws_a_bullet_that_stands_alone(vera_client: Any, playbook: Any) -> None:
    bullet = BulletFactory(playbook=playbook)
    said = vera_client.get(f"{bullet.get_absolute_url()}graph/").content.decode()
    assert "no release holds it yet" in said


def test_it_says_why_each_bullet_was_recalled(
    vera_client: Any, olga_client: Any, playbook: Any
) -> None:
    bullet = BulletFactory(playbook=playbook)
    trace = RecallTrace.objects.create(
        workspace=playbook.workspace,
        query="How do I refund?",
        asked={"k": 8},
        answer={"answer": "weak", "confidence": 0.5},
        results=[
            {
                "bullet": str(bullet.pk),
                "label": bullet.label,
                "score": 0.0325,
                "text": {"place": 1, "score": 0.6},
                "vector": None,
            },
            {"bullet": str(uuid4()), "label": "gone-001", "score": 0.01},
            {"bullet": "nonsense"},
        ],
    )
    assert list(vera_client.get("/memory/recalls/?q=refund").context["page_obj"]) == [trace]
    assert "<td>weak</td>" in vera_client.get("/memory/recalls/").content.decode()
    said = vera_client.get(f"/memory/recalls/{trace.pk}/").content.decode()
    assert bullet.content in said
    assert "0.6" in said
    assert "this bullet is gone" in said
    assert "may know an answer" in said
    assert "at most 8" in said
    of_it = f"/memory/recalls/?bullet={bullet.pk}"
    assert list(vera_client.get(of_it).context["page_obj"]) == [trace]
    other = BulletFactory(playbook=playbook)
    assert not vera_client.get(f"/memory/recalls/?bullet={other.pk}").context["page_obj"]
    assert olga_client.get(of_it).status_code == 404
    assert vera_client.get("/memory/recalls/?bullet=x").status_code == 404
    assert olga_client.get(f"/memory/recalls/{trace.pk}/").status_code == 404
    assert list(olga_client.get("/memory/recalls/").context["page_obj"]) == []


def test_recalls_offer_a_command_while_none_was_traced(vera_client: Any, playbook: Any) -> None:
    url = "/memory/recalls/"
    said = vera_client.get(url).content.decode()
    assert f"/api/v1/playbooks/{playbook.slug}/retrieve" in said
    assert "GREENROOM_KEY" not in vera_client.get(f"{url}?q=refund").content.decode()
