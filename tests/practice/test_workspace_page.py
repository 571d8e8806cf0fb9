"""The workspace: making another one, going between them, and calling one otherwise."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from memoryapp.domain.errors import UnableToChange
from memoryapp.models import Event, Membership, Workspace
from memoryapp.services import workspaces
from memoryapp.services.tokens import api_key_create
from memoryapp.services.workspaces import workspace_create, workspace_rename
from tests.factories import MembershipFactory, WorkspaceFactory

pytestmark = pytest.mark.django_db

URL = "/settings/workspace/"


def make(client: Client, name: str, **more: Any) -> Any:
    return client.post(f"{URL}new/", {"name": name, **more})


def opened(client: Client, name: str) -> dict[str, str]:
    """The form that renames, as whoever opens the page gets it, with another name typed."""
    return {"name": name, "seen": client.get(URL).context["renaming"]["seen"].value()}


def test_an_admin_makes_one_and_is_in_it(ada_client: Client, ada: Any, workspace: Any) -> None:
    assert make(ada_client, " Payments  team ").status_code == 302
    made = Workspace.objects.get(slug="payments-team")
    assert made.name == "Payments team"
    assert list(made.memberships.values_list("user__username", "role")) == [("ada", "admin")]
    shown = ada_client.get("/", follow=True)
    assert shown.context["workspace"] == made
    assert "Payments team is ready" in shown.content.decode()
    event = made.events.get(kind="workspace.created")
    assert (event.actor, event.data["after"]["slug"]) == (ada, "payments-team")
    assert not workspace.events.filter(kind="workspace.created").exists()


def test_it_is_empty_without_the_sample(ada_client: Client) -> None:
    make(ada_client, "Bare")
    made = Workspace.objects.get(slug="bare")
    assert not made.environments.exists()
    assert not made.playbooks.exists()


def test_the_sample_comes_with_it_where_it_is_wished_for(ada_client: Client) -> None:
    make(ada_client, "Try out", with_sample="on")
    made = Workspace.objects.get(slug="try-out")
    assert made.environments.get().is_sample
    assert made.playbooks.get().slug == "help-desk"
    assert made.incidents.get().is_sample


def test_nothing_is_made_where_the_sample_cannot_be(
    ada_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(**_: Any) -> None:
        raise UnableToChange("The sample is not there.")

    monkeypatch.setattr("practice.views.workspaces.sample_incident_load", broken)
    answer = make(ada_client, "Half", with_sample="on")
    assert (answer.status_code, "The sample is not there." in answer.content.decode()) == (
        409,
        True,
    )
    assert not Workspace.objects.filter(name="Half").exists()
    assert ada_client.get("/").context["workspace"].slug == "main"


def test_a_name_that_is_taken_gets_another_slug(ada_client: Client) -> None:
    WorkspaceFactory(name="Core", slug="core")
    make(ada_client, "Core")
    assert Workspace.objects.filter(name="Core").values_list("slug", flat=True).last() == "core-2"


def test_a_name_may_be_in_any_letters(ada_client: Client) -> None:
    make(ada_client, "決済チーム")
    assert Workspace.objects.get(name="決済チーム").slug == "workspace"


@pytest.mark.parametrize("name", ["", "   ", "…!", "\u200b\u200b", "x" * 101])
def test_what_is_no_name_makes_nothing(ada_client: Client, name: str) -> None:
    before = Workspace.objects.count()
    for path in ("new/", "rename/"):
        answer = ada_client.post(URL + path, {"name": name})
        assert answer.status_code in {409, 422}
        assert "errorlist" in answer.content.decode()
    assert Workspace.objects.count() == before
    assert Workspace.objects.get(slug="main").name == "Main"


def test_nobody_administers_more_than_a_hundred(
    ada_client: Client, ada: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workspaces, "MOST", 2)
    make(ada_client, "Second")
    answer = make(ada_client, "Third")
    assert "You already administer 2 workspaces" in answer.content.decode()
    assert not Workspace.objects.filter(slug="third").exists()
    with pytest.raises(UnableToChange):
        workspace_create(name="Third", by=ada)


def test_it_is_renamed_and_keeps_its_slug(ada_client: Client, workspace: Any) -> None:
    ada_client.post(f"{URL}rename/", opened(ada_client, "Help  desk team"))
    workspace.refresh_from_db()
    assert (workspace.name, workspace.slug) == ("Help desk team", "main")
    event = Event.objects.get(kind="workspace.renamed")
    assert (event.data["before"], event.data["after"]) == (
        {"name": "Main"},
        {"name": "Help desk team"},
    )
    ada_client.post(f"{URL}rename/", opened(ada_client, "Help desk team"))
    assert Event.objects.filter(kind="workspace.renamed").count() == 1


def test_it_is_not_renamed_over_another_name_unseen(
    ada_client: Client, edda: Any, workspace: Any
) -> None:
    typed = opened(ada_client, "Desk")
    workspace_rename(workspace=workspace, name="Support", by=edda)
    answer = ada_client.post(f"{URL}rename/", typed)
    assert answer.status_code == 409
    assert Workspace.objects.get(slug="main").name == "Support"
    assert [event.actor for event in answer.context["meanwhile"].events] == [edda]
    again = answer.context["renaming"]
    assert again["name"].value() == "Desk"
    asked = {"name": "Desk", "seen": again["seen"].value()}
    assert ada_client.post(f"{URL}rename/", asked).status_code == 302
    assert Workspace.objects.get(slug="main").name == "Desk"


def test_others_see_it_and_may_change_nothing(rita_client: Client, vera_client: Client) -> None:
    for client in (rita_client, vera_client):
        shown = client.get(URL)
        assert shown.status_code == 200
        assert "Another workspace" not in shown.content.decode()
        assert make(client, "Mine").status_code == 403
        assert client.post(f"{URL}rename/", {"name": "Mine"}).status_code == 403
    assert Workspace.objects.filter(name="Mine").count() == 0


def test_it_lists_one_s_own_workspaces_and_goes_between_them(
    ada_client: Client, ada: Any, workspace: Any
) -> None:
    MembershipFactory(user=ada, role="viewer", workspace__name="Other", workspace__slug="other")
    WorkspaceFactory(name="Secret", slug="secret")
    said = ada_client.get(URL).content.decode()
    assert "Other" in said
    assert "Secret" not in said
    ada_client.post("/workspaces/switch/", {"workspace": "other"})
    assert ada_client.get("/").context["workspace"].slug == "other"
    assert make(ada_client, "From there").status_code == 403, "a viewer there"


def test_markup_in_a_name_is_text(ada_client: Client) -> None:
    make(ada_client, "<script>x</script>")
    assert "<script>x</script>" not in ada_client.get(URL).content.decode()
    assert Membership.objects.filter(workspace__name="<script>x</script>").exists()


def test_a_program_reads_and_renames_it(ada: Any, workspace: Any) -> None:
    def asked(scope: str) -> Any:
        _, token = api_key_create(workspace=workspace, name=scope, scopes=[scope], by=ada)
        return Client(headers={"Authorization": f"Bearer {token}"})

    url, body = "/api/v1/workspace", {"name": "Desk"}
    assert asked("read").get(url).json()["slug"] == "main"
    refused = asked("write").patch(url, body, content_type="application/json")
    assert refused.status_code == 403
    body["seen"] = asked("read").get(url).json()["shown"]
    assert asked("admin").patch(url, body, content_type="application/json").json()["name"] == "Desk"
    late = body | {"name": "Table"}
    refused = asked("admin").patch(url, late, content_type="application/json")
    assert (refused.status_code, refused.json()["type"].rpartition(":")[2]) == (
        409,
        "changed-meanwhile",
    )
    empty = asked("admin").patch(url, {"name": "…"}, content_type="application/json")
    assert (empty.status_code, empty.json()["fields"][0]["pointer"]) == (400, "#/name")
