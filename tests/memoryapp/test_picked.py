"""Rows selected in a list, to be decided or changed as one: in the review queue and in Memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any
from uuid import uuid4

import pytest

from memoryapp.models import BulkChange, BulkDecision
from memoryapp.services import bulk, bulk_changes
from memoryapp.services.bulk_jobs import MOST_CHOSEN
from tests.factories import BulletFactory, CandidateFactory

pytestmark = pytest.mark.django_db


@dataclass(frozen=True, slots=True)
class Desk:
    """A list whose rows can be selected, where that leads, and two things to do there."""

    listed: str
    url: str
    form: str
    rows: Any
    row: str
    jobs: Any
    does: Mapping[str, str]
    does_else: Mapping[str, str]
    #: what carries the first rows out.
    work: tuple[ModuleType, str]

    def picked(self, client: Any, ids: Any, **filters: str) -> str:
        """Select rows as the list does, with or without scripts. Returns where that leads."""
        posted = {"chosen": [str(one) for one in ids]}
        answer = client.post(self.url, posted, query_params=filters)
        assert answer.status_code == 302
        return str(answer.url)


REVIEW = Desk(
    listed="/review/",
    url="/review/bulk/",
    form='id="many" class="many" method="post" action="/review/bulk/?section=apis"',
    rows=CandidateFactory,
    row="candidate",
    jobs=BulkDecision.objects,
    does={"action": "approve"},
    does_else={"action": "reject", "reason": "No"},
    work=(bulk, "bulk_continue"),
)
MEMORY = Desk(
    listed="/memory/",
    url="/memory/bulk/",
    form='id="picked" method="post" action="/memory/bulk/?section=apis"',
    rows=BulletFactory,
    row="bullet",
    jobs=BulkChange.objects,
    does={"action": "tag", "value": "vip"},
    does_else={"action": "retire", "reason": "Old"},
    work=(bulk_changes, "bulk_change_continue"),
)


@pytest.fixture(params=[REVIEW, MEMORY], ids=["review", "memory"])
def desk(request: pytest.FixtureRequest) -> Desk:
    found: Desk = request.param
    return found


def test_all_rows_of_a_page_can_be_selected(rita_client: Any, playbook: Any, desk: Desk) -> None:
    """Their ids fit no address, and with what else a form holds they are over a thousand fields."""
    rows = desk.rows.create_batch(3, playbook=playbook, section="apis")
    ids = [*(row.pk for row in rows[:2]), *(uuid4() for _ in range(MOST_CHOSEN - 2))]
    url = desk.picked(rita_client, ids, section="apis")
    assert len(url) < 200
    for _ in range(2):  # it can be loaded again
        page = rita_client.get(url)
        assert (page.status_code, page.context["total"]) == (200, 2)
        assert "The ones you selected" in page.content.decode()
    refused = rita_client.post(url, {"action": ""})
    assert (refused.status_code, refused.context["total"]) == (409, 2)
    answer = rita_client.post(url, desk.does, follow=True)
    assert (answer.context["done"], answer.context["remaining"]) == (2, 0)
    job = desk.jobs.get()
    assert len(job.query["chosen"]) == MOST_CHOSEN
    assert not job.outcomes.filter(**{desk.row: rows[2].pk}).exists()


def test_a_second_click_and_the_way_back_lead_to_what_was_asked_for(
    rita_client: Any, playbook: Any, desk: Desk
) -> None:
    ids = [row.pk for row in desk.rows.create_batch(3, playbook=playbook)]
    url = desk.picked(rita_client, ids[:2])
    first = rita_client.post(url, desk.does)
    assert rita_client.post(url, desk.does_else).url == first.url
    assert rita_client.get(url).url == first.url
    job = desk.jobs.get()
    assert (job.total, job.action) == (2, desk.does["action"])
    assert rita_client.get(desk.picked(rita_client, ids[2:])).context["total"] == 1


def test_a_second_click_while_the_first_one_is_at_work_asks_for_nothing_more(
    rita_client: Any, playbook: Any, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = desk.picked(rita_client, [row.pk for row in desk.rows.create_batch(2, playbook=playbook)])
    work = getattr(*desk.work)
    answers: list[Any] = []

    def clicked_again(**given: Any) -> Any:
        if not answers:
            answers.append(rita_client.post(url, desk.does))
        return work(**given)

    monkeypatch.setattr(*desk.work, clicked_again)
    first = rita_client.post(url, desk.does)
    assert [answer.url for answer in answers] == [first.url]
    assert desk.jobs.get().outcomes.filter(done=True).count() == 2


@pytest.mark.parametrize("forget", ["session", "forged", "empty"])
def test_a_selection_that_is_not_known_covers_nothing(
    rita_client: Any, playbook: Any, rita: Any, desk: Desk, forget: str
) -> None:
    """Never all there is, which is what no selection covers."""
    url = desk.picked(rita_client, [desk.rows(playbook=playbook).pk])
    if forget == "session":
        rita_client.force_login(rita)
        session = rita_client.session
        del session["picked"]
        session.save()
    elif forget == "forged":
        url = f"{desk.url}?picked=of-nobody"
    else:
        url = rita_client.post(desk.url, {"chosen": "nonsense"}).url
    page = rita_client.get(url)
    assert (page.status_code, page.context["total"]) == (409, 0)
    answer = rita_client.post(url, desk.does)
    assert answer.status_code == 409
    assert "select again" in answer.content.decode()
    assert not desk.jobs.exists()


def test_a_selection_is_of_who_made_it(
    rita_client: Any, ada_client: Any, playbook: Any, desk: Desk
) -> None:
    url = desk.picked(rita_client, [desk.rows(playbook=playbook).pk])
    assert ada_client.get(url).context["total"] == 0
    assert rita_client.get(url).context["total"] == 1


def test_without_a_selection_all_that_matches_is_covered(
    rita_client: Any, playbook: Any, desk: Desk
) -> None:
    desk.rows.create_batch(2, playbook=playbook, section="apis")
    desk.rows(playbook=playbook, section="tools")
    assert rita_client.get(desk.picked(rita_client, [], section="apis")).context["total"] == 2


@pytest.mark.parametrize("how_many", [0, 2])
def test_nothing_is_done_that_nobody_said_what_to_do_with(
    rita_client: Any, playbook: Any, desk: Desk, how_many: int
) -> None:
    """Ctrl+Enter on a row of the queue sends its form: what it covers is shown first."""
    rows = desk.rows.create_batch(3, playbook=playbook)
    posted = {"chosen": [str(row.pk) for row in rows[:how_many]]}
    page = rita_client.post(desk.url, posted, follow=True)
    assert page.context["total"] == (how_many or 3)
    assert not desk.jobs.exists()
    answer = rita_client.post(desk.url, posted | {"action": ""})
    assert answer.status_code == 409
    assert "Choose what to do" in answer.content.decode()
    assert not desk.jobs.exists()


def test_the_list_sends_what_is_selected_in_a_body(
    rita_client: Any, playbook: Any, desk: Desk
) -> None:
    desk.rows(playbook=playbook, section="apis")
    assert desk.form in rita_client.get(f"{desk.listed}?section=apis").content.decode()


def test_a_best_match_without_the_words_is_covered_when_it_is_selected(
    rita_client: Any, playbook: Any
) -> None:
    """Meaning found it, and the page showed it."""
    near = BulletFactory(playbook=playbook, content="Pay the customer back.")
    url = MEMORY.picked(rita_client, [near.pk], q="refund", sort="best")
    assert rita_client.get(url).context["total"] == 1
    assert rita_client.post(url, MEMORY.does, follow=True).context["done"] == 1
    near.refresh_from_db()
    assert near.tags == ["vip"]
    by_words = MEMORY.picked(rita_client, [near.pk], q="refund")
    assert rita_client.get(by_words).context["total"] == 0
