"""Requests to an OpenAPI service: bounded in time and size, to the service's own host only."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urljoin

import anyio
import httpx2

from memoryapp.clients.addresses import Forbidden, Pinned
from memoryapp.domain.addresses import Private, address_problem, origin
from practice.agents.ports import EnvironmentUnavailable
from practice.clients.mcp_servers import address_label
from practice.clients.openapi_request import Credential, Request
from practice.clients.openapi_text import DOCUMENT_CAP

CONNECT_SECONDS = 10.0
BODY_CAP = 16 * 1024 * 1024
HOPS = 3
_ADVICE = "Check the address, its credential and that the service is running."


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. ``is_cut``: the body went on past the cap and was not read further."""

    status: int
    media: str
    body: bytes
    is_cut: bool = False
    charset: str = ""
    location: str = ""


class Exchange:
    """One session's connections. ``label`` names the service in sentences."""

    def __init__(
        self, *, private_allowed: Private, startup_timeout: float, call_timeout: float
    ) -> None:
        self._private_allowed = private_allowed
        self._startup_timeout = startup_timeout
        self._call_timeout = call_timeout
        self._client: httpx2.AsyncClient | None = None
        self.label = ""

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[None]:
        """Hold the connections open. Cookies the service sets live as long as the session."""
        async with httpx2.AsyncClient(
            transport=Pinned(private_allowed=self._private_allowed),
            headers={"Accept-Encoding": "identity", "Accept": "application/json, */*;q=0.5"},
            timeout=httpx2.Timeout(CONNECT_SECONDS, read=None, write=None, pool=None),
            trust_env=False,
        ) as client:
            self._client = client
            yield

    async def document(self, url: str, base_url: str, credential: Credential) -> str:
        """Fetch the document. The credential goes along to the service's own host only.

        Raises:
            EnvironmentUnavailable: it cannot be fetched.
        """
        doing = "when its OpenAPI document was asked for"
        headers = {"Accept": "application/json, application/yaml, */*;q=0.5"}
        if origin(url) == origin(base_url):
            headers |= credential.headers
        answer = await self._bounded("GET", url, headers, None, self._startup_timeout, doing)
        if answer.status != 200:
            raise self.unavailable(f"answered HTTP {answer.status} {doing}")
        if answer.is_cut:
            raise self.unavailable(f"sent more than {DOCUMENT_CAP // 2**20} MB {doing}")
        return answer.body.decode("utf-8-sig", "replace")

    async def send(self, request: Request, base_url: str, doing: str) -> Answer:
        """Make one request.

        Raises:
            EnvironmentUnavailable: no answer came, or none may be asked for there.
        """
        url = base_url.rstrip("/") + request.path
        if request.query:
            url = f"{url}?{request.query}"
        return await self._bounded(
            request.method, url, dict(request.headers), request.content, self._call_timeout, doing
        )

    def unavailable(self, happened: str, advice: str = _ADVICE) -> EnvironmentUnavailable:
        return EnvironmentUnavailable(
            f"The service {address_label(self.label)} {happened}. Nothing was judged. {advice}"
        )

    async def _bounded(
        self,
        method: str,
        url: str,
        headers: dict[str, str],
        content: bytes | None,
        seconds: float,
        doing: str,
    ) -> Answer:
        try:
            with anyio.fail_after(seconds):
                return await self._followed(method, url, headers, content)
        except TimeoutError as error:
            raise self.unavailable(f"did not answer within {seconds:g} seconds {doing}") from error
        except Forbidden as error:
            raise EnvironmentUnavailable(str(error)) from error
        except httpx2.ConnectTimeout as error:
            raise self.unavailable(
                f"did not accept a connection within {CONNECT_SECONDS:g} seconds {doing}"
            ) from error
        except httpx2.ConnectError as error:
            raise self.unavailable(
                f"could not be reached {doing} (the connection was refused or the name is unknown)"
            ) from error
        except (httpx2.InvalidURL, httpx2.LocalProtocolError, UnicodeError) as error:
            raise self.unavailable(f"cannot be sent such a request {doing}") from error
        except httpx2.TransportError as error:
            raise self.unavailable(f"broke off the connection {doing}") from error

    async def _followed(
        self, method: str, url: str, headers: dict[str, str], content: bytes | None
    ) -> Answer:
        """Follow redirects of a reading request within its own origin; nowhere else."""
        for _ in range(HOPS):
            answer = await self._once(method, url, headers, content)
            if not (300 <= answer.status < 400 and answer.location):
                return answer
            try:
                target = urljoin(url, answer.location)
                is_followed = method in {"GET", "HEAD"} and origin(target) == origin(url)
            except ValueError:  # no address at all
                is_followed = False
            if not is_followed:
                return answer
            url = target
        return answer

    async def _once(
        self, method: str, url: str, headers: dict[str, str], content: bytes | None
    ) -> Answer:
        assert self._client is not None
        problem = address_problem(url, private_allowed=self._private_allowed)
        if problem:
            raise Forbidden(problem)
        async with self._client.stream(method, url, headers=headers, content=content) as response:
            if response.headers.get("content-encoding", "identity") != "identity":
                # Compressed, a few bytes could stand for any amount of memory.
                raise httpx2.RemoteProtocolError("compressed although it was asked not to")
            body, is_cut = await _capped(response)
            return Answer(
                status=response.status_code,
                media=response.headers.get("content-type", "").partition(";")[0].strip().lower(),
                body=body,
                is_cut=is_cut,
                charset=response.charset_encoding or "",
                location=response.headers.get("location", ""),
            )


async def _capped(response: httpx2.Response) -> tuple[bytes, bool]:
    body = bytearray()
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) > BODY_CAP:
            return bytes(body[:BODY_CAP]), True
    return bytes(body), False
