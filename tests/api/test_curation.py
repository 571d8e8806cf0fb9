"""A playbook as a whole over the API: its settings, merges, a run undone, its labels' past."""

from __future__ import annotations

from typing import Any

import pytest

from memoryapp.services.candidates import candidate_approve
from memoryapp.services.curation import playbook_change
from memoryapp.services.releases import label_move, release_publish
from tests.factories import BulletFactory, CandidateFactory, PlaybookFactory

pytestmark = pytest.mark.django_db

PATH = "/playbooks/help-desk"


@pytest.fixture
def playbook(workspace: Any) -> Any:
    return PlaybookFactory(workspace=workspace, slug="help-desk", name="Help desk")


def test_a_playbook_is_made_filled_and_pulled_without_a_browser(
    call: Any, workspace: Any, with_key: Any
) -> None:
    asked = {"name": "Night desk", "description": "For the night.", "token_budget": 900}
    made = call("post", "/playbooks", asked, expect=201)
    assert made == {
        "slug": "night-desk",
        **asked,
        "requires_evaluation": False,
        "live_bullets": 0,
        "waiting_candidates": 0,
        "labels": {},
    }
    assert workspace.events.get(kind="playbook.created").subject_name == "Night desk"
    ace = "## PITFALLS\n[pitfalls-00001] helpful=0 harmful=0 :: Verify first."
    call("post", "/playbooks/night-desk/import", {"format": "ace", "content": ace})
    call("post", "/playbooks/night-desk/releases", {"label": "production"}, expect=201)
    assert (
        "Verify first."
        in with_key("playbooks:pull").get("/api/v1/playbooks/night-desk?format=md").content.decode()
    )


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({}, 400),
        ({"name": " "}, 400),
        ({"name": "x" * 101}, 400),
        ({"name": "Desk", "token_budget": -1}, 400),
        ({"name": "Desk", "slug": "other"}, 400),
        ({"name": "!!!"}, 400),
        ({"name": "help DESK"}, 409),
    ],
)
def test_a_playbook_needs_a_name_of_its_own(
    call: Any, playbook: Any, workspace: Any, asked: dict[str, Any], status: int
) -> None:
    call("post", "/playbooks", asked, expect=status)
    assert workspace.playbooks.count() == 1


@pytest.mark.parametrize("scope", ["playbooks:pull", "read", "trajectories:write"])
def test_a_key_that_reads_or_sends_makes_no_playbook(
    with_key: Any, workspace: Any, scope: str
) -> None:
    answer = with_key(scope).post(
        "/api/v1/playbooks", {"name": "Desk"}, content_type="application/json"
    )
    assert answer.status_code == 403
    assert not workspace.playbooks.exists()


def test_settings_are_read_and_changed_one_by_one(call: Any, playbook: Any) -> None:
    changed = call("patch", f"{PATH}/settings", {"token_budget": 900})
    assert (changed["name"], changed["token_budget"]) == ("Help desk", 900)
    assert call("patch", f"{PATH}/settings", {"requires_evaluation": True})["requires_evaluation"]
    call("patch", f"{PATH}/settings", {"token_budget": 900}, expect=409)
    call("patch", f"{PATH}/settings", {}, expect=400)
    call("patch", f"{PATH}/settings", {"token_budget": -1}, expect=400)
    assert call("get", f"{PATH}/settings")["token_budget"] == 900


def test_all_settings_may_be_sent_back_with_one_of_them_changed(call: Any, playbook: Any) -> None:
    known = call("get", f"{PATH}/settings")
    assert call("patch", f"{PATH}/settings", known | {"name": "Desk"})["name"] == "Desk"
    changed = known | {"name": "Desk", "requires_evaluation": True}
    assert call("patch", f"{PATH}/settings", changed)["requires_evaluation"]
    call("patch", f"{PATH}/settings", changed, expect=409)


def test_settings_are_changed_only_as_they_were_seen(call: Any, playbook: Any, rita: Any) -> None:
    seen = call("get", f"{PATH}/settings")["shown"]
    playbook_change(playbook=playbook, description="Refunds", by=rita)
    asked = {"token_budget": 900, "seen": seen}
    refused = call("patch", f"{PATH}/settings", asked, expect=409)
    assert refused["type"] == "urn:greenroom:problem:changed-meanwhile"
    call("patch", f"{PATH}/settings", {"requires_evaluation": True, "seen": seen}, expect=409)
    changed = call("patch", f"{PATH}/settings", asked | {"seen": refused["shown"]})
    assert (changed["description"], changed["token_budget"]) == ("Refunds", 900)
    assert changed["requires_evaluation"] is False
    assert changed["shown"] not in {seen, refused["shown"]}


@pytest.mark.parametrize("is_key", [True, False])
def test_only_admins_say_whether_publishing_needs_an_evaluation(
    playbook: Any, with_key: Any, rita_client: Any, is_key: bool
) -> None:
    """As on its page: a reviewer, and a key that may only write, would lift the gate they meet."""
    playbook.requires_evaluation = True
    playbook.save()
    client = with_key("write") if is_key else rita_client

    def patch(**asked: Any) -> Any:
        return client.patch(f"/api/v1{PATH}/settings", asked, content_type="application/json")

    refused = patch(name="Desk", requires_evaluation=False)
    assert (refused.status_code, "Only admins" in refused.json()["detail"]) == (403, True)
    playbook.refresh_from_db()
    assert (playbook.name, playbook.requires_evaluation) == ("Help desk", True)
    assert patch(name="Desk", requires_evaluation=True).json()["name"] == "Desk"


def test_a_budget_below_what_is_approved_is_refused(call: Any, playbook: Any) -> None:
    BulletFactory(playbook=playbook)
    said = call("patch", f"{PATH}/settings", {"token_budget": 1}, expect=409)["detail"]
    assert "The approved bullets need" in said
    assert "Nothing was changed" in said
    assert call("get", f"{PATH}/settings")["token_budget"] == 8_000


def test_a_playbook_over_its_budget_is_not_published(call: Any, playbook: Any) -> None:
    BulletFactory(playbook=playbook)
    playbook.token_budget = 1
    playbook.save()
    said = call("post", f"{PATH}/releases", {}, expect=409)["detail"]
    assert "Retire bullets worth" in said
    call("patch", f"{PATH}/settings", {"name": "Desk"})


def test_a_merge_is_previewed_then_done(call: Any, playbook: Any) -> None:
    one, two = BulletFactory.create_batch(2, playbook=playbook)
    asked = {"labels": [one.label, two.label], "content": "Verify first."}
    preview = call("post", f"{PATH}/merge/preview", asked)
    assert preview["tokens_after"] < preview["tokens_before"]
    assert playbook.bullets.live().count() == 2
    call("post", f"{PATH}/merge", {**asked, "seen": "older"}, expect=409)
    merged = call("post", f"{PATH}/merge", {**asked, "seen": preview["seen"], "reason": "Twins"})
    assert (merged["label"], merged["content"]) == (one.label, "Verify first.")
    assert [row.label for row in playbook.bullets.live()] == [one.label]


def test_a_merge_of_what_is_not_there_is_refused(call: Any, playbook: Any) -> None:
    label = BulletFactory(playbook=playbook).label
    call("post", f"{PATH}/merge/preview", {"labels": [label]}, expect=400)
    call("post", f"{PATH}/merge/preview", {"labels": [label, "apis-999"]}, expect=409)


def test_a_run_is_undone_after_a_dry_run(call: Any, playbook: Any, ada: Any) -> None:
    kept, waiting = CandidateFactory.create_batch(2, playbook=playbook)
    candidate_approve(candidate=kept, by=ada)
    asked = {"origin": waiting.origin_link}
    preview = call("post", f"{PATH}/undo-run/preview", asked)
    assert (preview["changing"], preview["waiting"]) == (1, 1)
    assert [row["effect"] for row in preview["bullets"]] == ["retire"]
    assert playbook.bullets.live().count() == 1
    call("post", f"{PATH}/undo-run", {**asked, "seen": "older", "reason": "Bad data"}, expect=409)
    call("post", f"{PATH}/undo-run", {**asked, "seen": preview["seen"]}, expect=400)
    done = {**asked, "seen": preview["seen"], "reason": "Bad data"}
    call("post", f"{PATH}/undo-run/undo", asked, expect=409)
    assert call("post", f"{PATH}/undo-run", done)["changing"] == 1
    assert not playbook.bullets.live().exists()
    back = call("post", f"{PATH}/undo-run/undo", asked)
    (bullet,) = playbook.bullets.live()
    assert back == {"bullets": [bullet.label], "spared": [], "waiting": 1}
    call("post", f"{PATH}/undo-run/undo", asked, expect=409)
    call("post", f"{PATH}/undo-run/preview", {"origin": "/practice/runs/99/"}, expect=404)


@pytest.fixture
def labelled(playbook: Any, ada: Any) -> Any:
    """Production moved from v1 to v2."""
    for text in ("First.", "Second."):
        BulletFactory(playbook=playbook, content=text)
        release = release_publish(playbook=playbook, by=ada)
        label_move(playbook=playbook, name="production", release=release, by=ada)
    return playbook


def test_a_label_says_who_moved_it_from_what_to_what(call: Any, labelled: Any) -> None:
    rows = call("get", f"{PATH}/labels/production/history")
    assert [(row["from_version"], row["to_version"]) for row in rows] == [(1, 2), (None, 1)]
    assert rows[0]["moved_by"] == "ada"
    assert call("get", f"{PATH}/labels/unheard-of/history") == []


def test_a_label_goes_back_where_it_came_from(call: Any, labelled: Any) -> None:
    path = f"{PATH}/labels/production/revert"
    refused = call("post", path, {"version": 1}, expect=409)
    assert "now points at v2" in refused["detail"]
    assert call("post", path, {"version": 2})["version"] == 1
    # Sent again, it does not flip back.
    call("post", path, {"version": 2}, expect=409)


def test_a_label_moves_from_where_it_was_seen(call: Any, labelled: Any) -> None:
    path = f"{PATH}/labels/production"
    refused = call("put", path, {"version": 1, "points_at": 1}, expect=409)
    assert "now points at v2" in refused["detail"]
    call("put", path, {"version": 1, "points_at": 2})
    call("put", f"{PATH}/labels/new", {"version": 1, "points_at": 2}, expect=409)
    call("put", f"{PATH}/labels/new", {"version": 1, "points_at": 0})
    call("put", path, {"version": 2})
    assert labelled.labels.get(name="production").release.number == 2


def test_a_label_that_never_moved_has_nowhere_to_go_back_to(
    call: Any, playbook: Any, ada: Any
) -> None:
    BulletFactory(playbook=playbook)
    release = release_publish(playbook=playbook, by=ada)
    label_move(playbook=playbook, name="staging", release=release, by=ada)
    refused = call("post", f"{PATH}/labels/staging/revert", {"version": 1}, expect=409)
    assert "never moved" in refused["detail"]
    call("post", f"{PATH}/labels/unheard-of/revert", {"version": 1}, expect=404)


def test_playbooks_of_another_workspace_are_unknown(call: Any, olga: Any) -> None:
    PlaybookFactory(workspace=olga.memberships.get().workspace, slug="theirs")
    call("get", "/playbooks/theirs/settings", expect=404)
    call("post", "/playbooks/theirs/merge/preview", {"labels": ["a-1", "a-2"]}, expect=404)
    call("post", "/playbooks/theirs/undo-run/preview", {"origin": "/x/"}, expect=404)
    call("get", "/playbooks/theirs/labels/production/history", expect=404)


def test_the_draft_is_published_as_it_was_seen(call: Any, playbook: Any) -> None:
    bullet = BulletFactory(playbook=playbook, section="apis", content="Ask twice.")
    draft = call("get", f"{PATH}/draft")
    assert (draft["version"], draft["bullets"], draft["is_changed"]) == (1, 1, True)
    assert draft["changes"] == [
        {
            "kind": "added",
            "label": bullet.label,
            "section": "apis",
            "before": "",
            "after": "Ask twice.",
            "moved_from": "",
        }
    ]
    BulletFactory(playbook=playbook)
    asked = {"seen": draft["shown"], "label": "production"}
    refused = call("post", f"{PATH}/releases", asked, expect=409)
    assert refused["type"] == "urn:greenroom:problem:changed-meanwhile"
    assert not playbook.releases.exists()
    assert refused["shown"] == call("get", f"{PATH}/draft")["shown"]
    call("post", f"{PATH}/releases", asked | {"seen": refused["shown"]}, expect=201)
    assert playbook.labels.get().release.number == 1
    assert call("get", f"{PATH}/draft")["is_changed"] is False
    call("post", f"{PATH}/releases", {"seen": ""}, expect=400)


def test_who_names_no_draft_publishes_what_there_is(call: Any, playbook: Any) -> None:
    BulletFactory(playbook=playbook)
    call("post", f"{PATH}/releases", {"seen": None}, expect=201)
