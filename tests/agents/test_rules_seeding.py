"""Seed tasks in an operator's words: what is practised for them is what they ask for."""

from __future__ import annotations

from typing import Any

import pytest

from practice.agents.rules.proposer import RulesProposer
from practice.domain.types import Briefing, Proposal, Steering, TaskSpec
from tests.agents.rules_shop import READ, WRITE, tool

DESK = (
    tool("list_customers", "List all customers.", READ),
    tool("list_orders", "List the orders of a customer.", READ, "customer_id", customer_id="Whose"),
    tool("get_order", "Get an order with its items.", READ, "order_id", order_id="The order."),
    tool("search_tickets", "Search tickets.", READ, status="Status: 'open' for open ones."),
    tool("search_articles", "Search the knowledge base.", READ, "query", query="Words."),
    tool("list_refunds", "List the refunds.", READ),
    tool(
        "issue_refund",
        "Pay money back for an order.",
        WRITE,
        "order_id",
        "amount",
        order_id="The order.",
        amount="How much.",
    ),
    tool("verify_customer", "Verify a customer.", WRITE, "order_id", order_id="The order."),
    tool(
        "assign_ticket",
        "Assign a ticket to an agent.",
        WRITE,
        "ticket_id",
        "agent_id",
        ticket_id="The ticket.",
        agent_id="The agent.",
    ),
    tool(
        "set_category",
        "Set what a ticket is about.",
        WRITE,
        "ticket_id",
        "category",
        ticket_id="The ticket.",
        category="The category.",
    ),
    tool(
        "patch_items_id",
        "Change an item.",
        WRITE,
        "id",
        id="Which.",
        status={"type": "string", "enum": ["open", "closed"]},
        note="A note.",
    ),
    tool("drop_order", "Delete an order.", WRITE, "order_id", order_id="The order."),
)


def propose(*seeds: str, avoid: tuple[str, ...] = ()) -> Proposal:
    steering = Steering(seed_tasks=seeds, avoid=avoid)
    return RulesProposer(1).propose(Briefing(tools=DESK, count=12, seed=3, steering=steering))


def task_for(seed: str) -> TaskSpec:
    (task,) = (t for t in propose(seed).candidates if t.seed_task)
    assert task.seed_task == seed
    return task


def calls(task: TaskSpec) -> list[tuple[str, dict[str, Any]]]:
    return [(call["tool"], call["arguments"]) for call in task.goal["calls"]]


@pytest.mark.parametrize(
    ("seed", "wanted"),
    [
        ("Look at the order ORD-2 for me", [("get_order", {"order_id": "ORD-2"})]),
        ("Refund 20 of order ORD-1", [("issue_refund", {"order_id": "ORD-1", "amount": "20"})]),
        (
            "Assign ticket TIC-3 to agent AGT-2.",
            [("assign_ticket", {"ticket_id": "TIC-3", "agent_id": "AGT-2"})],
        ),
        (
            "Set the category of ticket TIC-1 to billing",
            [("set_category", {"ticket_id": "TIC-1", "category": "billing"})],
        ),
        ("Search the articles for late parcels", [("search_articles", {"query": "late parcels"})]),
        ("Find all open tickets", [("search_tickets", {"status": "open"})]),
        (
            'Patch the item with id "it-3" to "Closed", with the note "by hand".',
            [("patch_items_id", {"id": "it-3", "status": "closed", "note": "by hand"})],
        ),
    ],
)
def test_it_practises_what_the_words_ask_for(seed: str, wanted: list[Any]) -> None:
    task = task_for(seed)
    assert calls(task) == wanted
    assert (task.unused, task.added) == ((), ())


def test_it_takes_a_quoted_value_that_a_parameter_lists() -> None:
    task = task_for('Patch the item with id "it-3": set status to "closed".')
    assert calls(task) == [("patch_items_id", {"id": "it-3", "status": "closed"})]


def test_it_does_one_request_after_the_other_for_the_same_thing() -> None:
    task = task_for("Verify the customer of order ORD-1 and then refund it")
    (first, asked), (second, paid) = calls(task)
    assert (first, second) == ("verify_customer", "issue_refund")
    assert asked["order_id"] == paid["order_id"] == "ORD-1"
    assert task.added == ("amount",)


def test_it_says_which_words_it_leaves_out_and_what_it_chose_itself() -> None:
    task = task_for("Assign the angriest ticket to agent AGT-2")
    assert task.unused == ("angriest",)
    (*_, (name, arguments)) = calls(task)
    assert name == "assign_ticket"
    assert arguments["agent_id"] == "AGT-2"
    assert task_for("List all delivered orders").added == ("customer_id",)


@pytest.mark.parametrize(
    ("seed", "why"),
    [
        ("Water the plants", "No tool is named after what “Water the plants” asks for."),
        ("Close every ticket of customer CUS-1", "No tool is named after what"),
        ("Refund the oldest open ticket", "It speaks of “ticket”, which issue_refund has nothing"),
        ("Look at the order ORD-2 of agent AGT-1", "It names AGT-1, which no parameter of"),
        ("Search the articles", "It does not say what search_articles is to look for."),
        ("Delete order ORD-1 and drop order ORD-2", "No tool is named after what"),
        ("Drop everything", "Of “Drop everything” only the action can be said in calls."),
        ("Please!", "It asks for nothing that a tool does."),
    ],
)
def test_it_practises_nothing_else_under_the_name_of_a_seed_task(seed: str, why: str) -> None:
    proposal = propose(seed)
    assert not any(task.seed_task for task in proposal.candidates)
    ((asked, reason),) = proposal.unmet
    assert asked == seed
    assert reason.startswith(why)


def test_it_names_what_it_could_not_find_yet() -> None:
    assert dict(propose("Assign ticket TCK-1", "Assign the ticket").unmet) == {
        "Assign ticket TCK-1": "No agent_id for assign_ticket was seen yet. It is tried again in "
        "the next round.",
        "Assign the ticket": "assign_ticket needs ticket_id and agent_id, of which some were not "
        "seen yet. It is tried again in the next round.",
    }


def test_it_leaves_alone_what_is_to_be_left_alone() -> None:
    proposal = propose("Drop order ORD-1", avoid=("drop_order",))
    assert dict(proposal.unmet) == {
        "Drop order ORD-1": "It asks for drop_order, which is to be left alone."
    }


def test_it_adds_nothing_of_its_own_to_a_seed_task() -> None:
    for seed in range(5):
        briefing = Briefing(
            tools=DESK,
            count=12,
            seed=seed,
            steering=Steering(seed_tasks=("Drop order ORD-1",), difficulty="harder"),
        )
        first = RulesProposer(seed).propose(briefing).candidates[0]
        assert calls(first) == [("drop_order", {"order_id": "ORD-1"})]


def test_it_takes_an_amount_for_no_number_of_somebody() -> None:
    found = calls(task_for("Refund an order of the angriest customer, 20 USD"))
    assert ("issue_refund", "20") in [(name, given.get("amount")) for name, given in found]
    assert "20" not in [given.get("customer_id") for _, given in found]


def test_it_says_that_what_is_asked_for_is_off() -> None:
    seeds = ("Delete all data of customer CUS-1", "Cancel the party")
    briefing = Briefing(
        tools=DESK,
        count=12,
        seed=3,
        steering=Steering(seed_tasks=seeds),
        off=("delete_customer_data",),
    )
    assert [why for _, why in RulesProposer(1).propose(briefing).unmet] == [
        "It asks for delete_customer_data, which is off. Turn it on in the environment if practice "
        "may call it.",
        "No tool is named after what “Cancel the party” asks for.",
    ]
