"""While the database is away people and callers are told so, and to come again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import pytest
from django.db import OperationalError
from django.test import Client
from psycopg.errors import QueryCanceled

GONE = 'could not extend file "base/1/2": No space left on device'


@contextmanager
def away() -> Iterator[None]:
    """Every statement fails, as on a full disk or while the server restarts."""
    gone = OperationalError(GONE)
    with mock.patch("django.db.backends.utils.CursorWrapper.execute", side_effect=gone):
        yield


@pytest.fixture
def visitor(rita_client: Client) -> Client:
    rita_client.raise_request_exception = False
    return rita_client


def test_a_page_says_so(visitor: Client) -> None:
    with away():
        answer = visitor.get("/review/")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "10")
    page = answer.content.decode()
    assert "The database is unavailable" in page
    assert "No space left" not in page


def test_the_api_says_so_as_a_problem(visitor: Client) -> None:
    with away():
        answer = visitor.get("/api/v1/playbooks")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "10")
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert "Nothing was kept of this request" in answer.json()["detail"]


@contextmanager
def too_slow() -> Iterator[None]:
    """Every statement is ended by the server, as one that takes longer than a minute."""
    ended = OperationalError("canceling statement due to statement timeout")
    ended.__cause__ = QueryCanceled()
    with mock.patch("django.db.backends.utils.CursorWrapper.execute", side_effect=ended):
        yield


def test_what_takes_too_long_is_told_apart(visitor: Client) -> None:
    with too_slow():
        page, problem = visitor.get("/review/"), visitor.get("/api/v1/playbooks")
    assert page.status_code == problem.status_code == 503
    assert "Ask for less at once" in page.content.decode()
    assert "Ask for less at once" in problem.json()["detail"]


@pytest.mark.django_db
def test_a_web_process_without_redis_stays_in_service(client: Client, settings: Any) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:9/0"
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()) == (200, {"postgres": True, "redis": False})


@pytest.mark.django_db
def test_one_without_the_database_does_not(client: Client) -> None:
    with away():
        answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["postgres"]) == (503, False)


@pytest.mark.django_db
@pytest.mark.usefixtures("requests_counted")
def test_how_requests_go_is_still_told(client: Client) -> None:
    client.get("/healthz")
    with away():
        answer = client.get("/metrics", REMOTE_ADDR="127.0.0.1")
    assert answer.status_code == 200
    said = answer.content.decode()
    assert "greenroom_http_request_seconds_count" in said
    assert "greenroom_units" not in said


def test_a_defect_stays_a_defect(visitor: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("memoryapp.access.membership_of", broken)
    assert visitor.get("/review/").status_code == 500
