"""Publishing a release."""

from __future__ import annotations

from typing import Any

import pytest

from memoryapp.queries import playbooks
from memoryapp.services.bullets import bullet_add, bullet_edit, bullet_retire
from memoryapp.services.curation import bullet_move, bullet_place
from memoryapp.services.releases import label_move
from tests.factories import BulletFactory, PlaybookFactory

pytestmark = pytest.mark.django_db

URL = "/playbooks/help-desk/releases/publish/"


def opened(client: Any) -> dict[str, Any]:
    """The form as whoever opens the page gets it."""
    shown = client.get("/playbooks/help-desk/?tab=releases").context
    return {
        "seen": shown["draft"].shown,
        "since": shown["newest_revision"],
        "labels": shown["labels_seen"],
    }


def published(client: Any, **typed: Any) -> Any:
    return client.post(URL, opened(client) | typed, follow=True)


@pytest.fixture
def playbook(workspace: Any) -> Any:
    playbook = PlaybookFactory(workspace=workspace, slug="help-desk")
    BulletFactory(playbook=playbook)
    return playbook


def test_it_freezes_the_draft_and_moves_the_label(rita_client: Any, playbook: Any) -> None:
    answer = published(rita_client, notes="The first.", label="production")
    release = playbook.releases.get()
    assert (release.number, release.notes) == (1, "The first.")
    assert playbook.labels.get().release == release
    assert "production points at it now" in answer.content.decode()


def test_it_takes_a_label_only_from_where_its_reader_saw_it(
    rita_client: Any, playbook: Any, ada: Any
) -> None:
    """Somebody took production back while the draft was read."""
    for number in (1, 2):
        BulletFactory(playbook=playbook)
        published(rita_client, label="production")
        assert playbook.labels.get().release.number == number
    BulletFactory(playbook=playbook)
    typed = opened(rita_client) | {"label": "production", "notes": "The third."}
    first = playbook.releases.get(number=1)
    label_move(playbook=playbook, name="production", release=first, by=ada)
    refused = rita_client.post(URL, typed)
    assert refused.status_code == 409
    said = refused.content.decode()
    assert "production now points at v1" in said
    assert "The third." in said
    assert (playbook.releases.count(), playbook.labels.get().release) == (2, first)
    again = typed | {"labels": refused.context["labels_seen"]}
    assert rita_client.post(URL, again).status_code == 302
    assert playbook.labels.get().release.number == 3


def test_it_offers_production_before_labels_that_come_first_by_name(
    rita_client: Any, playbook: Any
) -> None:
    published(rita_client, label="beta")
    page = rita_client.get("/playbooks/help-desk/?tab=releases")
    assert page.context["label_names"] == ["production", "beta", "staging"]


def test_it_publishes_without_a_label(rita_client: Any, playbook: Any) -> None:
    published(rita_client, label="")
    assert playbook.releases.exists()
    assert not playbook.labels.exists()


def test_it_keeps_the_notes_when_nothing_changed(rita_client: Any, playbook: Any) -> None:
    published(rita_client)
    answer = published(rita_client, notes="Again.")
    said = answer.content.decode()
    assert answer.status_code == 409
    assert "Nothing changed since v1" in said
    assert "Again." in said
    assert playbook.releases.count() == 1


def test_it_publishes_nothing_when_the_label_is_no_name(rita_client: Any, playbook: Any) -> None:
    answer = published(rita_client, label="No Name")
    assert answer.status_code == 409
    assert not playbook.releases.exists()


def test_it_says_what_to_retire_when_the_budget_was_lowered(
    rita_client: Any, playbook: Any
) -> None:
    playbook.token_budget = playbook.as_value().tokens - 1
    playbook.save()
    answer = published(rita_client, notes="The first.")
    said = answer.content.decode()
    assert answer.status_code == 409
    assert "Retire bullets worth 1 token first. Least proven" in said
    assert "The first." in said
    assert not playbook.releases.exists()


def test_it_is_refused_to_a_viewer(vera_client: Any, playbook: Any) -> None:
    assert vera_client.post(URL).status_code == 403


def test_it_does_not_exist_for_other_workspaces(olga_client: Any, playbook: Any) -> None:
    assert olga_client.post(URL).status_code == 404


def test_it_publishes_only_the_draft_its_reader_saw(
    rita_client: Any, playbook: Any, ada: Any
) -> None:
    bullet = bullet_add(playbook=playbook, section="apis", content="Ask twice.", by=ada)
    gone = bullet_add(playbook=playbook, section="apis", content="Never mind.", by=ada)
    seen = opened(rita_client) | {"notes": "Mine.", "label": "staging"}
    bullet_edit(bullet=bullet, content="Ask three times.", reason="Safer", by=ada, revision=1)
    bullet_retire(bullet=gone, reason="Wrong", by=ada)
    bullet_add(playbook=playbook, section="pitfalls", content="Do not guess.", by=ada)
    answer = rita_client.post(URL, seen)
    assert answer.status_code == 409
    assert not playbook.releases.exists()
    changed = answer.context["publishing"]["changed"]
    found = [(row.change.kind, row.change.after, row.revision.author) for row in changed]
    assert sorted(found, key=lambda each: each[0]) == [
        ("added", "Do not guess.", ada),
        ("retired", "", ada),
        ("reworded", "Ask three times.", ada),
    ]
    said = answer.content.decode()
    assert "What changed while you were looking" in said
    assert "ada" in said
    assert "Mine.</textarea>" in said
    assert '<option value="staging" selected>' in said
    assert "Publish v1 as it is now" in said
    # The page that shows it is one that was seen.
    shown = answer.context["draft"].shown
    assert f'name="seen" value="{shown}"' in said
    rita_client.post(URL, seen | {"seen": shown})
    assert playbook.labels.get().release.notes == "Mine."


def test_a_change_that_lands_while_the_page_is_made_is_told(
    rita_client: Any, playbook: Any, ada: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The form must not know of a revision that its draft does not hold, nor the other way."""
    draft, texts = playbooks.draft, ["One.", "Two."]

    def meanwhile(*given: Any) -> Any:
        found = draft(*given)
        bullet_add(playbook=playbook, section="apis", content=texts.pop(0), by=ada)
        return found

    def told(answer: Any) -> set[str]:
        return {row.change.after for row in answer.context["publishing"]["changed"]}

    with monkeypatch.context() as patch:
        patch.setattr(playbooks, "draft", meanwhile)
        answer = rita_client.post(URL, opened(rita_client))
    assert told(answer) == {"One.", "Two."}
    shown = {"seen": answer.context["draft"].shown, "since": answer.context["newest_revision"]}
    assert "Two." in told(rita_client.post(URL, shown))
    assert not playbook.releases.exists()


def test_what_stands_elsewhere_is_another_draft(rita_client: Any, playbook: Any, ada: Any) -> None:
    """Agents read it in another order, or under another heading."""
    first, _ = (
        bullet_add(playbook=playbook, section="apis", content=text, by=ada) for text in "ab"
    )
    seen = opened(rita_client)
    bullet_place(bullet=first, direction="down", by=ada)
    answer = rita_client.post(URL, seen)
    assert "bullets stand in another order" in answer.content.decode()
    seen = opened(rita_client)
    bullet_move(bullet=first, section="pitfalls", by=ada)
    answer = rita_client.post(URL, seen)
    (row,) = answer.context["publishing"]["changed"]
    assert (row.change.kind, row.change.moved_from) == ("moved", "apis")
    assert not playbook.releases.exists()


@pytest.mark.parametrize("forged", [{}, {"seen": ""}, {"seen": "0" * 64, "since": "1"}])
def test_it_publishes_nothing_that_nobody_saw(rita_client: Any, playbook: Any, forged: Any) -> None:
    assert rita_client.post(URL, forged).status_code == 409
    assert rita_client.post(URL, forged | {"since": "-1"}).status_code == 422
    assert rita_client.post(URL, forged | {"since": "9" * 30}).status_code == 422
    assert not playbook.releases.exists()


def test_a_refused_form_still_holds_what_its_reader_saw(
    rita_client: Any, playbook: Any, ada: Any
) -> None:
    """A label that is none is mended, and the draft may have moved on while it was."""
    seen = opened(rita_client)
    answer = rita_client.post(URL, seen | {"label": "No Name"})
    assert f'name="seen" value="{seen["seen"]}"' in answer.content.decode()
    bullet_add(playbook=playbook, section="apis", content="Ask twice.", by=ada)
    assert rita_client.post(URL, seen | {"label": "staging"}).status_code == 409


def test_a_second_click_publishes_nothing_more(rita_client: Any, playbook: Any, ada: Any) -> None:
    seen = opened(rita_client)
    assert rita_client.post(URL, seen).status_code == 302
    assert "Nothing changed since v1" in rita_client.post(URL, seen).content.decode()
    assert playbook.releases.count() == 1
