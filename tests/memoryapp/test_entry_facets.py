"""What the memory browser can be narrowed by, and to how many bullets each way."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from memoryapp.domain.playbook import Delta, Op
from memoryapp.models import Bullet
from memoryapp.queries import entry_facets
from memoryapp.queries.facets import first_facets
from memoryapp.services.candidates import Origin, Source, candidate_approve, candidate_submit
from tests.factories import BulletFactory, PlaybookFactory

pytestmark = pytest.mark.django_db

URL = "/memory/"


@pytest.fixture
def playbook(workspace: Any) -> Any:
    return PlaybookFactory(workspace=workspace, slug="help-desk", name="Help desk")


def lines(client: Any, query: str = "?facets=counted") -> dict[str, dict[str, Any]]:
    found = client.get(URL + query).context["facets"]
    return {line["title"]: {chip.label: chip.count for chip in line["chips"]} for line in found}


def rows(client: Any, query: str) -> list[Any]:
    return list(client.get(URL + query).context["rows"])


def learned(playbook: Any, rita: Any, environment: str, steps: int) -> Bullet:
    candidate = candidate_submit(
        playbook_id=playbook.pk,
        delta=Delta(op=Op.ADD, section="pitfalls", content=f"Look first in {environment}."),
        origin=Origin("run", "/practice/runs/1/", "Run 1", environment),
        sources=[
            Source(f"/trajectories/1/#step-{n}", "Look", n, "get_order", {}, "ok")
            for n in range(steps)
        ],
        scores={},
    )
    assert candidate is not None
    candidate_approve(candidate=candidate, by=rita)
    return Bullet.objects.get(revisions__candidate=candidate)


def test_it_counts_every_facet(vera_client: Any, playbook: Any, rita: Any) -> None:
    learned(playbook, rita, "Desk", 2)
    old = BulletFactory(playbook=playbook, verified_wins=1, tags=["vip", "refunds"])
    Bullet.objects.filter(pk=old.pk).update(updated_at=timezone.now() - timedelta(days=20))
    BulletFactory(playbook=playbook, verified_losses=2, tags=["vip"])
    assert lines(vera_client) == {
        "Learned from": {"Practice": 1, "Written by hand": 2},
        "Trust": {"Won a trial": 1, "Only lost trials": 1, "Never tried": 1},
        "Changed": {"In 7 days": 2, "In 30 days": 3, "In 90 days": 3},
        "Evidence": {"With observed steps": 1, "Without any": 2},
        "Environment": {"Desk": 1},
        "Playbook": {"Help desk": 3},
        "Tag": {"vip": 2, "refunds": 1},
    }


def test_it_narrows_by_what_a_bullet_rests_on(vera_client: Any, playbook: Any, rita: Any) -> None:
    desk = learned(playbook, rita, "Desk", 2)
    shop = learned(playbook, rita, "Shop", 0)
    hand = BulletFactory(playbook=playbook)
    assert rows(vera_client, "?environment=Desk") == [desk]
    assert rows(vera_client, "?kind=run") == [shop, desk]
    assert rows(vera_client, "?kind=hand") == [hand]
    assert rows(vera_client, "?evidence=steps") == [desk]
    assert rows(vera_client, "?evidence=none") == [hand, shop]
    assert desk.evidence_count == 2


def test_it_counts_a_chosen_facet_without_itself(
    vera_client: Any, playbook: Any, rita: Any
) -> None:
    learned(playbook, rita, "Desk", 1)
    BulletFactory(playbook=playbook, tags=["vip"])
    found = lines(vera_client, "?facets=counted&kind=hand")
    assert found["Learned from"]["Practice"] == 1
    assert found["Evidence"] == {"Without any": 1}
    assert found["Tag"] == {"vip": 1}


def test_it_says_at_least_where_counting_stopped(
    vera_client: Any, playbook: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(entry_facets, "COUNTED", 2)
    monkeypatch.setattr("memoryapp.views.entries.COUNTED", 2)
    BulletFactory.create_batch(5, playbook=playbook, tags=["vip"])
    page = vera_client.get(f"{URL}?facets=counted")
    assert lines(vera_client)["Tag"] == {"vip": "3+"}
    assert "Counts cover the 2 bullets that changed last" in page.content.decode()


def test_it_counts_only_when_it_is_asked_to(
    vera_client: Any, playbook: Any, django_assert_num_queries: Any
) -> None:
    BulletFactory(playbook=playbook, tags=["vip"])
    plain = vera_client.get(URL).content.decode()
    assert 'hx-trigger="toggle from:#more-facets once"' in plain
    assert "vip" not in lines(vera_client, "").get("Tag", {})
    part = vera_client.get(f"{URL}?facets=counted", headers={"HX-Request": "true"})
    assert "HX-Push-Url" not in part
    assert "<h1>" not in part.content.decode()
    assert "?tag=vip" in part.content.decode()


def test_it_ranks_within_a_facet(vera_client: Any, playbook: Any) -> None:
    wanted = BulletFactory(playbook=playbook, content="Quote a refund.", tags=["vip"])
    BulletFactory(playbook=playbook, content="Quote a refund first.")
    assert rows(vera_client, "?q=refund&sort=best&tag=vip") == [wanted]


def test_it_keeps_a_chosen_facet_in_the_search_form(vera_client: Any, playbook: Any) -> None:
    page = vera_client.get(f"{URL}?kind=hand&status=stale").content.decode()
    assert '<input type="hidden" name="kind" value="hand">' in page
    assert '<input type="hidden" name="status" value="stale">' in page


def test_it_shows_nothing_of_others(olga_client: Any, playbook: Any) -> None:
    BulletFactory(playbook=playbook, tags=["vip"])
    assert "vip" not in olga_client.get(f"{URL}?facets=counted&tag=x").content.decode()


def test_first_rows_are_counted_by_their_values_and_no_more_of_them(playbook: Any) -> None:
    BulletFactory.create_batch(3, playbook=playbook, section="apis")
    BulletFactory.create_batch(2, playbook=playbook, section="pitfalls")
    held = Bullet.objects.filter(playbook=playbook).order_by("section")
    assert sorted(first_facets(held, ["section", "status"], 4)) == [
        ("apis", "approved", 3),
        ("pitfalls", "approved", 1),
    ]


def test_rows_that_cannot_be_are_counted_without_asking(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        assert first_facets(Bullet.objects.filter(status__in=[]), ["status"], 4) == []
