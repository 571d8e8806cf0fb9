"""The server as the official client sees it, in the current revision and in those of 2025."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import anyio
import httpx2
import pytest
from django.db import OperationalError
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError
from mcp_types import INTERNAL_ERROR, INVALID_PARAMS

from memoryapp.indexer import receipts
from memoryapp.mcp import gate, tools
from memoryapp.models import Candidate, PullReceipt
from tests.factories import BulletFactory, MembershipFactory, PlaybookFactory

pytestmark = pytest.mark.django_db(transaction=True)

REVISIONS = {"legacy": "2025-11-25", "2026-07-28": "2026-07-28"}


def with_client(
    address: str, key: str, use: Callable[[Client], Awaitable[Any]], mode: Any = "auto"
) -> Any:
    async def run() -> Any:
        headers = {"Authorization": f"Bearer {key}"}
        async with httpx2.AsyncClient(headers=headers, timeout=20) as http:
            transport = streamable_http_client(address, http_client=http)
            async with Client(transport, mode=mode) as client:
                return await use(client)

    # In a thread of its own: the browser tests may have a loop running in this one.
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(anyio.run, run).result()


@pytest.mark.parametrize("mode", REVISIONS)
def test_it_offers_resources_prompts_and_tools(
    address: str, served: Any, key: Any, mode: str
) -> None:
    async def everything(client: Client) -> Any:
        return (
            client.protocol_version,
            await client.list_tools(),
            await client.list_resources(),
            await client.list_resource_templates(),
            await client.read_resource("playbook://desk@production"),
            await client.list_prompts(),
            await client.get_prompt("desk"),
            await client.call_tool("get_playbook", {"playbook": "desk", "format": "json"}),
        )

    text = key("playbooks:pull")[1]
    revision, tools, resources, templates, read, prompts, prompt, pulled = with_client(
        address, text, everything, mode
    )
    assert revision == REVISIONS[mode]
    hints = {tool.name: tool.annotations for tool in tools.tools}
    assert hints["search_memory"].read_only_hint is True
    assert hints["propose_lesson"].read_only_hint is False
    assert all(hint.destructive_hint is False for hint in hints.values())
    assert [one.uri for one in resources.resources] == ["playbook://desk@production"]
    assert templates.resource_templates[0].uri_template == "playbook://{slug}@{label}"
    assert "Verify before a refund. [strategies-001]" in read.contents[0].text
    if mode != "legacy":
        assert (read.ttl_ms, read.cache_scope) == (60_000, "private")
    assert [one.name for one in prompts.prompts] == ["desk"]
    assert "Verify before a refund." in prompt.messages[0].content.text
    assert json.loads(pulled.structured_content["content"])["version"] == 1


def test_it_puts_a_proposed_lesson_into_review(address: str, served: Any, key: Any) -> None:
    lesson = {
        "playbook": "desk",
        "content": "Quote the order number with its dash.",
        "task": "Refund order 7",
        "evidence": "404: no order 00017. password=hunter2!",
    }

    async def twice(client: Client) -> Any:
        first = await client.call_tool("propose_lesson", lesson)
        await client.call_tool("propose_lesson", lesson)
        return first.structured_content

    assert with_client(address, key("trajectories:write")[1], twice)["status"] == "waiting"
    candidate = Candidate.objects.get()
    assert (candidate.status, candidate.seen_count) == ("pending", 2)
    assert "hunter2" not in candidate.evidence.get().excerpt


def test_it_never_shows_what_belongs_to_others(address: str, served: Any, key: Any) -> None:
    theirs = PlaybookFactory(workspace=MembershipFactory().workspace, slug="theirs")
    BulletFactory(playbook=theirs)

    async def ask(client: Client) -> Any:
        with pytest.raises(MCPError, match="no playbook"):
            await client.read_resource("playbook://theirs@production")
        with pytest.raises(MCPError, match="no playbook"):
            await client.get_prompt("theirs")
        return await client.call_tool("get_playbook", {"playbook": "theirs"})

    answer = with_client(address, key("read")[1], ask)
    assert answer.is_error
    assert "There is no playbook 'theirs' here. Playbooks: desk." in answer.content[0].text


@pytest.mark.parametrize(("mode", "code"), [("legacy", -32002), ("2026-07-28", INVALID_PARAMS)])
def test_a_resource_that_is_not_there_has_the_code_of_the_revision(
    address: str, served: Any, key: Any, mode: str, code: int
) -> None:
    async def ask(client: Client) -> Any:
        with pytest.raises(MCPError) as refused:
            await client.read_resource("playbook://desk@beta")
        return refused.value.error.code

    assert with_client(address, key("read")[1], ask, mode) == code


@pytest.mark.parametrize("presented", ["", "Bearer gr_00000000_nothing", "Basic x"])
def test_it_wants_a_key_before_anything(address: str, presented: str) -> None:
    request = urllib.request.Request(
        address, b"{}", {"Authorization": presented, "Content-Type": "application/json"}
    )
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=10)
    assert refused.value.code == 401
    assert json.load(refused.value)["type"] == "urn:greenroom:problem:authentication-failed"


@pytest.mark.parametrize("method", ["GET", "DELETE", "PUT", "OPTIONS"])
def test_it_holds_no_stream_open_that_nothing_would_come_by(
    address: str, served: Any, key: Any, method: str
) -> None:
    headers = {"Authorization": f"Bearer {key('read')[1]}", "Accept": "text/event-stream"}
    request = urllib.request.Request(address, headers=headers, method=method)
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=10)
    assert (refused.value.code, refused.value.headers["Allow"]) == (405, "POST")


@pytest.mark.parametrize(
    ("header", "status"),
    [
        ({"Host": "elsewhere.example"}, 421),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "http://[x"}, 403),
    ],
)
def test_it_is_not_called_through_pages_of_others(
    address: str, served: Any, key: Any, settings: Any, header: dict[str, str], status: int
) -> None:
    settings.ALLOWED_HOSTS = ["localhost", "127.0.0.1"]
    headers = {"Authorization": f"Bearer {key('read')[1]}", **header}
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(urllib.request.Request(address, b"{}", headers), timeout=10)
    assert refused.value.code == status


@pytest.mark.parametrize("revision", ["2025-03-26", "2025-06-18", "2025-11-25"])
def test_it_speaks_the_revisions_of_2025(
    address: str, served: Any, key: Any, revision: str
) -> None:
    headers = {
        "Authorization": f"Bearer {key('read')[1]}",
        "Content-Type": "application/json",
        "Accept": "application/json, text/event-stream",
    }

    def post(method: str, params: dict[str, Any], **more: str) -> Any:
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        request = urllib.request.Request(address, json.dumps(body).encode(), headers | more)
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)["result"]

    who = {"name": "script", "version": "1"}
    hello = {"protocolVersion": revision, "capabilities": {}, "clientInfo": who}
    assert post("initialize", hello)["protocolVersion"] == revision
    tools = post("tools/list", {}, **{"MCP-Protocol-Version": revision})["tools"]
    assert {tool["name"] for tool in tools} >= {"search_memory", "get_playbook", "propose_lesson"}


GONE = OperationalError('connection to "db.internal" as user "greenroom" failed')


@pytest.mark.parametrize("mode", REVISIONS)
@pytest.mark.parametrize(
    ("broken", "said"),
    [(GONE, "database is unavailable"), (ZeroDivisionError("host-7"), "went wrong")],
)
def test_what_breaks_is_told_in_our_words(
    address: str,
    served: Any,
    key: Any,
    mode: str,
    broken: Exception,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: Any) -> None:
        raise broken

    async def ask(client: Client) -> Any:
        with pytest.raises(MCPError) as refused:
            await client.call_tool("get_playbook", {"playbook": "desk"})
        return refused.value.error

    monkeypatch.setattr(tools, "call", fail)
    error = with_client(address, key("read")[1], ask, mode)
    assert error.code == INTERNAL_ERROR
    assert said in error.message
    assert not {"db.internal", "host-7"} & set(error.message.split('"'))


def test_it_says_that_the_database_is_away(
    address: str, served: Any, key: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: str) -> None:
        raise GONE

    monkeypatch.setattr(gate, "api_key_recognize", fail)
    headers = {"Authorization": f"Bearer {key('read')[1]}"}
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(urllib.request.Request(address, b"{}", headers), timeout=10)
    assert (refused.value.code, refused.value.headers["Retry-After"]) == (503, "10")
    assert json.load(refused.value)["type"] == "urn:greenroom:problem:unavailable"


def test_it_asks_a_key_to_wait_that_calls_too_often(address: str, served: Any, key: Any) -> None:
    row, text = key("read")
    row.rate_limit = 1
    row.save(update_fields=["rate_limit"])
    headers = {"Authorization": f"Bearer {text}"}
    codes = []
    for _ in range(2):
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(urllib.request.Request(address, b"{}", headers), timeout=10)
        codes.append(refused.value.code)
    assert codes[0] != 429
    assert codes[1] == 429
    assert int(refused.value.headers["Retry-After"]) > 0


def test_it_says_what_is_left_of_the_allowance(address: str, served: Any, key: Any) -> None:
    row, text = key("read")
    row.rate_limit = 3
    row.save(update_fields=["rate_limit"])
    headers = {
        "Authorization": f"Bearer {text}",
        "Content-Type": "application/json",
        "Accept": "application/json, text/event-stream",
    }
    params = {
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "script", "version": "1"},
    }
    hello = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params}
    answers = []
    for _ in range(2):
        request = urllib.request.Request(address, json.dumps(hello).encode(), headers)
        with urllib.request.urlopen(request, timeout=10) as answer:
            answers.append(answer.headers)
    assert [answer["RateLimit-Remaining"] for answer in answers] == ["2", "1"]
    assert answers[0]["RateLimit-Policy"] == '"key";q=3;w=60'
    assert answers[0]["RateLimit"].startswith('"key";r=2;t=')


def test_the_agent_of_a_request_is_named_by_its_header(address: str, served: Any, key: Any) -> None:
    def read(agent: str) -> int:
        body = {
            "jsonrpc": "2.0",
            "id": 1,
            "method": "tools/call",
            "params": {"name": "get_playbook", "arguments": {"playbook": "desk"}},
        }
        headers = {
            "Authorization": f"Bearer {text}",
            "Content-Type": "application/json",
            "Accept": "application/json, text/event-stream",
            "MCP-Protocol-Version": "2025-11-25",
            "X-Agent-Id": agent,
        }
        request = urllib.request.Request(address, json.dumps(body).encode(), headers)
        with urllib.request.urlopen(request, timeout=10) as answer:
            return int(answer.status)

    text = key("playbooks:pull")[1]
    assert read("desk-7") == 200
    receipts.flush()
    assert PullReceipt.objects.get().agent == "desk-7"
    with pytest.raises(urllib.error.HTTPError) as refused:
        read("x" * 121)
    assert refused.value.code == 400
    assert "X-Agent-Id: At most 120" in json.load(refused.value)["detail"]
