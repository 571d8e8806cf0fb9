"""Installed packs as environments."""

from __future__ import annotations

from typing import Any

import pytest

from practice.agents.ports import EnvironmentUnavailable, Oracle
from practice.clients import packs
from practice.clients.packs import Pack, PackEnvironment
from practice.domain.types import TaskSpec
from practice.models import Environment
from practice.orchestrator import worlds
from tests.practice.runs import connected, driven, started

JAR = Pack("jar", "Jar of marbles", "Two tools.", "tests.practice.servers.jar", "json", "jar")
ABSENT = Pack("far", "Far away", "None.", "tests.far", "no_such_distribution", "far")


@pytest.fixture(autouse=True)
def _packs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packs, "_BY_NAME", {"jar": JAR, "far": ABSENT})
    monkeypatch.setattr(worlds, "PACKS", (JAR, ABSENT))


def asked(**changed: Any) -> dict[str, Any]:
    return {"name": "Jar", "transport": "pack", "pack": "jar", "scenario": "3"} | changed


def adding(count: int) -> TaskSpec:
    call = {"tool": "add", "arguments": {"count": count}}
    return TaskSpec("Add marbles.", goal={"calls": [call]})


def test_it_opens_a_fresh_world_every_time() -> None:
    environment = PackEnvironment("jar", 3)
    for _ in range(2):
        with environment.open() as session:
            assert session.call("look", {}).text == '{"marbles": 3}'
            assert session.call("add", {"count": 2}).text == '{"marbles": 5}'
            assert not session.drift()


def test_it_offers_only_the_tools_the_operator_allows() -> None:
    with PackEnvironment("jar", 3, allowed_tools=frozenset({"look"})).open() as session:
        assert [tool.name for tool in session.tools()] == ["look"]
        assert "not allowed by the operator" in session.call("add", {"count": 1}).text


def test_it_knows_whether_a_goal_was_reached() -> None:
    with PackEnvironment("jar", 3).open() as session:
        assert isinstance(session, Oracle)
        session.call("add", {"count": 2})
        assert session.truth(adding(2)) is True
        assert session.truth(adding(7)) is False
        assert session.truth(TaskSpec("Look.")) is None


def test_it_says_how_to_install_what_is_missing(ada_client: Any) -> None:
    with pytest.raises(EnvironmentUnavailable, match="uv sync --extra far"):
        PackEnvironment("far", 1).discover()
    with pytest.raises(EnvironmentUnavailable, match="no pack named 'lost'"):
        PackEnvironment("lost", 1).discover()

    page = ada_client.get("/environments/new/").content.decode()

    assert "Far away is not installed. Run uv sync --extra far in Greenroom" in page
    assert '<option value="jar">Jar of marbles</option>' in page
    assert '<option value="far">' not in page


def test_it_is_connected_on_the_page_with_every_tool_on(ada_client: Any) -> None:
    answer = ada_client.post("/environments/new/", asked())

    made = connected(Environment.objects.get())
    assert answer["Location"] == "/environments/jar/"
    assert made.options == {"pack": "jar", "scenario": 3}
    assert (made.status, made.server_name) == ("connected", "Jar of marbles")
    assert made.tools.usable().count() == 2
    page = ada_client.get("/environments/jar/").content.decode()
    assert "<code>jar</code>, scenario 3" in page


@pytest.mark.parametrize(
    "changed", [{"pack": "far"}, {"pack": ""}, {"scenario": "99999"}, {"scenario": "one"}]
)
def test_it_refuses_what_is_not_there(ada_client: Any, changed: dict[str, str]) -> None:
    assert ada_client.post("/environments/new/", asked(**changed)).status_code == 422
    assert not Environment.objects.exists()


def test_it_stores_with_each_attempt_whether_its_goal_was_reached(
    ada_client: Any, ada: Any
) -> None:
    ada_client.post("/environments/new/", asked())
    environment = connected(Environment.objects.get())

    run = driven(started(environment, ada, tasks=3))

    assert run.status == "finished"
    truths = {attempt.truth for attempt in run.attempts.all()}
    assert truths <= {True, False, None}
    assert True in truths
