"""Drift watch: a tool that changed makes its bullets stale and asks for practice."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from memoryapp.domain import doubt
from memoryapp.domain.errors import UnableToChange
from memoryapp.models import Bullet, Event
from memoryapp.services.bullets import bullet_add, bullet_confirm
from practice.models import Environment, Steering
from practice.orchestrator import drift, environment_checks
from practice.orchestrator.worlds import world_anew
from practice.services.switches import Switches
from tests.factories import PlaybookFactory
from tests.practice.runs import driven, started
from tests.practice.shops import open_shop

pytestmark = pytest.mark.django_db


@pytest.fixture
def shop(workspace: Any, monkeypatch: pytest.MonkeyPatch) -> Environment:
    return open_shop(workspace, monkeypatch)


@pytest.fixture
def playbook(shop: Any, workspace: Any, ada: Any) -> Any:
    """A playbook that was practised in the shop, with a bullet on each of two tools."""
    made = PlaybookFactory(workspace=workspace)
    started(shop, ada, playbook=made)
    for content in ("Use `get_order` for its items.", "Use list_orders with its cursor."):
        bullet_add(playbook=made, section="apis", content=content, by=ada)
    return made


def changes(shop: Environment, tool: str = "get_order") -> None:
    """The tool was something else when it was last looked at."""
    shop.tools.filter(name=tool).update(schema_hash="0" * 64)
    environment_checks.check(shop.pk)


def stale(playbook: Any) -> list[str]:
    found = playbook.bullets.filter(status=Bullet.Status.STALE)
    return list(found.values_list("content", flat=True))


def test_it_makes_stale_what_cites_the_tool_and_nothing_else(shop: Any, playbook: Any) -> None:
    changes(shop)
    assert stale(playbook) == ["Use `get_order` for its items."]
    newest = playbook.bullets.get(status=Bullet.Status.STALE).revisions.first()
    assert newest.author is None
    assert newest.reason.startswith("get_order of ")
    event = Event.objects.get(kind="tool.drifted")
    assert (event.data["tool"], event.data["stale_bullets"]) == ("get_order", 1)


def test_a_name_inside_another_name_is_no_citation(shop: Any, playbook: Any, ada: Any) -> None:
    bullet_add(playbook=playbook, section="apis", content="Use get_order_items.", by=ada)
    changes(shop)
    assert stale(playbook) == ["Use `get_order` for its items."]


def test_it_leaves_playbooks_of_other_environments_alone(
    shop: Any, playbook: Any, workspace: Any, ada: Any
) -> None:
    other = PlaybookFactory(workspace=workspace)
    bullet_add(playbook=other, section="apis", content="Use get_order.", by=ada)
    changes(shop)
    assert stale(other) == []


def test_it_asks_for_practice_until_the_tool_was_called_again(
    shop: Any, playbook: Any, ada: Any
) -> None:
    changes(shop)
    wish = Steering.objects.standing().get()
    assert (wish.kind, wish.tool, wish.origin) == ("focus", "get_order", "drift")
    run = driven(started(shop, ada, playbook=playbook, rounds=1, tasks=4))
    assert "get_order" in run.rounds.get().briefing["steering"]["focus"]
    assert not Steering.objects.standing().exists()


def test_a_tool_that_is_gone_makes_stale_and_asks_nothing(
    shop: Any, playbook: Any, ada: Any
) -> None:
    shop.tools.create(name="old_tool", schema_hash="0" * 64)
    bullet_add(playbook=playbook, section="apis", content="Use old_tool.", by=ada)
    environment_checks.check(shop.pk)
    assert stale(playbook) == ["Use old_tool."]
    assert not Steering.objects.standing().exists()


def offers_all_but(shop: Environment, *missing: str) -> None:
    """A check finds the shop without these tools."""
    found = world_anew(shop).discover()
    kept = tuple(tool for tool in found.tools if tool.name not in missing)
    environment_checks.store_discovery(shop, replace(found, tools=kept))


def test_a_tool_that_is_back_as_it_was_ends_the_doubt(shop: Any, playbook: Any) -> None:
    offers_all_but(shop, "get_order")
    bullet = playbook.bullets.get(status=Bullet.Status.STALE)
    offers_all_but(shop)
    assert stale(playbook) == []
    newest = bullet.revisions.first()
    assert (newest.author, newest.reason) == (None, f"get_order of {shop.name} is back.")


def test_a_tool_that_is_back_changed_is_in_doubt_for_the_change(shop: Any, playbook: Any) -> None:
    offers_all_but(shop, "get_order")
    changes(shop)
    assert stale(playbook) == ["Use `get_order` for its items."]
    newest = playbook.bullets.get(status=Bullet.Status.STALE).revisions.first()
    assert not doubt.is_gone(newest.reason)
    assert Steering.objects.standing().get().tool == "get_order"


def test_a_tool_that_is_back_ends_no_doubt_about_another(
    shop: Any, playbook: Any, ada: Any
) -> None:
    bullet_add(playbook=playbook, section="apis", content="list_orders, then get_order.", by=ada)
    offers_all_but(shop, "get_order", "list_orders")
    assert len(stale(playbook)) == 3
    offers_all_but(shop, "list_orders")
    assert sorted(stale(playbook)) == [
        "Use list_orders with its cursor.",
        "list_orders, then get_order.",
    ]
    offers_all_but(shop)
    assert stale(playbook) == []


def test_it_is_quiet_where_nobody_watches(shop: Any, playbook: Any) -> None:
    Environment.objects.update(drift_watch=False)
    changes(shop)
    assert stale(playbook) == []


def test_a_person_ends_the_doubt(shop: Any, playbook: Any, ada: Any) -> None:
    changes(shop)
    bullet = playbook.bullets.get(status=Bullet.Status.STALE)
    bullet_confirm(bullet=bullet, by=ada)
    bullet.refresh_from_db()
    assert bullet.status == Bullet.Status.APPROVED
    with pytest.raises(UnableToChange, match="no doubt to end"):
        bullet_confirm(bullet=bullet, by=ada)


def test_a_run_that_meets_other_tools_has_the_environment_looked_at(shop: Any, ada: Any) -> None:
    shop.tools.filter(name="get_order").update(schema_hash="0" * 64)
    run = driven(started(shop, ada, rounds=1, tasks=2, switches=Switches(drift_watch=True)))
    shop.refresh_from_db()
    assert shop.status == Environment.Status.CHECKING
    assert "Tools changed: get_order" in run.attempts.get(task__number=1).message


def test_watched_environments_are_looked_at_now_and_then(shop: Any) -> None:
    hour = timedelta(hours=1)
    assert drift.due(timezone.now(), hour) == []
    assert drift.due(timezone.now() + 2 * hour, hour) == [shop.pk]
    Environment.objects.update(drift_watch=False)
    assert drift.due(timezone.now() + 2 * hour, hour) == []
