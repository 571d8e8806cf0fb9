"""Members: added with a password shown once, given another role, removed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils.html import strip_tags

from memoryapp.domain.errors import UnableToChange
from memoryapp.models import Event, Membership
from memoryapp.services.members import member_change_role, member_remove
from memoryapp.services.tokens import api_key_create, api_key_revoke
from tests.factories import MembershipFactory, UserFactory

pytestmark = pytest.mark.django_db

URL = "/settings/members/"


def test_it_lists_who_belongs_here_and_with_which_role(ada_client: Any, rita: Any) -> None:
    said = ada_client.get(URL).content.decode()
    assert "rita" in said
    assert "Invite somebody" in said


def seen_of(client: Any, membership: Membership) -> str:
    """What the list says of somebody's role."""
    rows = client.get(URL).context["members"]
    (row,) = (row for row in rows if row["membership"] == membership)
    return str(row["role"]["seen"].value())


def test_it_changes_only_the_role_that_was_seen(
    ada_client: Any, vera: Any, ada: Any, edda: Any
) -> None:
    membership = Membership.objects.get(user=vera)
    asked = {"role": "admin", "seen": seen_of(ada_client, membership)}
    member_change_role(membership=membership, role="reviewer", by=edda)
    answer = ada_client.post(f"{URL}{membership.pk}/role/", asked)
    assert answer.status_code == 409
    membership.refresh_from_db()
    assert membership.role == "reviewer"
    said = answer.content.decode()
    assert "Role of vera: this was changed" in said
    assert [event.actor for event in answer.context["meanwhile"].events] == [edda]
    (row,) = (row for row in answer.context["members"] if row["membership"] == membership)
    assert row["role"]["role"].value() == "admin"
    again = asked | {"seen": row["role"]["seen"].value()}
    for _ in range(2):  # a second click is not taken for somebody else
        assert ada_client.post(f"{URL}{membership.pk}/role/", again).status_code == 302
    membership.refresh_from_db()
    assert membership.role == "admin"
    assert Event.objects.filter(kind="member.role_changed").count() == 2


def test_it_changes_a_role_and_writes_it_down(ada_client: Any, vera: Any) -> None:
    membership = Membership.objects.get(user=vera)
    asked = {"role": "reviewer", "seen": seen_of(ada_client, membership)}
    ada_client.post(f"{URL}{membership.pk}/role/", asked)
    membership.refresh_from_db()
    assert membership.role == "reviewer"
    event = Event.objects.get(kind="member.role_changed")
    assert (event.data["before"], event.data["after"]) == ({"role": "viewer"}, {"role": "reviewer"})


def test_a_role_is_given_by_its_button_and_not_by_a_key_in_its_select(
    ada_client: Any, vera: Any
) -> None:
    assert "data-submit-on-change" not in ada_client.get(URL).content.decode()


def test_it_refuses_a_role_that_does_not_exist(ada_client: Any, vera: Any) -> None:
    membership = Membership.objects.get(user=vera)
    ada_client.post(f"{URL}{membership.pk}/role/", {"role": "owner"})
    membership.refresh_from_db()
    assert membership.role == "viewer"


def test_it_keeps_the_last_admin(ada_client: Any, ada: Any) -> None:
    membership = Membership.objects.get(user=ada)
    seen = seen_of(ada_client, membership)
    for path, posted in (("role", {"role": "viewer", "seen": seen}), ("remove", {})):
        answer = ada_client.post(f"{URL}{membership.pk}/{path}/", posted, follow=True)
        assert "A workspace needs an admin" in answer.content.decode()
    membership.refresh_from_db()
    assert membership.role == "admin"


def test_it_removes_a_member_and_keeps_the_account(ada_client: Any, vera: Any) -> None:
    membership = Membership.objects.get(user=vera)
    ada_client.post(f"{URL}{membership.pk}/remove/")
    assert not Membership.objects.filter(user=vera).exists()
    vera.refresh_from_db()


def test_it_names_the_keys_that_go_with_who_made_them(
    ada: Any, ada_client: Any, vera: Any, workspace: Any
) -> None:
    for name, by in (("Desk", vera), ("Shop", vera), ("Mine", ada)):
        api_key_create(workspace=workspace, name=name, scopes=["playbooks:pull"], by=by)
    api_key_revoke(key=workspace.api_keys.get(name="Shop"), by=ada)
    membership = Membership.objects.get(user=vera)
    said = ada_client.post(f"{URL}{membership.pk}/remove/", follow=True).content.decode()
    assert "API keys they made are refused from now on: Desk. Make new ones." in said
    shown = ada_client.get("/settings/keys/").context["keys"]
    assert {row["key"].name for row in shown if row["is_orphan"]} == {"Desk", "Shop"}
    assert "who made it is no longer a member" in ada_client.get("/settings/keys/").content.decode()


def test_who_was_removed_meanwhile_is_neither_removed_nor_changed_again(
    ada: Any, vera: Any
) -> None:
    first, second, third = (Membership.objects.get(user=vera) for _ in range(3))
    member_remove(membership=first, by=ada)
    with pytest.raises(UnableToChange, match="no longer a member"):
        member_remove(membership=second, by=ada)
    with pytest.raises(UnableToChange, match="no longer a member"):
        member_change_role(membership=third, role="reviewer", by=ada)
    assert Event.objects.filter(subject_name="vera").count() == 1


def test_it_is_refused_to_all_but_admins(rita_client: Any, vera: Any) -> None:
    pk = Membership.objects.get(user=vera).pk
    assert rita_client.post(f"{URL}{pk}/role/", {"role": "admin"}).status_code == 403
    assert rita_client.post(f"{URL}{pk}/remove/").status_code == 403
    assert "Invite somebody" not in rita_client.get(URL).content.decode()


def test_it_does_not_exist_for_other_workspaces(olga_client: Any, vera: Any) -> None:
    pk = Membership.objects.get(user=vera).pk
    assert olga_client.post(f"{URL}{pk}/role/", {"role": "admin"}).status_code == 404
    assert olga_client.post(f"{URL}{pk}/remove/").status_code == 404
    shown = olga_client.get(URL).context["members"]
    assert [str(row["membership"].user) for row in shown] == ["olga"]


def test_it_needs_the_same_number_of_queries_for_more_rows(
    ada_client: Any, workspace: Any, django_assert_num_queries: Any
) -> None:
    def add(count: int) -> None:
        for user in UserFactory.create_batch(count):
            MembershipFactory(workspace=workspace, user=user)
            EmailAddress.objects.create(user=user, email=f"{user}@example.com", verified=True)
            Authenticator.objects.create(user=user, type="totp", data={})
            SocialAccount.objects.create(user=user, provider="oidc", uid=str(user))

    add(10)
    with django_assert_num_queries(10):
        ada_client.get(URL)
    add(10)
    with django_assert_num_queries(10):
        ada_client.get(URL)


@pytest.fixture
def known(rita: Any, vera: Any, settings: Any) -> None:
    """Rita proved her address, has two second factors and signs in with Acme; Vera has nothing."""
    settings.SOCIALACCOUNT_PROVIDERS = {
        "openid_connect": {"APPS": [{"provider_id": "oidc", "name": "Acme"}]}
    }
    rita.email, vera.email = "Rita@example.com", "vera@example.com"
    for user in (rita, vera):
        user.save(update_fields=["email"])
        EmailAddress.objects.create(
            user=user, email=user.email.lower(), primary=True, verified=user == rita
        )
    for kind in ("totp", "recovery_codes", "webauthn"):
        Authenticator.objects.create(user=rita, type=kind, data={"name": "blue"})
    SocialAccount.objects.create(user=rita, provider="oidc", uid="7")


def test_admins_see_how_members_get_in(ada_client: Any, rita: Any, vera: Any, known: None) -> None:
    said = " ".join(strip_tags(ada_client.get(URL).content.decode()).split())
    assert (
        "Rita@example.com, proved · second factor: authenticator app, passkey · signs in with Acme"
    ) in said
    assert "vera@example.com, not proved · no second factor not seen yet" in said


def test_others_see_neither_addresses_nor_second_factors(rita_client: Any, known: None) -> None:
    answer = rita_client.get(URL)
    said = answer.content.decode()
    assert "has not signed in yet" in said
    assert "@example.com" not in said
    assert "second factor" not in said
    assert {row["ways_in"] for row in answer.context["members"]} == {None}


def test_a_service_that_was_taken_away_is_called_by_its_id(
    ada_client: Any, rita: Any, known: None, settings: Any
) -> None:
    settings.SOCIALACCOUNT_PROVIDERS = {"openid_connect": {"APPS": []}}
    assert "signs in with oidc" in ada_client.get(URL).content.decode()


def test_admins_see_when_members_were_last_seen(ada_client: Any, rita: Any) -> None:
    began = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
    client = Client()
    with time_machine.travel(began, tick=False):
        client.force_login(rita)
        client.get("/review/")
        key = client.session.session_key
        UserSession.objects.create(user=rita, session_key=key, ip="127.0.0.1", user_agent="")

    def seen(minutes: float, **headers: str) -> datetime:
        with time_machine.travel(began + timedelta(minutes=minutes), tick=False):
            assert client.get("/review/", headers=headers).status_code == 200
        rows = ada_client.get(URL).context["members"]
        found: datetime = next(
            row["ways_in"].seen_at for row in rows if row["membership"].user == rita
        )
        return found

    assert seen(14) == began  # to a quarter of an hour
    assert seen(20, **{"HX-Request": "true"}) == began  # a page that asks by itself is nobody
    assert seen(21) == began + timedelta(minutes=21)
    assert seen(30) == began + timedelta(minutes=21)
    UserSession.objects.all().delete()
    assert seen(31) == began


def test_signing_out_leaves_no_session_behind(client: Any, rita: Any) -> None:
    client.force_login(rita)
    with time_machine.travel(datetime.now(UTC) + timedelta(hours=1), tick=False):
        client.post("/logout/")
    assert not Session.objects.exists()
