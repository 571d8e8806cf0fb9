"""Every page and endpoint, walked as every role, signed out, and as Olga with real identifiers.

A new address fails here until tests/gate/world.py says how it is reached.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client

from memoryapp.access import Right
from memoryapp.models.tokens import Scope
from memoryapp.services.tokens import api_key_create
from tests.gate.addresses import JSON, Address, allowed, ask, gated
from tests.gate.world import ASKED, WORD, World, build, fields

pytestmark = [pytest.mark.django_db, pytest.mark.begun_first]

ADDRESSES = gated()
FORM = "application/x-www-form-urlencoded"
#: These also want what is not in the world: a second candidate, an analysis, a file.
WANT_MORE = {"candidate-merge", "run-undo", "memory-import", "incident-report", "incident-lesson"}
#: These refuse parameters that they do not take.
TAKES_NO_MORE = {"api-playbook-pull"}


@pytest.fixture
def world(workspace: Any, ada: Any) -> World:
    return build(workspace, ada)


def asked(
    client: Client, world: World, among: list[Address] | None = None
) -> Iterator[tuple[Address, str, Any]]:
    """Ask every method of every address."""
    for address in among or ADDRESSES:
        path = address.path(world.arguments(address))
        for method in address.methods():
            yield address, method, ask(client, method, path)


def filled(address: Address, method: str = "POST") -> tuple[str, str]:
    """A well-formed body and its kind: JSON for the API, a form with its fields for a page."""
    if address.is_api:
        return json.dumps(fields(address, method)), JSON
    return urlencode(fields(address, method), doseq=True), FORM


def found(client: Client, world: World, among: list[Address]) -> list[str]:
    """What answers with anything but that nothing is there, though the request is in order."""
    seen = []
    for address in among:
        path = address.path(world.arguments(address))
        for method in address.methods():
            body, kind = filled(address, method)
            query = "" if address.name in TAKES_NO_MORE else ASKED
            answer = ask(client, method, path + query, "" if method == "GET" else body, kind)
            if answer.status_code not in {404, 405} or WORD.encode() in answer.said:
                seen.append(f"{method} {address.route}: {answer.status_code}")
    return seen


def refused_by_role(client: Client, world: World, right: Right) -> list[str]:
    """What a role was let into that it should not, or kept out of that it may."""
    wrong = []
    for address, method, answer in asked(client, world):
        if answer.status_code == 405:
            continue
        if (answer.status_code == 403) == allowed(address, method, right):
            wrong.append(f"{method} {address.route}: {answer.status_code}")
    return wrong


def test_there_are_as_many_as_the_product_has() -> None:
    assert len([one for one in ADDRESSES if one.is_api]) > 80
    assert len([one for one in ADDRESSES if not one.is_api]) > 120


def test_every_endpoint_names_its_scopes() -> None:
    silent = [
        f"{method.upper()} {one.route}"
        for one in ADDRESSES
        if one.is_api
        for method in ("get", "post", "put", "patch", "delete")
        if hasattr(one.callback.cls, method) and not one.needs(method.upper())
    ]
    assert silent == []


def test_signed_out_nothing_opens(world: World, client: Client) -> None:
    open_doors = []
    for address, method, answer in asked(client, world):
        shut = answer.status_code in {401, 405} or (
            answer.status_code == 302 and answer["Location"].startswith("/login/")
        )
        if not shut:
            open_doors.append(f"{method} {address.route}: {answer.status_code}")
    assert open_doors == []


def test_a_viewer_reads_and_does_nothing_else(world: World, vera_client: Client) -> None:
    assert refused_by_role(vera_client, world, Right.READ) == []


def test_a_reviewer_administers_nothing(world: World, rita_client: Client) -> None:
    assert refused_by_role(rita_client, world, Right.REVIEW) == []


def test_an_editor_administers_nothing(world: World, edda_client: Client) -> None:
    assert refused_by_role(edda_client, world, Right.EDIT) == []


def test_for_a_stranger_nothing_of_it_exists(world: World, olga_client: Client) -> None:
    """Olga administers a workspace of her own, so only the object can refuse her."""
    assert found(olga_client, world, [one for one in ADDRESSES if one.arguments]) == []


def test_a_stranger_reads_no_word_of_it_anywhere(world: World, olga_client: Client) -> None:
    without = [one for one in ADDRESSES if not one.arguments]
    read = []
    for address in without:
        answer = ask(olga_client, "GET", f"{address.path({})}?q={WORD[:4]}")
        assert answer.status_code < 500, address.route
        if WORD.encode() in answer.said:
            read.append(address.route)
    assert read == []


def test_for_an_admin_of_the_workspace_all_of_it_exists(world: World, ada_client: Client) -> None:
    """What makes the walk of the stranger mean something: these identifiers are real."""
    among = [one for one in ADDRESSES if one.arguments and one.name not in WANT_MORE]
    answers: dict[str, set[int]] = {}
    for address, _, answer in asked(ada_client, world, among):
        answers.setdefault(address.route, set()).add(answer.status_code)
    for address in among:
        if not address.is_api:
            path, (body, kind) = address.path(world.arguments(address)), filled(address)
            answer = ask(ada_client, "POST", path, body, kind)
            answers[address.route].add(answer.status_code)
    assert [route for route, codes in answers.items() if codes <= {404, 405}] == []
    assert [route for route, codes in answers.items() if max(codes) >= 500] == []


@pytest.mark.parametrize("scope", [*Scope])
def test_a_key_opens_what_its_scope_says(
    world: World, workspace: Any, ada: Any, scope: Scope
) -> None:
    _, text = api_key_create(workspace=workspace, name="one", scopes=[scope], by=ada, rate_limit=0)
    client = Client(headers={"Authorization": f"Bearer {text}"})
    wrong = []
    for address, method, answer in asked(client, world, [one for one in ADDRESSES if one.is_api]):
        may = scope in address.callback.cls.scopes[method]
        if (answer.status_code == 403) == may:
            wrong.append(f"{method} {address.route}: {answer.status_code}")
    assert wrong == []


def test_a_key_of_another_workspace_finds_nothing(world: World, olga: Any) -> None:
    theirs = olga.memberships.get().workspace
    _, text = api_key_create(workspace=theirs, name="all", scopes=[*Scope], by=olga, rate_limit=0)
    client = Client(headers={"Authorization": f"Bearer {text}"})
    assert found(client, world, [one for one in ADDRESSES if one.is_api and one.arguments]) == []
