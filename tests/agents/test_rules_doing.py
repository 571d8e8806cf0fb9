from __future__ import annotations

import random
import time

import pytest

from practice.agents.rules.doing import imperative
from practice.agents.rules.phrasing import instruction
from practice.agents.rules.words import takes_back
from practice.domain.types import ToolSpec


@pytest.mark.parametrize(
    ("description", "tool", "said"),
    [
        ("Activates the brake.", "activate_brake", "activate the brake"),
        ("List of orders.", "get_orders", "show me the list of orders"),
        ("Holds in force.", "holds_list", "show me holds in force"),
        ("Orders by state (paged).", "orders", "show me orders by state"),
        ("All wards with their beds.", "ward_directory", "show me all wards with their beds"),
        ("State of the link.", "link_status", "show me the state of the link"),
        ("Order details", "get_order", "show me order details"),
        ("GitHub issues by label", "issues", "show me GitHub issues by label"),
        ("This tool retrieves orders", "get_orders", "retrieve orders"),
        ("Use this tool to search orders", "search", "search orders"),
        ("Returns the list of orders", "get_orders", "return the list of orders"),
        ("Echoes back the input", "echo", "echo back the input"),
        ("Once signed in, this lists orders", "list_orders", "list orders"),
        ("", "list_orders", "list orders"),
    ],
)
def test_it_says_as_a_person_what_a_reading_tool_does(
    description: str, tool: str, said: str
) -> None:
    assert imperative(description, tool) == said


@pytest.mark.parametrize(
    ("description", "tool", "said"),
    [
        ("Hold a free bed for a stay.", "hold_bed", "hold a free bed for a stay"),
        ("Order a clean of a bed.", "cleaning_order", "order a clean of a bed"),
        ("Triage tickets", "triage_ticket", "triage tickets"),
        ("The planning board.", "wipe_board", "wipe board"),
    ],
)
def test_a_tool_that_acts_is_told_to(description: str, tool: str, said: str) -> None:
    assert imperative(description, tool, reads=False) == said


def test_it_is_seen_where_nobody_asks() -> None:
    assert imperative("Holds in force.", "holds_list", looks="see") == "see holds in force"


@pytest.mark.parametrize(
    ("tool", "other", "does"),
    [
        ("unblock_bed", "block_bed", True),
        ("deactivate_user", "activate_user", True),
        ("reopen_ticket", "close_ticket", True),
        ("block_bed", "unblock_bed", False),
        ("describe_bed", "block_bed", False),
        ("approve_transfer", "request_transfer", False),
    ],
)
def test_it_knows_what_takes_back_what(tool: str, other: str, does: bool) -> None:
    assert takes_back(tool, other) is does


@pytest.mark.parametrize("said", ["(" * 200_000, f"List orders{' by day or state' * 5_000}!"])
def test_a_description_without_end_holds_nobody_up(said: str) -> None:
    began = time.process_time()
    assert instruction([(ToolSpec("list_orders", said), {})], random.Random(1))
    assert time.process_time() - began < 2
