"""What a solver is told of many tools stays within its bound, whatever a server writes there."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from memoryapp.domain.playbook import CHARS_PER_TOKEN, Bullet, Playbook
from practice.agents.offering import OFFER_TOKENS, mentioned
from practice.agents.ports import SolverLimits
from practice.clients.llm import ModelSettings, build_engine
from practice.domain.types import TaskSpec, ToolSpec, Trajectory
from tests.agents.worlds import CLOSE, LIST, Desk
from tests.fakes import Asked, ScriptedOpenAI, call, text

LONG = "It does one thing well. " * 850
TASK = TaskSpec("Read the report of unit 7.", kind="query")
PLAYBOOK = Playbook((Bullet("apis-001", "apis", "Call `file_note9` last."),))


def tools(
    *, about: str = "", arguments: str = "", properties: Mapping[str, Any] | None = None
) -> tuple[ToolSpec, ...]:
    """150 tools, of which the playbook speaks of ``file_note9``."""
    schema = {
        "type": "object",
        "properties": properties or {"unit": {"type": "string", "description": arguments}},
    }
    names = [f"{verb}{n}" for verb in ("read_report", "file_note", "send_memo") for n in range(50)]
    return tuple(ToolSpec(name, about, schema) for name in names)


def offered(specs: Sequence[ToolSpec], script: Any = None) -> tuple[Trajectory, list[Asked]]:
    with ScriptedOpenAI(script or [text("Done.")]) as server:
        engine = build_engine(ModelSettings("openai", "m", base_url=server.base_url), 1)
        desk = Desk(specs=tuple(specs))
        return engine.solver.solve(TASK, PLAYBOOK, desk, SolverLimits()), server.requests


def told(request: Asked) -> dict[str, dict[str, Any]]:
    return {tool["function"]["name"]: tool["function"] for tool in request.body["tools"]}


def tokens(found: Mapping[str, Mapping[str, Any]]) -> int:
    sent = "".join(
        f"{name}{f.get('description', '')}{json.dumps(f['parameters'])}"
        for name, f in found.items()
    )
    return len(sent) // CHARS_PER_TOKEN


@pytest.mark.parametrize(
    "specs",
    [
        tools(about=LONG),
        tools(arguments=LONG),
        tools(about=LONG, arguments=LONG),
        tools(properties={f"field_{n}": {"type": "string", "title": LONG} for n in range(9)}),
        tools(properties={"kind": {"type": "string", "enum": [f"{LONG}{n}" for n in range(2)]}}),
        tools(properties={f"a_rather_long_name_{n}": {"type": "string"} for n in range(100)}),
    ],
    ids=["descriptions", "arguments", "both", "many texts", "choices", "many parameters"],
)
def test_every_tool_is_offered_within_the_bound(specs: Sequence[ToolSpec]) -> None:
    _, [request] = offered(specs)

    found = told(request)

    assert list(found) == sorted(tool.name for tool in specs)
    assert tokens(found) <= OFFER_TOKENS


def test_what_fits_is_told_whole() -> None:
    _, [request] = offered((LIST, CLOSE))

    found = told(request)

    assert found["close_ticket"]["description"] == "Close a ticket."
    wanted = found["close_ticket"]["parameters"]
    assert wanted["properties"] == CLOSE.input_schema["properties"]


def test_tools_the_task_or_the_playbook_speaks_of_are_told_in_full() -> None:
    specs = tools(about=f"Begin. {LONG}", arguments="Which unit.")
    specs = (*specs, ToolSpec("read_reports", f"Begin. {LONG}", specs[0].input_schema))

    _, [request] = offered(specs)

    lengths = {name: len(f["description"]) for name, f in told(request).items()}
    full = {name for name, length in lengths.items() if length > 4_000}
    assert full == {"read_reports", "file_note9"}
    assert {name for name, length in lengths.items() if length > 500} == full
    assert all(f["description"].startswith("Begin.") for f in told(request).values())


def test_texts_inside_a_schema_go_before_its_parameters() -> None:
    properties = {
        "title": {"type": "string", "description": LONG},
        "kind": {"type": "string", "enum": ["memo", "note"], "description": LONG},
    }

    _, [request] = offered(tools(about="Send it.", properties=properties))

    one = told(request)["send_memo3"]
    assert one["description"] == "Send it."
    assert list(one["parameters"]["properties"]) == ["title", "kind"]
    assert one["parameters"]["properties"]["kind"]["enum"] == ["memo", "note"]


def test_the_list_is_the_same_in_every_request_of_an_attempt() -> None:
    script = [call("read_report7", {"unit": "7"}), call("file_note9", {}), text("Done.")]

    _, requests = offered(tools(about=LONG), script)

    assert len({json.dumps(request.body["tools"]) for request in requests}) == 1
    assert len(requests) == 3


def test_a_schema_told_shorter_is_enforced_as_a_whole() -> None:
    properties = {"kind": {"enum": ["memo", "note"], "type": "string", "minLength": 1}}
    properties |= {f"a_rather_long_name_{n}": {"type": "string"} for n in range(100)}
    script = [call("send_memo3", {"kind": "letter"}), text("It was refused.")]

    done, requests = offered(tools(properties=properties), script)

    assert "enum" not in json.dumps(told(requests[0])["send_memo3"])
    assert done.steps[0].is_error
    assert "'letter' is not one of ['memo', 'note']" in done.steps[0].observation


def test_a_tool_is_spoken_of_by_its_name_or_its_words() -> None:
    names = ("list_tickets", "closeTicket", "get-order", "assign_ticket")

    assert mentioned(names, "List my open ticket.", "Use `get-order`.") == {
        "list_tickets",
        "get-order",
    }
    assert mentioned(names, "Please close ticket T-1.", "") == {"closeTicket"}
