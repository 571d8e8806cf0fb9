"""Tools that changed, on the pages: what is in doubt, watching them, practising them now."""

from __future__ import annotations

from typing import Any

import pytest

from memoryapp.domain import doubt
from memoryapp.models import Bullet, Event
from memoryapp.services.bullets import bullet_add, bullet_confirm, bullets_go_stale
from memoryapp.services.releases import release_publish
from practice.domain.types import Step, Trajectory
from practice.models import Environment, Run
from practice.orchestrator import drift, environment_checks
from tests.factories import AttemptFactory, PlaybookFactory
from tests.practice.runs import driven, started
from tests.practice.shops import open_shop

pytestmark = pytest.mark.django_db


@pytest.fixture
def playbook(workspace: Any) -> Any:
    return PlaybookFactory(workspace=workspace)


@pytest.fixture
def shop(workspace: Any, monkeypatch: pytest.MonkeyPatch, ada: Any, playbook: Any) -> Environment:
    """The shop, practised once; get_order has changed since and a bullet cites it."""
    shop = open_shop(workspace, monkeypatch)
    started(shop, ada, playbook=playbook, rounds=2, tasks=2)
    bullet_add(playbook=playbook, section="apis", content="Use `get_order` for its items.", by=ada)
    shop.tools.filter(name="get_order").update(schema_hash="0" * 64, description="It was this.")
    environment_checks.check(shop.pk)
    shop.refresh_from_db()
    return shop


def page(client: Any, environment: Environment) -> str:
    return str(client.get(environment.get_absolute_url()).content.decode())


def test_the_environment_shows_what_changed_and_what_is_in_doubt(
    rita_client: Any, shop: Any
) -> None:
    shown = page(rita_client, shop)
    assert "1 tool changed since it was practised" in shown
    assert "The description was reworded." in shown
    assert "Use <code>get_order</code> for its items." in shown
    assert "Practise this tool now" in shown


def test_the_history_of_a_bullet_in_doubt_names_no_person(rita_client: Any, shop: Any) -> None:
    bullet = Bullet.objects.get(status="stale")
    shown = rita_client.get(bullet.get_absolute_url()).content.decode()
    assert "<span>Greenroom, " in shown.partition("<b>Revision 2</b>")[2][:40]


def test_the_overview_links_to_the_bullets_in_doubt(rita_client: Any, shop: Any) -> None:
    answer = rita_client.get("/")
    assert answer.context["doubted"]["count"] == 1
    assert "in doubt: a tool it cites changed" in answer.content.decode()
    listed = rita_client.get(answer.context["doubted"]["url"]).content.decode()
    assert "for its items." in listed


def test_a_bullet_whose_tool_is_gone_says_that_no_practice_helps(
    rita_client: Any, shop: Any
) -> None:
    bullet = Bullet.objects.get(status="stale")
    assert "Practise its tools now" in rita_client.get(bullet.get_absolute_url()).content.decode()
    for status, why in (("approved", "Back"), ("stale", f"get_order of {shop.name}: {doubt.GONE}")):
        bullet.revise(
            content=bullet.content,
            section=bullet.section,
            status=status,
            rule=None,
            author=None,
            reason=why,
        )
    said = rita_client.get(bullet.get_absolute_url()).content.decode()
    assert "Practice cannot settle this: reword the bullet" in said
    assert "Practise its tools now" not in said
    assert doubt.GONE in page(rita_client, shop)


def test_the_draft_and_a_release_say_that_bullets_are_in_doubt(
    rita_client: Any, shop: Any, playbook: Any, rita: Any
) -> None:
    release = release_publish(playbook=playbook, by=rita)
    urls = f"{playbook.get_absolute_url()}?tab=releases", release.get_absolute_url()
    for url, of in zip(urls, ("the draft", str(release)), strict=True):
        answer = rita_client.get(url)
        assert f"of {of} is in doubt" in answer.content.decode()
        listed = rita_client.get(answer.context["doubted"]["url"]).content.decode()
        assert "for its items." in listed
    bullet_confirm(bullet=playbook.bullets.get(), by=rita)
    for url in urls:
        assert "in doubt" not in rita_client.get(url).content.decode()


def test_it_practises_the_changed_tools_with_one_click(
    rita_client: Any, shop: Any, playbook: Any
) -> None:
    answer = rita_client.post(f"{shop.get_absolute_url()}practise/")
    run = Run.objects.order_by("-number").first()
    assert run is not None
    assert answer.url == run.get_absolute_url()
    assert (run.frozen.focus, run.frozen.rounds, run.playbook) == (("get_order",), 1, playbook)
    run = driven(run)
    practised = run.rounds.get().tasks.filter(drop_reason="")
    assert any("get_order" in task.intended_tools for task in practised)
    assert "Practise this tool now" not in page(rita_client, shop)


def test_it_says_so_when_nothing_that_changed_can_be_practised(rita_client: Any, shop: Any) -> None:
    shop.tools.filter(name="get_order").update(is_enabled=False)
    answer = rita_client.post(f"{shop.get_absolute_url()}practise/", follow=True)
    assert "No changed tool waits for practice" in answer.content.decode()
    assert Run.objects.count() == 1


def test_an_admin_stops_watching_and_begins_again(ada_client: Any, shop: Any) -> None:
    for value, kind in (("off", "environment.unwatched"), ("on", "environment.watched")):
        ada_client.post(f"{shop.get_absolute_url()}watch/", {"watched": value})
        shop.refresh_from_db()
        assert shop.drift_watch is (value == "on")
        assert Event.objects.filter(kind=kind).count() == 1


@pytest.mark.parametrize("what", ["watch", "practise"])
def test_it_is_refused_to_a_viewer(vera_client: Any, shop: Any, what: str) -> None:
    assert vera_client.post(f"{shop.get_absolute_url()}{what}/").status_code == 403


@pytest.mark.parametrize("what", ["watch", "practise"])
def test_it_does_not_exist_for_other_workspaces(olga_client: Any, shop: Any, what: str) -> None:
    assert olga_client.post(f"{shop.get_absolute_url()}{what}/").status_code == 404


@pytest.mark.parametrize(("label", "status"), [("success", "approved"), ("failure", "stale")])
def test_practice_ends_the_doubt_when_the_bullet_helped_a_success(
    shop: Any, playbook: Any, label: str, status: str
) -> None:
    run = Run.objects.get()
    attempt = AttemptFactory(task__round__run=run, label=label)
    bullets_go_stale(playbook_ids=[playbook.pk], tool="get_order", reason="It changed.")
    bullet = playbook.bullets.get()
    called = Trajectory(steps=(Step(1, "get_order", {}, '{"order_id": "ORD-1"}'),))
    drift.reverified(run, attempt, called, {bullet.label: "helpful"})
    bullet.refresh_from_db()
    assert bullet.status == status
    if status == Bullet.Status.APPROVED:
        assert bullet.revisions.first().reason.startswith("It helped in Run ")


def test_a_bullet_on_two_tools_is_in_doubt_until_the_changed_one_worked(
    shop: Any, playbook: Any
) -> None:
    bullet = playbook.bullets.get()
    attempt = AttemptFactory(task__round__run=Run.objects.get(), label="success")
    other = Step(1, "list_orders", {}, "[]")
    called = Step(2, "get_order", {}, '{"order_id": "ORD-1"}')
    Bullet.objects.update(content="`list_orders`, then `get_order`.")
    for steps, status in (((other,), "stale"), ((other, called), "approved")):
        tags = {bullet.label: "helpful"}
        drift.reverified(Run.objects.get(), attempt, Trajectory(steps=steps), tags)
        bullet.refresh_from_db()
        assert bullet.status == status
