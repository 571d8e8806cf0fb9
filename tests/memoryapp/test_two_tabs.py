"""Two tabs in two workspaces: what is sent from a page acts in the workspace it was drawn in."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client

from memoryapp.models import Membership, Playbook, Workspace
from tests.factories import MembershipFactory, PlaybookFactory, WorkspaceFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def second(ada: Any, workspace: Workspace) -> Workspace:
    """Ada administers it too; a playbook of the same short name is in both."""
    made: Workspace = WorkspaceFactory(name="Second", slug="second")
    MembershipFactory(workspace=made, user=ada, role="admin")
    for place in (workspace, made):
        PlaybookFactory(workspace=place, name="Desk", slug="desk")
    return made


def place_of(page: Any) -> str:
    """What the forms of a page say they were drawn in."""
    (place,) = set(re.findall(r'name="_workspace" value="(\d+)"', page.content.decode()))
    return str(place)


def switched(client: Client, workspace: Workspace) -> None:
    """In another tab."""
    client.post("/workspaces/switch/", {"workspace": workspace.slug})


def invited(client: Client, **sent: Any) -> Any:
    return client.post("/settings/members/invite/", {"role": "viewer", "expires": "7", **sent})


def test_a_form_acts_where_it_was_drawn(
    ada_client: Client, workspace: Workspace, second: Workspace
) -> None:
    here = place_of(ada_client.get("/settings/members/"))
    switched(ada_client, second)

    answer = invited(ada_client, _workspace=here)

    assert answer.status_code == 200
    assert (workspace.invitations.count(), second.invitations.count()) == (1, 0)
    said = answer.content.decode()
    assert "You are in Main again: that page was opened there." in said
    assert place_of(answer) == here
    # And so is the page that comes next.
    assert place_of(ada_client.get("/settings/members/")) == here


def test_what_is_sent_from_the_workspace_one_is_in_says_nothing(
    ada_client: Client, workspace: Workspace, second: Workspace
) -> None:
    for place in (workspace, second):
        switched(ada_client, place)
        here = place_of(ada_client.get("/settings/members/"))
        answer = invited(ada_client, _workspace=here)
        assert "again: that page" not in answer.content.decode()
        assert (here, place.invitations.count()) == (str(place.pk), 1)


def test_an_object_of_the_same_name_elsewhere_is_left_alone(
    ada_client: Client, workspace: Workspace, second: Workspace
) -> None:
    page = ada_client.get("/playbooks/desk/")
    form = page.context["settings"]
    sent = {name: form[name].value() or "" for name in form.fields} | {"name": "Renamed"}
    switched(ada_client, second)
    ada_client.post("/playbooks/desk/change/", sent | {"_workspace": place_of(page)})
    names = dict(Playbook.objects.values_list("workspace__slug", "name"))
    assert names == {"main": "Renamed", "second": "Desk"}


def test_a_piece_of_a_page_is_of_the_workspace_of_the_page(
    ada_client: Client, workspace: Workspace, second: Workspace
) -> None:
    page = ada_client.get("/settings/members/").content.decode()
    assert f'"X-Workspace": "{workspace.pk}"' in page
    switched(ada_client, second)
    asked = {"HX-Request": "true", "X-Workspace": str(workspace.pk)}
    answer = ada_client.get("/settings/members/", headers=asked)
    assert place_of(answer) == str(workspace.pk)
    # It only looked: the other tab stays where it is.
    assert place_of(ada_client.get("/settings/members/")) == str(second.pk)
    ada_client.post("/settings/members/invite/", {"role": "viewer", "expires": "7"}, headers=asked)
    assert (workspace.invitations.count(), second.invitations.count()) == (1, 0)


@pytest.mark.parametrize("place", ["own", "999999", "no number"])
def test_nothing_is_done_from_a_page_of_a_workspace_one_has_left_and_nothing_is_lost(
    ada_client: Client, ada: Any, workspace: Workspace, second: Workspace, place: str
) -> None:
    place = str(second.pk) if place == "own" else place
    Membership.objects.filter(user=ada, workspace=second).delete()

    answer = invited(ada_client, _workspace=place, note="typed for an hour")

    assert answer.status_code == 403
    said = answer.content.decode()
    assert "You are no longer in this workspace" in said
    assert "typed for an hour" in said
    asked = {"HX-Request": "true", "X-Workspace": place}
    answer = ada_client.get("/settings/members/", headers=asked)
    assert (answer.status_code, answer.headers["Content-Type"][:9]) == (403, "text/html")
    assert "Nothing was changed." in answer.content.decode()
    assert not workspace.invitations.exists()
    assert ada_client.get("/settings/members/").status_code == 200


def test_a_role_elsewhere_is_no_role_here(
    rita_client: Client, rita: Any, workspace: Workspace
) -> None:
    other: Workspace = WorkspaceFactory(slug="other")
    MembershipFactory(workspace=other, user=rita, role="admin")
    assert invited(rita_client, _workspace=str(other.pk)).status_code == 200
    assert invited(rita_client, _workspace=str(workspace.pk)).status_code == 403


def test_a_stranger_gets_no_field_and_names_no_workspace(workspace: Workspace) -> None:
    client = Client()
    assert "_workspace" not in client.get("/login/").content.decode()
    sent = {"_workspace": str(workspace.pk)}
    assert client.post("/settings/members/invite/", sent).status_code == 302
