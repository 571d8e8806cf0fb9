"""Practising tools that changed: what was practised before bars nothing, and what helps is said."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import pytest

from memoryapp.models import Bullet
from memoryapp.services.bullets import bullet_add
from practice.models import Environment, Run
from practice.orchestrator import environment_checks
from practice.queries.drift import changed_tools
from practice.services.drift import drift_practise
from practice.services.steering import steering_add
from tests.factories import MembershipFactory, PlaybookFactory
from tests.practice.runs import driven, started
from tests.practice.servers.shelf import DOCUMENT, Shelf, lending
from tests.practice.shops import library

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def served() -> Iterator[Shelf]:
    with lending() as running:
        yield running


def unchanged(shelf: Shelf) -> Shelf:
    """The library before any test changes what it offers."""
    shelf.document = DOCUMENT
    shelf.reset()
    return shelf


@pytest.fixture
def shelf(served: Shelf) -> Shelf:
    return unchanged(served)


@pytest.fixture
def playbook(workspace: Any) -> Any:
    return PlaybookFactory(workspace=workspace)


def begun(workspace: Any, by: Any, shelf: Shelf, playbook: Any) -> Environment:
    """A lending library of three operations that a run has begun to practise."""
    found = library(workspace, shelf)
    found.tools.exclude(name__in=["list_books", "list_members", "lend_book"]).update(
        is_enabled=False
    )
    started(found, by, playbook=playbook, rounds=6, tasks=6)
    bullet_add(playbook=playbook, section="apis", content="Use `lend_book` for a loan.", by=by)
    return found


@pytest.fixture
def desk(workspace: Any, rita: Any, shelf: Shelf, playbook: Any) -> Environment:
    return begun(workspace, rita, shelf, playbook)


@pytest.fixture(scope="module")
def practised(served: Shelf, made_once: Callable[[], AbstractContextManager[None]]) -> Environment:
    """The library of another workspace, practised until a round had no new idea."""
    with made_once():
        ines = MembershipFactory(workspace__slug="lending", user__username="ines", role="reviewer")
        playbook = PlaybookFactory(workspace=ines.workspace)
        found = begun(ines.workspace, ines.user, unchanged(served), playbook)
        driven(found.runs.get())
    return found


@pytest.fixture
def known(practised: Environment, shelf: Shelf, db: None) -> Environment:
    return Environment.objects.get(pk=practised.pk)


@pytest.fixture
def ines(known: Environment) -> Any:
    """Who had it practised."""
    return known.runs.get().started_by


def asks_for(shelf: Shelf, *names: str) -> None:
    """Lending a book needs these parameters too."""
    document = copy.deepcopy(DOCUMENT)
    body = document["paths"]["/books/{book_id}/loan"]["post"]["requestBody"]
    schema = body["content"]["application/json"]["schema"]
    schema["required"] += names
    schema["properties"] |= {name: {"type": "string"} for name in names}
    shelf.document = document


def reworded(shelf: Shelf) -> None:
    """The listing of books is described in other words."""
    shelf.document = copy.deepcopy(DOCUMENT)
    shelf.document["paths"]["/books"]["get"]["summary"] = "Show every book there is"


def notes(desk: Environment) -> list[tuple[str, str]]:
    return list(changed_tools(desk).values_list("tool", "note"))


def taken(run: Run) -> list[Any]:
    return [task for round_ in run.rounds.all() for task in round_.tasks.filter(drop_reason="")]


def test_it_says_which_parameter_no_value_is_known_for(
    known: Environment, shelf: Shelf, ines: Any
) -> None:
    asks_for(shelf, "owner")
    environment_checks.check(known.pk)
    known.refresh_from_db()

    run = driven(drift_practise(environment=known, by=ines))

    assert "lend_book was not practised" in run.message
    assert "no value is known for its parameter owner" in run.message
    assert "Write a seed task under Proposer memory" in run.message
    assert "Turn more tools on" not in run.message
    assert notes(known) == [("lend_book", "New parameter: owner.")]


def test_a_seed_task_that_names_the_value_ends_the_wish(
    known: Environment, shelf: Shelf, ines: Any
) -> None:
    asks_for(shelf, "owner")
    environment_checks.check(known.pk)
    known.refresh_from_db()
    steering_add(
        environment=known,
        kind="seed_task",
        instruction='Lend book BK-01 to member MB-1 with owner "Ines Holm".',
        by=ines,
    )

    run = driven(drift_practise(environment=known, by=ines))

    assert any("lend_book" in task.intended_tools for task in taken(run))
    assert (notes(known), run.message) == ([], "")


def test_what_was_practised_with_the_old_tool_bars_no_task_with_the_new_one(
    known: Environment, shelf: Shelf, ines: Any
) -> None:
    reworded(shelf)
    environment_checks.check(known.pk)
    known.refresh_from_db()

    run = driven(drift_practise(environment=known, by=ines))

    assert any("list_books" in task.intended_tools for task in taken(run))
    assert (run.status, run.message, notes(known)) == ("finished", "", [])


def test_what_was_practised_with_the_tool_as_it_is_still_bars(
    known: Environment, ines: Any
) -> None:
    playbook = known.runs.get().playbook
    # What the first run happened not to think of is new to the second, and to the third nothing.
    driven(started(known, ines, playbook=playbook, rounds=2, tasks=6))
    run = driven(started(known, ines, playbook=playbook, rounds=2, tasks=6))

    assert not taken(run)
    reasons = run.rounds.values_list("tasks__drop_reason", flat=True)
    assert any("on the same things as an earlier task" in reason for reason in reasons)


def test_a_tool_that_is_what_it_was_again_waits_for_nothing(
    desk: Environment, shelf: Shelf, playbook: Any
) -> None:
    asks_for(shelf, "owner")
    environment_checks.check(desk.pk)
    assert playbook.bullets.get(content__startswith="Use `lend_book`").status == "stale"
    shelf.document = DOCUMENT
    environment_checks.check(desk.pk)

    assert notes(desk) == []
    bullet = playbook.bullets.get(content__startswith="Use `lend_book`")
    assert bullet.status == Bullet.Status.APPROVED
    assert "is again what it was when it was practised" in bullet.revisions.first().reason


def test_it_says_what_is_different_from_what_was_practised(desk: Environment, shelf: Shelf) -> None:
    for names in (["owner"], ["owner", "desk"], ["desk"]):
        asks_for(shelf, *names)
        environment_checks.check(desk.pk)
    assert notes(desk) == [("lend_book", "New parameter: desk.")]


def test_a_tool_that_left_and_came_back_changed_is_said_as_it_is(
    desk: Environment, shelf: Shelf
) -> None:
    asks_for(shelf, "owner")
    environment_checks.check(desk.pk)
    changed = shelf.document
    shelf.document = copy.deepcopy(DOCUMENT)
    del shelf.document["paths"]["/books/{book_id}/loan"]["post"]
    environment_checks.check(desk.pk)
    assert notes(desk) == [("lend_book", "The environment no longer offers it.")]
    shelf.document = changed
    environment_checks.check(desk.pk)
    assert notes(desk) == [("lend_book", "New parameter: owner.")]
