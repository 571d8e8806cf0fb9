"""The small shop as a connected environment that resets at once."""

from __future__ import annotations

from typing import Any

import pytest

from practice.clients import packs
from practice.clients.packs import Pack
from practice.models import Environment
from practice.orchestrator import worlds
from tests.factories import EnvironmentFactory
from tests.practice.runs import connected

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
