"""A reading that does not answer takes no environment down when its reset is checked."""

from __future__ import annotations

from typing import Any

import pytest

from practice.agents.ports import EnvironmentUnavailable
from practice.models import Environment
from practice.tasks import check_reset
from tests.agents.rules_shop import READ, ShopSession, tool
from tests.practice.shops import open_shop

pytestmark = pytest.mark.django_db


@pytest.fixture
def shop(workspace: Any, monkeypatch: pytest.MonkeyPatch) -> Environment:
    return open_shop(workspace, monkeypatch)


def add_slow_reading(shop: Environment, monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """Offer readings that never answer, besides the shop's own."""
    told, asked = ShopSession.tools, ShopSession.call
    more = tuple(tool(name, "Get everything there is.", READ) for name in names)

    def call(self: ShopSession, name: str, arguments: Any) -> Any:
        if name in names:
            raise EnvironmentUnavailable(f"{name} did not answer within 5 seconds.")
        return asked(self, name, arguments)

    monkeypatch.setattr(ShopSession, "tools", lambda self: (*told(self), *more))
    monkeypatch.setattr(ShopSession, "call", call)
    for spec in more:
        shop.tools.create(
            name=spec.name,
            description=spec.description,
            input_schema=dict(spec.input_schema),
            annotations=dict(spec.annotations),
            schema_hash=spec.schema_hash,
            is_enabled=True,
        )


def test_it_is_left_out_and_named(
    shop: Environment, monkeypatch: pytest.MonkeyPatch, ada_client: Any
) -> None:
    add_slow_reading(shop, monkeypatch, "get_everything")

    check_reset(shop.pk)

    shop.refresh_from_db()
    report = shop.options["reset_check"]
    assert (shop.status, report["silent"]) == ("connected", ["get_everything"])
    assert "list_orders" in report["compared"]
    page = ada_client.get("/environments/shop/").content.decode()
    assert "did not answer in time: <code>get_everything</code>" in page
