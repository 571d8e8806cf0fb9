"""Steps of a trajectory: what was called, and what the tool answered."""

import json

from tests.rendering import render, step_row


def test_it_shows_what_a_cited_step_observed() -> None:
    shown = render("{% step row 11400 cited=True %}", row=step_row())

    assert "ref_9034 created" in shown
    assert 'id="step-4"' in shown
    assert "cited step" in shown


def test_of_a_long_observation_it_shows_what_the_bullet_names_and_opens_the_rest() -> None:
    answer = json.dumps({"orders": ["ORD-17"] * 90, "next_cursor": "after-5"})
    shown = render(
        "{% step row cited=True named=named %}",
        row=step_row(observation=answer),
        named=["next_cursor"],
    )

    digest, _, whole = shown.partition("<details")
    assert "<b>next_cursor</b>&quot;: &quot;after-5&quot;" in digest
    assert digest.count("ORD-17") < 20
    assert f"Show all, {len(answer):,} characters" in whole
    assert whole.count("\n    &quot;ORD-17&quot;") == 90


def test_a_short_observation_opens_nothing_more() -> None:
    assert "<details" not in render("{% step row cited=True %}", row=step_row())


def test_it_names_an_error_in_a_step() -> None:
    shown = render("{% step row %}", row=step_row(is_error=True, observation="<limit>"))

    assert "Error" in shown
    assert "&lt;limit&gt;" in shown
