"""Every address of the site, and how one of each kind of object is reached."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from memoryapp.access import RIGHT_OF_SCOPE, Right
from memoryapp.models.tokens import Scope

API = "api/v1/"
JSON = "application/json"
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
#: Addresses that answer without a session.
PUBLIC = {
    "healthz", "readyz", "metrics", "join", "join-link", "api-elsewhere", "api-not-found",
    "api-schema", "api-docs",
}  # fmt: skip
#: Signing in and one's own account are allauth's; tests/people is about them.
ACCOUNT = re.compile(
    r"(login|logout|inactive|signup|reauthenticate|email|confirm-email|password|oidc|account)/"
    r"|\^confirm-email/|\^password/reset/key/"
)
RANK = {right: rank for rank, right in enumerate(Right)}


@dataclass(frozen=True)
class Address:
    route: str
    name: str
    callback: Any

    @property
    def is_api(self) -> bool:
        return self.route.startswith(API)

    @property
    def arguments(self) -> list[str]:
        return re.findall(r"<(?:\w+:)?(\w+)>", self.route)

    def path(self, kwargs: Mapping[str, Any]) -> str:
        filled = re.sub(r"<(?:\w+:)?(\w+)>", lambda m: str(kwargs[m.group(1)]), self.route)
        return f"/{filled}"

    def needs(self, method: str) -> tuple[Right, ...]:
        """The rights of which any one suffices; empty where the method is not offered."""
        if not self.is_api:
            return (self.callback.gate,)
        scopes = getattr(self.callback.cls, "scopes", {}).get(method, ())
        return tuple(RIGHT_OF_SCOPE[Scope(scope)] for scope in scopes)

    def methods(self) -> tuple[str, ...]:
        if not self.is_api:
            return ("GET", "POST")
        offered = getattr(self.callback.cls, "scopes", {})
        return tuple(method for method in METHODS if method in offered)


def _walk(patterns: Any, prefix: str = "") -> Iterator[Address]:
    for pattern in patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from _walk(pattern.url_patterns, route)
        elif isinstance(pattern, URLPattern):
            yield Address(route, pattern.name or "", pattern.callback)


def gated() -> list[Address]:
    """Every address behind the gate."""
    found = _walk(get_resolver().url_patterns)
    return [one for one in found if one.name not in PUBLIC and not ACCOUNT.match(one.route)]


def allowed(address: Address, method: str, right: Right) -> bool:
    if not any(RANK[need] <= RANK[right] for need in address.needs(method)):
        return False
    asked = getattr(address.callback, "cls", None)
    also = [
        getattr(one, "right", Right.READ)
        for one in getattr(asked, "permission_classes", ())
        if method not in getattr(one, "free", {"GET"})
    ]
    return all(RANK[need] <= RANK[right] for need in also)


def ask(client: Client, method: str, path: str, body: str = "", kind: str = JSON) -> Any:
    """Ask, read what is said to its end as ``said``, and undo whatever it did."""
    client.raise_request_exception = False
    with transaction.atomic():
        answer: Any = client.generic(method, path, body, content_type=kind)
        answer.said = b"".join(answer) if answer.streaming else answer.content
        transaction.set_rollback(True)
    return answer
