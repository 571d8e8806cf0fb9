"""One bullet with its history."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse

from memoryapp.domain.seen import shown
from memoryapp.services.bullets import bullet_edit, bullets_go_stale
from memoryapp.services.candidates import candidate_approve
from memoryapp.services.releases import release_publish
from memoryapp.services.reports import Said, report_take
from tests.factories import BulletFactory, CandidateFactory, EvidenceFactory, PlaybookFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def bullet(workspace: Any) -> Any:
    playbook = PlaybookFactory(workspace=workspace, slug="help-desk")
    return BulletFactory(playbook=playbook, content="Refund at once.")


def text_of(client: Any, url: str) -> str:
    answer = client.get(url)
    assert answer.status_code == 200
    return str(answer.content.decode())


def test_it_shows_every_revision_with_what_it_changed(
    rita_client: Any, bullet: Any, rita: Any
) -> None:
    bullet_edit(
        bullet=bullet, content="Refund within a day.", reason="Too fast", by=rita, revision=1
    )
    said = text_of(rita_client, bullet.get_absolute_url())
    assert "Revision 2" in said
    assert "Revision 1" in said
    assert "<del>at once</del>" in said
    assert "Too fast" in said


def test_it_starts_an_edit_from_an_old_revision(rita_client: Any, bullet: Any, rita: Any) -> None:
    bullet_edit(bullet=bullet, content="Something else.", reason="", by=rita, revision=1)
    context = rita_client.get(f"{bullet.get_absolute_url()}?edit=1&from=1").context
    assert context["content"] == "Refund at once."
    assert context["start_from"] == 1


def test_next_and_previous_stay_within_the_filter_of_memory(
    rita_client: Any, olga_client: Any, bullet: Any
) -> None:
    BulletFactory(playbook=bullet.playbook, status="retired")
    second, third = BulletFactory.create_batch(2, playbook=bullet.playbook)
    asked = "?status=approved&sort=newest"
    row = f"{second.get_absolute_url()}{asked.replace('&', '&amp;')}"
    assert f'href="{row}"' in text_of(rita_client, "/memory/?status=approved")
    page = rita_client.get(second.get_absolute_url() + asked)
    assert (page.context["previous"], page.context["next"]) == (third, bullet)
    assert page.context["memory_url"] == "/memory/?status=approved"
    said = page.content.decode()
    assert 'data-key="j" data-key-label="Next bullet"' in said
    assert "Next bullet" not in text_of(rita_client, second.get_absolute_url())
    assert olga_client.get(second.get_absolute_url() + asked).status_code == 404


def test_next_goes_by_merit_where_the_list_does(rita_client: Any, bullet: Any) -> None:
    BulletFactory(playbook=bullet.playbook, content="Call a colleague.")
    again = "Refund, refund and refund again."
    best = BulletFactory(playbook=bullet.playbook, content=again)
    asked = "?q=refund&sort=best"
    listed = list(rita_client.get(f"/memory/{asked}").context["rows"])
    assert set(listed) == {bullet, best}
    first, last = (rita_client.get(each.get_absolute_url() + asked).context for each in listed)
    assert (first["previous"], first["next"]) == (None, listed[1])
    assert (last["previous"], last["next"]) == (listed[0], None)


def test_a_change_keeps_the_filter_it_was_opened_in(rita_client: Any, bullet: Any) -> None:
    asked = "?status=approved&sort=newest"
    context = rita_client.get(f"{bullet.get_absolute_url()}{asked}&edit=1").context
    changed = {"content": "Refund within a day.", "revision": "1"}
    answer = rita_client.post(context["edit_url"], changed)
    assert answer.url.startswith(f"{bullet.get_absolute_url()}{asked}&place=")
    tagged = {"tags": "vip", "seen": context["tags_seen"]}
    answer = rita_client.post(context["tag_url"], tagged)
    assert answer.url.startswith(f"{bullet.get_absolute_url()}{asked}&place=")
    plain = reverse("bullet-tag", args=[bullet.playbook.slug, bullet.label])
    answer = rita_client.post(plain, {"tags": "", "seen": shown({"tags": ["vip"]})})
    assert answer.url == bullet.get_absolute_url()


@pytest.mark.parametrize("sort", ["newest", "oldest"])
@pytest.mark.parametrize("at", [0, 2])
def test_who_changes_one_goes_on_from_where_it_stood(
    rita_client: Any, bullet: Any, sort: str, at: int
) -> None:
    """The change makes it the newest; the way through the list does not begin anew."""
    asked = f"?status=approved&sort={sort}"
    BulletFactory.create_batch(4, playbook=bullet.playbook)
    listed = list(rita_client.get(f"/memory/{asked}").context["rows"])
    beside = (listed[at - 1] if at else None, listed[at + 1])
    page = rita_client.get(listed[at].get_absolute_url() + asked)
    assert (page.context["previous"], page.context["next"]) == beside
    reworded = {"content": "Reworded.", "revision": "1"}
    page = rita_client.post(page.context["edit_url"], reworded, follow=True)
    tagged = {"tags": "vip", "seen": page.context["tags_seen"]}
    page = rita_client.post(page.context["tag_url"], tagged, follow=True)
    assert page.context["bullet"].tags == ["vip"]
    assert (page.context["previous"], page.context["next"]) == beside
    # The place is this bullet's alone.
    assert "place" not in page.context["memory_url"] + page.context["query"]
    assert rita_client.get(f"{bullet.get_absolute_url()}{asked}&place=none").status_code == 200


def test_it_shows_the_steps_behind_it(rita_client: Any, workspace: Any, rita: Any) -> None:
    candidate = CandidateFactory(playbook=PlaybookFactory(workspace=workspace))
    EvidenceFactory(candidate=candidate, tool="create_refund")
    candidate_approve(candidate=candidate, by=rita)
    bullet = candidate.playbook.bullets.get()
    said = text_of(rita_client, bullet.get_absolute_url())
    assert "create_refund" in said
    assert candidate.get_absolute_url() in said


def test_it_says_through_which_label_it_is_served(rita_client: Any, bullet: Any, rita: Any) -> None:
    release_publish(playbook=bullet.playbook, by=rita, label="production")
    assert rita_client.get(bullet.get_absolute_url()).context["served_by"] == ["production"]


def test_it_says_why_a_bullet_is_stale_and_what_may_be_done(
    rita_client: Any, vera_client: Any, bullet: Any
) -> None:
    reason = "create_refund of Help desk: Its description or schema has changed."
    bullets_go_stale(playbook_ids=[bullet.playbook_id], tool="create_refund", reason=reason)
    assert "It still holds" not in text_of(rita_client, bullet.get_absolute_url())
    bullet.content = "Call create_refund at once."
    bullet.save()
    bullets_go_stale(playbook_ids=[bullet.playbook_id], tool="create_refund", reason=reason)
    said = text_of(rita_client, bullet.get_absolute_url())
    assert reason in said
    assert "/practice/new/?playbook=help-desk&amp;focus=create_refund" in said
    assert "It still holds" in said
    assert "It still holds" not in text_of(vera_client, bullet.get_absolute_url())


def test_it_counts_trials_apart_from_votes(vera_client: Any, bullet: Any) -> None:
    bullet.verified_wins, bullet.verified_losses, bullet.practice_helpful = 3, 1, 7
    bullet.save()
    said = text_of(vera_client, bullet.get_absolute_url())
    assert "<dt>Trials won with it</dt><dd>3</dd><dt>Trials lost with it</dt><dd>1</dd>" in said
    assert "<dt>Helpful in practice</dt><dd>7</dd>" in said


def test_it_offers_a_viewer_no_change(vera_client: Any, bullet: Any) -> None:
    said = text_of(vera_client, f"{bullet.get_absolute_url()}?edit=1")
    assert "<textarea" not in said
    assert "Retire" not in said


def test_it_does_not_exist_for_other_workspaces(olga_client: Any, bullet: Any) -> None:
    assert olga_client.get(bullet.get_absolute_url()).status_code == 404


def test_it_lists_what_agents_reported(vera_client: Any, workspace: Any, ada: Any) -> None:
    bullet = BulletFactory(playbook=PlaybookFactory(workspace=workspace))
    release = release_publish(playbook=bullet.playbook, by=ada)
    votes = [Said(bullet.label, "helpful", "It saved <b>a call</b>.")]
    for number in range(9):
        report_take(release=release, votes=votes, outcome="success", task=f"ticket {number}")
    report_take(release=release, votes=[Said(bullet.label, "harmful")], task="last", agent="desk-7")
    said = vera_client.get(bullet.get_absolute_url()).content.decode()
    assert "10 votes" in said
    assert "It saved &lt;b&gt;a call&lt;/b&gt;." in said
    assert "ticket 8, success" in said
    assert "desk-7" in said
    assert "<dt>Helpful share, at least</dt><dd>60%</dd>" in said
    assert "comes last" not in said
