"""Schemas as typed servers write them: references, nullable values, choices told one by one."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from practice.domain.coverage import tools_block
from practice.domain.schemas import MOST_NODES, MOST_VALUES, shape, unfolded
from practice.domain.types import ToolSpec

ROOT: dict[str, Any] = {
    "$defs": {
        "Zone": {"type": "string", "enum": ["dry", "cold"]},
        "Line": {
            "type": "object",
            "properties": {
                "sku": {"type": "string"},
                "qty": {"type": "integer", "minimum": 1, "maximum": 100},
                "bin": {"anyOf": [{"type": "string"}, {"type": "null"}], "default": None},
            },
            "required": ["sku", "qty"],
        },
        "Tree": {
            "type": "object",
            "properties": {"child": {"$ref": "#/$defs/Tree"}, "name": {"type": "string"}},
        },
        "a/b": {"type": "boolean"},
        "Maybe": {"anyOf": [{"$ref": "#/$defs/Zone"}, {"type": "null"}]},
    }
}


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ({"type": "string", "maxLength": 5}, {"type": "string", "maxLength": 5}),
        ({"$ref": "#/$defs/Zone"}, {"type": "string", "enum": ["dry", "cold"]}),
        (
            {"$ref": "#/$defs/Zone", "default": "dry"},
            {"type": "string", "enum": ["dry", "cold"], "default": "dry"},
        ),
        (
            {"anyOf": [{"$ref": "#/$defs/Zone"}, {"type": "null"}], "default": None},
            {"type": ["string", "null"], "enum": ["dry", "cold"], "default": None},
        ),
        (
            {"allOf": [{"type": "integer"}], "description": "d"},
            {"type": "integer", "description": "d"},
        ),
        ({"const": "LOCK"}, {"const": "LOCK", "enum": ["LOCK"], "type": "string"}),
        (
            {"oneOf": [{"const": 1, "title": "low"}, {"const": 2, "title": "high"}]},
            {"enum": [1, 2], "type": "integer"},
        ),
        ({"enum": [1, 2]}, {"enum": [1, 2], "type": "integer"}),
        ({"enum": [1, "two"]}, {"enum": [1, "two"]}),
        ({"$ref": "#/$defs/a~1b"}, {"type": "boolean"}),
        ({"$ref": "#/$defs/Nowhere", "description": "d"}, {"description": "d"}),
        ({"$ref": "#/$defs/Maybe/anyOf/0"}, {"type": "string", "enum": ["dry", "cold"]}),
        ({"$ref": "#/$defs/Maybe/anyOf/7"}, {}),
        ({"$ref": f"#/$defs/Maybe/anyOf/{'9' * 5_000}"}, {}),
        (
            {"anyOf": [{"type": "integer"}, {"type": "null", "title": "none of them"}]},
            {"type": ["integer", "null"]},
        ),
        (
            {"anyOf": [{"const": "a"}, {"const": "b"}, {"const": None}]},
            {"type": ["string", "null"], "enum": ["a", "b"]},
        ),
        ({"$ref": "https://elsewhere.example/x.json"}, {}),
    ],
)
def test_it_reads_what_a_parameter_takes(written: dict[str, Any], read: dict[str, Any]) -> None:
    assert unfolded(written, ROOT) == read


def test_it_leaves_several_forms_as_they_are() -> None:
    forms = {"anyOf": [{"type": "string"}, {"$ref": "#/$defs/Line"}, {"type": "null"}]}
    found = unfolded(forms, ROOT)
    assert [one.get("type") for one in found["anyOf"]] == ["string", "object", "null"]


@pytest.mark.parametrize("unknown", [{}, True, {"$ref": "https://elsewhere.example/x.json"}])
def test_it_calls_no_choice_whole_beside_what_may_be_anything(unknown: Any) -> None:
    found = unfolded({"anyOf": [{"const": "auto"}, unknown]}, ROOT)
    assert "enum" not in found
    assert shape(found) == 'one of ["auto"] or any'


def test_it_cuts_what_holds_itself() -> None:
    assert unfolded({"$ref": "#/$defs/Tree"}, ROOT)["properties"] == {
        "child": {"type": "object"},
        "name": {"type": "string"},
    }


def test_it_ends_where_definitions_multiply() -> None:
    many: dict[str, Any] = {
        f"N{n}": {"properties": {k: {"$ref": f"#/$defs/N{n + 1}"} for k in "abcdefgh"}}
        for n in range(30)
    }
    found = unfolded({"$ref": "#/$defs/N0"}, {"$defs": many})
    assert len(str(found)) < 60 * MOST_NODES


def test_it_puts_no_more_values_together_than_a_choice_has() -> None:
    root = {"$defs": {"Many": {"enum": list(range(MOST_VALUES))}}}
    several = {"anyOf": [{"$ref": "#/$defs/Many"}] * 3}
    assert "enum" not in unfolded(several, root)
    assert len(unfolded({"anyOf": several["anyOf"][:1]}, root)["enum"]) == MOST_VALUES


@pytest.mark.parametrize(
    ("schema", "told"),
    [
        ({"type": "string"}, "string"),
        ({}, "any"),
        ({"type": ["string", "null"]}, "string or null"),
        ({"type": "string", "format": "date"}, "string (date)"),
        ({"type": "number", "exclusiveMinimum": 0}, "number (above 0)"),
        ({"$ref": "#/$defs/Zone"}, 'one of ["dry", "cold"]'),
        (
            {"type": "array", "items": {"$ref": "#/$defs/Line"}},
            "list of {sku: string, qty: integer (1 to 100), bin?: string or null}",
        ),
        ({"type": "object", "additionalProperties": {"type": "boolean"}}, "object of boolean"),
        (
            {"oneOf": [{"type": "string"}, {"$ref": "#/$defs/Zone"}]},
            'string or one of ["dry", "cold"]',
        ),
        ({"type": "array", "items": "nonsense"}, "list"),
        ({"type": "object", "properties": {"a": 7}}, "{a?: any}"),
    ],
)
def test_it_says_what_a_value_is(schema: dict[str, Any], told: str) -> None:
    assert shape(unfolded(schema, ROOT)) == told


def test_it_documents_the_fields_of_an_argument() -> None:
    tool = ToolSpec(
        "create_pick",
        "Create a pick list.",
        {
            **ROOT,
            "type": "object",
            "properties": {
                "lines": {"type": "array", "items": {"$ref": "#/$defs/Line"}},
                "zone": {"anyOf": [{"$ref": "#/$defs/Zone"}, {"type": "null"}]},
            },
            "required": ["lines"],
        },
    )
    text = tools_block([tool], token_budget=1_000)
    assert "- lines (list of {sku: string, qty: integer (1 to 100)" in text
    assert '- zone (one of ["dry", "cold"] or null)' in text


def test_it_follows_references_of_what_a_tool_promises() -> None:
    back = {**ROOT, "type": "object", "properties": {"line": {"$ref": "#/$defs/Line"}}}
    tool = ToolSpec("get_line", output_schema=back)
    assert tool.promised is not None
    assert set(tool.promised["properties"]["line"]["properties"]) == {"sku", "qty", "bin"}
    assert tool.output_schema == back


_WORDS = ("$ref", "type", "enum", "const", "anyOf", "allOf", "oneOf", "items", "properties")
_ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["#", "#/properties", "string"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from((*_WORDS, "required", "minimum")), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(_WORDS), _ANYTHING, max_size=5))
@example({"anyOf": [{"enum": [1]}, {"enum": [2], "type": ["integer", "null"]}]})
def test_whatever_a_server_calls_a_schema_is_read(schema: dict[str, Any]) -> None:
    assert shape(unfolded(schema, schema))
