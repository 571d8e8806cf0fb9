"""One call of an operation as an HTTP request: every argument in its place (OpenAPI §4.8.12)."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import quote, urlencode

from memoryapp.domain.json_texts import as_text
from practice.clients.answers import long_enough
from practice.clients.openapi_operations import FORM, Field, Operation
from practice.domain.types import Json

_DELIMITERS = {"spaceDelimited": " ", "pipeDelimited": "|"}
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
Scheme = Literal["", "bearer", "basic", "header", "query", "cookie"]


class Refused(ValueError):
    """The arguments make no request; ``str`` is what the agent is told."""


@dataclass(frozen=True, slots=True)
class Credential:
    """What Greenroom adds to every request. ``name`` is the header, parameter or cookie.

    The ``value`` of ``basic`` is ``user:password``.
    """

    scheme: Scheme = ""
    name: str = ""
    value: str = ""

    @property
    def parameter(self) -> tuple[str, str]:
        """Place and name of the parameter an agent need not fill."""
        return (
            (self.scheme, self.name) if self.scheme in {"header", "query", "cookie"} else ("", "")
        )

    @property
    def headers(self) -> dict[str, str]:
        match self.scheme:
            case "bearer":
                return {"Authorization": f"Bearer {self.value}"}
            case "basic":
                return {"Authorization": f"Basic {self._basic}"}
            case "header":
                return {self.name: self.value}
        return {}

    @property
    def secrets(self) -> Mapping[str, str]:
        """Values that must never appear in what is stored, by name."""
        if self.scheme != "basic":
            return long_enough({"credential": self.value})
        password = self.value.partition(":")[2]
        return long_enough({"credential": self._basic, "password": password})

    @property
    def _basic(self) -> str:
        return base64.b64encode(self.value.encode()).decode()


@dataclass(frozen=True, slots=True)
class Request:
    """``query`` is the encoded query string; ``content`` the encoded body, if there is one."""

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes | None = None


def build(operation: Operation, arguments: Json, credential: Credential) -> Request:
    """Put the arguments of a call, and the credential, where the document wants them.

    Raises:
        Refused: an argument nobody declared, a missing path parameter, or a value that cannot
            travel in its place.
    """
    _refuse_unknown(operation, arguments)
    path, query, headers, cookies = operation.path, list[tuple[str, str]](), {}, {}
    for one in operation.fields:
        if one.place == "path":
            path = path.replace(f"{{{one.wire}}}", _path_part(one, arguments))
        elif arguments.get(one.name) is None:
            continue
        elif one.place == "query":
            query += _pairs(one, arguments[one.name])
        elif one.place == "header":
            headers[one.wire] = _header(one, arguments[one.name])
        else:
            cookies[one.wire] = quote(_joined(one, arguments[one.name], ","), safe="")
    if credential.scheme == "query":
        query.append((credential.name, credential.value))
    if credential.scheme == "cookie":
        cookies[credential.name] = credential.value
    headers |= credential.headers
    if cookies:
        headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in cookies.items())
    content = _content(operation, arguments)
    if content is not None and operation.body is not None:
        headers["Content-Type"] = operation.body.media
    return Request(
        operation.method.upper(), path, urlencode(query, quote_via=quote), headers, content
    )


def _refuse_unknown(operation: Operation, arguments: Json) -> None:
    body = operation.body
    if body is not None and body.is_open:
        return
    known = operation.spec.parameters
    unknown = sorted(name for name in arguments if name not in known)
    if unknown:
        raise Refused(
            f"{operation.spec.name} has no parameter {', '.join(unknown)}. "
            f"It has: {', '.join(known) or 'none'}."
        )


def _path_part(one: Field, arguments: Json) -> str:
    value = arguments.get(one.name)
    text = "" if value is None else _joined(one, value, ",")
    if not text:
        raise Refused(f"{one.name} is missing: it is part of the address.")
    if text in {".", ".."}:
        raise Refused(f"{one.name} cannot be {text!r}: it would name another address.")
    return quote(text, safe=",")


def _pairs(one: Field, value: Any) -> list[tuple[str, str]]:
    if one.is_json:
        return [(one.wire, json.dumps(value, ensure_ascii=False))]
    if isinstance(value, Mapping):
        if one.style == "deepObject":
            return [(f"{one.wire}[{key}]", as_text(item)) for key, item in value.items()]
        if one.explode:
            return [(str(key), as_text(item)) for key, item in value.items()]
    if isinstance(value, list | tuple) and one.explode:
        return [(one.wire, as_text(item)) for item in value]
    return [(one.wire, _joined(one, value, _DELIMITERS.get(one.style, ",")))]


def _header(one: Field, value: Any) -> str:
    text = _joined(one, value, ",")
    if _CONTROL.search(text) or not text.isascii():
        raise Refused(f"{one.name} cannot be sent: a header holds one line of ASCII only.")
    return text


def _joined(one: Field, value: Any, delimiter: str) -> str:
    if one.is_json:
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, Mapping):
        pairs = ((str(key), as_text(item)) for key, item in value.items())
        if one.explode:
            return delimiter.join("=".join(pair) for pair in pairs)
        return delimiter.join(part for pair in pairs for part in pair)
    if isinstance(value, list | tuple):
        return delimiter.join(map(as_text, value))
    return as_text(value)


def _content(operation: Operation, arguments: Json) -> bytes | None:
    body = operation.body
    if body is None:
        return None
    if body.whole:
        if body.whole not in arguments:
            return None
        value = arguments[body.whole]
    else:
        elsewhere = {one.name for one in operation.fields}
        value = {name: item for name, item in arguments.items() if name not in elsewhere}
        if not value and not set(operation.spec.required) & body.names:
            return None
    if body.media == FORM and isinstance(value, Mapping):
        pairs = [(name, as_text(item)) for name, item in value.items() if item is not None]
        return urlencode(pairs).encode()
    return json.dumps(value, ensure_ascii=False).encode()
