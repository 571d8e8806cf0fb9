"""ASGI entry point of the MCP server, a process of its own; ADR 0002 says why pages are not here.

``python -m uvicorn memoryapp.project.asgi:application --port 8001``
"""

from __future__ import annotations

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "memoryapp.project.settings")
django.setup()

from mcp.server.transport_security import TransportSecuritySettings  # noqa: E402

from memoryapp.clients import postgres  # noqa: E402
from memoryapp.mcp import server  # noqa: E402
from memoryapp.mcp.gate import PATH, Gate  # noqa: E402
from memoryapp.project import garbage, reporting, starting  # noqa: E402


def build() -> Gate:
    """A new application. The SDK's own host check is off because the gate asks our settings."""
    inner = server.build().streamable_http_app(
        streamable_http_path=PATH,
        json_response=True,
        stateless_http=True,
        transport_security=TransportSecuritySettings(enable_dns_rebinding_protection=False),
    )
    return Gate(inner)


starting.refuse(starting.embedding_model)
reporting.begin()
postgres.serve()
application = build()
garbage.all_is_loaded()
