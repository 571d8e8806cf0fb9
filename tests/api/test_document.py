"""The OpenAPI document as it is served: the committed one, for anybody, worked out once."""

from __future__ import annotations

import json
from typing import Any
from unittest.mock import patch

import pytest
from drf_spectacular.generators import SchemaGenerator

from memoryapp.api import document
from practice.domain.deployment import COUNTS
from practice.domain.traces.counts import LONGEST
from tests.reference import api_document, as_yaml

pytestmark = pytest.mark.django_db
SCHEMA = "/api/v1/schema/"
YAML, JSON = "application/vnd.oai.openapi", "application/vnd.oai.openapi+json"


@pytest.mark.parametrize(
    ("accepted", "kind", "read"),
    [
        ("*/*", YAML, as_yaml),
        ("application/yaml", "application/yaml", as_yaml),
        (JSON, JSON, json.loads),
        ("application/json", "application/json", json.loads),
    ],
)
def test_anybody_is_told_what_is_committed(
    client: Any, accepted: str, kind: str, read: Any
) -> None:
    answer = client.get(SCHEMA, headers={"Accept": accepted})
    assert answer.status_code == 200
    assert answer["Content-Type"] == f"{kind}; charset=utf-8"
    form = "json" if "json" in kind else "yaml"
    assert answer["Content-Disposition"] == f'inline; filename="Greenroom API.{form}"'
    assert read(answer.content.decode()) == api_document()


def test_it_says_of_every_parameter_what_it_means() -> None:
    told = {
        f"{parameter['name']} of {path}": parameter.get("description", "")
        for path, operations in api_document()["paths"].items()
        for operation in operations.values()
        for parameter in operation.get("parameters", ())
    }
    assert told["slug of /api/v1/playbooks/{slug}/bullets"] == "The slug of the playbook."
    assert told["id of /api/v1/attempts/{id}"] == "The id of the attempt."
    assert [place for place, said in told.items() if not said] == []


def test_it_says_which_numbers_a_step_may_have() -> None:
    fields = api_document()["components"]["schemas"]["SentStep"]["properties"]
    numbers = {name for name, field in fields.items() if field.get("type") == "integer"}
    assert numbers == {*COUNTS, "parent"}
    bounds = [(fields[name]["minimum"], fields[name]["maximum"]) for name in COUNTS]
    assert set(bounds) == {(0, LONGEST)}


def test_it_says_of_every_operation_how_it_may_be_refused() -> None:
    document = api_document()
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            needed = {"401", "403", "429", "503"}
            needed |= {"400", "413", "415"} if "requestBody" in operation else set()
            answers = operation["responses"]
            assert needed <= answers.keys(), (method, path)
            refusals = {code: answers[code]["$ref"] for code in answers if code[0] in "45"}
            assert "#/components/responses/Problem" not in refusals.values(), (method, path)
    told = document["components"]["responses"]
    assert all(list(one["content"]) == ["application/problem+json"] for one in told.values())
    assert [name for name, one in told.items() if "Retry-After" in one.get("headers", {})] == [
        "TooMany",
        "Away",
    ]


def test_it_says_of_every_operation_what_it_does_in_one_sentence() -> None:
    told = [
        operation.get("summary", path)
        for path, operations in api_document()["paths"].items()
        for operation in operations.values()
    ]
    assert "Resume a run that was paused." in told
    assert [said for said in told if not said.endswith(".") or len(said) > 110] == []


def test_it_is_worked_out_once_in_a_process(client: Any) -> None:
    document.written.cache_clear()
    whole = SchemaGenerator.get_schema
    with patch.object(SchemaGenerator, "get_schema", autospec=True, side_effect=whole) as made:
        first, *others = (client.get(f"{SCHEMA}?version={n}").content for n in range(3))
    assert made.call_count == 1
    assert others == [first, first]


def test_a_form_it_is_not_offered_in_is_refused(client: Any) -> None:
    assert client.get(SCHEMA, headers={"Accept": "text/csv"}).status_code == 406
