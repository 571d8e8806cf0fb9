"""Every change a person makes to practice leaves a row in the audit log: from what to what."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from practice import services
from practice.orchestrator import engines
from tests.auditing import writing_services
from tests.factories import BulletFactory, EnvironmentFactory, PlaybookFactory, ToolFactory
from tests.practice import audited_causes, audited_practice  # noqa: F401  they note scenarios
from tests.practice.audited import World, scenarios

pytestmark = pytest.mark.django_db

#: Services that say who acts and leave the row of another one.
ELSEWHERE = {
    "alerts_send": "each alert is an incident_create",
    "look_again_at_led": "each incident is an analysis_start",
    "look_again_at_taught": "each incident is an analysis_start",
    "reading_begin_anew": "its row is that of file_read_again or case_set_read_again",
    "reading_cancel": "its row is that of file_cancel or case_set_cancel",
    "sample_load": "its rows are those of environment_connect and playbook_create",
    "trajectories_stream": "each batch is a trajectories_send",
    "workspace_delete": "the log goes with the workspace; the server's log has a line",
}


@pytest.fixture
def world(
    workspace: Any, ada: Any, settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> World:
    settings.DATA_DIR, settings.SEED_DIR = tmp_path / "data", tmp_path / "seeds"
    settings.LLM_PROVIDER, settings.LLM_MODEL, settings.LLM_API_KEY = "openai", "m", "k"
    # An analysis is worked at once here and would ask that model to explain it.
    monkeypatch.setattr(engines, "explained", lambda row, found: None)
    (tmp_path / "seeds" / "desk").mkdir(parents=True)
    (tmp_path / "seeds" / "desk" / "note.txt").write_text("As it was.")
    environment = EnvironmentFactory(workspace=workspace, seed="desk", is_sample=False)
    ToolFactory(environment=environment, name="get_thing")
    playbook = PlaybookFactory(workspace=workspace)
    BulletFactory(playbook=playbook)
    return World(workspace, environment, playbook, ada)


@pytest.mark.parametrize("service", writing_services(services))
def test_it_leaves_a_row_that_says_from_what_to_what(world: World, service: str) -> None:
    scenarios.try_out(service, world, elsewhere=ELSEWHERE)


def test_no_scenario_is_of_a_service_that_is_gone() -> None:
    assert scenarios.keys() | ELSEWHERE.keys() == set(writing_services(services))
