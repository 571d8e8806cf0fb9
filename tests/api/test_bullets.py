"""Bullets over the API: what a person does on a playbook's page, a program can do too."""

from __future__ import annotations

from typing import Any

import pytest

from memoryapp.domain.errors import UnableToChange
from memoryapp.models import Event
from memoryapp.services.bullets import bullet_add
from memoryapp.services.curation import bullet_move, bullet_tag
from tests.factories import BulletFactory, PlaybookFactory

pytestmark = pytest.mark.django_db

PATH = "/playbooks/help-desk/bullets"


def test_bullets_are_listed_by_label_and_narrowed(call: Any, playbook: Any) -> None:
    for label, section, status in (
        ("apis-002", "apis", "approved"),
        ("apis-001", "apis", "retired"),
        ("pitfalls-001", "pitfalls", "approved"),
    ):
        BulletFactory(playbook=playbook, label=label, section=section, status=status)
    labels = [row["label"] for row in call("get", PATH)["results"]]
    assert labels == ["apis-001", "apis-002", "pitfalls-001"]
    narrowed = call("get", f"{PATH}?section=apis&status=approved")["results"]
    assert [row["label"] for row in narrowed] == ["apis-002"]
    call("get", f"{PATH}?status=nonsense", expect=400)


def test_the_list_needs_few_queries(
    call: Any, playbook: Any, django_assert_max_num_queries: Any
) -> None:
    BulletFactory.create_batch(10, playbook=playbook)
    with django_assert_max_num_queries(6):
        assert len(call("get", PATH)["results"]) == 10


def test_a_bullet_is_written_and_reworded_from_the_revision_that_was_read(
    call: Any, playbook: Any
) -> None:
    made = call("post", PATH, {"section": "apis", "content": "Page by 50."}, expect=201)
    path = f"{PATH}/{made['label']}"
    said = {"content": "Page by 100.", "reason": "The limit moved", "revision": 1}
    assert call("put", path, said)["revision"] == 2
    refused = call("put", path, {**said, "content": "Page by 10."}, expect=409)
    assert "was changed while you were writing" in refused["detail"]
    assert call("get", path)["content"] == "Page by 100."


@pytest.mark.parametrize("section", ["a/b", "Best Practices", "a" * 61, "1st", "", "é"])
def test_a_section_is_named_so_that_its_labels_make_addresses(
    call: Any, playbook: Any, section: str
) -> None:
    call("post", PATH, {"section": section, "content": "Page by 50."}, expect=400)
    with pytest.raises(UnableToChange, match="A section is"):
        bullet_add(playbook=playbook, section=section, content="Page by 50.", by=None)
    assert not playbook.bullets.exists()


def test_a_bullet_is_retired_for_a_reason_and_restored(call: Any, playbook: Any) -> None:
    path = f"{PATH}/{BulletFactory(playbook=playbook).label}"
    call("post", f"{path}/retire", {}, expect=400)
    assert call("post", f"{path}/retire", {"reason": "Wrong"})["status"] == "retired"
    call("post", f"{path}/retire", {"reason": "Wrong"}, expect=409)
    assert call("post", f"{path}/restore", {"reason": "It holds"})["status"] == "approved"


def test_a_doubted_bullet_is_confirmed(call: Any, playbook: Any) -> None:
    path = f"{PATH}/{BulletFactory(playbook=playbook, status='stale').label}"
    assert call("post", f"{path}/confirm", {})["status"] == "approved"
    call("post", f"{path}/confirm", {}, expect=409)


def test_a_bullet_is_moved_placed_and_tagged(call: Any, playbook: Any) -> None:
    first, second = BulletFactory.create_batch(2, playbook=playbook)
    path = f"{PATH}/{second.label}"
    assert call("post", f"{path}/place", {"direction": "up"})["position"] == 1
    call("post", f"{path}/place", {"direction": "up"}, expect=409)
    call("post", f"{path}/place", {"direction": "sideways"}, expect=400)
    assert call("put", f"{path}/tags", {"tags": ["Refunds", "eu"]})["tags"] == ["eu", "refunds"]
    moved = call("post", f"{path}/move", {"section": "pitfalls"})
    assert (moved["section"], moved["label"]) == ("pitfalls", second.label)
    call("post", f"{path}/move", {"section": "Not A Section"}, expect=400)
    assert call("get", f"{PATH}/{first.label}")["section"] == "strategies"


def test_revisions_are_compared_word_by_word_and_one_is_brought_back(
    call: Any, playbook: Any
) -> None:
    bullet = BulletFactory(playbook=playbook, content="Wait ten seconds.")
    path = f"{PATH}/{bullet.label}"
    call("put", path, {"content": "Wait five seconds.", "revision": 1})
    assert [row["number"] for row in call("get", f"{path}/revisions")["results"]] == [2, 1]
    compared = call("get", f"{path}/revisions/2")
    assert compared["against"] == 1
    changed = [(part["kind"], part["text"]) for part in compared["diff"] if part["kind"] != "equal"]
    assert changed == [("delete", "ten"), ("insert", "five")]
    assert call("get", f"{path}/revisions/1")["against"] is None
    assert call("get", f"{path}/revisions/1?against=2")["against"] == 2
    call("get", f"{path}/revisions/1?against=nine", expect=404)
    call("post", f"{path}/revisions/1/restore", {"revision": 1}, expect=409)
    back = call("post", f"{path}/revisions/1/restore", {"revision": 2})
    assert (back["content"], back["revision"]) == ("Wait ten seconds.", 3)


def test_the_same_request_twice_is_done_once(call: Any, playbook: Any) -> None:
    said = {"section": "apis", "content": "Page by 50."}
    first = call("post", PATH, said, expect=201, idempotency_key="one")
    assert call("post", PATH, said, expect=201, idempotency_key="one") == first
    assert playbook.bullets.count() == 1


def test_a_change_names_the_key_it_came_through(call: Any, playbook: Any) -> None:
    call("post", PATH, {"section": "apis", "content": "Page by 50."}, expect=201)
    row = Event.objects.get(kind="bullet.added")
    assert (str(row.actor), row.through) == ("ada", "API key desk")


def test_a_key_that_only_reads_changes_nothing(with_key: Any, playbook: Any) -> None:
    client = with_key("read")
    path = f"/api/v1{PATH}/{BulletFactory(playbook=playbook).label}"
    assert client.get(path).status_code == 200
    for verb in ("retire", "restore", "confirm", "move", "place"):
        answer = client.post(f"{path}/{verb}", {}, content_type="application/json")
        assert answer.status_code == 403


def test_bullets_of_another_workspace_are_unknown(call: Any, olga: Any) -> None:
    theirs = PlaybookFactory(workspace=olga.memberships.get().workspace, slug="theirs")
    label = BulletFactory(playbook=theirs).label
    call("get", "/playbooks/theirs/bullets", expect=404)
    call("get", f"/playbooks/theirs/bullets/{label}/revisions", expect=404)
    call("post", f"/playbooks/theirs/bullets/{label}/retire", {"reason": "x"}, expect=404)


def test_tags_and_section_are_changed_only_as_they_were_seen(
    call: Any, playbook: Any, rita: Any
) -> None:
    bullet = BulletFactory(playbook=playbook, label="apis-001", section="apis", tags=["old"])
    path = f"{PATH}/apis-001"
    seen = call("get", path)["shown"]
    bullet_tag(bullet=bullet, tags=["vip"], by=rita)
    refused = call("put", f"{path}/tags", {"tags": ["eu"], "seen": seen["tags"]}, expect=409)
    assert refused["type"] == "urn:greenroom:problem:changed-meanwhile"
    assert call("get", path)["tags"] == ["vip"]
    # Each is held against what was seen of itself.
    moved = call("post", f"{path}/move", {"section": "pitfalls", "seen": seen["section"]})
    assert moved["shown"]["tags"] == refused["shown"]
    bullet_move(bullet=bullet, section="strategies", by=rita)
    asked = {"section": "apis", "seen": moved["shown"]["section"]}
    again = call("post", f"{path}/move", asked, expect=409)["shown"]
    assert call("post", f"{path}/move", asked | {"seen": again})["section"] == "apis"
    tagged = call("put", f"{path}/tags", {"tags": ["eu"], "seen": refused["shown"]})
    assert (tagged["tags"], tagged["shown"]["section"]) == (["eu"], seen["section"])
    assert call("put", f"{path}/tags", {"tags": ["us"]})["tags"] == ["us"]
