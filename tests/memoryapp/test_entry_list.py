"""Memory: all bullets of a workspace."""

from __future__ import annotations

from typing import Any

import pytest

from tests.factories import BulletFactory, PlaybookFactory

pytestmark = pytest.mark.django_db

URL = "/memory/"


@pytest.fixture
def playbook(workspace: Any) -> Any:
    return PlaybookFactory(workspace=workspace, slug="help-desk")


def test_it_finds_bullets_by_words_in_any_order(vera_client: Any, playbook: Any) -> None:
    wanted = BulletFactory(playbook=playbook, content="Quote a refund before you create it.")
    BulletFactory(playbook=playbook)
    page = vera_client.get(f"{URL}?q=refund+quote").context["page_obj"]
    assert list(page) == [wanted]


def test_it_narrows_by_status_section_and_playbook(vera_client: Any, playbook: Any) -> None:
    other = PlaybookFactory(workspace=playbook.workspace)
    wanted = BulletFactory(playbook=playbook, section="apis", status="stale")
    BulletFactory(playbook=other, section="apis", status="stale")
    BulletFactory(playbook=playbook, section="apis")
    BulletFactory(playbook=playbook, status="stale")
    query = "?status=stale&section=apis&playbook=help-desk"
    context = vera_client.get(URL + query).context
    assert list(context["page_obj"]) == [wanted]
    assert [(chip.label, chip.count) for chip in context["filters"]] == [
        ("All", 2),
        ("Approved", 1),
        ("Stale", 1),
    ]


def test_it_reaches_every_row(vera_client: Any, playbook: Any) -> None:
    BulletFactory.create_batch(60, playbook=playbook)
    pages = [vera_client.get(f"{URL}?page={number}").context["page_obj"] for number in (1, 2)]
    assert len({bullet.pk for page in pages for bullet in page}) == 60
    assert pages[0].paginator.count == 60


def test_it_offers_to_clear_a_filter_that_finds_nothing(vera_client: Any, playbook: Any) -> None:
    BulletFactory(playbook=playbook)
    said = vera_client.get(f"{URL}?q=unicorn").content.decode()
    assert "No bullet matches" in said
    assert "Clear filters" in said


def test_it_hides_other_workspaces(olga_client: Any, playbook: Any) -> None:
    BulletFactory(playbook=playbook)
    assert list(olga_client.get(URL).context["page_obj"]) == []


def test_it_needs_the_same_number_of_queries_for_more_rows(
    vera_client: Any, workspace: Any, django_assert_num_queries: Any
) -> None:
    def add(count: int) -> None:
        for _ in range(count):
            BulletFactory(playbook=PlaybookFactory(workspace=workspace))

    add(10)
    with django_assert_num_queries(14):
        vera_client.get(URL)
    add(10)
    with django_assert_num_queries(14):
        vera_client.get(URL)
