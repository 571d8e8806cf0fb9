"""The tabs that the lists of practice share."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.factories import RunFactory

LISTS = {
    "/practice/": "Runs",
    "/practice/experiments/": "Experiments",
    "/practice/from-agents/": "From agents",
    "/environments/": "Environments",
    "/practice/calibration/": "Calibration",
    "/practice/costs/": "Costs",
    "/practice/calls/": "Costs",
}
STRIP = re.compile(r'<nav class="tabs" aria-label="Practice">(.*?)</nav>', re.S)


@pytest.mark.parametrize(("path", "label"), LISTS.items())
def test_each_list_shows_the_tabs_and_marks_its_own(
    vera_client: Any, workspace: Any, path: str, label: str
) -> None:
    (strip,) = STRIP.findall(vera_client.get(path).content.decode())

    assert strip.count("<a ") == 6
    assert re.findall(r'aria-current="page">([^<]+)<', strip) == [label]


def test_a_page_below_a_list_shows_none(vera_client: Any, workspace: Any) -> None:
    run = RunFactory(workspace=workspace)

    assert not STRIP.search(vera_client.get(run.get_absolute_url()).content.decode())
