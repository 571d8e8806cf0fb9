"""The page of trajectories that agents sent in."""

from __future__ import annotations

from typing import Any

import pytest

from practice.services.deployment import trajectories_send
from tests.factories import EnvironmentFactory, PlaybookFactory

pytestmark = pytest.mark.django_db
URL = "/practice/from-agents/"


@pytest.fixture
def sent(workspace: Any, ada: Any) -> None:
    trajectories_send(
        playbook=PlaybookFactory(workspace=workspace),
        environment=EnvironmentFactory(workspace=workspace),
        given=[
            {"id": f"t{n}", "instruction": f"Task {n}", "steps": [{"tool": "look"}]}
            for n in range(3)
        ],
        by=ada,
    )


def test_it_says_how_to_send_before_anything_came(client: Any, vera: Any) -> None:
    client.force_login(vera)
    page = client.get(URL).content.decode()
    assert "No agent has sent anything yet" in page
    assert "http://testserver/api/v1/trajectories" in page


def test_it_shows_what_came_with_a_constant_number_of_queries(
    client: Any, vera: Any, sent: Any, django_assert_max_num_queries: Any
) -> None:
    client.force_login(vera)
    with django_assert_max_num_queries(16):
        page = client.get(URL).content.decode()
    assert "Task 0" in page
    assert "Task 2" in page


def test_it_filters_by_state(client: Any, vera: Any, sent: Any) -> None:
    client.force_login(vera)
    page = client.get(f"{URL}?status=taken").content.decode()
    assert "No trajectory is in this state" in page


def test_a_stranger_sees_nothing_of_it(client: Any, olga: Any, sent: Any) -> None:
    client.force_login(olga)
    assert "Task 0" not in client.get(URL).content.decode()
