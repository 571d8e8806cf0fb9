"""The small shop and the lending library as connected environments that reset at once."""

from __future__ import annotations

from typing import Any

import pytest

from practice.clients import packs
from practice.clients.packs import Pack
from practice.models import Environment
from practice.orchestrator import worlds
from practice.services.environments import environment_connect
from practice.services.reaching import OpenApiAsked
from tests.factories import EnvironmentFactory
from tests.practice.runs import connected
from tests.practice.servers.shelf import KEY, Shelf

SHOP = Pack("shop", "Shop", "Five tools.", "tests.practice.servers.shop", "json", "shop")


def open_shop(workspace: Any, monkeypatch: pytest.MonkeyPatch) -> Environment:
    """Connect the shop with every tool on."""
    monkeypatch.setattr(packs, "_BY_NAME", {"shop": SHOP})
    monkeypatch.setattr(worlds, "PACKS", (SHOP,))
    return connected(
        EnvironmentFactory(
            workspace=workspace,
            slug="shop",
            transport=Environment.Transport.PACK,
            options={"pack": "shop", "scenario": 1},
            is_sample=False,
        )
    )


def library(workspace: Any, shelf: Shelf, **changed: Any) -> Environment:
    """Connect the lending library as an OpenAPI service with a reset."""
    asked = {
        "scheme": "header",
        "parameter": "X-API-Key",
        "credential": KEY,
        "reset": "POST /reset",
    }
    return connected(
        environment_connect(
            workspace=workspace,
            name="Library",
            transport="openapi",
            url=f"{shelf.url}/openapi.json",
            openapi=OpenApiAsked(**(asked | changed)),
            by=None,
        )
    )
