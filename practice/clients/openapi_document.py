"""An OpenAPI 3 document as tools: where its service lives, and its operations by name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any
from urllib.parse import urljoin, urlsplit

from memoryapp.domain.addresses import carries_credentials
from practice.clients.discovery import schema_problem
from practice.clients.openapi_operations import Operation, OperationReader, bare_tool
from practice.clients.openapi_schema import Resolver, Unreadable
from practice.clients.openapi_text import DocumentError, read_root
from practice.domain.types import Json

NAME_CHARS = 64
METHODS = ("get", "head", "post", "put", "patch", "delete")


@dataclass(frozen=True, slots=True)
class Document:
    """A service: where it lives and what it can do. ``problems`` by name of the operation."""

    title: str
    version: str
    base_url: str
    operations: Mapping[str, Operation] = field(default_factory=dict)
    problems: Mapping[str, str] = field(default_factory=dict)


@lru_cache(maxsize=4)
def read_document(
    text: str, *, source: str = "", base_url: str = "", credential: tuple[str, str] = ("", "")
) -> Document:
    """Read a document from JSON or YAML.

    ``source`` is where it came from, which relative server addresses begin at; ``base_url`` is used
    instead of what the document says; ``credential`` is the place and name of the parameter
    Greenroom fills itself.

    Raises:
        DocumentError: it is no OpenAPI 3 document, or says of no operation or address.
    """
    root = read_root(text)
    paths = root.get("paths")
    if not isinstance(paths, Mapping) or not paths:
        raise DocumentError("The document describes no paths, so there is nothing to call.")
    servers = root.get("servers")
    if not source and isinstance(servers, list):  # it is stored as it is
        for server in servers:
            _check_address(str(server.get("url", "")) if isinstance(server, Mapping) else "")
    reader = _Reader(root, base_url or _server(root, source), credential)
    for path, item in paths.items():
        if str(path).startswith("/"):
            reader.read_path(str(path), item)
    if not reader.operations:
        raise DocumentError("The document describes no operation, so there is nothing to call.")
    info = root.get("info")
    about = info if isinstance(info, Mapping) else {}
    return Document(
        title=str(about.get("title", "")),
        version=str(about.get("version", "")),
        base_url=reader.base_url,
        operations=reader.operations,
        problems=reader.problems,
    )


def _server(node: Json, source: str) -> str:
    servers = node.get("servers")
    first = servers[0] if isinstance(servers, list) and servers else {"url": "/"}
    if not isinstance(first, Mapping):
        first = {"url": "/"}
    url = str(first.get("url", "/"))
    variables = first.get("variables")
    for name, given in variables.items() if isinstance(variables, Mapping) else ():
        if isinstance(given, Mapping):
            url = url.replace(f"{{{name}}}", str(given.get("default", "")))
    try:
        address = urljoin(source, url)
        is_place = urlsplit(address).scheme in {"http", "https"} and urlsplit(address).hostname
    except ValueError:  # brackets around what is no IPv6 address
        address, is_place = "", False
    if not is_place:
        raise DocumentError(
            "The document does not say where the service lives. Enter its base address."
        )
    _check_address(address)
    return address


def _check_address(address: str) -> None:
    try:
        has_credentials = carries_credentials(address)
    except ValueError:
        return  # no address at all: nobody is called there
    if has_credentials:
        raise DocumentError(
            "An address among the document's servers carries credentials. Take them out of the "
            "document and enter them as the environment's credential, which is stored encrypted."
        )


class _Reader:
    def __init__(self, root: Json, base_url: str, credential: tuple[str, str]) -> None:
        self._resolver = Resolver(root)
        self._of_operations = OperationReader(
            root, self._resolver, (credential[0], credential[1].lower())
        )
        self.base_url = base_url
        self.operations: dict[str, Operation] = {}
        self.problems: dict[str, str] = {}

    def read_path(self, path: str, item: Any) -> None:
        try:
            item = self._resolver.follow(item)
        except Unreadable:
            return
        for method in METHODS:
            operation = item.get(method)
            if isinstance(operation, Mapping):
                self._read(path, method, item, operation)

    def _read(self, path: str, method: str, item: Json, operation: Json) -> None:
        name = self._name(path, method, operation)
        bare = bare_tool(name, path, method, operation)
        try:
            base_url = self._own_address(item, operation)
            made = self._of_operations.read(path, method, item, operation, bare)
        except Unreadable as error:
            self.operations[name] = Operation(bare, method, path)
            self.problems[name] = str(error)
            return
        self.operations[name] = replace(made, base_url=base_url)
        problem = schema_problem(made.spec.input_schema)
        if problem:
            self.problems[name] = problem

    def _name(self, path: str, method: str, operation: Json) -> str:
        given = operation.get("operationId") or f"{method} {path.strip('/')}"
        name = re.sub(r"[^A-Za-z0-9_-]+", "_", str(given)).strip("_")[:NAME_CHARS] or method
        unique, number = name, 1
        while unique in self.operations:
            number += 1
            unique = f"{name[: NAME_CHARS - 4]}_{number}"
        return unique

    def _own_address(self, item: Json, operation: Json) -> str:
        """Calls, and the credential with them, go to the environment's own host only."""
        for node in (operation, item):
            if node.get("servers"):
                try:
                    address = _server(node, self.base_url)
                except DocumentError as error:
                    raise Unreadable(str(error)) from error
                own, asked = urlsplit(self.base_url), urlsplit(address)
                if (own.scheme, own.netloc) != (asked.scheme, asked.netloc):
                    raise Unreadable(
                        f"It lives at another address ({asked.netloc}). Connect that one as an "
                        "environment of its own."
                    )
                return address
        return ""
