"""A person's word on a verdict."""

from __future__ import annotations

from typing import Any

import pytest

from memoryapp.domain.errors import UnableToDecide, UnableToUndo
from memoryapp.models import Event
from practice.models import Attempt
from practice.queries.overrules import standing
from practice.services.overrules import attempt_overrule, overrule_undo
from tests.factories import AttemptFactory, RunFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def attempt(workspace: Any) -> Attempt:
    run = RunFactory(workspace=workspace)
    return AttemptFactory(task__round__run=run, label="success", feasibility=5, completion=5)


def url(attempt: Attempt, verb: str = "overrule/") -> str:
    return f"{attempt.get_absolute_url()}{verb}"


def test_it_is_kept_beside_the_verdict(rita_client: Any, attempt: Attempt, rita: Any) -> None:
    answer = rita_client.post(
        url(attempt), {"label": "failure", "reason": "The refund went to nobody."}, follow=True
    )
    attempt.refresh_from_db()
    overrule = attempt.overrules.get()
    assert attempt.label == "success"
    assert (overrule.was, overrule.label, overrule.by) == ("success", "failure", rita)
    page = answer.content.decode()
    assert "The verdict is overruled: you say failure." in page
    assert "The refund went to nobody." in page
    assert "The validator said success." in page
    event = Event.objects.get(kind="verdict.overruled")
    assert (event.data["before"], event.data["after"]) == (
        {"label": "success"},
        {"label": "failure"},
    )


def test_it_supports_a_verdict_by_the_same_label(attempt: Attempt, rita: Any) -> None:
    attempt_overrule(attempt=attempt, label="success", by=rita)
    assert Event.objects.filter(kind="verdict.supported").exists()


def test_it_takes_the_newest_word_back_so_that_the_earlier_one_stands(
    rita_client: Any, attempt: Attempt, ada: Any
) -> None:
    attempt_overrule(attempt=attempt, label="infeasible", by=ada)
    rita_client.post(url(attempt), {"label": "failure"})
    rita_client.post(url(attempt, "overrule/undo/"))
    word = standing(attempt)
    assert word is not None
    assert (word.label, word.by) == ("infeasible", ada)
    assert attempt.overrules.count() == 2


def test_it_shows_in_the_list_that_a_person_disagrees(
    vera_client: Any, attempt: Attempt, ada: Any
) -> None:
    attempt_overrule(attempt=attempt, label="failure", by=ada)
    assert "a person says failure" in vera_client.get("/trajectories/").content.decode()


def test_it_refuses_what_says_nothing_new(attempt: Attempt, rita: Any) -> None:
    attempt_overrule(attempt=attempt, label="failure", by=rita)
    with pytest.raises(UnableToDecide, match="called this attempt failure already"):
        attempt_overrule(attempt=attempt, label="failure", by=rita)
    with pytest.raises(UnableToDecide, match="The label must be one of"):
        attempt_overrule(attempt=attempt, label="great", by=rita)
    assert attempt.overrules.count() == 1


def test_it_needs_a_verdict_and_something_to_undo(attempt: Attempt, rita: Any) -> None:
    with pytest.raises(UnableToUndo, match="nothing to undo"):
        overrule_undo(attempt=attempt, by=rita)
    attempt.label = ""
    attempt.save()
    with pytest.raises(UnableToDecide, match="was not judged"):
        attempt_overrule(attempt=attempt, label="failure", by=rita)


def test_it_says_on_the_page_why_not(rita_client: Any, attempt: Attempt) -> None:
    page = rita_client.post(url(attempt, "overrule/undo/"), follow=True).content.decode()
    assert "there is nothing to undo" in page


def test_it_is_for_reviewers_of_the_workspace(
    vera_client: Any, olga_client: Any, attempt: Attempt
) -> None:
    for verb in ("overrule/", "overrule/undo/"):
        assert vera_client.post(url(attempt, verb), {"label": "failure"}).status_code == 403
        assert olga_client.post(url(attempt, verb), {"label": "failure"}).status_code == 404
    assert "Overrule the verdict" not in vera_client.get(url(attempt, "")).content.decode()
    assert not attempt.overrules.exists()
