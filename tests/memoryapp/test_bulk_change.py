"""One change to many bullets of the memory browser, bullet by bullet, and undone."""

from __future__ import annotations

from typing import Any

import pytest

from memoryapp.models import BulkChange, Bullet, Event
from memoryapp.queries.browsing import EntryFilter
from memoryapp.services import bulk_changes
from memoryapp.services.bullets import bullet_edit
from tests.factories import BulletFactory, PlaybookFactory

pytestmark = pytest.mark.django_db

URL = "/memory/bulk/"


@pytest.fixture
def playbook(workspace: Any) -> Any:
    return PlaybookFactory(workspace=workspace, slug="desk")


def change(client: Any, query: str = "", **typed: str) -> Any:
    return client.post(URL + query, typed, follow=True)


def tagging(playbook: Any, by: Any) -> BulkChange:
    """Everything is to be tagged ``vip``; nothing is yet."""
    return bulk_changes.bulk_change_start(
        workspace=playbook.workspace,
        action="tag",
        asked=EntryFilter(),
        chosen=[],
        value="vip",
        reason="",
        by=by,
    )


def statuses(playbook: Any) -> list[str]:
    return list(playbook.bullets.order_by("created_at").values_list("status", flat=True))


def test_it_retires_all_that_match_and_nothing_else(rita_client: Any, playbook: Any) -> None:
    BulletFactory.create_batch(3, playbook=playbook, section="pitfalls")
    BulletFactory(playbook=playbook, section="apis")
    shown = rita_client.get(f"{URL}?section=pitfalls")
    assert shown.context["total"] == 3
    page = change(rita_client, "?section=pitfalls", action="retire", reason="Old tool.")
    assert (page.context["done"], page.context["left"]) == (3, 0)
    assert statuses(playbook) == ["retired", "retired", "retired", "approved"]
    kinds = Event.objects.values_list("kind", flat=True)
    assert list(kinds).count("bullet.retired") == 3
    assert {"bulk_change.asked", "bulk_change.ended"} <= set(kinds)


def test_it_changes_only_what_was_selected(rita_client: Any, playbook: Any) -> None:
    one, other = BulletFactory.create_batch(2, playbook=playbook)
    change(rita_client, f"?chosen={one.pk}&chosen=nonsense", action="tag", value="VIP")
    one.refresh_from_db()
    other.refresh_from_db()
    assert (one.tags, other.tags) == (["vip"], [])


def test_it_says_of_each_bullet_why_it_was_left(rita_client: Any, playbook: Any) -> None:
    BulletFactory(playbook=playbook, section="apis")
    BulletFactory(playbook=playbook, section="pitfalls")
    BulletFactory(playbook=playbook, section="pitfalls", status="retired")
    page = change(rita_client, action="move", value="apis")
    assert (page.context["done"], page.context["left"]) == (1, 2)
    said = page.content.decode()
    assert "is in apis already." in said
    assert "is retired; restore it before moving it." in said
    left = rita_client.get(f"{page.request['PATH_INFO']}?show=left").context["page_obj"]
    assert not any(row.done for row in left)


@pytest.mark.parametrize(
    ("action", "value"),
    [("retire", ""), ("move", "apis"), ("tag", "vip"), ("untag", "old"), ("restore", "")],
)
def test_undoing_it_brings_everything_back(
    rita_client: Any, playbook: Any, action: str, value: str
) -> None:
    status = "retired" if action == "restore" else "stale"
    BulletFactory.create_batch(2, playbook=playbook, tags=["old"], status=status)
    page = change(rita_client, action=action, value=value, reason="Try it.")
    assert page.context["done"] == 2
    undo = rita_client.post(f"{page.request['PATH_INFO']}undo/", follow=True)
    assert (undo.context["done"], undo.context["left"]) == (2, 0)
    for bullet in playbook.bullets.all():
        assert (bullet.status, bullet.section, bullet.tags) == (status, "strategies", ["old"])
    again = rita_client.post(f"{undo.request['PATH_INFO']}undo/")
    assert "There is no change here to take back." in again.content.decode()


def test_it_keeps_a_tag_that_comes_while_it_works(
    playbook: Any, rita: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    bullet = BulletFactory(playbook=playbook)
    bulk = tagging(playbook, rita)
    read = bulk_changes._next_rows

    def tagged(bulk: BulkChange) -> Any:
        rows = read(bulk)
        playbook.bullets.update(tags=["mine"])
        return rows

    monkeypatch.setattr(bulk_changes, "_next_rows", tagged)
    bulk_changes.bulk_change_continue(bulk=bulk, by=rita)
    bullet.refresh_from_db()
    assert bullet.tags == ["mine", "vip"]


def test_undoing_it_spares_what_was_changed_since(
    rita_client: Any, rita: Any, playbook: Any
) -> None:
    kept, other = BulletFactory.create_batch(2, playbook=playbook)
    page = change(rita_client, action="move", value="apis")
    kept.refresh_from_db()
    bullet_edit(bullet=kept, content="Mine now.", reason="", by=rita, revision=2)
    undo = rita_client.post(f"{page.request['PATH_INFO']}undo/", follow=True)
    assert (undo.context["done"], undo.context["left"]) == (1, 1)
    assert f"{kept.label} was changed since." in undo.content.decode()
    kept.refresh_from_db()
    other.refresh_from_db()
    assert (kept.section, kept.content, other.section) == ("apis", "Mine now.", "strategies")


def test_it_goes_on_where_it_stopped(playbook: Any, rita: Any, rita_client: Any) -> None:
    BulletFactory.create_batch(45, playbook=playbook)
    bulk = tagging(playbook, rita)
    later = BulletFactory(playbook=playbook)
    bulk_changes.bulk_change_continue(bulk=bulk, by=rita, seconds=0)
    assert (bulk.ended_at, bulk.outcomes.count()) == (None, 20)
    early = rita_client.post(f"{URL}{bulk.pk}/undo/")
    assert "This change is not finished." in early.content.decode()
    page = rita_client.post(f"{URL}{bulk.pk}/continue/", headers={"HX-Request": "true"})
    assert "Finished" in page.content.decode()
    assert bulk.outcomes.filter(done=True).count() == 45
    later.refresh_from_db()
    assert later.tags == []


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"action": ""}, "Choose what to do"),
        ({"action": "delete"}, "Choose what to do"),
        ({"action": "retire", "reason": " "}, "needs a reason"),
        ({"action": "move", "value": "No Section"}, "Name the section"),
        ({"action": "tag", "value": ""}, "Name the tag"),
    ],
)
def test_it_refuses_what_it_cannot_do_and_keeps_what_was_typed(
    rita_client: Any, playbook: Any, typed: dict[str, str], said: str
) -> None:
    BulletFactory(playbook=playbook)
    page = change(rita_client, **{"value": "vip", **typed})
    assert page.status_code == 409
    assert said in page.content.decode()
    assert page.context["typed"]["value"] == typed.get("value", "vip")
    assert not BulkChange.objects.exists()


def test_it_says_when_nothing_matches(rita_client: Any, playbook: Any) -> None:
    page = change(rita_client, "?q=nothing", action="restore")
    assert "No bullet matches this filter" in page.content.decode()


def test_it_is_for_reviewers_of_the_workspace(
    vera_client: Any, olga_client: Any, rita_client: Any, playbook: Any
) -> None:
    bullet = BulletFactory(playbook=playbook)
    assert vera_client.get(URL).status_code == 403
    assert "Change many" not in vera_client.get("/memory/").content.decode()
    assert "Change many" in rita_client.get("/memory/").content.decode()
    page = change(rita_client, f"?chosen={bullet.pk}", action="tag", value="vip")
    url = page.request["PATH_INFO"]
    assert vera_client.get(url).status_code == 200
    assert vera_client.post(f"{url}undo/").status_code == 403
    assert olga_client.get(url).status_code == 404
    bullet.refresh_from_db()
    assert Bullet.objects.get(pk=bullet.pk).tags == ["vip"]
