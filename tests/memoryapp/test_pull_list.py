"""Pulls of agents: who was given what, when."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db.models import F
from django.utils import timezone

from memoryapp.models import PullCount, PullReceipt
from memoryapp.queries import use
from memoryapp.services.bullets import bullet_edit
from memoryapp.services.releases import release_publish
from tests.factories import BulletFactory, CandidateFactory, EvidenceFactory, PlaybookFactory

pytestmark = pytest.mark.django_db

URL = "/memory/pulls/"


@pytest.fixture
def bullet(workspace: Any) -> Any:
    return BulletFactory(playbook=PlaybookFactory(workspace=workspace, slug="desk"))


@pytest.fixture
def release(bullet: Any, ada: Any) -> Any:
    return release_publish(playbook=bullet.playbook, by=ada, label="production")


def pulled(release: Any, *, at: Any = None, **more: Any) -> PullReceipt:
    counted, _ = PullCount.objects.get_or_create(release=release, day=timezone.localdate(at))
    PullCount.objects.filter(pk=counted.pk).update(pulls=F("pulls") + 1)
    return PullReceipt.objects.create(
        **{"agent": "helpdesk", "label": "production", "form": "md", **more},
        release=release,
        pulled_at=at or timezone.now(),
        source=uuid4(),
        number=1,
    )


def rows(client: Any, query: str = "") -> list[Any]:
    return list(client.get(URL + query).context["rows"])


@pytest.mark.parametrize("page", ["/memory/pulls/", "/memory/votes/"])
def test_it_survives_names_that_nothing_can_have(vera_client: Any, page: str) -> None:
    query = "?playbook=no+slug&bullet=a/b&release=7&tool=%26&agent=x"
    assert vera_client.get(page + query).status_code == 200


def test_it_lists_pulls_by_day_agent_and_answer(vera_client: Any, release: Any) -> None:
    fresh = pulled(release, at=datetime(2026, 11, 2, 23, 59, tzinfo=UTC))
    held = pulled(release, at=datetime(2026, 11, 3, 0, 0, tzinfo=UTC), unchanged=True, agent="shop")
    assert rows(vera_client) == [held, fresh]
    assert rows(vera_client, "?day=2026-11-02") == [fresh]
    assert rows(vera_client, "?agent=shop") == [held]
    assert rows(vera_client, "?answer=given") == [fresh]
    chips = vera_client.get(f"{URL}?answer=given&agent=a").context["chips"]
    assert [(chip.url, chip.pressed) for chip in chips] == [
        (f"{URL}?agent=a", False),
        (f"{URL}?agent=a", True),  # pressed again, it filters no more
        (f"{URL}?agent=a&answer=held", False),
    ]
    assert rows(vera_client, "?day=nonsense") == []
    assert rows(vera_client, "?day=9999-12-31") == []
    assert rows(vera_client, "?days=7") == []


def test_it_finds_the_pulls_that_gave_a_bullet_in_any_wording(
    vera_client: Any, bullet: Any, release: Any, ada: Any, rita: Any
) -> None:
    BulletFactory(playbook=bullet.playbook)
    alone = PlaybookFactory(workspace=bullet.playbook.workspace, slug="other")
    BulletFactory(playbook=alone, label=bullet.label)
    first = pulled(release)
    pulled(release_publish(playbook=alone, by=ada))
    bullet_edit(bullet=bullet, content="Reworded.", reason="", by=rita, revision=1)
    second = pulled(release_publish(playbook=bullet.playbook, by=ada))
    asked = f"?playbook=desk&bullet={bullet.label}"
    assert rows(vera_client, asked) == [second, first]
    page = vera_client.get(bullet.get_absolute_url())
    assert page.context["pulls"] == [second, first]
    assert page.context["pulls_url"] == URL + asked


def test_it_leads_from_a_release_to_its_pulls_and_its_bullets(
    vera_client: Any, bullet: Any, release: Any
) -> None:
    pull = pulled(release)
    page = vera_client.get(release.get_absolute_url())
    assert page.context["pulls"] == [pull]
    assert f'href="{bullet.get_absolute_url()}"' in page.content.decode()
    assert rows(vera_client, page.context["pulls_url"].removeprefix(URL)) == [pull]


def test_it_counts_pulls_per_tool_as_the_list_does(
    vera_client: Any, workspace: Any, bullet: Any, ada: Any
) -> None:
    candidate = CandidateFactory(playbook=bullet.playbook, origin_environment="Desk")
    EvidenceFactory(candidate=candidate, tool="get_order")
    EvidenceFactory(candidate=candidate, tool="get_order")
    bullet.revisions.create(number=2, content="x", section="apis", candidate=candidate)
    with_it = release_publish(playbook=bullet.playbook, by=ada)
    pulled(with_it)
    pulled(with_it)
    without = PlaybookFactory(workspace=workspace)
    BulletFactory(playbook=without)
    pulled(release_publish(playbook=without, by=ada))
    assert use.pulls_by_tool(workspace, "Desk", days=30) == {"get_order": 2}
    assert use.pulls_by_tool(workspace, "Shop", days=30) == {}
    assert len(rows(vera_client, "?tool=get_order&environment=Desk&days=30")) == 2
    assert rows(vera_client, "?tool=get_order&environment=Shop") == []


def test_a_figure_of_some_days_and_its_list_are_of_the_same_days(
    vera_client: Any, workspace: Any, bullet: Any, ada: Any
) -> None:
    candidate = CandidateFactory(playbook=bullet.playbook, origin_environment="Desk")
    EvidenceFactory(candidate=candidate, tool="get_order")
    bullet.revisions.create(number=2, content="x", section="apis", candidate=candidate)
    release = release_publish(playbook=bullet.playbook, by=ada)
    today = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    first = pulled(release, at=today - timedelta(days=29))
    pulled(release, at=today - timedelta(days=29, seconds=1))
    assert use.pulls_by_tool(workspace, "Desk", days=30) == {"get_order": 1}
    assert rows(vera_client, "?tool=get_order&environment=Desk&days=30") == [first]


def test_it_reaches_every_pull_and_says_where_it_stopped_counting(
    vera_client: Any, release: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(use, "COUNTED", 10)
    for _ in range(55):
        pulled(release)
    first = vera_client.get(URL)
    assert "50 of more than 10" in first.content.decode()
    second = vera_client.get(first.context["next_url"])
    assert len(second.context["rows"]) == 5
    assert second.context["next_url"] == ""


def test_it_says_how_long_receipts_are_kept(vera_client: Any, release: Any, settings: Any) -> None:
    settings.RECEIPT_DAYS = 12
    assert "kept for 12 days" in vera_client.get(URL).content.decode()


def test_it_hides_other_workspaces(olga_client: Any, release: Any, bullet: Any) -> None:
    pulled(release)
    assert rows(olga_client) == []
    assert rows(olga_client, f"?playbook=desk&bullet={bullet.label}") == []


def test_it_asks_the_database_as_often_for_more_pulls(
    vera_client: Any, release: Any, django_assert_num_queries: Any
) -> None:
    for count in (3, 20):
        for _ in range(count):
            pulled(release)
        with django_assert_num_queries(7):
            vera_client.get(URL)


def test_it_offers_a_command_while_nothing_was_pulled(vera_client: Any, release: Any) -> None:
    said = vera_client.get(URL).content.decode()
    assert f"/api/v1/playbooks/{release.playbook.slug}?label=production" in said
    assert "GREENROOM_KEY" not in vera_client.get(f"{URL}?answer=held").content.decode()
    pulled(release)
    assert "GREENROOM_KEY" not in vera_client.get(URL).content.decode()
