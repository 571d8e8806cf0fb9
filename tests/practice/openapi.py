"""OpenAPI documents for tests, of one operation mostly."""

from __future__ import annotations

import json
from typing import Any

from practice.clients.openapi_document import read_document
from practice.clients.openapi_operations import Operation
from practice.clients.openapi_request import Credential, Request, build

BASE = "https://api.example.com/v1"
NOBODY = Credential()


def document(paths: dict[str, Any], **root: Any) -> str:
    return json.dumps({"openapi": "3.1.0", "servers": [{"url": BASE}], "paths": paths, **root})


def operation(given: dict[str, Any], path: str = "/x", method: str = "get", **root: Any) -> Any:
    """The only operation of a document, or its problem."""
    read = read_document(document({path: {method: given}}, **root))
    ((name, made),) = read.operations.items()
    return read.problems.get(name) or made


def parameter(name: str, place: str, schema: Any, **more: Any) -> dict[str, Any]:
    return {"name": name, "in": place, "schema": schema, **more}


def sent(made: Operation, **arguments: Any) -> Request:
    return build(made, arguments, NOBODY)
