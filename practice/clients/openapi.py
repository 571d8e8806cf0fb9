"""OpenAPI services as practice environments: one operation is one tool.

The reset is the service's own: one request the operator names, made before each attempt. What an
operation answers, errors included, is an observation; that the service cannot be reached, is not
there behind its gateway, or does not accept the stored credential is ``EnvironmentUnavailable``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from concurrent.futures import CancelledError
from contextlib import contextmanager
from dataclasses import dataclass, field

from anyio.from_thread import BlockingPortal, start_blocking_portal

from memoryapp.domain.addresses import Private
from memoryapp.domain.masking import redact
from practice.agents.ports import EnvironmentUnavailable
from practice.clients.answers import refusal
from practice.clients.discovery import Discovery, Drift, compare
from practice.clients.openapi_document import Document, read_document
from practice.clients.openapi_exchange import Answer, Exchange
from practice.clients.openapi_operations import Operation
from practice.clients.openapi_reading import observe, remark
from practice.clients.openapi_request import Credential, Refused, Request, build
from practice.clients.openapi_text import DocumentError
from practice.domain.types import Json, Observation, ToolSpec

IS_RESET = "It resets the service: Greenroom calls it before each attempt."
#: what gateways say when the service behind them is not there, and that calls came too often.
_NOT_THERE = frozenset({429, 502, 503, 504})
_DENIED = frozenset({401, 403})
#: so many refusals, and nothing else, say that it is not the call that is refused.
FEW = 3
#: where an agent may sign in itself, a refusal may be its own to overcome.
_SIGNS_IN = re.compile(r"log_?-?in|sign_?-?in|auth|token|session", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class OpenApiService:
    """How to reach a service. The document comes from ``document`` or, without one, ``url``.

    ``base_url`` overrides the address in the document. ``reset`` is method and path of the request
    that puts the service back; without one every attempt sees what earlier ones left.
    """

    url: str = ""
    document: str = ""
    base_url: str = ""
    credential: Credential = field(default_factory=Credential)
    reset: tuple[str, str] = ("", "")
    private_allowed: Private = True


class OpenApiEnvironment:
    """Implements ``practice.clients.discovery.World``; arguments as of ``McpEnvironment``."""

    def __init__(
        self,
        service: OpenApiService,
        *,
        allowed_tools: frozenset[str] | None = None,
        startup_timeout: float = 20.0,
        call_timeout: float = 30.0,
        expected_hashes: Mapping[str, str] | None = None,
    ) -> None:
        self._service = service
        self._allowed = allowed_tools
        self._startup_timeout = startup_timeout
        self._call_timeout = call_timeout
        self._expected = expected_hashes

    def discover(self) -> Discovery:
        """Read the document; nothing else of the service is called.

        Raises:
            EnvironmentUnavailable: there is no usable document.
        """
        with self._session() as session:
            return session.discovery()

    @contextmanager
    def open(self) -> Iterator[OpenApiSession]:
        """Read the document and reset the service.

        Raises:
            EnvironmentUnavailable: there is no usable document, the reset failed, or at the end,
                all the service did was to ask for a credential.
        """
        with self._session() as session:
            session.reset()
            yield session
            session.close()

    @contextmanager
    def _session(self) -> Iterator[OpenApiSession]:
        exchange = Exchange(
            private_allowed=self._service.private_allowed,
            startup_timeout=self._startup_timeout,
            call_timeout=self._call_timeout,
        )
        with (
            start_blocking_portal(name="openapi-session") as portal,
            portal.wrap_async_context_manager(exchange.connected()),
        ):
            yield OpenApiSession(self._service, exchange, portal, self._allowed, self._expected)


class OpenApiSession:
    """One attempt's calls. Implements ``practice.clients.discovery.LiveSession``."""

    def __init__(
        self,
        service: OpenApiService,
        exchange: Exchange,
        portal: BlockingPortal,
        allowed: frozenset[str] | None,
        expected: Mapping[str, str] | None,
    ) -> None:
        self._service = service
        self._exchange = exchange
        self._portal = portal
        self._allowed = allowed
        self._remarks: dict[str, None] = {}
        #: (operation, status) of each call that was denied, and whether any other was served.
        self._denied: list[tuple[str, int]] = []
        self._served = False
        self._document = self._read()
        at_opening = {tool.name: tool.schema_hash for tool in self.discovery().tools}
        self._expected = at_opening if expected is None else expected

    def tools(self) -> tuple[ToolSpec, ...]:
        """The allowed and usable operations, as the document described them at the opening."""
        return tuple(tool for tool in self.discovery().usable if self._allows(tool.name))

    def call(self, tool: str, arguments: Json) -> Observation:
        """Call an operation; what it answers is redacted and cut to the observation cap.

        Raises:
            EnvironmentUnavailable: the service hung, is not there or refused the credential.
        """
        operation = self._document.operations.get(tool)
        if operation is None or not self._allows(tool):
            return refusal(f"{tool} is not allowed by the operator.")
        problem = self._problem(operation)
        if problem:
            return refusal(f"{tool} cannot be used. {problem}")
        try:
            request = build(operation, arguments, self._service.credential)
        except Refused as error:
            return refusal(str(error))
        doing = f"while running {tool}"
        answer = self._send(request, operation.base_url or self._document.base_url, doing)
        if answer.status in _NOT_THERE:
            raise self._exchange.unavailable(f"answered HTTP {answer.status} {doing}")
        self._served = self._served or answer.status < 400
        if answer.status in _DENIED:
            self._denied.append((tool, answer.status))
            if (answer.status == 401 and operation.secured) or self._is_locked_out(FEW):
                raise self._denial(doing)
        seen = observe(answer, self._service.credential.secrets)
        self._remarks |= dict.fromkeys(remark(operation.spec, seen, answer))
        return seen

    def close(self) -> None:
        """End the session.

        Raises:
            EnvironmentUnavailable: all the service did was to ask for a credential.
        """
        if self._is_locked_out(1):
            raise self._denial(f"while running {self._denied[-1][0]}")

    def reset(self) -> None:
        """Put the service back, where the operator named a request that does.

        Raises:
            EnvironmentUnavailable: the request failed or was answered with anything but success.
        """
        method, path = self._service.reset
        if not path:
            return
        credential = self._service.credential
        hook = Operation(ToolSpec("reset"), method, path)
        request = build(hook, {}, credential)
        doing = f"when it was to be reset ({method.upper()} {redact(path)})"
        answer = self._send(request, self._document.base_url, doing)
        if answer.status == 401 or (answer.status == 403 and not credential.scheme):
            raise self._refusal(answer.status, doing)
        if not 200 <= answer.status < 300:
            raise self._exchange.unavailable(
                f"answered HTTP {answer.status} {doing}",
                "Correct the reset hook, or remove it to practise without a reset.",
            )

    def drift(self) -> Drift:
        """Read the document anew and say how its operations differ from the expected ones.

        Raises:
            EnvironmentUnavailable: there is no usable document any more.
        """
        if not self._service.document:
            self._document = self._read()
        return compare(
            self._expected,
            (
                tool
                for tool in self.discovery().tools
                if tool.name in self._expected or self._allows(tool.name)
            ),
        )

    def discovery(self) -> Discovery:
        """What the document said when it was last read."""
        operations = self._document.operations
        problems = {
            name: problem for name, one in operations.items() if (problem := self._problem(one))
        }
        tools = tuple(operation.spec for operation in operations.values())
        document = self._document
        return Discovery(document.title, document.version, tools, problems, document.base_url)

    def remarks(self) -> tuple[str, ...]:
        """Where answers were not what the document says, each once."""
        return tuple(self._remarks)

    def _is_locked_out(self, few: int) -> bool:
        """Whether it is Greenroom that is refused, not what was asked of the service.

        With a credential that is known to the service, HTTP 403 says so only where it is the
        answer of several operations.
        """
        if self._served or len(self._denied) < few or self._signs_in():
            return False
        unknown = not self._service.credential.scheme or any(s == 401 for _, s in self._denied)
        return unknown or len({name for name, _ in self._denied}) >= FEW

    def _signs_in(self) -> bool:
        return any(
            one.method == "post" and _SIGNS_IN.search(f"{name} {one.path}")
            for name, one in self._document.operations.items()
        )

    def _denial(self, doing: str) -> EnvironmentUnavailable:
        return self._refusal(self._denied[-1][1], doing)

    def _refusal(self, status: int, doing: str) -> EnvironmentUnavailable:
        if not self._service.credential.scheme:
            return self._exchange.unavailable(
                f"asks for a credential (HTTP {status}) {doing}, and none is stored",
                "Set the credential on the page of the environment.",
            )
        return self._exchange.unavailable(
            f"did not accept the stored credential (HTTP {status}) {doing}",
            "Enter the credential again, or correct how it is sent.",
        )

    def _read(self) -> Document:
        service = self._service
        self._exchange.label = service.base_url or service.url
        text = service.document or self._portal.call(
            self._exchange.document, service.url, service.base_url, service.credential
        )
        try:
            document = read_document(
                text,
                source=service.url,
                base_url=service.base_url,
                credential=service.credential.parameter,
            )
        except DocumentError as error:
            raise EnvironmentUnavailable(f"{error} Nothing was judged.") from error
        self._exchange.label = document.base_url
        return document

    def _problem(self, operation: Operation) -> str:
        method, path = self._service.reset
        if (operation.method, operation.path) == (method.lower(), path):
            return IS_RESET
        return self._document.problems.get(operation.spec.name, "")

    def _send(self, request: Request, base_url: str, doing: str) -> Answer:
        try:
            return self._portal.call(self._exchange.send, request, base_url, doing)
        except CancelledError as error:
            raise self._exchange.unavailable(f"was left {doing}") from error

    def _allows(self, tool: str) -> bool:
        return self._allowed is None or tool in self._allowed
