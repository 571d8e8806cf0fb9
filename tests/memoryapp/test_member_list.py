"""Members: added with a password shown once, given another role, removed."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth import authenticate

from memoryapp.models import Event, Membership
from tests.factories import MembershipFactory, UserFactory

pytestmark = pytest.mark.django_db

URL = "/settings/members/"


def create(client: Any, **changes: str) -> Any:
    posted = {"username": "joonas", "name": "Joonas Vik", "role": "reviewer"} | changes
    return client.post(f"{URL}new/", posted)


def test_it_shows_a_working_password_once(ada_client: Any, workspace: Any) -> None:
    answer = create(ada_client)
    password = answer.context["new_password"]["text"]
    user = authenticate(username="joonas", password=password)
    assert user is not None
    assert user.get_full_name() == "Joonas Vik"
    assert workspace.memberships.get(user_id=user.pk).role == "reviewer"
    assert password not in ada_client.get(URL).content.decode()


def test_it_keeps_the_password_of_somebody_with_an_account(ada_client: Any, olga: Any) -> None:
    before = olga.password
    answer = ada_client.post(f"{URL}new/", {"username": "olga", "role": "viewer"}, follow=True)
    assert "signs in as before" in answer.content.decode()
    olga.refresh_from_db()
    assert olga.password == before


def test_it_says_when_somebody_is_a_member_already(ada_client: Any, rita: Any) -> None:
    answer = create(ada_client, username="rita")
    assert answer.status_code == 409
    assert "rita is a member already" in answer.content.decode()


def test_it_refuses_a_name_nobody_can_type(ada_client: Any) -> None:
    answer = create(ada_client, username="two words")
    assert answer.status_code == 422
    assert "two words" in answer.content.decode()


def test_it_changes_a_role_and_writes_it_down(ada_client: Any, vera: Any) -> None:
    membership = Membership.objects.get(user=vera)
    ada_client.post(f"{URL}{membership.pk}/role/", {"role": "reviewer"})
    membership.refresh_from_db()
    assert membership.role == "reviewer"
    event = Event.objects.get(kind="member.role_changed")
    assert (event.data["before"], event.data["after"]) == ({"role": "viewer"}, {"role": "reviewer"})


def test_it_refuses_a_role_that_does_not_exist(ada_client: Any, vera: Any) -> None:
    membership = Membership.objects.get(user=vera)
    ada_client.post(f"{URL}{membership.pk}/role/", {"role": "owner"})
    membership.refresh_from_db()
    assert membership.role == "viewer"


def test_it_keeps_the_last_admin(ada_client: Any, ada: Any) -> None:
    membership = Membership.objects.get(user=ada)
    for path, posted in (("role", {"role": "viewer"}), ("remove", {})):
        answer = ada_client.post(f"{URL}{membership.pk}/{path}/", posted, follow=True)
        assert "A workspace needs an admin" in answer.content.decode()
    membership.refresh_from_db()
    assert membership.role == "admin"


def test_it_removes_a_member_and_keeps_the_account(ada_client: Any, vera: Any) -> None:
    membership = Membership.objects.get(user=vera)
    ada_client.post(f"{URL}{membership.pk}/remove/")
    assert not Membership.objects.filter(user=vera).exists()
    vera.refresh_from_db()


def test_it_is_refused_to_all_but_admins(rita_client: Any, vera: Any) -> None:
    pk = Membership.objects.get(user=vera).pk
    assert create(rita_client).status_code == 403
    assert rita_client.post(f"{URL}{pk}/role/", {"role": "admin"}).status_code == 403
    assert rita_client.post(f"{URL}{pk}/remove/").status_code == 403
    assert "Add a member" not in rita_client.get(URL).content.decode()


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

    add(10)
    with django_assert_num_queries(6):
        ada_client.get(URL)
    add(10)
    with django_assert_num_queries(6):
        ada_client.get(URL)
