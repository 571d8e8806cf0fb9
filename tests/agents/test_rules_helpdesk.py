"""The rules engine practises on the real sample world, and what it learns there is true."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pytest

from memoryapp.domain.playbook import Bullet, DeltaRefused, Playbook, apply
from practice.agents.ports import Engine, SolverLimits
from practice.agents.rules import build_engine
from practice.agents.rules.documents import failure
from practice.clients.mcp import McpEnvironment
from practice.domain import novelty
from practice.domain.types import (
    Briefing,
    Effect,
    Fact,
    PracticeRecord,
    TaskSpec,
    ToolSpec,
    Trajectory,
)
from practice.domain.validation import admissible, categorize, label
from tests.practice.servers import helpdesk

# One worker only: the rehearsal is made once for all tests of this file.
pytestmark = pytest.mark.xdist_group("helpdesk")
ROUNDS, TASKS, SEED = 3, 6, 17
FIRST = {
    ("verify_customer", "issue_refund"),
    ("receive_return", "issue_refund"),
    ("start_return", "issue_refund"),
    ("assign_ticket", "resolve_ticket"),
    ("set_ticket_category", "escalate_ticket"),
}
ALLOWED = {
    "resolution": {"answered", "refunded", "replaced", "no_action"},
    "category": {"billing", "delivery", "returns", "technical", "account"},
    "priority": {"low", "normal", "high", "urgent"},
    "reason": {"damaged", "wrong_item", "late", "changed_mind"},
    "team": {"frontline", "returns", "tier2"},
}
STATUSES = {
    "list_orders": {"placed", "packed", "shipped", "delivered", "cancelled"},
    "search_tickets": {"open", "assigned", "escalated", "resolved"},
}
FORMS = {
    "order_id": r"ORD-\d{4}-\d{5}",
    "customer_id": r"CUS-\d{4}",
    "ticket_id": r"TIC-\d{5}",
    "return_id": r"RET-\d{4}",
    "agent_id": r"AGT-\d\d",
    "article_id": r"ART-\d\d",
    "sku": r"[A-Z]{3}-\d{3}",
    "amount": r"\d+\.\d\d",
    "date_from": r"\d{4}-\d\d-\d\d",
    "date_to": r"\d{4}-\d\d-\d\d",
}
PAGED = {"search_customers", "list_orders", "list_refunds", "search_tickets", "search_articles"}


class Rehearsal:
    """A run in memory: the rounds of one seed over the real server."""

    def __init__(self, seed: int) -> None:
        everything = McpEnvironment(helpdesk(), allowed_tools=None)
        with everything.open() as session:
            offered = [t for t in session.tools() if t.effect is not Effect.DESTRUCTIVE]
        self.tools: tuple[ToolSpec, ...] = tuple(offered)
        self.world = McpEnvironment(helpdesk(), allowed_tools=frozenset(t.name for t in offered))
        self.engine: Engine = build_engine(seed)
        self.seed = seed
        self.playbook = Playbook()
        self.facts: list[Fact] = []
        self.history: list[PracticeRecord] = []

    def round(self, number: int) -> None:
        briefing = Briefing(
            tools=self.tools,
            facts=tuple(self.facts[-40:]),
            history=tuple(self.history),
            count=3 * TASKS,
            seed=self.seed * 1_000 + number,
        )
        proposed = self.engine.proposer.propose(briefing).candidates
        chosen = novelty.select(proposed, self.history, TASKS, seed=briefing.seed).selected
        attempts = [(task, self.solve(task)) for task in chosen]
        for task, trajectory in attempts:
            self.learn(task, trajectory, number)
            self.facts += self.engine.summariser.summarise(task, trajectory, self.tools).facts

    def solve(self, task: TaskSpec) -> Trajectory:
        with self.world.open() as session:
            return self.engine.solver.solve(task, self.playbook, session, SolverLimits())

    def learn(self, task: TaskSpec, trajectory: Trajectory, number: int) -> None:
        verdict = self.engine.validator.validate(task, trajectory, self.tools)
        judged = label(verdict)
        if admissible(judged):
            told = self.engine.reflector.reflect(
                task, judged, self.playbook, trajectory, self.tools
            )
            curation = self.engine.curator.curate(task, self.playbook, trajectory, told)
            for delta in curation.deltas:
                try:
                    self.playbook = apply(self.playbook, delta)
                except DeltaRefused:
                    continue
        self.history.append(
            PracticeRecord(
                instruction=task.instruction,
                category=categorize([judged]),
                intended_tools=task.intended_tools,
                used_tools=trajectory.used_tools,
                reason=verdict.feasibility_reason,
                round=number,
                calls=tuple((s.tool, bool(failure(s))) for s in trajectory.steps),
                goal=task.goal,
            )
        )


@pytest.fixture(scope="module")
def rehearsal() -> Rehearsal:
    run = Rehearsal(SEED)
    for number in range(1, ROUNDS + 1):
        run.round(number)
    return run


def rules(run: Rehearsal, kind: str) -> list[Mapping[str, Any]]:
    return [b.rule for b in run.playbook.live if b.rule and b.rule["kind"] == kind]


def test_it_practises_nearly_every_tool_that_is_allowed(rehearsal: Rehearsal) -> None:
    used = {tool for record in rehearsal.history for tool, _ in record.calls}
    assert len(used) >= len(rehearsal.tools) - 2


@pytest.mark.parametrize(
    ("first", "then"),
    [
        ("verify_customer", "issue_refund"),
        ("receive_return", "issue_refund"),
        ("assign_ticket", "resolve_ticket"),
        ("set_ticket_category", "escalate_ticket"),
    ],
)
def test_it_learns_the_step_that_comes_first(rehearsal: Rehearsal, first: str, then: str) -> None:
    found = {(r["needs"], tool) for r in rules(rehearsal, "prerequisite") for tool in r["tools"]}
    assert (first, then) in found


def test_it_says_where_the_postcode_of_an_order_stands(rehearsal: Rehearsal) -> None:
    assert any(
        "the `postcode` that `get_order` shows under `shipping`" in bullet.content
        for bullet in rehearsal.playbook.live
    )


def test_it_learns_forms_periods_and_pages(rehearsal: Rehearsal) -> None:
    written = {r["parameter"] for r in rules(rehearsal, "format")}
    assert {"amount"} & written or {"date_from"} & written
    assert [r["days"] for r in rules(rehearsal, "span")] == [31]
    assert all(r["size"] == 5 for r in rules(rehearsal, "pagination"))
    assert rules(rehearsal, "pagination")


def test_it_learns_nothing_that_is_not_true_of_the_desk(rehearsal: Rehearsal) -> None:
    wrong = [b.content for b in rehearsal.playbook.live if not true_of_the_desk(b)]
    assert wrong == []


def test_it_writes_whole_sentences_without_doubled_words(rehearsal: Rehearsal) -> None:
    for bullet in rehearsal.playbook.live:
        assert bullet.content[0].isupper() or bullet.content[0] == "`"
        assert not re.search(r"\b(\w+) \1\b", bullet.content)


def true_of_the_desk(bullet: Bullet) -> bool:
    rule = dict(bullet.rule or {})
    match rule["kind"]:
        case "prerequisite":
            return all((rule["needs"], tool) in FIRST for tool in rule["tools"])
        case "enum":
            name = rule["parameter"]
            return set(rule["values"]) == ALLOWED.get(name, STATUSES.get(rule["tool"]))
        case "format":
            return bool(re.fullmatch(FORMS[rule["parameter"]], str(rule["accepted"])))
        case "span":
            return (rule["tool"], rule["days"]) == ("list_refunds", 31)
        case "pagination":
            return rule["tool"] in PAGED and (rule["size"], rule["parameter"]) == (5, "cursor")
        case "required":
            asked = (rule["tool"], rule["parameter"], rule["producer"], rule["above"])
            return asked == ("issue_refund", "approval_id", "request_approval", "100.00")
        case "ceiling":
            return (rule["tool"], rule["code"]) == ("issue_refund", "amount_too_high")
        case "unit":
            return bool(round(float(rule["written"]) * 100) == rule["shown"])
        case "condition":
            known = {
                ("assign_ticket", "on_shift", True),
                ("start_return", "status", "delivered"),
                ("start_return", "order_status", "delivered"),
            }
            return (rule["tool"], rule["field"], rule["wanted"]) in known
        case "refusal":
            return bool(re.fullmatch(r"[a-z_]+", rule["code"]))
        case "source":
            return all(name == rule["field"] for _, name in rule["consumers"])
        case "made":
            made = {("start_return", "return_id"), ("request_approval", "approval_id")}
            return {(rule["producer"], name) for _, name in rule["consumers"]} <= made
        case "shape":
            return rule["tool"] in PAGED and rule["detail"].startswith("get_")
        case "effect":
            return (rule["tool"], rule["to"]) in {
                ("assign_ticket", "assigned"),
                ("escalate_ticket", "escalated"),
                ("resolve_ticket", "resolved"),
                ("receive_return", "received"),
            }
        case "sequence":
            tools = [call["tool"] for call in rule["calls"]]
            reads = ("get_", "list_", "search_")
            changes = [t for t in tools if not t.startswith(reads)]
            needed = FIRST | {
                ("start_return", "receive_return"),
                ("request_approval", "issue_refund"),
            }
            return all(
                any((one, then) in needed for then in changes[place + 1 :])
                for place, one in enumerate(changes[:-1])
            )
        case _:
            return False
