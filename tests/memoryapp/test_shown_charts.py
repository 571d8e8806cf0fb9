"""Charts, bars and meters: drawn inside their frame, and said in words."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memoryapp.templatetags import charts
from tests.rendering import render


@pytest.mark.parametrize(
    ("value", "expected"), [(None, "hf"), (0, "h0"), (1, "h1"), (5, "h3"), (9, "h5"), (90, "h5")]
)
def test_it_maps_a_count_to_one_of_five_heat_steps(value: Any, expected: str) -> None:
    assert charts.heat(value, 9) == expected


@given(
    values=st.lists(st.floats(min_value=0, max_value=1e6), max_size=12),
    slots=st.integers(min_value=0, max_value=20),
)
def test_it_draws_every_chart_inside_its_frame(values: list[float], slots: int) -> None:
    columns = charts.bar_chart(values, "x", slots=slots)["bars"]
    line = charts.line_chart(values, "x", slots=slots)["points"].split()

    assert all(float(b["y"]) >= 0 and float(b["height"]) >= 0 for b in columns)
    assert all(float(b["x"]) + float(b["width"]) <= charts.WIDTH for b in columns)
    assert all(0 <= float(p.split(",")[0]) <= charts.WIDTH for p in line)


def test_a_line_may_name_its_ends_and_writes_large_figures_short() -> None:
    line = charts.line_chart([8, 12_345], "Pulls", slots=30, ends=("Nov 2", "today"))
    assert [tick["text"] for tick in line["ticks"]] == ["Nov 2", "today"]
    assert line["ticks"][0]["x"] == line["points"].split(",")[0]
    assert (line["last"], line["top"]) == ("12.3 k", "20.0 k")
    assert line["label"] == "Pulls: 8, 12,345"


def test_it_caps_a_bar_at_its_whole() -> None:
    assert charts.bar(150, 100)["parts"][0]["width"] == "100"
    assert charts.bar(0, 0)["parts"][0]["width"] == "0"


def test_it_stacks_parts_one_after_the_other() -> None:
    parts = [{"value": 95, "tone": "accent"}, {"value": 93, "tone": "soft"}]

    drawn = charts.stacked_bar(parts, 400, "tokens")["parts"]

    assert [(p["x"], p["width"]) for p in drawn] == [("0", "23.75"), ("23.75", "23.25")]


def test_it_keeps_a_short_step_visible_on_the_time_axis() -> None:
    drawn = charts.waterfall(9_999, 1, 10_000)

    assert float(drawn["width"]) >= 3.5
    assert float(drawn["x"]) + float(drawn["width"]) <= 100


def test_it_says_a_missing_score_in_words() -> None:
    assert 'aria-label="Completion: not scored, gate at 4"' in render(
        '{% score_meter value 5 4 "Completion" %}', value=None
    )


def test_it_fills_as_many_cells_as_the_score() -> None:
    shown = render("{% score_meter 4 5 5 %}")

    assert shown.count('class="on"') == 4
    assert shown.count('class="off"') == 1
