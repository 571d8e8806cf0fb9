"""Orders and stock: what was bought, where it is, and calling it off before it leaves."""

from __future__ import annotations

from desk.formats import lookup, one_of, page
from desk.store import DeskError, Record, Store

ORDER_STATUSES = ("placed", "packed", "shipped", "delivered", "cancelled")


def list_orders(
    store: Store, customer_id: str, status: str | None = None, cursor: str | None = None
) -> Record:
    """Summaries of a customer's orders, newest first."""
    lookup(store, "customer_id", customer_id)
    if status is not None:
        one_of("status", status, ORDER_STATUSES)
    found = [
        {key: row[key] for key in ("order_id", "status", "placed_on", "total_cents")}
        for row in store.rows("orders")
        if row["customer_id"] == customer_id and status in (None, row["status"])
    ]
    found.sort(key=lambda row: str(row["order_id"]), reverse=True)
    return page("orders", found, cursor)


def get_order(store: Store, order_id: str) -> Record:
    """The whole order, with what came back and what was paid back."""
    row = lookup(store, "order_id", order_id)
    returns = [
        {key: one[key] for key in ("return_id", "sku", "quantity", "status")}
        for one in store.rows("returns")
        if one["order_id"] == order_id
    ]
    return {**row, "returns": returns, "refunded_cents": refunded_cents(store, order_id)}


def refunded_cents(store: Store, order_id: str) -> int:
    return sum(row["amount_cents"] for row in store.rows("refunds") if row["order_id"] == order_id)


def cancel_order(store: Store, order_id: str) -> Record:
    """Call an order off and put its items back on the shelf."""
    order = lookup(store, "order_id", order_id)
    if order["status"] not in ("placed", "packed"):
        raise DeskError("order_not_cancellable", f"The order is already {order['status']}.")
    order["status"] = "cancelled"
    for item in order["items"]:
        shelf = lookup(store, "sku", item["sku"])
        shelf["available"] += item["quantity"]
    store.save("stock")
    store.save("orders")
    return {"order_id": order_id, "status": "cancelled"}


def check_stock(store: Store, sku: str) -> Record:
    return dict(lookup(store, "sku", sku))
