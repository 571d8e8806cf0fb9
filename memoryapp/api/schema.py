"""What the OpenAPI document says of every operation: how to authenticate, and how errors look."""

from __future__ import annotations

import re
from typing import Any

from drf_spectacular.extensions import (
    OpenApiAuthenticationExtension,
    OpenApiSerializerExtension,
)
from drf_spectacular.openapi import AutoSchema


class Operation(AutoSchema):
    """An operation is described by its method's docstring, or by its view where URLs share one."""

    def get_description(self) -> str:  # type: ignore[override]  # as in drf-spectacular itself
        return getattr(self.view, "description", "") or super().get_description()


class ApiKeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "memoryapp.api.authentication.ApiKeyAuthentication"
    name = "apiKey"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {
            "type": "http",
            "scheme": "bearer",
            "description": "An API key: gr_<prefix>_<secret>.",
        }


class SessionScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "memoryapp.api.authentication.SessionAuthentication"
    name = "session"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "apiKey", "in": "cookie", "name": "sessionid"}


class ClosedRequests(OpenApiSerializerExtension):  # type: ignore[no-untyped-call]
    target_class = "memoryapp.api.contract.WriteRequest"
    match_subclasses = True

    def map_serializer(self, auto_schema: Any, direction: Any) -> dict[str, Any]:
        mapped = auto_schema._map_serializer(self.target, direction, bypass_extensions=True)
        return {**mapped, "additionalProperties": False}


#: how "any JSON, or null" is written, which no null fits: it would be both.
_ANYTHING = [{}, {"type": "null"}]


def with_any_value(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Describe a field that takes any JSON as just that; null is JSON."""
    waiting: list[Any] = [result]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            if part.get("oneOf") == _ANYTHING:
                del part["oneOf"]
            waiting.extend(part.values())
        elif isinstance(part, list):
            waiting.extend(part)
    return result


PROBLEM: dict[str, Any] = {
    "type": "object",
    "description": "RFC 9457. ``type`` is stable, ``detail`` is for people.",
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "errors": {"description": "What is wrong with which field, by its name."},
    },
    "required": ["type", "title", "status", "detail"],
    "additionalProperties": {},
}
#: What each status says, by the name of its description.
ANSWERS = {
    "default": ("Problem", "The request was not carried out; the body says why."),
    "400": ("Invalid", "Something in the request is invalid: `fields` says what, where and why."),
    "401": ("Unknown", "No API key was sent, or it is unknown, expired or revoked."),
    "403": ("NotAllowed", "The key lacks a scope, or the person a role: `detail` names it."),
    "404": ("NotFound", "It does not exist here, or nothing of it has been released yet."),
    "406": (
        "NoSuchForm",
        "It is not available in the requested format; `detail` names some that are.",
    ),
    "409": ("Conflict", "The current state does not allow it: `detail` says what to do first."),
    "410": ("Gone", "It was withdrawn; `replacement` names its successor, if there is one."),
    "413": ("TooLarge", "The body is larger than is accepted at once: send it in parts."),
    "415": ("OtherKind", "This Content-Type is not supported here; `detail` names those that are."),
    "422": ("NotTaken", "It was understood but cannot be accepted; `detail` says why."),
    "429": ("TooMany", "The key has made too many requests: try again after `Retry-After`."),
    "503": ("Away", "It is unavailable for now and nothing was saved: retry after `Retry-After`."),
}
#: What any operation may answer, and one with a body besides.
ALWAYS, OF_BODIES = ("401", "403", "429", "503", "default"), ("400", "413", "415")
_RETRY = {
    "Retry-After": {
        "description": "Seconds to wait before the same request is sent again.",
        "schema": {"type": "integer", "minimum": 0},
    }
}


def with_pages(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Describe what is paged as pages: every list that takes a cursor is one."""
    link = {"type": ["string", "null"], "format": "uri"}
    for operations in result["paths"].values():
        for operation in operations.values():
            names = {parameter["name"] for parameter in operation.get("parameters", ())}
            answered = operation["responses"].get("200", {}).get("content", {})
            for content in answered.values():
                if "cursor" in names and content["schema"].get("type") == "array":
                    content["schema"] = {
                        "type": "object",
                        "properties": {
                            "next": link,
                            "previous": link,
                            "results": content["schema"],
                        },
                        "required": ["next", "previous", "results"],
                    }
    return result


#: What parameters mean wherever they are taken, where their operation does not say it.
_MEANT = {
    "X-Greenroom-Environment": "The slug of the environment the spans come from.",
    "X-Greenroom-Playbook": "The slug of the playbook that learns from them.",
    "actor": "Only what this person did, by user name.",
    "attempt": "Only those of this attempt, by its id.",
    "cursor": "The page to read, taken from `next` or `previous` of another page.",
    "file": "Which of the artifact's files.",
    "format": "The form of the file.",
    "page_size": "Rows per page, from 1 to 200; 50 by default.",
    "playbook": "Only those of this playbook, by its slug.",
    "q": "Only rows that contain these words.",
    "run": "Only those of this run, by its number.",
    "since": "Only from this day on, such as 2026-11-25.",
    "source": "Only those of this telemetry source, by its slug.",
    "threshold": "The confidence to admit from, 0 to 1.",
    "until": "Only to the end of this day, such as 2026-11-25.",
}
#: What the last part of an address before a parameter is about, where it is no plain plural.
_THINGS = {"deliveries": "delivery", "steering": "wish", "telemetry": "telemetry source"}


def with_parameters(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Say of every parameter what it means: those of addresses name a thing, most others narrow."""
    for path, operations in result["paths"].items():
        for operation in operations.values():
            for parameter in operation.get("parameters", ()):
                parameter.setdefault("description", _meaning(path, parameter))
    return result


def _meaning(path: str, parameter: dict[str, Any]) -> str:
    name: str = parameter["name"]
    if parameter["in"] != "path":
        return _MEANT.get(name) or f"Only those with this {name}."
    part = path.partition(f"/{{{name}}}")[0].rpartition("/")[2]
    thing = _THINGS.get(part) or part.removesuffix("s").replace("-", " ")
    return f"The {'id' if name in {thing, 'id'} else name} of the {thing}."


_SENTENCE_END = re.compile(r"(?<=\.)\s+(?=[A-Z`])")


def with_summaries(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Make the first sentence of an operation's description its summary."""
    for operations in result["paths"].values():
        for operation in operations.values():
            if "summary" not in operation:
                first, *rest = _SENTENCE_END.split(operation.pop("description"), maxsplit=1)
                operation["summary"] = " ".join(first.split())
                if rest:
                    operation["description"] = rest[0]
    return result


def with_problems(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Describe every refusal the one way it looks, and say that any operation may be refused."""
    components = result["components"]
    components["schemas"]["Problem"] = PROBLEM
    body = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    components["responses"] = {
        name: {"description": said, "content": body}
        | ({"headers": _RETRY} if code in {"429", "503"} else {})
        for code, (name, said) in ANSWERS.items()
    }
    for operations in result["paths"].values():
        for operation in operations.values():
            answers = operation["responses"]
            refused = {*ALWAYS, *(code for code in answers if code[0] in "45")}
            if "requestBody" in operation:
                refused |= {*OF_BODIES}
            answers |= {code: _refusal(code) for code in refused}
            operation["responses"] = dict(sorted(answers.items()))
    return result


def _refusal(code: str) -> dict[str, str]:
    name, _ = ANSWERS.get(code, ANSWERS["default"])
    return {"$ref": f"#/components/responses/{name}"}
