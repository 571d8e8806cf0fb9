"""What trials with and without a lesson say of it."""

from __future__ import annotations

from practice.domain.verification import Mistake, Ruling, Trial, mistake, rule, subject

WON, LOST = Trial(won=True), Trial(won=False, reason="It stopped early.")
NO_REASON = mistake("refund_order", 'Order "ORD-1" needs a reason.')
NO_STOCK = mistake("place_order", "Nothing left of SKU-9.")


def ruled(tried: list[Trial], without: Trial, about: Mistake | None = None) -> str:
    found = rule(2, tried, without, about)
    return "" if found is None else found[0].value


def test_wins_in_a_row_keep_it_where_the_task_is_lost_without_it() -> None:
    assert ruled([WON], LOST) == ""
    assert ruled([WON, WON], LOST) == "kept"


def test_wins_with_fewer_failed_calls_keep_it() -> None:
    clumsy = Trial(won=True, mistakes=(NO_REASON, NO_STOCK))
    assert ruled([WON, WON], clumsy) == "kept"
    found = rule(2, [WON, Trial(won=True, mistakes=(NO_STOCK,))], clumsy, None)
    assert found is not None
    assert found[1].endswith("with 1 failed call at most, 2 without it.")
    assert ruled([WON, Trial(won=True, mistakes=(NO_STOCK, NO_STOCK))], clumsy) == "needless"


def test_a_task_that_is_won_either_way_shows_nothing() -> None:
    assert ruled([WON, WON], WON) == "needless"


def test_a_loss_by_its_own_mistake_refutes_it() -> None:
    again = Trial(
        won=False, mistakes=(mistake("refund_order", "Order 'ORD-22' needs a reason."),), reason="x"
    )
    assert ruled([WON, again], LOST, NO_REASON) == "refuted"


def test_a_win_in_which_its_mistake_was_made_again_refutes_it() -> None:
    won = Trial(won=True, mistakes=(NO_REASON,))
    assert ruled([won], LOST, NO_REASON) == "refuted"
    assert ruled([won, won], LOST, NO_STOCK) == "kept"


def test_losing_what_is_won_without_it_refutes_it() -> None:
    assert ruled([LOST], WON, NO_REASON) == "refuted"


def test_a_loss_for_another_reason_says_nothing() -> None:
    other = Trial(won=False, mistakes=(NO_STOCK,), reason="Nothing left.")
    found = rule(2, [other], LOST, NO_REASON)
    assert found is not None
    assert found[0] is Ruling.UNCLEAR
    assert found[1].endswith("not by the mistake it is about: Nothing left.")


def test_a_lesson_is_about_the_first_mistake_it_cites_and_not_what_came_after_it() -> None:
    assert subject([]) is None
    assert subject([NO_REASON, NO_STOCK, NO_REASON]) == NO_REASON


def test_a_mistake_is_the_same_whatever_it_was_made_with() -> None:
    assert mistake("get", "No order 17 for 'Ann'.") == mistake("get", "no order 5 for 'Bo'.")
    assert mistake("get", "No order 17.") != mistake("find", "No order 17.")
    assert mistake("get", "No order 17.") != mistake("get", "No customer 17.")
