"""What lessons of earlier incidents change in an answer, and what they never do."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from practice.domain.causal_layout import short
from practice.domain.recollection import (
    Lesson,
    considered,
    followed,
    likeness,
    signature,
    taken_back,
)
from practice.domain.rootcause.analysis import analyse
from practice.domain.rootcause.types import Analysis, Outcome
from tests.domain.rootcause_world import ALERT, request, world


@pytest.fixture(scope="module")
def found() -> Analysis:
    telemetry, usual = world(request(own=0.4))
    answer = analyse(telemetry, ALERT, reference=usual)
    assert answer.outcome is Outcome.FOUND
    first, second, *others = answer.causes
    held = replace(answer.evidence[0], evidence_id="e99", node=second.node, deviation=9.0)
    deviating = replace(second, strength=0.2, evidence=("e99",))
    causes = (first, deviating, *others)
    return replace(answer, causes=causes, evidence=(*answer.evidence, held))


def lesson(found: Analysis, **changes: Any) -> Lesson:
    """Of an incident that looked just so, in which a person named what is second here."""
    given: dict[str, Any] = {
        "bullet": "bullet:desk/b-1",
        "node": found.causes[1].node,
        "incident": "Incident 3",
        "link": "/root-causes/3/",
        "looks": signature(found),
    }
    return Lesson(**given | changes)


def put(lessons: list[Lesson], found: Analysis) -> tuple[str, str]:
    """What leads, and what is said of the first lesson."""
    said = considered(found, signature(found), lessons)
    return followed(found, said)[0].causes[0].node, said[0].said


def test_a_lesson_of_an_incident_that_looked_alike_leads(found: Analysis) -> None:
    one = lesson(found)
    said = considered(found, signature(found), [one])
    answer, lead = followed(found, said)
    assert lead == said[0]
    assert [c.node for c in answer.causes[:2]] == [one.node, found.causes[0].node]
    assert [c.rank for c in answer.causes] == list(range(1, len(answer.causes) + 1))
    assert {c.node: c.score for c in answer.causes} == {c.node: c.score for c in found.causes}
    assert answer.statement.startswith(f"{one.node.partition(':')[2]}: as in Incident 3, which ")
    assert "By the evidence of this window alone shop would lead." in answer.statement
    assert answer.visits == found.visits


def test_one_that_names_what_leads_anyhow_changes_nothing(found: Analysis) -> None:
    said = considered(found, signature(found), [lesson(found, node=found.causes[0].node)])
    assert followed(found, said) == (found, None)
    assert (said[0].leads, said[0].alike) == (True, 1.0)
    assert "names the cause that the evidence puts first too" in said[0].said


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"looks": ["entry web", "cause service:mail"]}, "looks different"),
        ({"looks": []}, "looks different"),
        ({"stands": False}, "the decision on Incident 3 does not stand any more"),
        ({"refused": "Incident 7"}, "a person said otherwise in Incident 7"),
        ({"node": "service:mail"}, "nothing is known of mail in this window"),
    ],
)
def test_it_leads_nothing_unless_all_holds(
    found: Analysis, changes: dict[str, Any], why: str
) -> None:
    leads, said = put([lesson(found, **changes)], found)
    assert (leads, why in said) == (found.causes[0].node, True)


def test_it_makes_no_cause_where_the_evidence_finds_none(found: Analysis) -> None:
    quiet = replace(found, outcome=Outcome.NONE)
    leads, said = put([lesson(found)], quiet)
    assert (leads, said) == (
        found.causes[0].node,
        "nothing here deviates enough to have a cause",
    )


@pytest.mark.parametrize(
    ("strength", "deviation"),
    [(0.0, None), (0.0, 9.0), (0.2, None), (0.2, 1.0)],
)
def test_it_leads_nothing_where_its_component_is_as_usual(
    found: Analysis, strength: float, deviation: float | None
) -> None:
    """What a person named before is no cause of this one unless something is held against it."""
    named = found.causes[1]
    held = tuple(
        replace(item, deviation=deviation or 0.0) if item.evidence_id in named.evidence else item
        for item in found.evidence
    )
    mine = named.evidence if deviation else ()
    usual = replace(named, strength=strength, evidence=mine)
    answer = replace(found, evidence=held, causes=(found.causes[0], usual, *found.causes[2:]))
    leads, said = put([lesson(found, looks=signature(answer))], answer)
    assert leads == found.causes[0].node
    assert said == f"remembered, not found here: nothing is held against {short(named.node)}"


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({}, ""),
        ({"stands": False}, "the decision on Incident 3 does not stand any more"),
        ({"refused": "Incident 7"}, "a person said otherwise in Incident 7"),
    ],
)
def test_it_is_taken_back_by_what_people_say(
    found: Analysis, changes: dict[str, Any], why: str
) -> None:
    assert taken_back(lesson(found, **changes)) == why
    assert taken_back(None) == "it was retired or reworded"


def test_the_most_alike_leads_and_the_next_says_so(found: Analysis) -> None:
    looks = signature(found)
    nearer = lesson(found, bullet="bullet:desk/b-9")
    farther = lesson(found, node=found.causes[0].node, looks=[*looks, "cause x", "cause y"])
    first, second = considered(found, signature(found), [farther, nearer])
    assert (first.lesson, first.leads) == (nearer, True)
    assert (second.leads, second.said) == (False, "another lesson is more alike")


def test_two_in_which_nothing_deviated_are_not_alike() -> None:
    assert likeness(["entry web"], ["entry web"]) == 0.0
    assert likeness(["entry web", "cause a"], ["entry web", "cause a"]) == 1.0
    assert likeness(["cause a", "cause b"], ["cause b", "cause c"]) == pytest.approx(1 / 3)
