"""Views somebody keeps of a list."""

from __future__ import annotations

from typing import Any

import pytest

from memoryapp.models import Event, SavedView

pytestmark = pytest.mark.django_db

SAVE = "/views/save/"


def keep(client: Any, name: str = "Doubted", query: str = "status=stale", **more: str) -> Any:
    asked = {"page": "entry-list", "name": name, "query": query} | more
    return client.post(SAVE, asked, follow=True)


def shown(client: Any) -> list[str]:
    return [item["view"].name for item in client.get("/memory/").context["saved_views"]]


def test_it_comes_back_to_the_filter_it_kept(vera_client: Any) -> None:
    answer = keep(vera_client)
    assert answer.redirect_chain[-1][0] == "/memory/?status=stale"
    assert "only you see it" in answer.content.decode()
    assert shown(vera_client) == ["Doubted"]


@pytest.mark.parametrize(
    ("page", "query", "url"),
    [
        ("incident-list", "status=open", "/root-causes/?status=open"),
        (
            "audit-list",
            "kind=label.moved&actor=rita",
            "/settings/audit/?kind=label.moved&actor=rita",
        ),
        ("trajectory-list", "label=failure", "/trajectories/?label=failure"),
    ],
)
def test_other_lists_have_views_of_their_own(
    vera_client: Any, page: str, query: str, url: str
) -> None:
    keep(vera_client, page=page, query=query)
    listed = vera_client.get(url)
    (item,) = listed.context["saved_views"]
    assert (item["url"], item["is_current"]) == (url, True)
    assert "Doubted" in listed.content.decode()
    assert shown(vera_client) == []


def test_its_name_is_one_line_that_can_be_seen(vera_client: Any) -> None:
    keep(vera_client, name="\u200bDoubted\n ones\u202e")
    keep(vera_client, name="\u200b")
    assert shown(vera_client) == ["Doubted ones"]


def values(form: Any) -> dict[str, Any]:
    said = {name: form[name].value() for name in form.fields}
    return {name: value for name, value in said.items() if value not in (None, False)}


def test_it_replaces_a_view_of_the_same_name_only_once_it_was_seen(vera_client: Any) -> None:
    keep(vera_client)
    refused = keep(vera_client, query="status=retired")
    assert refused.status_code == 409
    assert SavedView.objects.get().query == "status=stale"
    said = refused.content.decode()
    assert "status=stale" in said
    assert 'value="status=retired"' in said
    # It is the name that was used again: nobody changed anything.
    assert "was changed while you had it open" not in said
    assert 'name="shared"' not in said
    again = values(refused.context["form"])
    assert vera_client.post(SAVE, again).status_code == 302
    assert SavedView.objects.get().query == "status=retired"
    # A second click asks for what the first one saved.
    assert vera_client.post(SAVE, again).status_code == 302


def test_what_was_seen_of_one_name_says_nothing_of_another(vera_client: Any) -> None:
    keep(vera_client)
    keep(vera_client, name="Gone", query="status=retired")
    again = values(keep(vera_client, query="status=active").context["form"])
    assert vera_client.post(SAVE, again | {"name": "Gone"}).status_code == 409
    assert vera_client.post(SAVE, again | {"name": "Third"}).status_code == 302
    kept = dict(SavedView.objects.values_list("name", "query"))
    assert kept == {"Doubted": "status=stale", "Gone": "status=retired", "Third": "status=active"}


def test_it_says_who_changed_a_shared_view_meanwhile(rita_client: Any, rita: Any) -> None:
    keep(rita_client, shared="yes")
    opened = values(keep(rita_client, query="status=retired").context["form"])
    elsewhere = values(keep(rita_client, query="q=refund", shared="yes").context["form"])
    assert rita_client.post(SAVE, elsewhere).status_code == 302
    refused = rita_client.post(SAVE, opened)
    assert refused.status_code == 409
    assert [event.actor for event in refused.context["meanwhile"].events] == [rita]
    assert refused.context["meanwhile"].was == {"query": "status=stale", "shared": True}
    assert "was changed while you had it open" in refused.content.decode()


def test_what_only_its_owner_sees_is_in_no_log(rita_client: Any) -> None:
    keep(rita_client, query="q=private")
    assert not Event.objects.filter(kind__startswith="view.").exists()
    shared = keep(rita_client, query="q=for-all", shared="yes").context["form"]
    rita_client.post(SAVE, values(shared) | {"shared": "yes"})
    private = keep(rita_client, query="q=private-again").context["form"]
    mine = {name: said for name, said in values(private).items() if name != "shared"}
    rita_client.post(SAVE, mine)
    assert [
        event.kind for event in Event.objects.filter(kind__startswith="view.").order_by("pk")
    ] == [
        "view.shared",
        "view.unshared",
    ]
    assert "private" not in str([event.data for event in Event.objects.all()])


def test_it_shares_a_reviewers_view_and_no_viewers(
    rita_client: Any, vera_client: Any, olga_client: Any
) -> None:
    keep(rita_client, shared="yes")
    keep(vera_client, name="Mine", shared="yes")
    assert shown(vera_client) == ["Doubted", "Mine"]
    assert shown(rita_client) == ["Doubted"]
    assert shown(olga_client) == []
    assert Event.objects.get(kind="view.shared").data["after"] == {
        "query": "status=stale",
        "shared": True,
    }


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"name": " "}, "Give the view a name"),
        ({"query": ""}, "Filter the list first"),
        ({"query": "q=" + "x" * 1000}, "Filter the list first"),
        ({"page": "login"}, "cannot be saved"),
    ],
)
def test_it_says_what_is_missing(vera_client: Any, asked: dict[str, str], said: str) -> None:
    assert said in keep(vera_client, **asked).content.decode()
    assert not SavedView.objects.exists()


def test_it_is_forgotten_by_its_owner_or_an_admin(
    rita_client: Any, vera_client: Any, ada_client: Any, olga_client: Any
) -> None:
    keep(rita_client, shared="yes")
    url = f"/views/{SavedView.objects.get().pk}/delete/"
    assert vera_client.post(url).status_code == 404
    assert olga_client.post(url).status_code == 404
    assert ada_client.post(url).status_code == 302
    assert not SavedView.objects.exists()
