"""After how many user tasks practice has paid for itself."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from practice.domain.breakeven import PUBLISHED, rows, tasks_to_break_even


@pytest.mark.parametrize("published", PUBLISHED, ids=lambda p: p.name)
def test_it_gives_the_papers_own_task_counts_back(published: object) -> None:
    assert tasks_to_break_even(published.construction, published.per_task) == published.tasks  # type: ignore[attr-defined]


def test_it_breaks_even_never_where_online_learning_costs_nothing() -> None:
    assert tasks_to_break_even(Decimal(1), Decimal(0)) is None


def test_it_needs_no_task_where_practice_was_free() -> None:
    assert tasks_to_break_even(Decimal(0), Decimal("0.1")) == 0


dollars = st.decimals(min_value=Decimal("0.01"), max_value=Decimal(1000), places=2)


@given(construction=dollars, per_task=dollars)
def test_it_finds_the_first_task_at_which_online_costs_as_much(
    construction: Decimal, per_task: Decimal
) -> None:
    tasks = tasks_to_break_even(construction, per_task)

    assert tasks is not None
    assert per_task * tasks >= construction > per_task * (tasks - 1)


def test_it_draws_both_ways_beyond_where_they_cross() -> None:
    drawn = rows(Decimal("1.59"), Decimal("1.59") / 46)

    assert (drawn[0].tasks, drawn[0].online) == (0, Decimal(0))
    assert {row.prepared for row in drawn} == {Decimal("1.59")}
    assert 46 in [row.tasks for row in drawn]
    assert drawn[-1].tasks == 92
    assert drawn[-1].online > drawn[-1].prepared
