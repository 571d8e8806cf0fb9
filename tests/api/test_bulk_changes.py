"""Changing many bullets over the API: what a person does in the memory browser."""

from __future__ import annotations

from typing import Any

import pytest

from memoryapp.models import BulkChange
from tests.factories import BulletFactory

pytestmark = pytest.mark.django_db

PATH = "/bulk-changes"


def test_many_are_changed_and_changed_back(call: Any, playbook: Any) -> None:
    BulletFactory.create_batch(3, playbook=playbook, section="apis", tags=["old"])
    other = BulletFactory(playbook=playbook, section="pitfalls")
    asked = {"action": "tag", "value": "vip", "section": "apis", "playbook": "help-desk"}
    made = call("post", PATH, asked, expect=201)
    assert (made["total"], made["done"], made["left"], made["value"]) == (3, 3, 0, "vip")
    rows = call("get", f"{PATH}/{made['id']}/outcomes")["results"]
    assert {(row["done"], tuple(row["after"]["tags"])) for row in rows} == {(True, ("old", "vip"))}
    assert call("get", f"{PATH}/{made['id']}")["ended_at"]
    call("post", f"{PATH}/{made['id']}/continue", {})
    assert call("post", f"{PATH}/{made['id']}/undo", {}, expect=201)["done"] == 3
    assert {tuple(bullet.tags) for bullet in playbook.bullets.exclude(pk=other.pk)} == {("old",)}


def test_only_what_was_chosen_is_changed(call: Any, playbook: Any) -> None:
    one, other = BulletFactory.create_batch(2, playbook=playbook)
    asked = {"action": "retire", "reason": "Old tool.", "chosen": [str(one.pk)]}
    assert call("post", PATH, asked, expect=201)["total"] == 1
    assert list(playbook.bullets.live()) == [other]
    back = {"action": "restore", "status": "retired", "search": "refund", "days": "7"}
    assert call("post", PATH, back, expect=201)["done"] == 1


def test_what_is_in_use_is_changed_as_a_whole(call: Any, playbook: Any) -> None:
    for status in ("approved", "stale", "retired"):
        BulletFactory(playbook=playbook, status=status)
    asked = {"action": "tag", "value": "vip", "status": "live"}
    assert call("post", PATH, asked, expect=201)["done"] == 2
    assert not playbook.bullets.get(status="retired").tags


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({}, 400),
        ({"action": "delete"}, 400),
        ({"action": "undo"}, 400),
        ({"action": "tag", "value": "vip", "sections": "apis"}, 400),
        ({"action": "tag", "value": "vip", "days": "8"}, 400),
        ({"action": "tag", "value": "vip", "trust": "none"}, 400),
        ({"action": "tag", "value": "no tag!"}, 400),
        ({"action": "retire"}, 400),
        ({"action": "tag", "value": "vip", "section": "nowhere"}, 409),
    ],
)
def test_a_filter_that_says_nothing_changes_nothing(
    call: Any, playbook: Any, asked: dict[str, Any], status: int
) -> None:
    """A mistyped one that was passed over would change every bullet there is."""
    BulletFactory(playbook=playbook)
    call("post", PATH, asked, expect=status)
    assert not BulkChange.objects.exists()


def test_bullets_of_another_workspace_are_not_reached(call: Any, olga: Any) -> None:
    theirs = BulletFactory(playbook__workspace=olga.memberships.get().workspace)
    asked = {"action": "retire", "reason": "x", "chosen": [str(theirs.pk)]}
    assert "No bullet matches" in call("post", PATH, asked, expect=409)["detail"]
    theirs.refresh_from_db()
    assert theirs.status == "approved"


@pytest.mark.parametrize("scope", ["read", "playbooks:pull", "feedback:write"])
def test_a_key_that_reads_changes_nothing(with_key: Any, playbook: Any, scope: str) -> None:
    BulletFactory(playbook=playbook)
    asked = {"action": "retire", "reason": "x"}
    answer = with_key(scope).post(f"/api/v1{PATH}", asked, content_type="application/json")
    assert answer.status_code == 403
    assert playbook.bullets.live().count() == 1
