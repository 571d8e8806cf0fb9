"""Rows about an account are for its person and for admins, wherever the audit log is read."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from memoryapp.models import Event
from memoryapp.models.tokens import Scope
from memoryapp.services.accounts import PASSWORD_CHANGED, account_change_record
from memoryapp.services.sign_ins import sign_in_record
from memoryapp.services.tokens import api_key_create
from tests.factories import PlaybookFactory

pytestmark = pytest.mark.django_db

PAGE = "/settings/audit/"
ABOUT_RITA = {PASSWORD_CHANGED, "sign_in.succeeded", "sign_in.failed", "use.unusual"}
FOR_ALL = "playbook.created"
FROM = "10.9.9.9"


@pytest.fixture(autouse=True)
def about_rita(workspace: Any, rita: Any) -> None:
    account_change_record(user=rita, kind=PASSWORD_CHANGED, address=FROM)
    sign_in_record(user=rita, address=FROM, means="password")
    sign_in_record(user=rita, address=FROM, means="password", failed=True)
    log = Event.objects
    log.record(
        workspace=workspace, actor=None, kind="use.unusual", subject=rita, what="sign_in.failed"
    )
    log.record(
        workspace=workspace, actor=None, kind=FOR_ALL, subject=PlaybookFactory(workspace=workspace)
    )


def of_page(client: Client, query: str) -> set[str]:
    return {row.kind for row in client.get(PAGE + query).context["rows"]}


def of_csv(client: Client, query: str) -> set[str]:
    answer: Any = client.get(f"{PAGE}export/{query}")
    lines = b"".join(answer.streaming_content).decode().splitlines()[1:]
    return {line.split(",")[3] for line in lines}


def of_json_lines(client: Client, query: str) -> set[str]:
    answer: Any = client.get(f"{PAGE}export/{query}{'&' if query else '?'}form=jsonl")
    lines = b"".join(answer.streaming_content).decode().splitlines()
    return {json.loads(line)["what"] for line in lines}


def of_api(client: Client, query: str) -> set[str]:
    return {row["kind"] for row in client.get(f"/api/v1/audit{query}").json()["results"]}


WAYS = [of_page, of_csv, of_json_lines, of_api]


@pytest.fixture(params=WAYS)
def read(request: pytest.FixtureRequest) -> Callable[[Client, str], set[str]]:
    way: Callable[[Client, str], set[str]] = request.param
    return way


@pytest.mark.parametrize("query", ["", "?q=rita", "?q=password", "?actor=rita"])
def test_colleagues_read_nothing_of_an_account(
    read: Callable[[Client, str], set[str]],
    vera_client: Client,
    edda_client: Client,
    query: str,
) -> None:
    for client in (vera_client, edda_client):
        assert read(client, query) == (set() if query else {FOR_ALL})


def test_its_person_and_admins_read_all_of_it(
    read: Callable[[Client, str], set[str]], rita_client: Client, ada_client: Client
) -> None:
    for client in (rita_client, ada_client):
        assert read(client, "") == {FOR_ALL, *ABOUT_RITA}


def test_a_kind_that_is_asked_for_by_name_is_not_read_either(
    read: Callable[[Client, str], set[str]], vera_client: Client
) -> None:
    for kind in ABOUT_RITA:
        assert read(vera_client, f"?kind={kind}") == set()


def chips(client: Client) -> dict[str, Any]:
    return {chip.label: chip.count for chip in client.get(PAGE).context["filters"]}


@pytest.mark.parametrize("counted", [2_000, 0], ids=["counted", "too many to count"])
def test_nothing_of_it_is_counted_or_named_in_filters(
    vera_client: Client,
    rita_client: Client,
    monkeypatch: pytest.MonkeyPatch,
    counted: int,
) -> None:
    monkeypatch.setattr("memoryapp.queries.events.COUNTED", counted)
    monkeypatch.setattr("memoryapp.views.audit.COUNTED", counted)
    assert set(chips(vera_client)) == {"All", "Playbook created"}
    assert {"Password changed", "Sign in failed", "Unusual use"} <= set(chips(rita_client))
    assert vera_client.get(PAGE).context["actors"] == []
    assert rita_client.get(PAGE).context["actors"] == [("rita", "rita")]


def test_overview_counts_what_its_reader_may_see(vera_client: Client, rita_client: Client) -> None:
    assert vera_client.get("/").context["unusual"]["count"] == 0
    assert rita_client.get("/").context["unusual"]["count"] == 1


def test_a_key_reads_of_no_account_unless_it_may_administer(workspace: Any, ada: Any) -> None:
    sign_in_record(user=ada, address=FROM, means="password")

    def kinds(*scopes: str) -> set[str]:
        _, key = api_key_create(workspace=workspace, name="script", scopes=scopes, by=ada)
        rows = of_api(Client(headers={"Authorization": f"Bearer {key}"}), "")
        return rows - {"key.created"}

    assert kinds(Scope.READ) == {FOR_ALL}
    assert kinds(Scope.READ, Scope.ADMIN) == {FOR_ALL, *ABOUT_RITA}


def test_a_row_of_a_file_is_not_about_whoever_has_its_number_here(
    rita: Any, rita_client: Client
) -> None:
    """Accounts are numbered by each installation; an imported log keeps the numbers of its own."""
    Event.objects.filter(kind=PASSWORD_CHANGED).update(subject_name="somebody elsewhere")
    assert PASSWORD_CHANGED not in of_page(rita_client, "")
