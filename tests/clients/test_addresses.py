"""What every call to an address that somebody entered says of itself."""

from __future__ import annotations

import anyio
import httpx2
import pytest
from pytest_httpserver import HTTPServer

from memoryapp.clients.addresses import VIA, Pinned


@pytest.mark.parametrize("given", [{}, {"Via": ""}, {"via": "1.1 somebody"}])
def test_it_is_said_to_be_made_for_somebody_else(
    httpserver: HTTPServer, given: dict[str, str]
) -> None:
    """Or our own /metrics would take a worker for this machine itself."""
    httpserver.expect_request("/metrics").respond_with_data("")

    async def asked() -> None:
        async with httpx2.AsyncClient(transport=Pinned(private_allowed=True)) as client:
            await client.get(httpserver.url_for("/metrics"), headers=given)

    anyio.run(asked)
    ((request, _),) = httpserver.log
    assert request.headers.get_all("Via") == [VIA]
