"""An OpenAPI service from the connect page to the end of a run."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from memoryapp.domain.seen import shown
from practice.models import Attempt, Environment, Run
from practice.orchestrator import environment_checks, worlds
from practice.queries.environments import why_off
from practice.services.environments import slots_of
from practice.tasks import check_reset
from tests.factories import EnvironmentFactory
from tests.practice.runs import connected, driven, started
from tests.practice.servers.shelf import DOCUMENT, KEY, START, Shelf, lending
from tests.practice.shops import library

#: A document with a password in an address, which the address entered here stands in for.
SIGNED = json.dumps({**DOCUMENT, "servers": [{"url": "http://user:pa55@desk"}]})
ENTERED = {"name": "Library", "transport": "openapi", "base_url": "http://127.0.0.1:9"}


@pytest.fixture
def shelf() -> Iterator[Shelf]:
    with lending() as running:
        yield running


def test_it_practises_in_a_service_from_its_document(
    workspace: Any, rita: Any, shelf: Shelf
) -> None:
    environment = library(workspace, shelf)
    assert (environment.status, environment.server_name) == ("connected", "Lending library")
    environment.tools.filter(name="return_book").update(is_enabled=True)

    run = driven(started(environment, rita, tasks=6))

    attempts = list(run.attempts.all())
    assert run.status == Run.Status.FINISHED
    assert len(attempts) >= 4
    assert all(attempt.label for attempt in attempts)
    assert Attempt.Label.SUCCESS in {attempt.label for attempt in attempts}
    assert shelf.resets == len(attempts)
    stored = json.dumps([s.observation for a in attempts for s in a.steps.all()])
    assert "BK-0" in stored
    assert KEY not in stored


def test_it_turns_on_only_reading_operations_without_a_reset(
    ada_client: Any, workspace: Any, shelf: Shelf
) -> None:
    environment = library(workspace, shelf, reset="")

    on = set(environment.tools.usable().values_list("name", flat=True))
    page = ada_client.get("/environments/library/").content.decode()

    assert on == {"list_books", "get_book", "list_members", "get_member"}
    assert "all attempts share one world" in page
    lent = environment.tools.get(name="lend_book")
    assert why_off(lent) == "Off: it changes data, and the service has no reset that would undo it."
    assert environment.slots == 4


def test_it_runs_one_attempt_at_a_time_where_a_reset_is_shared(
    ada_client: Any, workspace: Any, shelf: Shelf
) -> None:
    environment = library(workspace, shelf)

    asked = {"slots": "3", "seen": shown(slots_of(environment))}
    answer = ada_client.post("/environments/library/slots/", asked, follow=True)

    environment.refresh_from_db()
    assert environment.slots == 1
    assert "a reset would undo the work of another attempt" in answer.content.decode()


def test_it_keeps_calling_the_address_an_operator_saw(workspace: Any, shelf: Shelf) -> None:
    environment = library(workspace, shelf)
    assert environment.options["found_base_url"] == f"{shelf.url}/"
    shelf.document = {**DOCUMENT, "servers": [{"url": "http://127.0.0.1:9/elsewhere"}]}

    with worlds.whole_world(environment).open() as session:
        seen = session.call("get_book", {"book_id": "BK-01"})

    assert not seen.is_error


def test_it_shows_no_password_that_a_fetched_document_writes_into_its_address(
    ada_client: Any, workspace: Any, shelf: Shelf
) -> None:
    shelf.document = {**DOCUMENT, "servers": [{"url": "http://user:pa55@127.0.0.1:9/"}]}

    environment = library(workspace, shelf)

    page = ada_client.get("/environments/library/").content.decode()
    assert environment.status == Environment.Status.UNREACHABLE
    assert "carries credentials" in page
    assert "pa55" not in page + json.dumps(environment.options)


def test_it_masks_credentials_in_addresses_that_were_stored_of_old(
    ada_client: Any, workspace: Any
) -> None:
    EnvironmentFactory(
        workspace=workspace,
        slug="old",
        transport="openapi",
        url="http://desk/doc?api_key=sk-live-4242",
        options={"found_base_url": "http://user:pa55@desk/"},
    )

    for url in ("/environments/", "/environments/old/", "/api/v1/environments/old"):
        shown = ada_client.get(url).content.decode()
        assert "desk/doc" in shown
        assert "pa55" not in shown
        assert "sk-live-4242" not in shown


def test_it_takes_a_document_as_text_or_as_a_file(ada_client: Any) -> None:
    text = json.dumps(DOCUMENT)
    ada_client.post("/environments/new/", ENTERED | {"document": text})
    sent = SimpleUploadedFile("library.json", text.encode(), "application/json")
    ada_client.post("/environments/new/", ENTERED | {"name": "Two", "document_file": sent})

    first, second = Environment.objects.order_by("pk")
    assert json.loads(first.options["document"]) == json.loads(second.options["document"])
    assert first.options["base_url"] == "http://127.0.0.1:9"


def test_it_stores_a_credential_where_nobody_reads_it(ada_client: Any) -> None:
    asked = ENTERED | {
        "document_url": "http://127.0.0.1:9/openapi.json",
        "scheme": "query",
        "parameter": "key",
        "credential": "s3cret-value",
    }
    answer = ada_client.post("/environments/new/", asked, follow=True)

    made = Environment.objects.get()
    assert made.open_secrets() == {"credential": "s3cret-value"}
    assert "s3cret-value" not in json.dumps(made.options)
    assert "s3cret-value" not in answer.content.decode()
    assert "query <code>key</code>" in answer.content.decode()


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({}, "needs either the address of its document or the document itself"),
        ({"document": "{oops"}, "not valid JSON in line 1"),
        ({"document": '{"swagger": "2.0"}'}, "Convert it to OpenAPI 3"),
        ({"document_url": "ftp://desk"}, "must start with http:// or https://"),
        ({"document_url": "http://d/doc?api_key=sk-live-4242"}, "field for the credential"),
        ({"document_url": "http://d", "base_url": "http://d/?token=a1b2c3d4e5f6g7h8"}, "encrypted"),
        ({"document": SIGNED}, "carries credentials"),
        ({"document_url": "http://169.254.169.254/api"}, "cloud metadata address"),
        ({"document_url": "http://d", "base_url": "http://[fe80::1]/"}, "which is never called"),
        ({"document_url": "http://d", "reset": "reset it"}, "such as POST /reset"),
        ({"document_url": "http://d", "reset": "POST //[x"}, "path of the reset cannot be read"),
        ({"document_url": "http://d", "scheme": "header", "credential": "x"}, "Name the header"),
        ({"document_url": "http://d", "scheme": "basic", "credential": "x"}, "user:password"),
        ({"document_url": "http://d", "scheme": "bearer"}, "must be one line of text"),
        ({"document_url": "http://d", "credential": "x"}, "Say how the credential is sent"),
        ({"document_file": SimpleUploadedFile("a", b"\xff\xfe\0")}, "The file is not UTF-8 text."),
    ],
)
def test_it_refuses_with_a_reason(ada_client: Any, changed: dict[str, Any], said: str) -> None:
    answer = ada_client.post("/environments/new/", ENTERED | changed)

    assert answer.status_code == 422
    assert said in answer.content.decode()
    assert not Environment.objects.exists()


def test_it_refuses_private_addresses_where_the_operator_does(
    ada_client: Any, workspace: Any, shelf: Shelf, settings: Any
) -> None:
    environment = library(workspace, shelf)
    settings.ENVIRONMENT_PRIVATE_ADDRESSES = False

    asked = {"name": "Local", "transport": "http", "url": "http://127.0.0.1:9/mcp"}
    page = ada_client.post("/environments/new/", asked).content.decode()

    assert "ENVIRONMENT_PRIVATE_ADDRESSES is off on this machine" in page
    assert connected(environment).status == "unreachable"
    assert "127.0.0.1 is a private address" in environment.message


def test_it_says_on_the_page_what_a_service_that_is_down_did(
    ada_client: Any, workspace: Any, shelf: Shelf
) -> None:
    environment = library(workspace, shelf)
    Environment.objects.filter(pk=environment.pk).update(url="http://127.0.0.1:9/openapi.json")

    environment_checks.check(environment.pk)

    page = ada_client.get("/environments/library/").content.decode()
    assert "could not be reached when its OpenAPI document was asked for" in page
    assert "The tools below are from an earlier check." in page


def found(environment: Environment) -> dict[str, Any]:
    """What a check of the reset stores."""
    check_reset(environment.pk)
    environment.refresh_from_db()
    assert environment.status == "connected"
    report: dict[str, Any] = environment.options["reset_check"]
    return report


def test_it_proves_a_reset_by_a_change_that_it_takes_back(
    workspace: Any, rita_client: Any, shelf: Shelf
) -> None:
    environment = library(workspace, shelf)
    environment.tools.filter(name="return_book").update(is_enabled=True)

    report = found(environment)

    assert (report["state"], report["changed"]) == ("proven", "lend_book")
    assert report["shown"] == ["list_books"]
    assert shelf.resets == 2
    assert shelf.state == START
    assert not any(call.startswith("DELETE") for call in shelf.calls)
    page = rita_client.get("/environments/library/").content.decode()
    assert "<code>lend_book</code> had changed what <code>list_books</code> showed" in page
    assert "Not proven" not in page


def test_it_finds_out_a_reset_that_does_nothing(workspace: Any, shelf: Shelf) -> None:
    shelf.resets_nothing = True

    report = found(library(workspace, shelf))

    assert report["state"] == "differs"
    assert [one["tool"] for one in report["differs"]] == ["list_books"]


def test_it_proves_no_reset_without_a_tool_that_may_write(
    workspace: Any, rita_client: Any, shelf: Shelf
) -> None:
    shelf.resets_nothing = True
    environment = library(workspace, shelf)
    environment.tools.filter(name="lend_book").update(is_enabled=False)

    report = found(environment)

    assert (report["state"], report["differs"], report["changed"]) == ("unproven", [], "")
    page = rita_client.get("/environments/library/").content.decode()
    assert "Not proven." in page
    assert "nothing could be changed between them" in page


def test_it_proves_no_reset_by_a_change_that_no_reading_shows(workspace: Any, shelf: Shelf) -> None:
    environment = library(workspace, shelf)
    environment.tools.filter(name="list_books").update(is_enabled=False)
    report = found(environment)
    assert report["state"] == "unproven"


def test_it_changes_nothing_where_no_reset_is_promised(workspace: Any, shelf: Shelf) -> None:
    environment = library(workspace, shelf, reset="")
    environment.tools.filter(name="lend_book").update(is_enabled=True)

    assert found(environment)["state"] == "unproven"
    assert shelf.state == START


def test_it_takes_another_credential_and_reset_later(
    ada_client: Any, workspace: Any, rita: Any, shelf: Shelf
) -> None:
    environment = library(workspace, shelf, credential="it ran out")
    run = driven(started(environment, rita))
    assert "did not accept the stored credential (HTTP 401) when it was to be reset" in run.message
    url = "/environments/library/access/"
    assert url in ada_client.get("/environments/library/").content.decode()
    page = ada_client.get(url).content.decode()
    assert "POST /reset" in page
    assert "it ran out" not in page

    sent = {"scheme": "header", "parameter": "X-API-Key", "credential": KEY, "reset": "POST /reset"}
    seen = ada_client.get(url).context["form"]["seen"].value()
    answer = ada_client.post(url, sent | {"seen": seen}, follow=True)

    assert "Attempts that begin from now on use it." in answer.content.decode()
    environment.refresh_from_db()
    assert environment.open_secrets() == {"credential": KEY}
    assert driven(started(connected(environment), rita)).status == "finished"
    # Left empty it is the one that is stored, where it is sent as before; its reset goes.
    late = ada_client.post(url, sent | {"credential": "mine", "parameter": "X-Mine", "seen": seen})
    assert late.status_code == 409
    form = late.context["form"]
    assert (form["parameter"].value(), form["reset"].value()) == ("X-Mine", "POST /reset")
    assert "mine" not in form["credential"].as_widget()
    assert "Enter it once more" in late.content.decode()
    seen = form["seen"].value()
    ada_client.post(url, sent | {"credential": "", "reset": "", "seen": seen})
    environment.refresh_from_db()
    assert (environment.open_secrets(), environment.has_reset) == ({"credential": KEY}, False)
    seen = ada_client.get(url).context["form"]["seen"].value()
    refused = ada_client.post(url, sent | {"credential": "", "scheme": "bearer", "seen": seen})
    assert refused.status_code == 422
    assert "must be one line of text" in refused.content.decode()


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"reset": "POST /reset?token=a1b2c3d4e5f6g7h8"}, "may hold no credential"),
        ({"document_url": "http://d/doc#access_token=a1b2c3d4e5f6g7h8"}, "stored encrypted"),
    ],
)
def test_it_shows_no_credential_of_a_reset_or_a_fragment(
    ada_client: Any, asked: dict[str, str], said: str
) -> None:
    sent = {**ENTERED, "document_url": "http://d/doc", **asked}
    answer = ada_client.post("/environments/new/", sent)
    assert answer.status_code == 422
    assert said in answer.content.decode()
    assert not Environment.objects.exists()


def test_it_masks_a_reset_that_was_stored_of_old(ada_client: Any, workspace: Any) -> None:
    reset = {"method": "POST", "path": "/reset?token=a1b2c3d4e5f6g7h8"}
    EnvironmentFactory(
        workspace=workspace, slug="old", transport="openapi", options={"reset": reset}
    )
    for place in ("/environments/old", "/api/v1/environments/old", "/environments/old/access"):
        shown = ada_client.get(place, follow=True).content.decode()
        assert "/reset?token=" in shown
        assert "a1b2c3d4e5f6g7h8" not in shown
