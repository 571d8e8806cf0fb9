"""One operation of an OpenAPI 3 document as a tool, with what a call of it must send.

Parameters and the fields of a JSON body become one input schema, because that is what agents fill.
The effect of an operation comes from its HTTP method (RFC 9110 §9.2): GET and HEAD read, POST, PUT
and PATCH write, DELETE destroys.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from memoryapp.domain.masking import redact_value
from practice.clients.openapi_schema import Resolver, Unreadable
from practice.domain.types import Json, ToolSpec

ANNOTATIONS: Mapping[str, Json] = {
    "get": {"readOnlyHint": True, "idempotentHint": True},
    "head": {"readOnlyHint": True, "idempotentHint": True},
    "post": {"readOnlyHint": False, "destructiveHint": False},
    "put": {"readOnlyHint": False, "destructiveHint": False, "idempotentHint": True},
    "patch": {"readOnlyHint": False, "destructiveHint": False},
    "delete": {"readOnlyHint": False, "destructiveHint": True, "idempotentHint": True},
}
#: headers that OpenAPI describes elsewhere: a parameter of that name is to be ignored (§4.8.12).
_NOT_PARAMETERS = frozenset({"accept", "content-type", "authorization"})
#: headers that say where a request goes, what it does and where it ends: an agent may not lead it,
#: and the credential with it, to another site of the same machine, nor make of a call that reads
#: one that deletes.
_OURS = frozenset(
    {
        *("host", "content-length", "transfer-encoding", "connection", "upgrade", "te"),
        *("forwarded", "x-forwarded-host", "x-original-url", "x-rewrite-url"),
        *("x-http-method-override", "x-http-method", "x-method-override"),
    }
)
_OPEN = re.compile(r"\{([^{}/]+)\}")
_DEFAULT_STYLES = {"path": "simple", "query": "form", "header": "simple", "cookie": "form"}
FORM = "application/x-www-form-urlencoded"
Place = Literal["path", "query", "header", "cookie"]


@dataclass(frozen=True, slots=True)
class Field:
    """Where one argument goes: ``name`` in the tool's input, ``wire`` in the request."""

    name: str
    wire: str
    place: Place
    style: str
    explode: bool
    is_json: bool = False


@dataclass(frozen=True, slots=True)
class Body:
    """What the request carries. ``names`` are its fields; ``whole`` is the one argument it is."""

    media: str
    names: frozenset[str] = frozenset()
    whole: str = ""
    is_open: bool = False


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation as a tool. ``secured``: the document asks for a credential.

    ``base_url`` is set where the operation has a server address of its own.
    """

    spec: ToolSpec
    method: str
    path: str
    fields: tuple[Field, ...] = ()
    body: Body | None = None
    secured: bool = False
    base_url: str = ""


def bare_tool(name: str, path: str, method: str, operation: Json) -> ToolSpec:
    """The tool of an operation without its input: its name, what it does and with what effect."""
    return ToolSpec(
        name=name,
        description=_description(path, method, operation),
        input_schema={"type": "object"},
        annotations=ANNOTATIONS[method],
    )


class OperationReader:
    """Reads the operations of one document.

    ``credential`` is the place and, in small letters, the name of the parameter Greenroom fills.
    """

    def __init__(self, root: Json, resolver: Resolver, credential: tuple[str, str]) -> None:
        self._root = root
        self._resolver = resolver
        self._credential = credential

    def read(
        self, path: str, method: str, item: Json, operation: Json, bare: ToolSpec
    ) -> Operation:
        """The operation at ``item`` of a path; ``bare`` is the tool before its input is known.

        Raises:
            Unreadable: what a call must send cannot be told.
        """
        properties: dict[str, Any] = {}
        required: list[str] = []
        fields = []
        for parameter in self._parameters(path, item, operation):
            found, schema = self._field(parameter, properties)
            fields.append(found)
            properties[found.name] = schema
            if parameter.get("required") is True or found.place == "path":
                required.append(found.name)
        body = self._body(operation, properties, required)
        schema = {"type": "object", "properties": properties}
        if required:
            schema["required"] = required
        spec = ToolSpec(
            name=bare.name,
            description=bare.description,
            input_schema=redact_value(schema),
            annotations=bare.annotations,
            output_schema=self._output(operation),
        )
        return Operation(spec, method, path, tuple(fields), body, self._secured(operation))

    def _parameters(self, path: str, item: Json, operation: Json) -> Iterator[Json]:
        """Those of the operation and, where it has none of that name and place, of its path.

        What the path itself leaves open is a parameter whether anybody described it or not.
        """
        found: dict[tuple[str, str], Json] = {}
        for node in (item, operation):
            listed = node.get("parameters")
            for one in listed if isinstance(listed, list) else ():
                parameter = self._resolver.follow(one)
                found[str(parameter.get("in")), str(parameter.get("name"))] = parameter
        for name in _OPEN.findall(path):
            undeclared = {"name": name, "in": "path", "schema": {"type": "string"}}
            found.setdefault(("path", name), undeclared)
        for (place, name), parameter in found.items():
            if place == "header" and name.lower() in _NOT_PARAMETERS | _OURS:
                continue
            if (place, name.lower()) == self._credential:
                continue
            if place in {"path", "query", "header", "cookie"}:
                yield parameter

    def _field(self, parameter: Json, taken: Json) -> tuple[Field, dict[str, Any]]:
        if parameter.get("name") is None:
            raise Unreadable("One of its parameters has no name.")
        wire, place = str(parameter["name"]), parameter["in"]
        content = parameter.get("content")
        is_json = isinstance(content, Mapping) and bool(content)
        given = next(iter(content.values())) if is_json and content else parameter
        schema = self._resolver.schema(self._resolver.follow(given).get("schema", {}), sent=True)
        for key in ("description", "example"):
            if parameter.get(key) is not None:
                schema["examples" if key == "example" else key] = (
                    [parameter[key]] if key == "example" else str(parameter[key])
                )
        style = str(parameter.get("style") or _DEFAULT_STYLES[place])
        explode = parameter.get("explode", style == "form")
        name = wire if wire not in taken else f"{place}_{wire}"
        return Field(name, wire, place, style, bool(explode), is_json), schema

    def _body(
        self, operation: Json, properties: dict[str, Any], required: list[str]
    ) -> Body | None:
        """Add the body's fields to the input schema, or the body as one argument."""
        if "requestBody" not in operation:
            return None
        request = self._resolver.follow(operation["requestBody"])
        media, given = self._media(request)
        if not media:
            if request.get("required") is True:
                raise Unreadable(f"It takes {given or 'a body of no stated type'} only, not JSON.")
            return None
        schema = self._resolver.schema(given.get("schema", {}), sent=True)
        own = schema.get("properties")
        is_required = request.get("required") is True
        if (
            isinstance(own, Mapping)
            and own
            and not set(own) & set(properties)
            and not ({"anyOf", "oneOf", "allOf"} & set(schema))
        ):
            properties |= own
            if is_required and isinstance(schema.get("required"), list):
                required += [str(name) for name in schema["required"]]
            is_open = bool(schema.get("additionalProperties"))
            return Body(media, names=frozenset(own), is_open=is_open)
        whole = "body" if "body" not in properties else "request_body"
        properties[whole] = {"description": "The body of the request.", **schema}
        if is_required:
            required.append(whole)
        return Body(media, whole=whole)

    def _media(self, request: Json) -> tuple[str, Any]:
        """The media type to send and its description, or no type and what there is instead."""
        content = request.get("content")
        if not isinstance(content, Mapping):
            return "", ""
        for media, given in content.items():
            if is_json(media):
                return str(media), self._resolver.follow(given)
        if FORM in content:
            return FORM, self._resolver.follow(content[FORM])
        if "*/*" in content:
            return "application/json", self._resolver.follow(content["*/*"])
        return "", ", ".join(map(str, content))

    def _output(self, operation: Json) -> Json | None:
        responses = operation.get("responses")
        if not isinstance(responses, Mapping):
            return None
        good = sorted(code for code in responses if str(code).startswith("2"))
        for code in good:
            try:
                content = self._resolver.follow(responses[code]).get("content")
                for media, given in content.items() if isinstance(content, Mapping) else ():
                    if is_json(media) and isinstance(given, Mapping) and "schema" in given:
                        schema = self._resolver.schema(given["schema"], sent=False)
                        masked: Json = redact_value(schema)
                        return masked
            except Unreadable:
                return None
        return None

    def _secured(self, operation: Json) -> bool:
        asked = operation.get("security", self._root.get("security"))
        return isinstance(asked, list) and bool(asked) and all(asked)


def is_json(media: object) -> bool:
    """Whether a media type is JSON's or built on it (``application/problem+json``)."""
    kind = str(media).partition(";")[0].strip().lower()
    return kind == "application/json" or kind.endswith("+json")


def _description(path: str, method: str, operation: Json) -> str:
    parts = [str(operation.get(key) or "").strip() for key in ("summary", "description")]
    told = [part for n, part in enumerate(parts) if part and part not in parts[:n]]
    text = " ".join(part if part.endswith((".", "!", "?")) else f"{part}." for part in told)
    text = text or f"{method.upper()} {path}."
    shown: str = redact_value(
        f"Deprecated. {text}" if operation.get("deprecated") is True else text
    )
    return shown
