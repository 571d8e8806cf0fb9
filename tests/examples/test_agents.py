"""The example agents do what their documents say, against real servers."""

from __future__ import annotations

import importlib.util
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from pydantic_ai.messages import ModelMessage, ModelResponse, TextPart, ToolCallPart
from pydantic_ai.models.function import AgentInfo, FunctionModel

from memoryapp.models import Candidate, Report
from memoryapp.services.releases import release_publish
from memoryapp.services.tokens import api_key_create
from practice.models import SentTrajectory
from tests.factories import BulletFactory, EnvironmentFactory, PlaybookFactory
from tests.mcp.conftest import address

__all__ = ["address"]
AGENTS = Path(__file__).resolve().parents[2] / "examples" / "agents"

pytestmark = pytest.mark.django_db(transaction=True)


def load(name: str) -> Any:
    spec = importlib.util.spec_from_file_location(name, AGENTS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run(name: str, *arguments: Any) -> Any:
    """What an example's ``main`` returns.

    In a thread of its own: the browser tests may have a loop running in this one.
    """
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(load(name).main, *arguments).result()


@pytest.fixture
def playbook(
    live_server: Any, workspace: Any, ada: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Any:
    """A released playbook that says to verify; the environment names the server and a key."""
    found = PlaybookFactory(workspace=workspace, slug="desk")
    BulletFactory(playbook=found, content="Verify the customer before you refund an order.")
    release_publish(playbook=found, by=ada, label="production")
    EnvironmentFactory(workspace=workspace, slug="desk")
    scopes = ("playbooks:pull", "feedback:write", "trajectories:write")
    _, key = api_key_create(workspace=workspace, name="agent", scopes=scopes, by=ada)
    monkeypatch.setenv("GREENROOM_URL", live_server.url)
    monkeypatch.setenv("GREENROOM_KEY", key)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return found


def test_a_plain_loop_learns_from_the_playbook_and_sends_what_it_did(playbook: Any) -> None:
    said = run("plain_loop", "desk", "desk")
    assert (said["outcome"], said["refunded"], said["source"]) == ("success", ["ORD-7"], "server")
    sent = SentTrajectory.objects.get()
    assert (sent.release, sent.outcome, len(sent.steps)) == ("1", "success", 3)
    assert Report.objects.get().outcome == "success"


def test_a_plain_loop_works_without_the_server(
    playbook: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GREENROOM_URL", "http://127.0.0.1:9")
    said = run("plain_loop", "desk")
    assert (said["outcome"], said["source"]) == ("failure", "fallback")


def test_a_pydantic_ai_agent_reads_the_playbook(playbook: Any) -> None:
    read: list[str] = []
    calls = [("verify_customer", {"customer": "ada"}), ("create_refund", {"order_id": "ORD-7"})]

    def obey(messages: list[ModelMessage], about: AgentInfo) -> ModelResponse:
        """Do what the playbook says, where it was read."""
        read.append(about.instructions or "")
        if "Verify the customer" in read[-1] and len(read) <= len(calls):
            name, arguments = calls[len(read) - 1]
            return ModelResponse(parts=[ToolCallPart(name, arguments)])
        return ModelResponse(parts=[TextPart("Done.")])

    said = run("pydantic_ai_agent", "desk", FunctionModel(obey))
    assert (said["answer"], said["outcome"]) == ("Done.", "success")
    assert said["report"]["outcome"] == "success"
    assert Report.objects.get().release.playbook == playbook
    assert said["sent"]["accepted"] == 1
    sent = SentTrajectory.objects.get()
    assert [(step["tool"], step["arguments"]) for step in sent.steps] == calls
    assert (sent.instruction, sent.answer) == ("Refund order ORD-7.", "Done.")
    assert sent.steps[0]["input_tokens"] > 0


def test_an_agent_with_nothing_but_mcp(
    playbook: Any, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GREENROOM_MCP", address)
    said = run("mcp_only", "desk")
    assert (said["known"], said["outcome"]) == (1, "success")
    assert said["proposed"]["status"] == "waiting"
    assert Candidate.objects.get().origin_kind == "agent"


def test_an_agent_with_nothing_but_mcp_says_what_is_missing(
    playbook: Any, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GREENROOM_MCP", address)
    said = run("mcp_only", "nowhere")
    assert said == {"refused": "There is no playbook 'nowhere' here. Playbooks: desk."}
    monkeypatch.setenv("GREENROOM_KEY", "gr_wrong")
    assert "Make a new one in Settings, API keys." in run("mcp_only", "desk")["refused"]
    monkeypatch.setenv("GREENROOM_MCP", "http://127.0.0.1:9/mcp")
    assert "Set GREENROOM_MCP to what it prints." in run("mcp_only", "desk")["refused"]
