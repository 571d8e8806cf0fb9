"""A pack for tests: the small shop, which opens at once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from practice.domain.types import TaskSpec
from tests.agents import rules_shop


class OpenShop(rules_shop.ShopSession):
    def truth(self, task: TaskSpec) -> bool | None:
        return None


class Shop:
    tools = rules_shop.TOOLS

    @contextmanager
    def open(self) -> Iterator[OpenShop]:
        yield OpenShop()


def build(scenario: int) -> Shop:
    return Shop()
