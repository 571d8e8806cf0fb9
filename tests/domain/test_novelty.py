from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Sequence

from practice.domain.novelty import farthest_first, select
from practice.domain.types import Category, PracticeRecord, TaskSpec

TEXT = "order customer refund ticket stock list find ship cancel verify lamp desk city"
WORDS = TEXT.split()


def task(text: str, *tools: str, entities: tuple[str, ...] = ()) -> TaskSpec:
    return TaskSpec(text, intended_tools=tools, entities=entities)


def sentence(rng: random.Random) -> str:
    return " ".join(rng.choice(WORDS) for _ in range(14)) + f" ORD-{rng.randint(1, 9999)}"


def test_it_takes_the_candidate_farthest_from_the_past_first() -> None:
    past = [PracticeRecord("List all orders of a customer.", Category.TRIVIAL)]
    near, far = task("List all orders of one customer today."), task("Book a flight to Paris.")
    assert select([near, far], past, 1).selected == (far,)


def test_it_drops_what_reads_like_a_past_task_and_says_so() -> None:
    past = [PracticeRecord("List all orders.", Category.TRIVIAL)]
    result = select([task("List all orders.")], past, 3)
    assert result.selected == ()
    assert result.dropped[0][1] == (
        'Reads like an earlier task (similarity 1.00): "List all orders."'
    )


def test_it_drops_the_same_tools_on_the_same_things_in_other_words() -> None:
    past = [PracticeRecord("Show me ORD-1.", Category.TRIVIAL, intended_tools=("get_order",))]
    again = task("What is in the parcel of ORD-1?", "get_order", entities=("ORD-1",))
    other = task("What is in the parcel of ORD-2?", "get_order", entities=("ORD-2",))
    result = select([again, other], past, 2)
    assert result.selected == (other,)
    assert "on the same things" in result.dropped[0][1]


def test_it_gives_every_dropped_candidate_a_reason() -> None:
    rng = random.Random(5)
    candidates = [task(sentence(rng), rng.choice(WORDS)) for _ in range(30)]
    result = select(candidates, [], 10)
    assert len(result.selected) + len(result.dropped) == 30
    assert all(reason.endswith((".", '"')) for _, reason in result.dropped)


def test_it_practises_one_set_of_tools_at_most_twice_a_round() -> None:
    rng = random.Random(7)
    result = select([task(sentence(rng), "get_order") for _ in range(9)], [], 9)
    assert len(result.selected) == 2


def test_it_selects_the_same_for_the_same_seed() -> None:
    rng = random.Random(9)
    candidates = [task(sentence(rng)) for _ in range(20)]
    assert select(candidates, [], 5, seed=4) == select(candidates, [], 5, seed=4)


def test_it_uses_given_vectors_where_there_is_a_model() -> None:
    def embed(texts: Sequence[str]) -> list[list[float]]:
        return [[1.0, 0.0] if "lamp" in text else [0.0, 2.0] for text in texts]

    past = [PracticeRecord("A lamp.", Category.TRIVIAL)]
    result = select([task("Another lamp altogether"), task("A lake")], past, 1, embed=embed)
    assert [t.instruction for t in result.selected] == ["A lake"]


def vectors(of: dict[str, list[float]]) -> Callable[[Sequence[str]], list[list[float]]]:
    return lambda texts: [of[text] for text in texts]


def at(degrees: float) -> list[float]:
    return [math.cos(math.radians(degrees)), math.sin(math.radians(degrees))]


def test_what_a_model_finds_all_but_equal_is_cut_only_where_the_words_are() -> None:
    """One request about two things lies closer than one wish in other words."""
    past = [PracticeRecord("Tell me what order ORD-17 cost.", Category.TRIVIAL)]
    other, again = task("Tell me what order ORD-342 cost."), task("Tell me what order ORD-17 cost!")
    embed = vectors(
        {
            past[0].instruction: at(0),
            other.instruction: at(8),
            again.instruction: at(1),
        }
    )
    result = select([again, other], past, 2, embed=embed)
    assert result.selected == (other,)
    assert result.dropped[0][0] is again


def test_farthest_first_goes_by_vectors_where_there_is_a_model() -> None:
    past = [PracticeRecord("A lamp.", Category.TRIVIAL)]
    embed = vectors({"A lamp.": at(0), "A lamp again.": at(80), "The sea.": at(10)})
    lamp, sea = task("A lamp again."), task("The sea.")
    assert farthest_first([sea, lamp], past, 1, embed=embed).selected == (lamp,)
    assert farthest_first([sea, lamp], past, 1).selected == (sea,)


def test_a_model_with_nothing_to_compare_is_no_trouble() -> None:
    embed = vectors({"A lamp.": at(0)})
    assert select([], [], 3, embed=embed).selected == ()
    assert len(select([task("A lamp.")], [], 3, embed=embed).selected) == 1


def test_it_tells_alike_from_unlike_texts() -> None:
    past = [PracticeRecord("Cancel order 12", Category.TRIVIAL)]
    alike, unlike = task("Cancel order 13"), task("Sing")
    assert farthest_first([alike, unlike], past, 1).selected == (unlike,)


def test_it_is_quick_for_fifty_candidates_against_a_thousand_past_tasks() -> None:
    rng = random.Random(11)
    past = [PracticeRecord(sentence(rng), Category.TRIVIAL) for _ in range(1000)]
    started = time.perf_counter()
    select([task(sentence(rng)) for _ in range(50)], past, 10)
    assert time.perf_counter() - started < 10


def test_it_prefers_tasks_whose_tools_nobody_practised_yet() -> None:
    past = [PracticeRecord("Show ORD-1.", Category.TRIVIAL, calls=(("get_order", False),))]
    known, new = task("Book a flight to Paris.", "get_order"), task("Show ORD-2.", "ship_order")
    assert select([known, new], past, 1).selected == (new,)


def test_it_counts_a_tool_that_never_worked_as_new_until_it_was_tried_twice() -> None:
    failed = PracticeRecord("Ship ORD-1.", Category.UNSOLVED, calls=(("ship_order", True),))
    again, other = task("Ship ORD-7 now.", "ship_order"), task("Book a flight.", "get_order")
    once = [failed, PracticeRecord("Show it.", Category.TRIVIAL, calls=(("get_order", False),))]
    assert select([again, other], once, 1).selected == (again,)
    assert select([again, other], [failed, *once], 1).selected == (other,)


def test_it_tries_a_tool_that_never_worked_once_a_round_while_there_are_other_tasks() -> None:
    failed = PracticeRecord(
        "Ship it.", Category.INFEASIBLE, intended_tools=("ship",), calls=(("ship", True),)
    )
    known = PracticeRecord("List all.", Category.TRIVIAL, calls=(("list", False),))
    first, again = task("Ship ORD-7 to Leeds.", "ship", "pay"), task("Ship a lamp.", "ship", "pack")
    plain = task("List all orders of one customer today.", "list")
    chosen = select([first, again, plain], [failed, known], 2).selected
    assert plain in chosen
    assert len(select([first, again], [failed, known], 2).selected) == 2
