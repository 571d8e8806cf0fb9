"""Ordering a playbook by hand: sections, places, tags, its budget, edits in place."""

from __future__ import annotations

import re
from typing import Any

import pytest

from memoryapp.domain.seen import shown
from memoryapp.models import Event
from memoryapp.services.curation import bullet_move, section_of
from memoryapp.services.releases import release_publish
from tests.factories import BulletFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def three(playbook: Any) -> list[Any]:
    return [BulletFactory(playbook=playbook, label=f"strategies-00{n}") for n in (1, 2, 3)]


def order(playbook: Any) -> list[str]:
    return list(playbook.bullets.in_delivery_order().values_list("label", flat=True))


def post(client: Any, bullet: Any, what: str, **data: str) -> Any:
    return client.post(f"{bullet.get_absolute_url()}{what}/", data, follow=True)


def test_it_moves_a_bullet_one_place(rita_client: Any, playbook: Any, three: Any) -> None:
    post(rita_client, three[2], "place", direction="up")
    assert order(playbook) == ["strategies-001", "strategies-003", "strategies-002"]
    said = post(rita_client, three[0], "place", direction="up").content.decode()
    assert "is the first of its section already" in said
    assert Event.objects.filter(kind="bullet.placed").count() == 1


def test_it_puts_new_bullets_after_placed_ones(rita_client: Any, playbook: Any, three: Any) -> None:
    post(rita_client, three[0], "place", direction="down")
    BulletFactory(playbook=playbook, label="strategies-000")
    assert order(playbook)[-1] == "strategies-000"


def test_it_says_what_a_release_would_move(rita: Any, rita_client: Any, three: Any) -> None:
    playbook = three[0].playbook
    release_publish(playbook=playbook, by=rita)
    post(rita_client, three[2], "place", direction="up")
    draft = rita_client.get(playbook.get_absolute_url()).context["draft"]
    assert [(change.kind, change.label) for change in draft.changes] == [
        ("moved", "strategies-003")
    ]
    assert release_publish(playbook=playbook, by=rita).number == 2


def test_it_moves_a_bullet_to_another_section(rita_client: Any, three: Any) -> None:
    post(rita_client, three[0], "move", section="pitfalls", seen=shown(section_of(three[0])))
    bullet = three[0].playbook.bullets.get(label="strategies-001")
    assert bullet.section == "pitfalls"
    assert bullet.revisions.first().reason == "Moved from strategies"


def test_it_takes_a_section_of_ones_own(rita_client: Any, three: Any) -> None:
    own, seen = "tone_of_voice", shown(section_of(three[0]))
    post(rita_client, three[0], "move", section="strategies", own=own, seen=seen)
    assert three[0].playbook.bullets.filter(section="tone_of_voice").exists()
    said = post(rita_client, three[1], "move", own="Not a section!").content.decode()
    assert "A section is lower-case letters" in said


@pytest.mark.parametrize("place", ["page", "list"])
def test_it_moves_a_bullet_only_from_where_it_was_seen(
    rita_client: Any, edda: Any, playbook: Any, three: Any, place: str
) -> None:
    url = playbook.get_absolute_url() + "?arrange=1"
    page = rita_client.get(three[0].get_absolute_url() if place == "page" else url)
    form = r'name="seen" value="(\w+)"><(?:label class="sr" for="move|select)'
    (seen, *_) = re.findall(form, page.content.decode())
    bullet_move(bullet=three[0], section="apis", by=edda)
    asked = {"section": "pitfalls", "arrange": "" if place == "page" else "1"}
    refused = post(rita_client, three[0], "move", **asked, seen=seen)
    assert refused.status_code == 409
    assert playbook.bullets.get(pk=three[0].pk).section == "apis"
    said = refused.content.decode()
    assert "Section: this was changed" in said
    assert [event.actor for event in refused.context["meanwhile"].events] == [edda]
    assert '<option value="pitfalls" selected>' in said
    seen = shown(section_of(playbook.bullets.get(pk=three[0].pk)))
    assert f'name="seen" value="{seen}"' in said
    post(rita_client, three[0], "move", **asked, seen=seen)
    assert playbook.bullets.get(pk=three[0].pk).section == "pitfalls"


def test_it_tags_and_finds_by_tag(rita_client: Any, playbook: Any, three: Any) -> None:
    seen = rita_client.get(three[1].get_absolute_url()).context["tags_seen"]
    post(rita_client, three[1], "tags", tags="Refunds, vip refunds", seen=seen)
    bullet = playbook.bullets.get(pk=three[1].pk)
    assert bullet.tags == ["refunds", "vip"]
    found = rita_client.get(f"{playbook.get_absolute_url()}?tag=vip").context["page_obj"]
    assert [row.label for row in found] == ["strategies-002"]
    now = rita_client.get(three[1].get_absolute_url()).context["tags_seen"]
    refused = post(rita_client, three[1], "tags", tags="refunds, vip, a tag, <b>", seen=now)
    said = refused.content.decode()
    assert (refused.status_code, refused.context["tags_seen"]) == (409, now)
    assert "is not a tag" in said
    assert 'name="tags" value="refunds, vip, a tag, &lt;b&gt;"' in said
    refused = post(rita_client, three[1], "tags", tags="mine", seen=seen)
    assert refused.status_code == 409
    said = refused.content.decode()
    assert "Tags: this was changed" in said
    assert "refunds, vip" in said
    assert 'name="tags" value="mine"' in said
    seen = refused.context["tags_seen"]
    assert post(rita_client, three[1], "tags", tags="mine", seen=seen).status_code == 200
    assert playbook.bullets.get(pk=three[1].pk).tags == ["mine"]


def test_it_edits_a_row_in_place(rita_client: Any, three: Any) -> None:
    url = three[0].get_absolute_url()
    row = rita_client.get(f"{url}row/?edit=1", headers={"HX-Request": "true"}).content.decode()
    assert "<textarea" in row
    assert "<html" not in row
    asked = {"content": "Shorter.", "reason": "", "revision": "1", "in_place": "1"}
    saved = rita_client.post(f"{url}edit/", asked, headers={"HX-Request": "true"})
    assert "saved as revision 2" in saved.content.decode()
    assert three[0].playbook.bullets.get(pk=three[0].pk).content == "Shorter."


def test_a_second_click_on_save_is_not_told_that_nothing_was_saved(
    rita_client: Any, three: Any
) -> None:
    seen = rita_client.get(three[0].get_absolute_url()).context["tags_seen"]
    for _ in range(2):
        said = post(rita_client, three[0], "tags", tags="vip", seen=seen).content.decode()
        assert "Nothing was saved" not in said
    assert "It already has exactly these tags." in said
    for _ in range(2):
        asked = {"content": "Shorter.", "reason": "", "revision": "1"}
        said = post(rita_client, three[0], "edit", **asked).content.decode()
        assert "was not saved" not in said
    assert "The text is unchanged" in said
    assert three[0].playbook.bullets.get(pk=three[0].pk).revision_count == 2


def test_it_keeps_the_words_of_a_refused_edit_in_place(rita_client: Any, three: Any) -> None:
    asked = {"content": "My words.", "reason": "", "revision": "0", "in_place": "1"}
    answer = rita_client.post(
        f"{three[0].get_absolute_url()}edit/", asked, headers={"HX-Request": "true"}
    )
    assert answer.status_code == 409
    assert "My words." in answer.content.decode()
    assert "was changed while you were writing" in answer.content.decode()


def test_it_goes_to_the_page_where_scripts_are_off(rita_client: Any, three: Any) -> None:
    answer = rita_client.get(f"{three[0].get_absolute_url()}row/?edit=1")
    assert answer.url == f"{three[0].get_absolute_url()}?edit=1"


def test_it_restores_the_text_of_a_revision(rita_client: Any, three: Any) -> None:
    first = three[0].content
    post(rita_client, three[0], "edit", content="Worse.", reason="", revision="1")
    page = rita_client.get(three[0].get_absolute_url()).content.decode()
    assert 'value="Restored revision 1"' in page
    post(rita_client, three[0], "edit", content=first, reason="Restored revision 1", revision="2")
    assert three[0].playbook.bullets.get(pk=three[0].pk).content == first


def test_it_changes_the_budget(rita_client: Any, playbook: Any) -> None:
    seen = rita_client.get("/playbooks/help-desk/").context["settings"]["seen"].value()
    asked = {"name": "Desk", "description": "", "token_budget": "500", "seen": seen}
    rita_client.post("/playbooks/help-desk/change/", asked)
    playbook.refresh_from_db()
    assert (playbook.name, playbook.token_budget) == ("Desk", 500)
    event = Event.objects.get(kind="playbook.changed")
    assert (event.data["before"]["token_budget"], event.data["after"]["token_budget"]) == (
        8000,
        500,
    )
    wrong = rita_client.post("/playbooks/help-desk/change/", asked | {"token_budget": "-1"})
    assert wrong.status_code == 422


def test_it_shows_what_was_never_used(rita_client: Any, playbook: Any, three: Any) -> None:
    playbook.bullets.filter(pk=three[0].pk).update(deployed_helpful=2)
    page = rita_client.get(f"{playbook.get_absolute_url()}?use=never").context
    assert [row.label for row in page["page_obj"]] == ["strategies-002", "strategies-003"]
    assert ("Never used", 2) in [(chip.label, chip.count) for chip in page["filters"]]


@pytest.mark.parametrize("what", ["place", "move", "tags"])
def test_it_is_not_for_viewers_or_strangers(
    vera_client: Any, olga_client: Any, three: Any, what: str
) -> None:
    asked = {"direction": "up", "section": "apis", "tags": "a"}
    assert vera_client.post(f"{three[1].get_absolute_url()}{what}/", asked).status_code == 403
    assert olga_client.post(f"{three[1].get_absolute_url()}{what}/", asked).status_code == 404
