"""What a call costs, and sums that admit what is unknown."""

from __future__ import annotations

from decimal import Decimal

import pytest

from practice.domain.prices import Price, Total, name_problem, price_for, total

CHEAP, DEAR = Price(Decimal(1), Decimal(2)), Price(Decimal(10), Decimal(20))
TABLE = {"gpt-5*": CHEAP, "gpt-5-large*": DEAR, "gpt-5-nano": DEAR}


@pytest.mark.parametrize(
    ("model", "found"),
    [
        ("gpt-5-nano", DEAR),
        ("gpt-5-nano-2026", CHEAP),
        ("gpt-5-large-2", DEAR),
        ("gpt-5", CHEAP),
        ("gpt-4", None),
        ("my-gpt-5", None),
    ],
)
def test_it_prefers_the_exact_name_then_the_longest_beginning(
    model: str, found: Price | None
) -> None:
    assert price_for(TABLE, model) is found


def test_it_charges_cached_tokens_their_own_price_where_there_is_one() -> None:
    price = Price(Decimal(4), Decimal(8), Decimal(1))

    cost = price.cost(input_tokens=1_000_000, output_tokens=500_000, cached_tokens=600_000)

    assert cost == Decimal("1.6") + Decimal("0.6") + Decimal(4)


def test_it_charges_cached_tokens_like_others_without_one() -> None:
    assert CHEAP.cost(input_tokens=1_000_000, output_tokens=0, cached_tokens=400_000) == 1


def test_it_never_counts_more_cached_tokens_than_were_sent() -> None:
    price = Price(Decimal(4), Decimal(8), Decimal(1))

    assert price.cost(input_tokens=10, output_tokens=0, cached_tokens=99) == Decimal("0.00001")


@pytest.mark.parametrize(
    ("costs", "said"),
    [
        ([], (False, False)),
        ([Decimal(1)], (False, False)),
        ([None], (True, False)),
        ([Decimal(1), None, None], (False, True)),
        ([Decimal(0), None], (True, False)),
    ],
)
def test_it_says_whether_a_sum_is_whole_a_floor_or_unknown(
    costs: list[Decimal | None], said: tuple[bool, bool]
) -> None:
    added = total(costs)

    assert (added.is_unknown, added.is_least) == said
    assert added.unpriced == costs.count(None)


def test_it_adds_sums() -> None:
    assert Total(Decimal(1), 2) + Total(Decimal("0.5"), 1) == Total(Decimal("1.5"), 3)


@pytest.mark.parametrize("name", ["", "*", "a*b", "**"])
def test_it_refuses_names_that_are_none(name: str) -> None:
    assert name_problem(name)


@pytest.mark.parametrize("name", ["gpt-5", "claude-*", "meta/llama:8b"])
def test_it_takes_names_and_beginnings(name: str) -> None:
    assert name_problem(name) == ""
