"""A small shop in memory for the rules engine: pages, prerequisites, formats and refusals."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from memoryapp.domain.playbook import Playbook
from practice.agents.ports import EnvironmentUnavailable, SolverLimits
from practice.agents.rules.solver import RulesSolver
from practice.domain.types import Json, Observation, TaskSpec, ToolSpec, Trajectory

READ = {"readOnlyHint": True}
WRITE = {"readOnlyHint": False, "destructiveHint": False}
PAGE = 2


def tool(name: str, description: str, hints: Json, *required: str, **parameters: Any) -> ToolSpec:
    properties = {
        key: {"type": "string", "description": value} if isinstance(value, str) else value
        for key, value in parameters.items()
    }
    schema = {"type": "object", "properties": properties, "required": list(required)}
    return ToolSpec(name, description, schema, hints)


TOOLS = (
    tool("list_orders", "List all orders.", READ, cursor="Where to continue."),
    tool("get_order", "Get an order with its items.", READ, "order_id", order_id="The order."),
    tool(
        "verify_customer",
        "Verify the customer of an order.",
        WRITE,
        "order_id",
        order_id="The order.",
    ),
    tool(
        "create_refund",
        "Refund an order.",
        WRITE,
        "order_id",
        "reason",
        order_id="The order.",
        reason="Why.",
    ),
    tool(
        "set_status",
        "Set the status of an order.",
        WRITE,
        "order_id",
        "status",
        order_id="The order.",
        status="The new status.",
    ),
)
STATUSES = ("open", "packed", "shipped")


class Refused(Exception):
    pass


class Shop:
    """An ``Environment``; ``down`` makes every call fail as a dead server does."""

    def __init__(self, *, down: bool = False) -> None:
        self.opened = 0
        self._down = down

    @contextmanager
    def open(self) -> Iterator[ShopSession]:
        self.opened += 1
        yield ShopSession(down=self._down)


class ShopSession:
    def __init__(self, *, down: bool = False) -> None:
        self._down = down
        self._verified: set[str] = set()
        self.orders = {
            f"ORD-{n}": {"order_id": f"ORD-{n}", "status": STATUSES[n % 3], "total": 10 * n}
            for n in range(1, 6)
        }

    def tools(self) -> tuple[ToolSpec, ...]:
        return TOOLS

    def call(self, tool: str, arguments: Json) -> Observation:
        if self._down:
            raise EnvironmentUnavailable("The shop is down.")
        try:
            return Observation(json.dumps(getattr(self, f"_{tool}")(**arguments)))
        except Refused as refused:
            return Observation(str(refused), is_error=True)

    def _list_orders(self, cursor: str = "0") -> Mapping[str, Any]:
        start = int(cursor)
        rows = list(self.orders.values())
        page = [{k: o[k] for k in ("order_id", "status")} for o in rows[start : start + PAGE]]
        following = str(start + PAGE) if start + PAGE < len(rows) else None
        return {"orders": page, "next_cursor": following}

    def _get_order(self, order_id: str) -> Mapping[str, Any]:
        return {**self._order(order_id), "items": [{"sku": "LMP-1"}], "city": "Leeds"}

    def _verify_customer(self, order_id: str) -> Mapping[str, Any]:
        self._order(order_id)
        self._verified.add(order_id)
        return {"order_id": order_id, "verified": True}

    def _create_refund(self, order_id: str, reason: str) -> Mapping[str, Any]:
        if order_id not in self._verified:
            raise Refused("NOT_VERIFIED: Use verify_customer first.")
        return {"refund_id": f"REF-{order_id}", "reason": reason}

    def _set_status(self, order_id: str, status: str) -> Mapping[str, Any]:
        order = self._order(order_id)
        if status not in STATUSES:
            raise Refused(f"BAD_STATUS: status must be one of: {', '.join(STATUSES)}.")
        if order["status"] == "shipped":
            raise Refused("TOO_LATE: The order is already shipped.")
        order["status"] = status
        return order

    def _order(self, order_id: str) -> dict[str, Any]:
        if order_id not in self.orders:
            raise Refused(f"NOT_FOUND: Order {order_id} not found.")
        return self.orders[order_id]


def task(*calls: dict[str, object], text: str = "Do it for ORD-1.", **goal: object) -> TaskSpec:
    tools = tuple(str(c["tool"]) for c in calls)
    return TaskSpec(text, "action", tools, goal={"calls": list(calls), **goal})


REFUND = task({"tool": "create_refund", "arguments": {"order_id": "ORD-1", "reason": "Broken"}})


def solve(
    given: TaskSpec, playbook: Playbook | None = None, limits: SolverLimits | None = None
) -> Trajectory:
    with Shop().open() as session:
        return RulesSolver(1).solve(
            given, playbook or Playbook(), session, limits or SolverLimits()
        )
