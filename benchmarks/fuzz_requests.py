"""Targets of ``fuzz_parsers``: addresses, settings, requests, and the rows of a sent workspace."""

from __future__ import annotations

import io
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

from django.apps import apps
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from rest_framework.exceptions import APIException
from rest_framework.request import Request

from benchmarks.fuzz_making import Target, documents, raw, texts
from memoryapp import access
from memoryapp.api import parsers, pull
from memoryapp.clients import redis_servers
from memoryapp.domain.addresses import (
    address_problem,
    carries_credentials,
    literal,
    private_networks,
)
from memoryapp.domain.errors import UnableTo
from memoryapp.domain.sealing import Seal
from memoryapp.domain.sealing import Unreadable as Sealed
from memoryapp.mcp import gate
from memoryapp.models import Bullet as BulletRow
from memoryapp.project import requests, variables
from memoryapp.queries import keyset, transfer
from memoryapp.queries.browsing import EntryFilter
from memoryapp.queries.use import UseFilter
from memoryapp.services import transfer_import
from memoryapp.services.webhooks import _checked


def _addresses(said: str) -> None:
    for allowed in (True, False):
        address_problem(said, private_allowed=allowed)
    carries_credentials(said)
    literal(said)


def _networks(said: str) -> None:
    private_networks(said)


def _webhook_url(said: str) -> None:
    assert _checked(said)


def _settings(said: str) -> None:
    """Every kind of a setting; those of servers go on to who connects to them."""
    given = variables.Variables({"X": said})
    given.text("X")
    given.flag("X", default=True)
    given.whole("X", 1, least=0, most=9)
    given.number("X", 1.0)
    given.choice("X", "a", among=("a", "b"))
    given.several("X", each=variables.host)
    given.several("X", each=variables.origin)
    given.secret("X", least=4)
    given.by_name("X", variables.command_line, example="{}")
    given.by_name("X", variables.temperature, example="{}")
    schemes = ("redis", "rediss", "sentinel", "unix", "redis+socket")
    given = variables.Variables({"X": said})
    if url := given.address("X", schemes=schemes, example="redis://host/0"):
        redis_servers.broker(url)


_SEAL = Seal(["k" * 40], "fuzz")


def _sealed(said: str) -> None:
    _SEAL.open(said.encode("utf-8", "replace").decode())


def _request(**meta: str) -> HttpRequest:
    request = HttpRequest()
    request.method = "GET"
    request.META = {"HTTP_HOST": "localhost", **meta}
    return request


def _headers(data: bytes) -> None:
    """What a caller writes into headers, as a WSGI server hands it over: Latin-1."""
    said = data.decode("latin-1")
    request = _request(
        HTTP_ACCEPT=said,
        HTTP_IF_NONE_MATCH=said,
        HTTP_REFERER=said,
        HTTP_CONTENT_ENCODING=said,
    )
    pull.held_tags(request)
    pull._wanted(said)
    request.method = "POST"
    access._way_back(request)
    gate._trusted(said, "localhost")


def _cursor(data: bytes) -> None:
    """A query string as it comes, through the middleware and what lists read of it."""
    request = _request(QUERY_STRING=data.decode("latin-1"))
    request.path = "/api/v1/pulls"
    query = QueryDict(data, mutable=False)
    request.GET = query  # type: ignore[assignment]
    answer = requests.RefuseNul(lambda request: HttpResponse())(request)
    for cls in (EntryFilter, UseFilter):
        cls.from_query(query)
    pages: Any = SimpleNamespace(model=BulletRow)
    for name in ("after", "cursor"):
        if seen := keyset._seen(pages, query.get(name, "")):
            moment, key = seen
            assert keyset._seen(pages, f"{moment.isoformat()}_{key}") == seen
    if answer.status_code != 400:
        pull._whole(Request(request), "version", "A number.")


_BODY = parsers.BoundedJSONParser()


def _body(data: bytes) -> None:
    _BODY.parse(io.BytesIO(data))


class _Keys(dict[str, list[int]]):
    """Keys for every table, as many as anybody asks."""

    def __missing__(self, label: str) -> list[int]:
        return list(range(1, 50))


def _imported(value: Any) -> None:
    """One line of an exported workspace's tables, read as a row of each kind that has its name."""
    if not isinstance(value, dict) or not isinstance(value.get("row"), dict):
        return
    label = str(value.get("label"))
    if label not in transfer.tables():
        return
    reading = object.__new__(transfer_import._Import)
    reading.keys, reading.renewed, reading.people = _Keys(), {}, {}
    reading.by = SimpleNamespace(pk=1)
    workspace: Any = SimpleNamespace(pk=1)
    reading._row(apps.get_model(label), label, 1, value["row"], workspace)


def _rows() -> Iterator[Any]:
    """A row of each table of an export, with a value of the right kind in every field."""
    kinds = {"IntegerField": 1, "BooleanField": True, "FloatField": 0.5, "DecimalField": "1.5"}
    kinds |= {
        "DateTimeField": "2026-11-25T10:00:00Z",
        "JSONField": {"a": [1]},
        "DurationField": "1",
    }
    kinds |= {
        "PositiveIntegerField": 1,
        "BigIntegerField": 2,
        "BinaryField": "YQ==",
        "DateField": "",
    }
    for label in transfer.tables():
        model = apps.get_model(label)
        fields = [f for f in model._meta.concrete_fields if not f.generated]
        row = {f.name: kinds.get(f.get_internal_type(), "text") for f in fields}
        yield {"label": label, "row": row}


_URLS = (
    "https://hooks.example.com/x?a=b#c",
    "http://169.254.169.254/latest",
    "http://[fd00:ec2::254]:80/",
    "http://[::ffff:10.0.0.1]/",
    "http://0xa9fea9fe/",
    "https://u:p@metadata.google.internal./",
    "redis://:pw@host:6379/0",
    "sentinel://a:26379,b:26379/0?master=m",
    "redis+socket:///tmp/x.sock?virtual_host=1",
)


def _targets() -> Iterator[Target]:
    yield texts("network addresses", _addresses, _URLS, ("@", "[", "]", "%", ":"), (ValueError,))
    yield texts("private networks", _networks, ["10.0.0.0/8,fd00::/8", "true"], (), (ValueError,))
    yield texts("webhook address", _webhook_url, _URLS, ("@", "[", "]", ":"), (UnableTo,))
    many = ("true", "12", '{"a": "b c"}', '{"a": 1.5}', "a.example,b.example", "b", *_URLS[-3:])
    yield texts("settings", _settings, many, ("{", "}", "[", "'", "::", ":99999"))
    yield texts("sealed secret", _sealed, [_SEAL.close(b"x")], (), (Sealed,))
    accept = (b"text/markdown;q=0.5, */*;q=nan", b'W/"abc", "d"', b"http://[", b"https://h:1/a")
    yield raw("request headers", _headers, accept)
    moment = b"after=2026-11-25T10%3A00%3A00%2B00%3A00_5&cursor=cD0yMDI2&q=x&status=live&version=3"
    yield raw("query strings", _cursor, [moment], (APIException, Http404))
    yield raw("API body", _body, [b'{"a": [1, 2.5, "x"]}', b"[NaN]"], (APIException,))
    damaged = (*transfer_import.DAMAGED, UnableTo, ValidationError)
    yield documents("workspace rows", _imported, [*_rows()], (), damaged)


def targets() -> tuple[Target, ...]:
    return tuple(_targets())
