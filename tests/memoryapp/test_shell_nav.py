"""The rail, and the rule that every address has a gate."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import RequestFactory

from memoryapp.access import Right, membership_of
from memoryapp.views.shell import shell
from tests.factories import CandidateFactory, MembershipFactory, PlaybookFactory, RunFactory
from tests.gate.addresses import gated


def test_it_has_a_gate_before_every_page() -> None:
    pages = [address for address in gated() if not address.is_api]
    assert len(pages) > 40
    without = [p.route for p in pages if not isinstance(getattr(p.callback, "gate", None), Right)]
    assert without == []


def test_it_changes_passwords_of_signed_in_people_only(client: Any) -> None:
    assert client.get("/password/change/").url.startswith("/login/")


@pytest.mark.django_db
def test_it_counts_what_waits_in_this_workspace(rita_client: Any, workspace: Any) -> None:
    CandidateFactory.create_batch(2, playbook=PlaybookFactory(workspace=workspace))
    elsewhere = MembershipFactory().workspace
    CandidateFactory(playbook=PlaybookFactory(workspace=elsewhere))
    items = [item for group in rita_client.get("/memory/").context["nav"] for item in group]
    assert {item["label"]: item["count"] for item in items}["Review"] == 2
    assert [item["label"] for item in items if item["current"]] == ["Memory"]


@pytest.mark.django_db
def test_the_other_workspaces_of_the_reader_stand_on_top(
    rita_client: Any, workspace: Any, rita: Any
) -> None:
    assert "ws-switch" not in rita_client.get("/memory/").content.decode()
    other = MembershipFactory(user=rita, workspace__name="Second desk").workspace
    said = rita_client.get("/memory/").content.decode()
    rail = said.partition('<header class="rail">')[2]
    switch = f'name="workspace" value="{other.slug}"'
    assert 0 < rail.index(switch) < rail.index('<nav class="nav"')
    # Once in the rail, once in the menu of a phone.
    assert said.count(switch) == 2


@pytest.mark.django_db
def test_it_counts_live_runs(rita_client: Any, workspace: Any) -> None:
    RunFactory(workspace=workspace)
    said = rita_client.get("/memory/").content.decode()
    assert 'data-count="practice">1<span class="w"> live</span></span>' in said


@pytest.mark.django_db
def test_it_is_empty_for_a_stranger(client: Any) -> None:
    assert "nav" not in client.get("/login/").context


@pytest.mark.django_db
def test_it_is_empty_for_somebody_without_a_workspace(django_user_model: Any) -> None:
    request = RequestFactory().get("/")
    request.user = django_user_model.objects.create_user("nobody")
    request.session = {}  # type: ignore[assignment]
    assert shell(request) == {}


@pytest.mark.django_db
def test_it_needs_few_queries(rita: Any, django_assert_max_num_queries: Any) -> None:
    request = RequestFactory().get("/")
    request.user = rita
    request.session = {}  # type: ignore[assignment]
    membership_of(request)
    with django_assert_max_num_queries(4):
        list(shell(request)["workspaces"])


@pytest.mark.django_db
def test_it_switches_to_another_workspace_of_mine(rita: Any, rita_client: Any) -> None:
    second = MembershipFactory(user=rita).workspace
    assert second.name in rita_client.get("/memory/").content.decode()
    rita_client.post("/workspaces/switch/", {"workspace": second.slug})
    assert rita_client.get("/memory/").context["workspace"] == second


@pytest.mark.django_db
def test_it_does_not_switch_to_a_workspace_of_others(rita_client: Any) -> None:
    other = MembershipFactory().workspace
    answer = rita_client.post("/workspaces/switch/", {"workspace": other.slug})
    assert answer.status_code == 404


@pytest.mark.parametrize("who", ["vera_client", "rita_client", "edda_client", "ada_client"])
def test_every_tab_of_settings_opens_for_whoever_sees_it(
    who: str, request: pytest.FixtureRequest
) -> None:
    client = request.getfixturevalue(who)
    tabs = client.get("/settings/keys/").context["settings_tabs"]
    assert {tab["label"] for tab in tabs} >= {"API keys", "Members", "Audit log"}
    answers = {tab["label"]: client.get(tab["url"]).status_code for tab in tabs}
    assert set(answers.values()) == {200}, answers
