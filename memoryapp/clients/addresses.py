"""An HTTP transport that looks a name up once, checks what it stands for, and calls just that.

Checking a name and then letting the connection look it up again would let a name server answer the
two questions differently.
"""

from __future__ import annotations

import socket

import anyio
import httpx2

from memoryapp.domain.addresses import ENVIRONMENTS, Private, ip_problem, literal

#: Said with every request: it is made for somebody who wrote an address into a form. What trusts
#: its own machine, as our /metrics does, must not take it for the machine's own.
VIA = "1.1 greenroom"


class Forbidden(httpx2.ConnectError):
    """The host stands for an address that may not be called. ``str`` is for the operator."""


class Pinned(httpx2.AsyncBaseTransport):
    """Connects to checked addresses only. Proxy settings of the machine are not used."""

    def __init__(self, *, private_allowed: Private, setting: str = ENVIRONMENTS) -> None:
        self._private_allowed, self._setting = private_allowed, setting
        self._inner = httpx2.AsyncHTTPTransport(trust_env=False)
        self._known: dict[str, tuple[str, ...]] = {}

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        *others, last = await self._addresses(request.url.host)
        for address in others:
            try:
                return await self._inner.handle_async_request(_at(request, address))
            except (httpx2.ConnectError, httpx2.ConnectTimeout):
                continue
        return await self._inner.handle_async_request(_at(request, last))

    async def aclose(self) -> None:
        await self._inner.aclose()

    async def _addresses(self, host: str) -> tuple[str, ...]:
        known = self._known.get(host)
        if known is None:
            known = self._known[host] = await self._looked_up(host)
        return known

    async def _looked_up(self, host: str) -> tuple[str, ...]:
        written = literal(host)
        if written is not None:
            found = [str(written)]
        else:
            try:
                answers = await anyio.getaddrinfo(host, None, type=socket.SOCK_STREAM)
            except OSError as error:
                raise httpx2.ConnectError(f"The name {host} is unknown.") from error
            found = list(dict.fromkeys(str(answer[4][0]) for answer in answers))
        for text in found:
            address = literal(text)
            problem = address and ip_problem(
                address, host, private_allowed=self._private_allowed, setting=self._setting
            )
            if problem:
                raise Forbidden(problem)
        if not found:
            raise httpx2.ConnectError(f"The name {host} has no address.")
        return tuple(found)


def _at(request: httpx2.Request, address: str) -> httpx2.Request:
    """The same request to ``address``; the name stays in its headers and in the TLS handshake."""
    headers = request.headers.copy()
    headers["Via"] = VIA
    return httpx2.Request(
        request.method,
        request.url.copy_with(host=address),
        headers=headers,
        stream=request.stream,
        extensions={**request.extensions, "sni_hostname": request.url.host},
    )
