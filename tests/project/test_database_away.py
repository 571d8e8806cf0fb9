"""While the database is away people and callers are told so, and to come again."""

from __future__ import annotations

import io
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import pytest
from django.db import OperationalError
from django.test import Client
from psycopg.errors import QueryCanceled

from memoryapp.project import logs

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
    assert "Nothing from this request was saved" in answer.json()["detail"]


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


@pytest.fixture
def lines() -> Iterator[Callable[[], list[str]]]:
    """What Django's log of requests holds by now, as it is written."""
    logger, written = logging.getLogger("django.request"), io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(logs.Line())
    for known in logger.filters:
        if isinstance(known, logs.AwayBriefly):
            known.begin()
    logger.addHandler(handler)
    yield lambda: written.getvalue().splitlines()
    logger.removeHandler(handler)


def test_an_outage_is_a_line_a_request_in_the_log_and_one_traceback(
    visitor: Client, lines: Callable[[], list[str]]
) -> None:
    with away():
        visitor.get("/review/")
        first = len(lines())
        for _ in range(3):
            visitor.get("/review/")
    assert first > 10
    others = lines()[first:]
    assert len(others) == 3
    for line in others:
        assert "/review/" in line
        assert GONE in line


def test_what_took_too_long_has_its_traceback_each_time(
    visitor: Client, lines: Callable[[], list[str]]
) -> None:
    with too_slow():
        for _ in range(2):
            visitor.get("/review/")
    assert sum("Traceback (most recent" in line for line in lines()) >= 2
    assert not any("OperationalError: canceling" in line for line in lines() if line[:1] != " ")


def test_a_defect_has_its_traceback_each_time(
    visitor: Client, lines: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("memoryapp.access.membership_of", broken)
    for _ in range(2):
        visitor.get("/review/")
    assert sum(line == "  ZeroDivisionError" for line in lines()) == 2
