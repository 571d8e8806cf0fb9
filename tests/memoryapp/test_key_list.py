"""API keys: made, shown once, revoked."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from memoryapp.models import ApiKey, Event
from memoryapp.services.tokens import api_key_create, api_key_recognize
from tests.factories import PlaybookFactory

pytestmark = pytest.mark.django_db

URL = "/settings/keys/"
KEY = re.compile(r"gr_[0-9a-f]{8}_[\w-]{20,}")


def create(client: Any, **changes: Any) -> Any:
    posted = {"name": "Desk agent", "scopes": ["playbooks:pull"], "expires": "30"} | changes
    return client.post(f"{URL}new/", posted)


@pytest.fixture
def key(workspace: Any, ada: Any) -> Any:
    return api_key_create(workspace=workspace, name="Old", scopes=["read"], by=ada)[0]


def test_it_shows_a_working_key_once(ada_client: Any, workspace: Any) -> None:
    answer = create(ada_client)
    (text,) = set(KEY.findall(answer.content.decode()))
    assert api_key_recognize(text) == workspace.api_keys.get()
    assert text not in ada_client.get(URL).content.decode()
    assert "no-store" in answer["Cache-Control"]


def test_it_gives_a_command_that_works_as_it_stands(ada_client: Any, workspace: Any) -> None:
    PlaybookFactory(workspace=workspace, slug="help-desk")
    assert "/api/v1/playbooks/help-desk?label=production" in create(ada_client).context["example"]


def test_it_expires_when_it_was_said_to(ada_client: Any, workspace: Any) -> None:
    create(ada_client)
    left = workspace.api_keys.get().expires_at - timezone.now()
    assert timedelta(days=29) < left <= timedelta(days=30)


def test_it_may_never_expire(ada_client: Any, workspace: Any) -> None:
    create(ada_client, expires="never")
    assert workspace.api_keys.get().expires_at is None


def test_it_keeps_the_name_when_no_scope_was_chosen(ada_client: Any) -> None:
    answer = create(ada_client, scopes=[])
    said = answer.content.decode()
    assert answer.status_code == 422
    assert "Choose at least one scope" in said
    assert 'value="Desk agent"' in said


def test_it_asks_before_a_key_is_gone_for_good(ada_client: Any, key: Any) -> None:
    said = ada_client.get(URL).content.decode()
    assert f"Revoke {key.name} for good?" in said
    before, _, after = said.partition(f"{URL}{key.pk}/revoke/")
    assert before.rindex('<details class="pop">') > before.rindex("</details>")
    assert "</details>" in after


def test_it_revokes_at_once(ada_client: Any, key: Any) -> None:
    said = ada_client.post(f"{URL}{key.pk}/revoke/", follow=True).content.decode()
    assert "is revoked" in said
    key.refresh_from_db()
    assert key.revoked_at is not None
    assert Event.objects.filter(kind="key.revoked").count() == 1


@pytest.mark.parametrize(
    ("field", "state"), [("revoked_at", "revoked"), ("expires_at", "expired"), ("", "active")]
)
def test_it_says_whether_a_key_still_works(
    ada_client: Any, key: Any, field: str, state: str
) -> None:
    if field:
        ApiKey.objects.update(**{field: timezone.now()})
    (row,) = ada_client.get(URL).context["keys"]
    assert row["state"] == state


def test_it_shows_others_the_list_without_the_form(rita_client: Any, key: Any) -> None:
    said = rita_client.get(URL).content.decode()
    assert "Old" in said
    assert "Admins create and revoke keys" in said
    assert "/revoke/" not in said


def test_it_is_refused_to_all_but_admins(rita_client: Any, vera_client: Any, key: Any) -> None:
    for client in (rita_client, vera_client):
        assert create(client).status_code == 403
        assert client.post(f"{URL}{key.pk}/revoke/").status_code == 403


def test_it_does_not_exist_for_other_workspaces(olga_client: Any, key: Any) -> None:
    assert olga_client.post(f"{URL}{key.pk}/revoke/").status_code == 404
    assert olga_client.get(URL).context["keys"] == []


def test_it_needs_the_same_number_of_queries_for_more_rows(
    ada_client: Any, workspace: Any, ada: Any, django_assert_num_queries: Any
) -> None:
    def add(count: int) -> None:
        for number in range(count):
            api_key_create(workspace=workspace, name=str(number), scopes=["read"], by=ada)

    add(10)
    with django_assert_num_queries(7):
        ada_client.get(URL)
    add(10)
    with django_assert_num_queries(7):
        ada_client.get(URL)


def test_it_binds_a_key_to_playbooks_and_a_limit(ada_client: Any, workspace: Any) -> None:
    PlaybookFactory(workspace=workspace, slug="help-desk", name="Help desk")
    create(ada_client, playbooks=["help-desk"], rate_limit="30")
    key = workspace.api_keys.get()
    assert [playbook.slug for playbook in key.playbooks.all()] == ["help-desk"]
    said = ada_client.get(URL).content.decode()
    assert "only Help desk" in said
    assert "30 a minute" in said


def test_it_gives_a_key_a_new_secret_once(ada_client: Any, workspace: Any, ada: Any) -> None:
    key, old = api_key_create(workspace=workspace, name="Old", scopes=["read"], by=ada)
    answer = ada_client.post(f"{URL}{key.pk}/rotate/")
    (new,) = set(KEY.findall(answer.content.decode()))
    assert api_key_recognize(old) == api_key_recognize(new) == key
    assert "no-store" in answer["Cache-Control"]
    assert "old secret until" in ada_client.get(URL).content.decode()


def test_it_says_that_a_key_is_over(ada_client: Any, key: Any) -> None:
    ada_client.post(f"{URL}{key.pk}/revoke/")
    said = ada_client.post(f"{URL}{key.pk}/rotate/", follow=True).content.decode()
    assert "revoked or expired" in said


def test_it_lets_only_admins_rotate(rita_client: Any, olga_client: Any, key: Any) -> None:
    assert rita_client.post(f"{URL}{key.pk}/rotate/").status_code == 403
    assert olga_client.post(f"{URL}{key.pk}/rotate/").status_code == 404


@pytest.mark.parametrize(("limit", "said"), [("", "default"), ("0", "none"), ("60", 60)])
def test_the_log_says_which_limit_a_key_was_given(
    ada_client: Any, workspace: Any, limit: str, said: Any
) -> None:
    create(ada_client, rate_limit=limit)
    assert Event.objects.get(kind="key.created").data["after"]["rate limit"] == said
