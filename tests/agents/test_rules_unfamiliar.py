"""A world whose names nobody chose for us: refs and numbers for ids, typed and nested arguments."""

from __future__ import annotations

import json
from typing import Any

import pytest

from practice.agents.rules.bullets import content
from practice.agents.rules.lessons import lessons
from practice.agents.rules.linking import producers
from practice.agents.rules.proposer import RulesProposer
from practice.agents.rules.schema import Role, role
from practice.agents.rules.summariser import RulesSummariser
from practice.agents.rules.validator import RulesValidator
from practice.agents.rules.words import parts
from practice.domain.types import Briefing, Fact, Json, Step, TaskSpec, ToolSpec, Trajectory

READ: Json = {"readOnlyHint": True}
WRITE: Json = {"readOnlyHint": False, "destructiveHint": False}


def tool(
    name: str,
    said: str,
    hints: Json,
    properties: Json | None = None,
    *,
    required: tuple[str, ...] = (),
    defs: Json | None = None,
    back: Json | None = None,
) -> ToolSpec:
    schema = {"type": "object", "properties": properties or {}, "required": list(required)}
    return ToolSpec(name, said, {**schema, "$defs": defs or {}}, hints, back)


BEDS = tool(
    "beds_page",
    "Beds, six a page.",
    READ,
    back={
        "type": "object",
        "properties": {"items": {"type": "array"}, "total": {"type": "integer"}},
    },
)
HOLD = tool(
    "hold_bed",
    "Hold a free bed.",
    WRITE,
    {"bedRef": {"type": "string"}, "until": {"type": "string", "format": "date-time"}},
    required=("bedRef", "until"),
)
SEARCH = tool(
    "stays_search",
    "Find stays by criteria.",
    READ,
    {"criteria": {"$ref": "#/$defs/Criteria"}},
    required=("criteria",),
    defs={
        "Criteria": {
            "type": "object",
            "properties": {"status": {"$ref": "#/$defs/Status"}, "before": {"format": "date"}},
        },
        "Status": {"type": "string", "enum": ["expected", "admitted"]},
    },
)
PLAN = tool(
    "create_plan",
    "Write a discharge plan.",
    WRITE,
    {
        "steps": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "kind": {"enum": ["letter", "transport"]},
                    "due": {"type": "string", "format": "date"},
                    "owner": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
                },
                "required": ["kind", "due"],
            },
        },
        "destination": {
            "oneOf": [
                {
                    "type": "object",
                    "properties": {"type": {"const": "home"}},
                    "required": ["type"],
                },
                {"type": "null"},
            ]
        },
    },
    required=("steps", "destination"),
)


def calls_of(asked: ToolSpec, *facts: Json) -> list[dict[str, Any]]:
    known = tuple(Fact("Seen.", data=fact) for fact in facts)
    briefing = Briefing(tools=(asked,), facts=known, history=(), count=3, seed=1)
    return [task.goal["calls"][-1] for task in RulesProposer().propose(briefing).candidates]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("bedRef", ("bed", "id")),
        ("staff_no", ("staff", "id")),
        ("orderNo", ("order", "id")),
        ("ref", ("ref",)),
        ("no_cache", ("no", "cache")),
        ("wardCode", ("ward", "code")),
    ],
)
def test_it_knows_an_identifier_by_other_names(name: str, words: tuple[str, ...]) -> None:
    assert parts(name) == words


def test_a_number_that_names_somebody_is_not_made_up() -> None:
    move = tool(
        "move_staff", "Move staff.", WRITE, {"staffNo": {"type": "integer"}}, required=("staffNo",)
    )
    assert role(move, "staffNo") is Role.ENTITY
    assert calls_of(move) == []


def test_it_fills_what_a_schema_refers_to() -> None:
    assert {json.dumps(call["arguments"]) for call in calls_of(SEARCH)} == {
        '{"criteria": {"status": "expected"}}'
    }


def test_it_fills_lists_of_objects_with_what_each_requires() -> None:
    (call, *_) = calls_of(PLAN)
    (step,) = call["arguments"]["steps"]
    assert step["kind"] == "letter"
    assert step["due"].count("-") == 2
    assert call["arguments"]["destination"] == {"type": "home"}


@pytest.mark.parametrize("items", [True, [{"type": "number"}, {"type": "string"}], "any", None])
def test_a_list_that_says_no_one_thing_of_its_items_stops_nobody(items: Any) -> None:
    span: Json = {"type": "array", "items": items}
    held: Json = {"type": "object", "properties": {"note": span}, "required": ["note"]}
    draw = tool("draw", "Draw a line.", WRITE, {"span": span, "held": held}, required=("span",))
    look = tool("look", "Look around.", READ, {"span": span, "held": held})
    assert calls_of(draw) == []
    assert calls_of(look)[0] == {"tool": "look", "arguments": {}}


def test_it_names_things_it_saw_inside_of_lists() -> None:
    lines = {
        "type": "array",
        "items": {
            "type": "object",
            "properties": {
                "sku": {"type": "string"},
                "qty": {"type": "integer", "minimum": 1, "maximum": 9},
            },
            "required": ["sku", "qty"],
        },
    }
    pick = tool("create_pick", "Create a pick list.", WRITE, {"lines": lines}, required=("lines",))
    seen = {"tool": "list_skus", "records": [{"sku": "SKU-7", "on_hand": 4}]}
    assert calls_of(pick) == []
    (call, *_) = calls_of(pick, seen)
    (line,) = call["arguments"]["lines"]
    assert line["sku"] == "SKU-7"
    assert 1 <= line["qty"] <= 9


def test_a_time_is_written_as_its_format_means_it_and_lies_after_what_was_seen() -> None:
    seen = {"tool": "beds_page", "records": [{"bedRef": "b1", "freed": "2031-04-01T08:00:00Z"}]}
    (call, *_) = calls_of(HOLD, seen)
    assert call["arguments"]["bedRef"] == "b1"
    assert call["arguments"]["until"].endswith("Z")
    assert call["arguments"]["until"] > "2031-04-01"


@pytest.mark.parametrize("day", ["0001-01-01T00:00:00Z", "9999-12-31", "2031-02-31"])
def test_a_day_that_is_none_stops_nobody(day: str) -> None:
    seen = {"tool": "beds_page", "records": [{"bedRef": "b1", "freed": day}]}
    assert calls_of(HOLD, seen)


def test_a_listing_that_says_nothing_of_its_items_may_show_them() -> None:
    assert [p.tool.name for p in producers(HOLD, "bedRef", (BEDS, HOLD))] == ["beds_page"]


def test_it_finds_identifiers_in_lists_and_fields_that_may_be_null() -> None:
    ref = {"anyOf": [{"type": "string"}, {"type": "null"}], "default": None}
    inner = {"type": "object", "properties": {"bedRef": ref}}
    listed = {"anyOf": [{"type": "array", "items": inner}, {"type": "null"}]}
    for found in (listed, ref):
        name = "free" if found is listed else "bedRef"
        back = {"type": "object", "properties": {name: found}}
        report = tool("capacity", "Tell the capacity.", READ, back=back)
        (producer,) = producers(HOLD, "bedRef", (report, HOLD))
        assert (producer.tool.name, producer.field) == ("capacity", "bedRef")


def test_a_fact_is_about_what_tells_its_records_apart() -> None:
    rows = [{"wardCode": "W-1", "state": "free"}, {"wardCode": "W-2", "state": "free"}]
    step = Step(1, "beds_page", {}, json.dumps({"items": rows}))
    summary = RulesSummariser().summarise(TaskSpec("Beds."), Trajectory(steps=(step,)), (BEDS,))
    assert [fact.data["field"] for fact in summary.facts] == ["wardCode"]


def test_a_fact_is_about_the_thing_itself_and_not_about_what_belongs_to_it() -> None:
    stay = {"stayId": 40211, "patient": "A. Solberg", "consultantId": "C01"}
    step = Step(1, "stays_search", {}, json.dumps({"stays": [stay]}))
    summary = RulesSummariser().summarise(TaskSpec("Stays."), Trajectory(steps=(step,)), (SEARCH,))
    assert [fact.data["field"] for fact in summary.facts] == ["stayId"]


def judged(asked: ToolSpec, arguments: Json, observation: str) -> int:
    spec = TaskSpec(
        f"Show me what there is of {next(iter(arguments.values()))}.",
        intended_tools=(asked.name,),
        goal={"calls": [{"tool": asked.name, "arguments": dict(arguments)}]},
    )
    done = Trajectory(steps=(Step(1, asked.name, arguments, observation),), answer="None.")
    return RulesValidator().validate(spec, done, (asked,)).feasibility


def test_that_a_thing_has_none_of_something_is_an_answer() -> None:
    notes = tool(
        "notes_of", "Notes of a stay.", READ, {"stayId": {"type": "string"}}, required=("stayId",)
    )
    assert judged(notes, {"stayId": "ST-403"}, '{"notes": []}') == 5
    assert judged(notes, {"stayId": "ST-403"}, '{"stays": []}') == 4


def test_what_a_refusal_asks_for_is_told_where_nobody_did_it() -> None:
    asks = {"bedRef": {"type": "string"}}
    block = tool("block_bed", "Take a bed out of use.", WRITE, asks, required=("bedRef",))
    refused = json.dumps({"fault": "OCCUPIED", "detail": "move the patient first"})
    step = Step(1, "block_bed", {"bedRef": "bd003"}, refused, is_error=True)
    spec = TaskSpec(
        "Take bed bd003 out of use.",
        kind="action",
        intended_tools=("block_bed",),
        goal={"calls": [{"tool": "block_bed", "arguments": {"bedRef": "bd003"}}]},
    )
    (lesson,) = lessons(spec, Trajectory(steps=(step,), answer="Refused."), (block,))
    assert content(lesson) == (
        "`block_bed` refuses (OCCUPIED. move the patient first); see to that before you call it "
        "again, or report it where you cannot."
    )


@pytest.mark.parametrize(
    ("said", "then"),
    [
        ("Move the patient first.", "see to that"),
        ("The bed must first be emptied", "see to that"),
        ("move the patient first (ask the ward)", "see to that"),
        ("Nobody leaves within the first week.", "report that"),
        ("Somebody is in it for the first time", "report that"),
        ("The patient in it was the first.", "report that"),
    ],
)
def test_a_first_thing_is_not_what_has_to_come_first(said: str, then: str) -> None:
    block = tool("block_bed", "Take a bed out of use.", WRITE)
    spec = TaskSpec("Take it out of use.", kind="action", intended_tools=("block_bed",))
    tried = Trajectory((Step(1, "block_bed", {}, said, is_error=True),), "Refused.")
    (lesson,) = lessons(spec, tried, (block,))
    assert f"; {then}" in content(lesson)


@pytest.mark.parametrize(
    ("said", "does"),
    [
        ("HTTP 500: Internal Server Error", "fails at"),
        ("MCP error -32603: Internal server error", "fails at"),
        ("HTTP 409: Only open reports can be sent.", "refuses"),
    ],
)
def test_a_server_that_breaks_refuses_nothing_and_teaches_nothing(said: str, does: str) -> None:
    send = tool("send_report", "Send the report.", WRITE)
    step = Step(1, "send_report", {}, said, is_error=True)
    goal = {"calls": [{"tool": "send_report", "arguments": {}}]}
    spec = TaskSpec("Send it.", kind="action", intended_tools=("send_report",), goal=goal)
    tried = Trajectory(steps=(step,), answer="It did not work.")
    verdict = RulesValidator().validate(spec, tried, (send,))
    assert f"`send_report` {does} what the task asks for" in verdict.feasibility_reason
    assert bool(lessons(spec, tried, (send,))) is (does == "refuses")


@pytest.mark.parametrize(
    ("said", "learned"),
    [
        ("HTTP 503: Service Unavailable", []),
        ("HTTP 500: Use open_ward first.", ["prerequisite"]),
        ("HTTP 409: The ward is closed.", ["prerequisite"]),
    ],
)
def test_what_came_before_a_server_worked_again_did_not_mend_it(
    said: str, learned: list[str]
) -> None:
    hold = tool("hold_bed", "Hold a bed.", WRITE)
    ward = tool("open_ward", "Open the ward.", WRITE)
    steps = (
        Step(1, "hold_bed", {}, said, is_error=True),
        Step(2, "open_ward", {}, '{"open": true}'),
        Step(3, "hold_bed", {}, '{"held": true}'),
    )
    spec = TaskSpec("Hold a bed.", kind="action", intended_tools=("hold_bed",))
    found = lessons(spec, Trajectory(steps, "Held."), (hold, ward))
    assert [lesson["kind"] for lesson in found if lesson["kind"] == "prerequisite"] == learned


def test_a_recipe_does_not_call_the_first_what_was_another_one() -> None:
    asks = {"bedRef": {"type": "string"}}
    hold = tool("hold_bed", "Hold a free bed.", WRITE, asks, required=("bedRef",))
    admit = tool("admit_patient", "Admit somebody to a bed.", WRITE, asks, required=("bedRef",))
    beds = json.dumps({"items": [{"bedRef": "bd001"}, {"bedRef": "bd004"}]})
    missing = json.dumps({"fault": "NO_HOLD", "detail": "Call hold_bed for this bed first"})
    done = (
        Step(1, "beds_page", {}, beds),
        Step(2, "admit_patient", {"bedRef": "bd004"}, missing, is_error=True),
        Step(3, "hold_bed", {"bedRef": "bd004"}, '{"holdId": "h1", "bedRef": "bd004"}'),
        Step(4, "admit_patient", {"bedRef": "bd004"}, '{"status": "admitted"}'),
    )
    spec = TaskSpec("Admit somebody.", kind="action", intended_tools=("admit_patient",))
    told = {
        one["kind"]: content(one) for one in lessons(spec, Trajectory(done), (BEDS, hold, admit))
    }
    assert told["prerequisite"].startswith("Call `hold_bed` for the same bed before")
    assert "admit_patient(bedRef=page.items[i].bedRef)" in told["sequence"]
