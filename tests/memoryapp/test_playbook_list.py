"""The list of playbooks."""

from __future__ import annotations

from typing import Any

import pytest

from memoryapp.services.releases import release_publish
from tests.factories import BulletFactory, CandidateFactory, PlaybookFactory

pytestmark = pytest.mark.django_db

URL = "/playbooks/"


def test_it_counts_bullets_tokens_and_what_waits(
    rita_client: Any, workspace: Any, rita: Any
) -> None:
    playbook = PlaybookFactory(workspace=workspace)
    BulletFactory(playbook=playbook, content="x" * 40)
    BulletFactory(playbook=playbook, status="retired")
    CandidateFactory.create_batch(2, playbook=playbook)
    release_publish(playbook=playbook, by=rita, label="production")
    (row,) = rita_client.get(URL).context["rows"]
    assert (row["bullet_count"], row["tokens"], row["waiting"]) == (1, 10, 2)
    assert [label.name for label in row["serving"]] == ["production"]


def test_it_hides_other_workspaces(olga_client: Any, workspace: Any) -> None:
    PlaybookFactory(workspace=workspace)
    assert olga_client.get(URL).context["rows"] == []


def test_it_needs_the_same_number_of_queries_for_more_rows(
    rita_client: Any, workspace: Any, rita: Any, django_assert_num_queries: Any
) -> None:
    def add(count: int) -> None:
        for _ in range(count):
            bullet = BulletFactory(playbook=PlaybookFactory(workspace=workspace))
            release_publish(playbook=bullet.playbook, by=rita, label="production")

    add(10)
    with django_assert_num_queries(8):
        rita_client.get(URL)
    add(10)
    with django_assert_num_queries(8):
        rita_client.get(URL)
