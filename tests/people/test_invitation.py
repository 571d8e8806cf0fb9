"""Inviting somebody by a link, and joining by it."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone

from memoryapp.models import Event, Invitation
from memoryapp.services.invitations import (
    invitation_accept,
    invitation_create,
    invitation_of,
)
from memoryapp.services.members import member_change_role, member_remove
from memoryapp.services.workspaces import member_add
from tests.factories import MembershipFactory, UserFactory
from tests.people.conftest import PASSWORD
from tests.visitors import signed_in

pytestmark = pytest.mark.django_db

URL = "/settings/members/"
DRAWN = r'name="invitation" value="(\w+)"'


def invite(client: Client, **changes: str) -> str:
    """Make an invitation. Returns the path of its link."""
    posted = {"for_whom": "Joonas", "role": "reviewer", "expires": "7"} | changes
    answer = client.post(f"{URL}invite/", posted)
    found = re.search(r"http://testserver(/join/[\w-]+/)", answer.content.decode())
    assert found is not None
    return found.group(1)


def sign_up(client: Client, **changes: str) -> Any:
    posted = {"username": "joonas", "name": "Joonas Vik", "password1": PASSWORD}
    posted |= {"password2": PASSWORD, "next": "/join/"}
    if "invitation" not in changes:
        shown = re.search(DRAWN, client.get("/signup/").content.decode())
        posted |= {"invitation": shown.group(1)} if shown else {}
    return client.post("/signup/", posted | changes)


def drawn_for(page: str) -> str:
    found = re.search(DRAWN, page)
    assert found is not None
    return found.group(1)


def join(client: Client) -> Any:
    """Press the button of the page as it is."""
    page = client.get("/join/").content.decode()
    return client.post("/join/", {"invitation": drawn_for(page)})


def test_it_lets_a_new_person_in_with_the_role(
    ada_client: Client, client: Client, workspace: Any
) -> None:
    page = client.get(invite(ada_client), follow=True).content.decode()
    assert "Join Main" in page
    assert "as reviewer" in page
    assert sign_up(client)["Location"] == "/join/"
    member = workspace.memberships.get(user__username="joonas")
    assert member.role == "reviewer"
    assert member.user.get_full_name() == "Joonas Vik"
    landed = client.get("/join/", follow=True)
    assert landed.redirect_chain == [("/", 302)]
    assert "You are in Main now" in landed.content.decode()
    assert client.get("/review/").status_code == 200


def test_an_account_joins_as_it_is_made_and_uses_the_link_up(
    ada_client: Client, workspace: Any
) -> None:
    """Else one link would make any number of accounts, all of which can sign in."""
    link = invite(ada_client)
    first, second = Client(), Client()
    for each in (first, second):
        each.get(link)
    sign_up(first)
    assert workspace.memberships.filter(user__username="joonas").exists()
    assert "by invitation" in sign_up(second, username="second").content.decode()
    assert not get_user_model().objects.filter(username="second").exists()


def taken_meanwhile(link: str, by: Any) -> Any:
    """Look the invitation up as ever; right after that somebody else has used its link."""
    token = link.split("/")[2]

    def look(asked: str) -> Any:
        found = invitation_of(asked)
        if found is not None:
            invitation_accept(token=token, by=by)
        return found

    return look


def test_of_two_who_make_an_account_at_once_the_second_gets_none(
    ada_client: Client, client: Client, olga: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = invite(ada_client)
    client.get(link)
    drawn = drawn_for(client.get("/signup/").content.decode())
    with monkeypatch.context() as patched:
        look = taken_meanwhile(link, olga)
        patched.setattr("memoryapp.project.adapters.invitation_of", look)
        answer = sign_up(client, invitation=drawn)
    assert answer["Location"] == "/join/"
    assert not get_user_model().objects.filter(username="joonas").exists()
    gone = client.get("/join/")
    assert gone.status_code == 410
    assert "It was used" in gone.content.decode()


def test_of_two_who_join_at_once_the_second_is_told_that_it_was_used(
    ada_client: Client, workspace: Any, olga: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = invite(ada_client)
    late = UserFactory(username="late")
    client = signed_in(late)
    drawn = drawn_for(client.get(link, follow=True).content.decode())
    monkeypatch.setattr("memoryapp.views.join.invitation_of", taken_meanwhile(link, olga))
    answer = client.post("/join/", {"invitation": drawn})
    assert answer.status_code == 410
    assert "It was used" in answer.content.decode()
    assert not workspace.memberships.filter(user=late).exists()


def test_whoever_belongs_to_no_workspace_is_told_so() -> None:
    client = signed_in(UserFactory(username="late"))
    for path in ("/", "/review/", "/settings/audit/"):
        answer = client.get(path)
        assert answer.status_code == 403
        said = answer.content.decode()
        assert "You do not belong to a workspace yet" in said
        assert "Your role" not in said
    api = client.get("/api/v1/playbooks")
    assert api.status_code == 403
    assert "do not belong to a workspace" in api.json()["detail"]


def test_a_page_of_one_invitation_joins_no_other(
    ada_client: Client, olga_client: Client, workspace: Any, ada: Any
) -> None:
    """Two tabs: whoever agreed to be a viewer of the one is no admin of the other."""
    other = MembershipFactory(user=ada, role="admin").workspace
    _, token = invitation_create(workspace=other, role="admin", by=ada, valid_for=timedelta(days=1))
    drawn = drawn_for(olga_client.get(invite(ada_client), follow=True).content.decode())
    olga_client.get(f"/join/{token}/")
    refused = olga_client.post("/join/", {"invitation": drawn}, follow=True)
    said = refused.content.decode()
    assert "was not for this invitation" in said
    assert f"Join {other}" in said
    assert not Invitation.objects.exclude(accepted_at=None).exists()
    olga_client.post("/join/", {"invitation": drawn_for(said)})
    assert other.memberships.get(user__username="olga").role == "admin"


def test_what_says_no_invitation_joins_none(
    ada_client: Client, olga_client: Client, client: Client
) -> None:
    """As written by hand, or kept from a page of before: nobody agreed to anything by it."""
    link = invite(ada_client)
    for each in (olga_client, client):
        each.get(link)
    refused = olga_client.post("/join/", follow=True)
    assert "Nothing was changed. Join here" in refused.content.decode()
    assert sign_up(client, invitation="")["Location"] == "/join/"
    assert not get_user_model().objects.filter(username="joonas").exists()
    assert Invitation.objects.open(timezone.now()).count() == 1


def test_a_sign_up_for_one_invitation_joins_no_other(
    ada_client: Client, client: Client, ada: Any
) -> None:
    other = MembershipFactory(user=ada, role="admin").workspace
    _, token = invitation_create(workspace=other, role="admin", by=ada, valid_for=timedelta(days=1))
    client.get(invite(ada_client))
    page = client.get("/signup/").content.decode()
    assert "With it you join Main as reviewer" in page
    client.get(f"/join/{token}/")
    assert sign_up(client, invitation=drawn_for(page))["Location"] == "/join/"
    assert not get_user_model().objects.filter(username="joonas").exists()
    assert "was not for this invitation" in client.get("/join/").content.decode()
    sign_up(client, invitation=drawn_for(client.get("/signup/").content.decode()))
    assert other.memberships.filter(user__username="joonas", role="admin").exists()


def test_a_link_that_let_somebody_in_leads_them_in_again_while_they_are_a_member(
    ada_client: Client, olga_client: Client, workspace: Any
) -> None:
    link = invite(ada_client)
    olga_client.get(link)
    join(olga_client)
    assert olga_client.get(link)["Location"] == "/"
    workspace.memberships.get(user__username="olga").delete()
    assert olga_client.get(link).status_code == 410


def test_it_lets_somebody_with_an_account_in(
    ada_client: Client, olga_client: Client, workspace: Any
) -> None:
    olga_client.get(invite(ada_client))
    join(olga_client)
    assert workspace.memberships.filter(user__username="olga").exists()
    assert olga_client.get("/memory/").context["workspace"] == workspace


def test_a_link_lets_in_one_person(ada_client: Client, client: Client, olga_client: Client) -> None:
    link = invite(ada_client)
    olga_client.get(link)
    join(olga_client)
    assert client.get(link, follow=True).status_code == 410
    assert "by invitation" in sign_up(client).content.decode()


@pytest.mark.parametrize("end", ["expired", "revoked"])
def test_a_link_ends(ada_client: Client, olga_client: Client, workspace: Any, end: str) -> None:
    link = invite(ada_client)
    invitation = Invitation.objects.get()
    if end == "expired":
        Invitation.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    else:
        ada_client.post(f"{URL}invitations/{invitation.pk}/revoke/")
    olga_client.get(link)
    assert olga_client.post("/join/").status_code == 410
    assert not workspace.memberships.filter(user__username="olga").exists()


@pytest.mark.parametrize("end", ["removed", "demoted", "deactivated"])
def test_a_link_ends_with_the_rights_of_who_made_it(
    ada_client: Client, olga_client: Client, workspace: Any, end: str
) -> None:
    """An admin who has to go could else come back, or let others in, by a link of before."""
    link = invite(ada_client, role="admin")
    ada = workspace.memberships.get(user__username="ada")
    if end == "removed":
        ada.delete()
    elif end == "demoted":
        ada.role = "editor"
        ada.save()
    else:
        ada.user.is_active = False
        ada.user.save()
    olga_client.get(link)
    assert olga_client.post("/join/").status_code == 410
    assert not workspace.memberships.filter(user__username="olga").exists()


@pytest.mark.parametrize("end", ["demoted", "removed"])
def test_a_link_of_a_former_admin_stays_closed_when_they_are_one_again(
    ada_client: Client, olga_client: Client, workspace: Any, edda: Any, end: str
) -> None:
    link = invite(ada_client, role="admin")
    ada = workspace.memberships.get(user__username="ada")
    edda_too = workspace.memberships.get(user=edda)
    edda_too.role = "admin"
    edda_too.save()
    if end == "demoted":
        member_change_role(membership=ada, role="editor", by=edda)
    else:
        member_remove(membership=ada, by=edda)
        ada = member_add(workspace=workspace, user=ada.user, role="viewer", by=edda)
    member_change_role(membership=ada, role="admin", by=edda)
    olga_client.get(link)
    assert olga_client.post("/join/").status_code == 410
    event = Event.objects.get(kind="invitation.revoked")
    assert (event.actor, event.data["after"]) == (edda, {"open": False})


def test_a_link_that_an_admin_left_open_before_is_closed_when_they_become_one(
    ada_client: Client, olga_client: Client, workspace: Any, edda: Any
) -> None:
    """Of a release before, or made in the moment they were demoted."""
    link = invite(ada_client)
    ada = workspace.memberships.get(user__username="ada")
    ada.role = "editor"
    ada.save()
    member_change_role(membership=ada, role="admin", by=edda)
    olga_client.get(link)
    assert olga_client.post("/join/").status_code == 410


def test_a_link_outlives_what_changes_no_role(
    ada_client: Client, workspace: Any, ada: Any, edda: Any
) -> None:
    invite(ada_client)
    member_change_role(membership=workspace.memberships.get(user=ada), role="admin", by=edda)
    assert Invitation.objects.open(timezone.now()).count() == 1


def test_a_member_uses_no_link_up(ada_client: Client, rita_client: Client) -> None:
    link = invite(ada_client)
    rita_client.get(link)
    join(rita_client)
    said = rita_client.get("/").content.decode()
    assert "You are a member of Main already" in said
    assert Invitation.objects.open(timezone.now()).count() == 1


def test_a_signed_out_person_signs_in_first(ada_client: Client, client: Client) -> None:
    client.get(invite(ada_client))
    assert client.post("/join/")["Location"] == "/login/?next=/join/"


def test_the_link_is_shown_once_and_stored_as_a_hash(ada_client: Client) -> None:
    token = invite(ada_client).split("/")[2]
    assert token not in ada_client.get(URL).content.decode()
    assert token not in str(Invitation.objects.values().get())
    assert token not in str(list(Event.objects.values()))


def test_a_made_up_link_opens_nothing(client: Client) -> None:
    assert client.get("/join/made-up/", follow=True).status_code == 410
    # Nor does it leave a session behind: anybody could have any number made.
    assert not Session.objects.exists()
    assert "by invitation" in sign_up(client).content.decode()


def test_opening_a_link_leaves_nothing_behind_here(ada_client: Client) -> None:
    """A robot that looks at what is posted in a chat opens it as often as it likes."""
    path = invite(ada_client)
    before = Session.objects.count()
    for _ in range(3):
        robot = Client()
        assert "Create an account" in robot.get(path, follow=True).content.decode()
        assert robot.get("/join/").status_code == 200
        assert robot.get("/signup/?next=/join/").status_code == 200
        assert robot.get("/login/?next=/join/").status_code == 200
        assert robot.post("/join/").status_code == 302
    assert Session.objects.count() == before


def test_the_browser_holds_the_token_where_no_script_reads_it(
    ada_client: Client, client: Client, settings: Any
) -> None:
    settings.SESSION_COOKIE_SECURE = True
    path = invite(ada_client)
    answer = client.get(path)
    held = answer.cookies["invitation"]
    assert answer["Location"] == "/join/"
    assert path == f"/join/{held.value}/"
    assert (held["httponly"], held["secure"], held["samesite"]) == (True, True, "Lax")
    assert 0 < held["max-age"] <= 24 * 60 * 60


def test_whoever_joined_holds_no_token_any_more(ada_client: Client, olga_client: Client) -> None:
    olga_client.get(invite(ada_client))
    assert join(olga_client).cookies["invitation"].value == ""


def test_it_is_refused_to_all_but_admins(rita_client: Client, ada_client: Client) -> None:
    invite(ada_client)
    pk = Invitation.objects.get().pk
    assert rita_client.post(f"{URL}invite/", {"role": "admin"}).status_code == 403
    assert rita_client.post(f"{URL}invitations/{pk}/revoke/").status_code == 403
    assert "Joonas" not in rita_client.get(URL).content.decode()


def test_it_does_not_exist_for_other_workspaces(ada_client: Client, olga_client: Client) -> None:
    invite(ada_client)
    pk = Invitation.objects.get().pk
    assert olga_client.post(f"{URL}invitations/{pk}/revoke/").status_code == 404
    assert Invitation.objects.open(timezone.now()).exists()


def test_it_refuses_a_role_that_does_not_exist(ada_client: Client) -> None:
    answer = ada_client.post(f"{URL}invite/", {"role": "owner", "expires": "7"})
    assert answer.status_code == 422
    assert not Invitation.objects.exists()


def test_the_audit_log_says_its_end_as_people_read_it(ada_client: Client) -> None:
    invite(ada_client)
    end = Invitation.objects.get().expires_at
    said = ada_client.get("/settings/audit/?kind=member.invited").content.decode()
    assert f"{end:%b} {end.day}, {end.year}, {end:%H:%M} UTC" in said
    assert f"{end:%Y-%m-%dT%H:%M}" not in said
