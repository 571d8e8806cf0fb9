"""OpenAPI documents read as tools."""

from __future__ import annotations

import json
from typing import Any

import pytest

from practice.clients.openapi_document import read_document
from practice.clients.openapi_text import DocumentError
from tests.practice.openapi import document, operation, parameter, sent

MERGES = "a0: &a0 {x: 1}\n" + "".join(
    f"a{n}: &a{n}\n  <<: [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 11)
)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{oops", "not valid JSON in line 1"),
        ("a: [1,\nb: 2", "not valid YAML in line 3"),
        ("just words", "not an object with an openapi field"),
        ('{"swagger": "2.0", "paths": {}}', "a Swagger 2.0 document. Convert it to OpenAPI 3"),
        ('{"openapi": "2.9"}', "its openapi field reads 2.9"),
        ('{"info": {}}', "its openapi field reads nothing"),
        ('{"openapi": "3.0.1", "paths": {}}', "describes no paths"),
        ('{"openapi": "3.0.1", "paths": {"/a": {}}, "servers": [{"url": "http://a"}]}', "no oper"),
        ('{"openapi": "3.0.1", "paths": {"/a": {"get": {}}}}', "does not say where the service"),
        (
            '{"openapi": "3.0.1", "paths": {"/a": {"get": {}}},'
            ' "servers": [{"url": "http://user:pa55@desk"}]}',
            "carries credentials. Take them out of the document and enter them as",
        ),
        (
            '{"openapi": "3.0.1", "paths": {"/a": {"get": {}}}, "servers": [{"url": "http://[x]"}]}',
            "does not say where the service lives",
        ),
        ("[" * 100_000, "nested too deeply"),
        (f"openapi: 3.0.0\n{MERGES}", "it merges more than 100000 keys"),
        ('{"openapi": ' + "[" * 100_000, "nested too deeply"),
    ],
)
def test_it_says_why_a_document_cannot_be_used(text: str, said: str) -> None:
    with pytest.raises(DocumentError) as caught:
        read_document(text)
    assert said in str(caught.value)


def test_it_reads_yaml_with_its_odd_scalars() -> None:
    text = """
openapi: 3.0.3
info: {title: Dates, version: 1.0}
servers: [{url: 'https://{region}.example.com', variables: {region: {default: eu}}}]
paths:
  /days:
    get:
      operationId: days
      parameters: [{name: since, in: query, schema: {type: string, example: 2024-05-01}}]
      responses: {200: {content: {application/json: {schema: {type: object}}}}}
"""
    read = read_document(text)
    made = read.operations["days"]
    assert read.base_url == "https://eu.example.com"
    assert made.spec.parameters["since"]["examples"] == ["2024-05-01"]
    assert made.spec.output_schema == {"type": "object"}


def test_what_only_yaml_has_is_made_json_that_can_be_stored() -> None:
    text = r"""
openapi: 3.0.3
servers: [{url: 'https://example.com'}]
paths:
  /days:
    get:
      operationId: days
      description: "Days\0."
      parameters:
      - {name: upto, in: query, schema: {type: number, default: .inf, example: !!binary aGk=}}
  /weeks:
    get: {operationId: weeks, parameters: [{name: n, in: query, schema: {maximum: .inf}}]}
"""
    read = read_document(text)
    spec = read.operations["days"].spec
    assert json.dumps(spec.input_schema, allow_nan=False)
    assert spec.parameters["upto"].get("default") is None
    assert "\0" not in spec.description
    assert list(read.problems) == ["weeks"]  # a bound that is no number costs its operation


def test_escapes_of_what_cannot_be_stored_are_replaced() -> None:
    made = operation({"description": "a\0b \ud800", "parameters": [parameter("n", "query", {})]})
    assert made.spec.description == "a\ufffdb \ufffd."


def test_it_names_operations_validly_and_each_once() -> None:
    read = read_document(
        document(
            {
                "/pets/{id}": {"get": {"operationId": "pets.show one"}, "delete": {}},
                "/cats": {"get": {"operationId": "pets.show one"}, "post": {}},
            }
        )
    )
    assert list(read.operations) == [
        "pets_show_one",
        "delete_pets_id",
        "pets_show_one_2",
        "post_cats",
    ]
    assert read.operations["post_cats"].spec.description == "POST /cats."


def test_it_merges_parameters_and_body_into_one_input() -> None:
    made = operation(
        {
            "parameters": [parameter("id", "path", {"type": "string"}, description="Which.")],
            "requestBody": {
                "required": True,
                "content": {
                    "application/json": {
                        "schema": {
                            "allOf": [
                                {"$ref": "#/components/schemas/Base"},
                                {"properties": {"note": {"type": "string", "nullable": True}}},
                            ]
                        }
                    }
                },
            },
        },
        "/things/{id}",
        "put",
        components={
            "schemas": {
                "Base": {
                    "type": "object",
                    "required": ["title", "made"],
                    "properties": {
                        "title": {"type": "string"},
                        "made": {"type": "string", "readOnly": True},
                    },
                }
            }
        },
    )
    assert made.spec.input_schema == {
        "type": "object",
        "properties": {
            "id": {"type": "string", "description": "Which."},
            "title": {"type": "string"},
            "note": {"type": ["string", "null"]},
        },
        "required": ["id", "title"],
    }
    asked = sent(made, id="a/b", title="é", note=None)
    assert (asked.method, asked.path) == ("PUT", "/things/a%2Fb")
    assert json.loads(asked.content or b"") == {"title": "é", "note": None}
    assert asked.headers["Content-Type"] == "application/json"


def test_it_keeps_two_parameters_of_one_name_apart() -> None:
    made = operation(
        {
            "parameters": [parameter("id", "query", {}), parameter("id", "header", {})],
            "requestBody": {
                "content": {"application/json": {"schema": {"properties": {"id": {}}}}}
            },
        },
        method="post",
    )
    assert set(made.spec.parameters) == {"id", "header_id", "body"}
    asked = sent(made, id=1, header_id="h", body={"id": 3})
    assert (asked.query, asked.headers["id"]) == ("id=1", "h")
    assert json.loads(asked.content or b"") == {"id": 3}


def test_it_asks_for_what_the_path_leaves_open_though_nobody_declared_it() -> None:
    made = operation({}, path="/a/{id}/b/{part}")
    text = {"type": "string"}
    assert made.spec.input_schema == {
        "type": "object",
        "properties": {"id": text, "part": text},
        "required": ["id", "part"],
    }
    assert sent(made, id="it 1", part="x").path == "/a/it%201/b/x"
    declared = parameter("part", "path", {"type": "integer"}, required=True)
    made = operation({"parameters": [declared]}, path="/a/{id}/b/{part}")
    assert made.spec.parameters == {"part": {"type": "integer"}, "id": text}


def test_it_cuts_a_schema_that_refers_to_itself() -> None:
    node = {
        "type": "object",
        "description": "A branch.",
        "properties": {"left": {"$ref": "#/components/schemas/Node"}},
    }
    made = operation(
        {
            "requestBody": {
                "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Node"}}}
            }
        },
        method="post",
        components={"schemas": {"Node": node}},
    )
    assert made.spec.parameters["left"] == {"type": "object", "description": "A branch."}


def test_it_survives_a_document_made_to_explode() -> None:
    levels = {
        f"L{n}": {
            "type": "object",
            "properties": {k: {"$ref": f"#/components/schemas/L{n + 1}"} for k in "abcdefgh"},
        }
        for n in range(8)
    }
    made = operation(
        {
            "requestBody": {
                "content": {"application/json": {"schema": {"$ref": "#/components/schemas/L0"}}}
            }
        },
        method="post",
        components={"schemas": {**levels, "L8": {"type": "string"}}},
    )
    assert len(json.dumps(made.spec.input_schema)) < 200_000


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"parameters": [{"$ref": "#/nowhere"}]}, "Its reference #/nowhere leads nowhere."),
        ({"parameters": [{"$ref": "other.yaml#/A"}]}, "refers to another document"),
        ({"parameters": [{"in": "query", "schema": {}}]}, "One of its parameters has no name."),
        ({"parameters": [{"$ref": "#/components/loop"}]}, "leads in a circle"),
        ({"servers": [{"url": "https://elsewhere.example.com"}]}, "lives at another address"),
        ({"servers": [{"url": "https://api.example.com/?api_key=sk-9"}]}, "carries credentials"),
        (
            {"requestBody": {"required": True, "content": {"multipart/form-data": {}}}},
            "takes multipart/form-data only, not JSON",
        ),
        (
            {"parameters": [{"name": "n", "in": "query", "schema": {"type": "whole number"}}]},
            "not valid JSON Schema",
        ),
    ],
)
def test_it_sets_an_unusable_operation_aside(given: Any, said: str) -> None:
    told = operation(given, components={"loop": {"$ref": "#/components/loop"}})
    assert said in told


def test_it_translates_the_words_of_version_3_0() -> None:
    schema = {
        "type": "integer",
        "minimum": 0,
        "exclusiveMinimum": True,
        "nullable": True,
        "enum": [1, 2],
        "example": 2,
    }
    made = operation({"parameters": [parameter("n", "query", schema)]})
    assert made.spec.parameters["n"] == {
        "type": ["integer", "null"],
        "exclusiveMinimum": 0,
        "enum": [1, 2, None],
        "examples": [2],
    }


@pytest.mark.parametrize(
    "odd",
    [
        {"type": "object", "properties": 5},
        {"type": "object", "properties": ["a"]},
        {"type": "object", "required": "a"},
        {"type": "object", "required": [["a"]]},
    ],
)
def test_parts_that_are_no_objects_are_not_brought_into_one(odd: Any) -> None:
    plain = {"type": "object", "properties": {"b": {}}}
    found = operation({"parameters": [parameter("f", "query", {"allOf": [plain, odd]})]})
    assert isinstance(found, str)
    assert "not valid JSON Schema" in found


def test_an_answer_that_is_described_by_no_object_promises_nothing() -> None:
    content = {"application/json": 5}
    found = operation({"responses": {"200": {"content": content}}})
    assert found.spec.output_schema is None


def test_it_masks_secrets_left_in_descriptions() -> None:
    made = operation({"summary": "Use Bearer abcdef1234567890abcdef for it"})
    assert "abcdef1234567890abcdef" not in made.spec.description
