"""Every change a person makes leaves a row in the audit log: by whom, from what to what."""

from __future__ import annotations

from typing import Any

import pytest

from memoryapp import services
from tests.auditing import writing_services
from tests.factories import PlaybookFactory
from tests.memoryapp import audited_memory, audited_serving  # noqa: F401  they note scenarios
from tests.memoryapp.audited import World, scenarios

pytestmark = pytest.mark.django_db

#: Services that say who acts and change nothing by themselves, and why.
ELSEWHERE = {
    "carry_out": "a part of a decision, which leaves the row",
    "take_back": "a part of a decision, which leaves the row",
    "bullets_import": "a part of playbook_import and artifact_import",
    "lesson_propose": "a proposal is a row of its own, with its origin, until it is decided",
    "workspace_import": "it makes a workspace, whose history comes with it",
}


@pytest.fixture
def world(workspace: Any, ada: Any, rita: Any, settings: Any) -> World:
    settings.WEBHOOK_PRIVATE_ADDRESSES = True
    playbook = PlaybookFactory(workspace=workspace, slug="help-desk")
    return World(workspace, playbook, ada, rita)


@pytest.mark.parametrize("service", writing_services(services))
def test_it_leaves_a_row_that_says_from_what_to_what(world: World, service: str) -> None:
    scenarios.try_out(service, world, elsewhere=ELSEWHERE)


def test_no_scenario_is_of_a_service_that_is_gone() -> None:
    assert scenarios.keys() | ELSEWHERE.keys() == set(writing_services(services))
