"""Sessions with an OpenAPI service that does what it says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from practice.agents.ports import EnvironmentUnavailable
from practice.clients.openapi import OpenApiEnvironment, OpenApiService
from practice.clients.openapi_request import Credential
from practice.domain.types import Effect
from tests.practice.servers.shelf import DOCUMENT, KEY, Shelf, lending

CREDENTIAL = Credential("header", "X-API-Key", KEY)


@pytest.fixture
def shelf() -> Iterator[Shelf]:
    with lending() as running:
        yield running


def service(shelf: Shelf, **changed: Any) -> OpenApiService:
    given: dict[str, Any] = {
        "url": f"{shelf.url}/openapi.json",
        "credential": CREDENTIAL,
        "reset": ("POST", "/reset"),
    }
    return OpenApiService(**(given | changed))


def test_it_makes_a_tool_of_every_operation(shelf: Shelf) -> None:
    found = OpenApiEnvironment(service(shelf)).discover()
    assert (found.server_name, found.server_version) == ("Lending library", "2.4")
    assert found.base_url == f"{shelf.url}/"
    effects = {tool.name: tool.effect for tool in found.usable}
    assert effects == {
        "list_books": Effect.READ,
        "get_book": Effect.READ,
        "lend_book": Effect.WRITE,
        "return_book": Effect.DESTRUCTIVE,
        "list_members": Effect.READ,
        "get_member": Effect.READ,
    }
    assert "calls it before each attempt" in found.problems["reset"]
    assert shelf.calls == ["GET /openapi.json"]


def test_it_begins_every_session_with_the_reset(shelf: Shelf) -> None:
    environment = OpenApiEnvironment(service(shelf))
    for _ in range(2):
        with environment.open() as session:
            before = session.call("get_book", {"book_id": "BK-01"})
            lent = session.call("lend_book", {"book_id": "BK-01", "member_id": "MB-1"})
            assert json.loads(before.text)["lent_to"] is None
            assert lent.structured["lent_to"] == "MB-1"
    assert shelf.resets == 2


def test_it_hands_a_refusal_on_as_an_observation(shelf: Shelf) -> None:
    with OpenApiEnvironment(service(shelf)).open() as session:
        seen = session.call("lend_book", {"book_id": "BK-01", "member_id": "MB-3"})
        lost = session.call("get_book", {"book_id": "none"})
    assert seen.is_error
    assert "the membership has ended" in seen.text
    assert lost.text == 'HTTP 404: {"error": "There is no book none."}'


def test_it_offers_only_the_operations_the_operator_allows(shelf: Shelf) -> None:
    allowed = frozenset({"get_book", "reset"})
    with OpenApiEnvironment(service(shelf), allowed_tools=allowed).open() as session:
        assert [tool.name for tool in session.tools()] == ["get_book"]
        assert "not allowed by the operator" in session.call("list_books", {}).text
        assert "calls it before each attempt" in session.call("reset", {}).text
    assert shelf.resets == 1


def test_it_tells_the_agent_what_makes_no_request(shelf: Shelf) -> None:
    with OpenApiEnvironment(service(shelf)).open() as session:
        made = len(shelf.calls)
        unknown = session.call("list_books", {"kind": "novel"})
        missing = session.call("get_book", {})
        climbing = session.call("get_book", {"book_id": ".."})
        assert len(shelf.calls) == made
        escaped = session.call("get_book", {"book_id": "../members/MB-1?x=1"})
    assert unknown.text == "list_books has no parameter kind. It has: genre."
    assert missing.text == "book_id is missing: it is part of the address."
    assert "would name another address" in climbing.text
    assert "There is no" in escaped.text or "nothing at" in escaped.text
    assert shelf.calls[-1] == "GET /books/..%2Fmembers%2FMB-1%3Fx%3D1"
    assert all(seen.is_error for seen in (unknown, missing, climbing, escaped))


def test_it_notices_operations_that_change(shelf: Shelf) -> None:
    with OpenApiEnvironment(service(shelf)).open() as session:
        assert not session.drift()
        changed = json.loads(json.dumps(DOCUMENT))
        changed["paths"]["/books"]["get"]["summary"] = "List some books"
        del changed["paths"]["/members"]
        shelf.document = changed
        drift = session.drift()
    assert (drift.changed, drift.removed) == (("list_books",), ("list_members",))


def test_it_reads_a_document_that_was_entered(shelf: Shelf) -> None:
    entered = service(shelf, url="", document=json.dumps(DOCUMENT), base_url=shelf.url)
    with OpenApiEnvironment(entered).open() as session:
        assert len(session.tools()) == 6
        assert not session.call("list_members", {}).is_error
        assert not session.drift()
    assert "GET /openapi.json" not in shelf.calls


def test_it_masks_the_credential_wherever_the_service_echoes_it(shelf: Shelf) -> None:
    shelf.state["books"]["BK-01"]["title"] = f"key {KEY}"
    with OpenApiEnvironment(service(shelf, reset=("", ""))).open() as session:
        good = session.call("get_book", {"book_id": "BK-01"})
        bad = session.call("get_book", {"book_id": KEY})
    assert good.structured["title"] == "key [redacted: credential]"
    assert KEY not in good.text + bad.text


def test_it_tells_of_a_credential_that_is_not_accepted(shelf: Shelf) -> None:
    wrong = service(shelf, credential=Credential("header", "X-API-Key", "old-key"))
    with (
        pytest.raises(
            EnvironmentUnavailable, match=r"did not accept the stored .* when it was to be reset"
        ),
        OpenApiEnvironment(wrong).open(),
    ):
        pass


def test_it_tells_of_a_credential_that_is_refused_on_the_way(shelf: Shelf) -> None:
    wrong = service(shelf, credential=Credential("bearer", "", "old-key"), reset=("", ""))
    with (
        pytest.raises(EnvironmentUnavailable, match=r"did not accept the stored credential"),
        OpenApiEnvironment(wrong).open() as session,
    ):
        session.call("list_books", {})
