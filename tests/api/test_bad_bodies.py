"""Bodies and addresses the API cannot use: each answered as a problem, in one clear line."""

from __future__ import annotations

import gzip
import io
import json
from base64 import b64encode
from typing import Any

import pytest
from django.test import Client

from practice.models import SentTrajectory
from tests.reference import api_document

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("receivers")]

URL = "/api/v1/trajectories"


def nested(levels: int) -> str:
    return '{"a":' * levels + "1" + "}" * levels


def batch(*arguments: str) -> str:
    entries = ",".join(
        f'{{"id": "t{n}", "instruction": "Look.", '
        f'"steps": [{{"tool": "get", "arguments": {each}, "observation": "ok"}}]}}'
        for n, each in enumerate(arguments)
    )
    return f'{{"playbook": "desk", "environment": "desk", "trajectories": [{entries}]}}'


def told(answer: Any, status: int) -> str:
    assert answer.status_code == status
    assert answer["Content-Type"] == "application/problem+json"
    return str(answer.json()["detail"])


def test_it_refuses_one_trajectory_that_is_nested_too_deeply(with_key: Any) -> None:
    body = batch(nested(1), nested(150), nested(60))

    answer = with_key("trajectories:write").post(URL, body, content_type="application/json")

    assert answer.status_code == 202
    assert answer.json()["accepted"] == 2
    (refused,) = answer.json()["refused"]
    assert refused["place"] == 1
    assert refused["id"] == "t1"
    assert "nested more than 100 levels deep" in refused["message"]
    assert SentTrajectory.objects.count() == 2


def test_every_body_that_is_not_somebody_elses_format_is_closed() -> None:
    """A mistyped field must be refused, not left out."""
    document = api_document()
    schemas = document["components"]["schemas"]
    named = {
        content["schema"]["$ref"].rpartition("/")[2]
        for operations in document["paths"].values()
        for operation in operations.values()
        for content in operation.get("requestBody", {}).get("content", {}).values()
        if "$ref" in content["schema"]
    }

    open_ended = {name for name in named if schemas[name].get("additionalProperties") is not False}

    assert len(named) > 40
    assert open_ended == {"IncidentRequest"}


@pytest.mark.parametrize("levels", [300, 500, 990, 2_000, 100_000])
def test_it_refuses_a_body_nobody_can_follow(with_key: Any, levels: int) -> None:
    client = with_key("trajectories:write")
    client.raise_request_exception = False

    answer = client.post(URL, batch(nested(levels)), content_type="application/json")

    assert "nested more than 200 levels deep" in told(answer, 400)
    assert not SentTrajectory.objects.exists()


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"{nope", "The body is not JSON: Expecting property name"),
        (b'{"a": 1, "b', "at line 1, column 10. Nothing was saved."),
        (b'{"a": "\xff"}', "not valid utf-8 at byte 7. Send UTF-8."),
        (b'{"a": NaN}', "NaN and Infinity are not JSON numbers."),
        (b'{"a": ' + b"9" * 5_000 + b"}", "has too many digits."),
    ],
)
def test_it_says_why_a_body_is_no_json(with_key: Any, body: bytes, said: str) -> None:
    answer = with_key("trajectories:write").post(URL, body, content_type="application/json")
    detail = told(answer, 400)
    assert said in detail
    assert "Python" not in detail
    assert "sys." not in detail
    assert answer.json()["type"] == "urn:greenroom:problem:parse-error"


@pytest.mark.parametrize(
    ("url", "body", "status"),
    [
        (
            URL,
            '{"playbook": "desk", "environment": "desk", "trajectories": [{"id": "\\ud800"}]}',
            202,
        ),
        ("/api/v1/trajectories/import?format=langfuse", '[{"traceId": "\\ud800", "id": "x"}]', 200),
        ("/api/v1/feedback", '{"release": 1, "\\ud800": 1}', 400),
    ],
)
def test_it_repeats_half_a_character_as_it_was_sent(
    with_key: Any, url: str, body: str, status: int
) -> None:
    """UTF-8 has no half of a character, so it comes back escaped; it was a defect of ours once."""
    client = with_key("trajectories:write", "feedback:write")
    answer = client.post(url, body, content_type="application/json")
    assert answer.status_code == status
    assert "\\ud800" in answer.content.decode()


def test_it_says_how_large_a_body_may_be(with_key: Any, settings: Any) -> None:
    settings.INGEST_MAX_BYTES = 2**20
    body = batch(json.dumps({"q": "x" * 2**20}))

    answer = with_key("trajectories:write").post(URL, body, content_type="application/json")

    said = "The body has more than 1048576 bytes. Send it in smaller parts."
    assert told(answer, 413) == said


@pytest.mark.parametrize("encoding", ["gzip", "br", "DEFLATE"])
def test_it_says_that_a_body_is_read_as_it_is(with_key: Any, encoding: str) -> None:
    answer = with_key("trajectories:write").post(
        URL,
        gzip.compress(batch("{}").encode()),
        content_type="application/json",
        headers={"Content-Encoding": encoding},
    )

    said = told(answer, 415)
    assert f"Content-Encoding '{encoding.lower()}' is not supported here" in said
    assert answer.json()["type"] == "urn:greenroom:problem:unsupported-encoding"


def test_it_points_to_each_field_it_cannot_use(with_key: Any) -> None:
    body = {"release": "x", "bullets": [{"id": "a", "vote": "helpful"}, {"id": "b"}]}

    answer = with_key("feedback:write").post(
        "/api/v1/feedback", body, content_type="application/json"
    )

    places = {row["pointer"]: row["detail"] for row in answer.json()["fields"]}
    assert places == {
        "#/release": "Send a whole number.",
        "#/bullets/1/vote": "Choose one of: helpful, harmful, neutral.",
    }


def test_it_lists_what_can_be_chosen(with_key: Any) -> None:
    body = {"release": 1, "outcome": "great", "bullets": [{"id": "x"}]}
    answer = with_key("feedback:write").post(
        "/api/v1/feedback", body, content_type="application/json"
    )
    assert answer.json()["fields"] == [
        {"pointer": "#/outcome", "detail": "Choose one of: success, failure."},
        {"pointer": "#/bullets/0/vote", "detail": "Choose one of: helpful, harmful, neutral."},
    ]


def test_it_says_which_method_and_which_kind_of_body_is_taken(with_key: Any) -> None:
    client = with_key("trajectories:write", "feedback:write")
    said = told(client.patch("/api/v1/feedback"), 405)
    assert said == "PATCH is not allowed here. Allowed: GET, POST, HEAD, OPTIONS."
    url = "/api/v1/trajectories/import?format=jsonl"
    said = told(client.post(url, b"{}", content_type="text/plain"), 415)
    assert said == (
        "This Content-Type is not supported here. Send application/json or "
        "application/x-ndjson or application/octet-stream."
    )


def test_it_points_to_the_body_as_a_whole(with_key: Any) -> None:
    answer = with_key("feedback:write").post(
        "/api/v1/feedback", "[]", content_type="application/json"
    )

    (only,) = answer.json()["fields"]
    assert only["pointer"] == "#"


def test_it_names_the_parameter_it_cannot_use(with_key: Any) -> None:
    answer = with_key("read").get("/api/v1/candidates?status=foo")

    (only,) = answer.json()["fields"]
    assert only["parameter"] == "status"
    assert only["detail"].startswith("Choose one of: pending")


@pytest.mark.parametrize("place", ["abc", "2026-99-99", "", "nan", "9" * 400, "1e400"])
@pytest.mark.parametrize("path", ["candidates", "feedback", "playbooks", "audit", "runs"])
def test_a_cursor_with_a_place_that_no_row_has_is_none(
    with_key: Any, workspace: Any, place: str, path: str
) -> None:
    cursor = b64encode(f"p={place}".encode()).decode()
    answer = with_key("read").get(f"/api/v1/{path}", {"cursor": cursor})
    assert answer.status_code in {200, 404}, answer.content


def test_it_says_what_to_do_about_a_cursor_of_nobody(with_key: Any) -> None:
    answer = with_key("read").get("/api/v1/candidates?cursor=xyz")

    assert "Leave it out to start from the first page" in told(answer, 404)


@pytest.mark.parametrize("address", ["/api/v1/nonsense", "/api/v2/runs", "/api/", "/api/v1/"])
@pytest.mark.parametrize("method", ["get", "post", "put", "patch", "delete"])
def test_it_answers_an_unknown_address_as_a_problem(address: str, method: str) -> None:
    client = Client(enforce_csrf_checks=True)

    answer = getattr(client, method)(address)

    assert "The API has no such endpoint" in told(answer, 404)


def test_it_answers_a_defect_of_its_own_as_a_problem(
    with_key: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(**asked: Any) -> None:
        raise RuntimeError("never shown")

    monkeypatch.setattr("practice.api.deployment.trajectories_send", broken)
    client = with_key("trajectories:write")
    client.raise_request_exception = False

    answer = client.post(URL, batch("{}"), content_type="application/json")

    said = told(answer, 500)
    assert "never shown" not in said
    assert "log" in said


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        (URL, "application/json"),
        ("/api/v1/trajectories/import?format=jsonl", "application/x-ndjson"),
        ("/api/v1/otlp/v1/traces", "application/x-protobuf"),
        ("/api/v1/playbooks/desk/import", "application/json"),
        ("/api/v1/feedback", "application/json"),
    ],
)
def test_it_takes_nothing_of_a_hundred_megabytes(with_key: Any, url: str, kind: str) -> None:
    client = with_key("trajectories:write", "feedback:write", "write")
    answer = client.post(url, b"x" * 100_000_000, content_type=kind)
    assert told(answer, 413).startswith("The body ")
    assert not SentTrajectory.objects.exists()


@pytest.mark.parametrize(
    ("field", "said"),
    [
        ("playbook", "There is no playbook 'nowhere' here."),
        ("environment", "There is no environment 'nowhere' here."),
    ],
)
def test_it_points_at_the_field_that_names_nothing(with_key: Any, field: str, said: str) -> None:
    body = {**json.loads(batch("{}")), field: "nowhere"}
    client = with_key("trajectories:write")
    answer = client.post(URL, body, content_type="application/json")
    assert told(answer, 404) == said
    assert answer.json()["fields"] == [{"pointer": f"#/{field}", "detail": said}]

    asked = client.post(
        f"{URL}/import?format=jsonl&{field}=nowhere", b"{}", content_type="application/json"
    )
    assert told(asked, 404) == said
    assert asked.json()["fields"] == [{"parameter": field, "detail": said}]


def test_what_an_address_names_is_said_without_a_field(with_key: Any) -> None:
    answer = with_key("write").post(
        "/api/v1/playbooks/nowhere/releases", {}, content_type="application/json"
    )
    assert told(answer, 404) == "There is no playbook 'nowhere' here."
    assert "fields" not in answer.json()


def test_it_points_at_a_release_that_is_not_there(with_key: Any) -> None:
    body = {"release": 4711, "outcome": "success"}
    answer = with_key("feedback:write").post(
        "/api/v1/feedback", body, content_type="application/json"
    )
    assert told(answer, 404) == "There is no release 4711 here."
    assert answer.json()["fields"][0]["pointer"] == "#/release"


def test_a_body_that_never_ends_is_no_defect_of_ours(with_key: Any) -> None:
    class Silent(io.BytesIO):
        def read(self, *_: Any) -> bytes:
            raise TimeoutError

    answer = with_key("trajectories:write").post(
        URL, "{" * 100, content_type="application/json", **{"wsgi.input": Silent()}
    )
    assert "closed before the whole body arrived" in told(answer, 400)
