"""An attempt begins from a folder of SEED_DIR and from nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from practice.agents.ports import EnvironmentUnavailable
from practice.models import Environment
from practice.orchestrator.worlds import seed_folder


@pytest.fixture
def seeds(settings: Any, tmp_path: Path) -> Path:
    """As by default: SEED_DIR lies in the data folder, beside what nobody may read."""
    folder = tmp_path / "seeds"
    (folder / "desk").mkdir(parents=True)
    (tmp_path / "secret-key").write_text("of the server")
    settings.SEED_DIR = folder
    return folder


def test_it_is_the_one_that_was_chosen(seeds: Path) -> None:
    assert seed_folder(Environment(seed="desk")) == seeds / "desk"
    assert seed_folder(Environment(seed="")) is None


@pytest.mark.parametrize("written", ["..", "desk/..", "../..", "/", ".", "gone", "../secret-key"])
@pytest.mark.usefixtures("seeds")
def test_a_name_that_came_in_a_file_leads_nowhere_else(written: str) -> None:
    with pytest.raises(EnvironmentUnavailable, match="no longer in SEED_DIR"):
        seed_folder(Environment(seed=written))
