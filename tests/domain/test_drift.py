"""What is said of a tool that changed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from practice.domain.drift import CHANGED, differences
from practice.domain.types import ToolSpec


def schema(*required: str, **properties: Any) -> dict[str, Any]:
    return {"properties": properties, "required": list(required)}


TEXT, NUMBER = {"type": "string"}, {"type": "number"}
TOOL = ToolSpec("refund", "Refund an order.", schema("order", order=TEXT, reason=TEXT))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"input_schema": schema("order", order=TEXT, reason=TEXT, currency=TEXT)},
            "New parameter: currency.",
        ),
        ({"input_schema": schema("order", order=TEXT)}, "Gone: reason."),
        (
            {"input_schema": schema("order", "reason", order=TEXT, reason=TEXT)},
            "Now required: reason.",
        ),
        ({"input_schema": schema(order=TEXT, reason=TEXT)}, "No longer required: order."),
        ({"input_schema": schema("order", order=NUMBER, reason=TEXT)}, "Different: order."),
        ({"description": "Refund a parcel."}, "The description was reworded."),
        ({"output_schema": {"type": "object"}}, "What it returns has changed."),
        ({}, CHANGED),
    ],
)
def test_it_names_what_changed(change: dict[str, Any], said: str) -> None:
    assert differences(TOOL, replace(TOOL, **change)) == said


def test_it_names_a_few_and_counts_the_others() -> None:
    many = schema("order", order=TEXT, reason=TEXT, **{f"extra_{n}": TEXT for n in range(7)})
    said = differences(TOOL, replace(TOOL, input_schema=many))
    names = ", ".join(f"extra_{n}" for n in range(5))
    assert said == f"New parameter: {names} and 2 more."


def test_a_server_that_lies_about_its_schema_does_no_harm() -> None:
    odd = replace(TOOL, input_schema={"properties": ["no", "mapping"], "required": None})
    assert differences(TOOL, odd) == "Gone: order, reason."
