"""Calls of an OpenAPI document's operations, as the requests they become."""

from __future__ import annotations

import pytest

from practice.clients.openapi_document import read_document
from practice.clients.openapi_request import Credential, Refused, build
from tests.practice.openapi import document, operation, parameter, sent


def test_it_writes_each_style_of_parameter() -> None:
    numbers = {"type": "array"}
    made = operation(
        {
            "parameters": [
                parameter("many", "query", numbers),
                parameter("comma", "query", numbers, explode=False),
                parameter("pipes", "query", numbers, style="pipeDelimited", explode=False),
                parameter("deep", "query", {"type": "object"}, style="deepObject"),
                {"name": "json", "in": "query", "content": {"application/json": {"schema": {}}}},
                parameter("flag", "query", {"type": "boolean"}),
                parameter("X-List", "header", numbers),
                parameter("session", "cookie", {}),
            ]
        }
    )
    asked = sent(
        made,
        **{
            "many": [1, 2],
            "comma": [1, 2],
            "pipes": ["a", "b"],
            "deep": {"a": 1},
            "json": {"q": "é"},
            "flag": True,
            "X-List": [1, "b"],
            "session": "a b",
        },
    )
    assert asked.query == (
        "many=1&many=2&comma=1%2C2&pipes=a%7Cb&deep%5Ba%5D=1&json=%7B%22q%22%3A%20%22%C3%A9%22%7D"
        "&flag=true"
    )
    assert asked.headers == {"X-List": "1,b", "Cookie": "session=a%20b"}


def test_it_sends_the_credential_where_it_is_wanted() -> None:
    made = operation(
        {
            "parameters": [
                parameter("api_key", "query", {}, required=True),
                parameter("q", "query", {}),
            ]
        }
    )
    assert build(made, {"q": "x"}, Credential("query", "api_key", "k&1")).query == (
        "q=x&api_key=k%261"
    )
    assert build(made, {}, Credential("basic", "", "u:p")).headers == {
        "Authorization": "Basic dTpw"
    }
    assert build(made, {}, Credential("cookie", "sid", "s")).headers == {"Cookie": "sid=s"}
    read = read_document(
        document({"/x": {"get": {"parameters": [parameter("api_key", "query", {})]}}}),
        credential=("query", "API_KEY"),
    )
    assert not read.operations["get_x"].spec.parameters


def test_it_refuses_a_value_that_would_split_a_header() -> None:
    made = operation({"parameters": [parameter("X-Name", "header", {})]})
    with pytest.raises(Refused, match="one line of ASCII"):
        sent(made, **{"X-Name": "a\r\nX-Admin: 1"})


@pytest.mark.parametrize(
    "name",
    [
        *("Host", "content-length", "Transfer-Encoding", "X-Forwarded-Host", "X-Original-URL"),
        "X-HTTP-Method-Override",
    ],
)
def test_an_agent_does_not_say_where_a_request_goes_what_it_does_or_where_it_ends(
    name: str,
) -> None:
    text = {"type": "string"}
    made = operation(
        {"parameters": [parameter(name, "header", text), parameter("X-Tenant", "header", text)]}
    )
    assert set(made.spec.parameters) == {"X-Tenant"}
    with pytest.raises(Refused, match="has no parameter"):
        sent(made, **{name: "evil.example"})
