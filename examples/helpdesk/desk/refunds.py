"""Sending things back and paying money back: the longest chain of steps on the desk."""

from __future__ import annotations

from datetime import date

from desk.customers import is_verified
from desk.formats import cents, day, lookup, money, one_of, page
from desk.orders import refunded_cents
from desk.store import DeskError, Record, Store

RETURN_REASONS = ("damaged", "wrong_item", "late", "changed_mind")
RETURN_DAYS = 30
APPROVAL_ABOVE_CENTS = 100_00
LONGEST_RANGE_DAYS = 31


def start_return(store: Store, order_id: str, sku: str, quantity: int, reason: str) -> Record:
    """Announce that a customer sends items of a delivered order back."""
    order = lookup(store, "order_id", order_id)
    lookup(store, "sku", sku)
    item = next((one for one in order["items"] if one["sku"] == sku), None)
    if item is None:
        raise DeskError("not_in_order", f"{sku} was not part of {order_id}.")
    one_of("reason", reason, RETURN_REASONS)
    if order["status"] != "delivered":
        raise DeskError("order_not_delivered", f"The order is {order['status']}.")
    age = date.fromisoformat(store.today) - date.fromisoformat(order["delivered_on"])
    if age.days > RETURN_DAYS:
        raise DeskError("return_window_closed", f"It was delivered {age.days} days ago.")
    if not 0 < quantity <= item["quantity"] - _returned(store, order_id, sku):
        raise DeskError("invalid_quantity", "More than the customer still has of this item.")
    number = store.next_number("returns", "return_id")
    return store.add(
        "returns",
        {
            "return_id": f"RET-{number:04d}",
            "order_id": order_id,
            "sku": sku,
            "quantity": quantity,
            "reason": reason,
            "status": "expected",
            "opened_on": store.today,
        },
    )


def receive_return(store: Store, return_id: str) -> Record:
    """Book a return that has arrived. Undamaged items go back on the shelf."""
    row = lookup(store, "return_id", return_id)
    if row["status"] != "expected":
        raise DeskError("already_received", f"{return_id} was received before.")
    row["status"] = "received"
    if row["reason"] != "damaged":
        lookup(store, "sku", row["sku"])["available"] += row["quantity"]
        store.save("stock")
    store.save("returns")
    return dict(row)


def request_approval(store: Store, order_id: str, amount: str) -> Record:
    """Ask the duty lead for a large refund; granted up to the total of the order."""
    order = lookup(store, "order_id", order_id)
    amount_cents = cents("amount", amount)
    if amount_cents > order["total_cents"]:
        raise DeskError("amount_too_high", "The amount is more than the order cost.")
    number = store.next_number("approvals", "approval_id")
    return store.add(
        "approvals",
        {
            "approval_id": f"APR-{number:04d}",
            "order_id": order_id,
            "amount_cents": amount_cents,
            "status": "granted",
        },
    )


def issue_refund(
    store: Store, order_id: str, amount: str, approval_id: str | None = None
) -> Record:
    """Pay back for received returns, once, and spend the approval if one was needed."""
    order = lookup(store, "order_id", order_id)
    amount_cents = cents("amount", amount)
    if not is_verified(store, order["customer_id"]):
        raise DeskError("customer_not_verified", "Refunds are for verified customers.")
    received = _received_cents(store, order)
    if received == 0:
        raise DeskError("return_not_received", "No return of this order has been received.")
    open_cents = received - refunded_cents(store, order_id)
    if amount_cents > open_cents:
        raise DeskError(
            "amount_too_high", f"At most {money(open_cents)} of the received items is still unpaid."
        )
    approval = _approval(store, order_id, amount_cents, approval_id)
    if approval is not None:
        approval["status"] = "used"
        store.save("approvals")
    number = store.next_number("refunds", "refund_id")
    return store.add(
        "refunds",
        {
            "refund_id": f"REF-{number:04d}",
            "order_id": order_id,
            "amount_cents": amount_cents,
            "issued_on": store.today,
        },
    )


def list_refunds(store: Store, date_from: str, date_to: str, cursor: str | None = None) -> Record:
    """Refunds issued between two days, both included, oldest first."""
    first, last = day("date_from", date_from), day("date_to", date_to)
    if last < first:
        raise DeskError("invalid_range", "date_to is before date_from.")
    if (last - first).days > LONGEST_RANGE_DAYS:
        raise DeskError("range_too_wide", f"Ask for at most {LONGEST_RANGE_DAYS} days at once.")
    found = [
        row
        for row in store.rows("refunds")
        if first <= date.fromisoformat(row["issued_on"]) <= last
    ]
    found.sort(key=lambda row: (row["issued_on"], row["refund_id"]))
    return page("refunds", found, cursor)


def _approval(
    store: Store, order_id: str, amount_cents: int, approval_id: str | None
) -> Record | None:
    if amount_cents <= APPROVAL_ABOVE_CENTS:
        return None
    if approval_id is None:
        raise DeskError(
            "approval_required", f"Above {money(APPROVAL_ABOVE_CENTS)} an approval_id is needed."
        )
    approval = lookup(store, "approval_id", approval_id)
    if approval["order_id"] != order_id or approval["status"] != "granted":
        raise DeskError("approval_not_valid", f"{approval_id} is not open for {order_id}.")
    if approval["amount_cents"] < amount_cents:
        raise DeskError(
            "approval_too_low", f"{approval_id} covers {money(approval['amount_cents'])}."
        )
    return approval


def _returned(store: Store, order_id: str, sku: str) -> int:
    return sum(
        row["quantity"]
        for row in store.rows("returns")
        if row["order_id"] == order_id and row["sku"] == sku
    )


def _received_cents(store: Store, order: Record) -> int:
    price = {item["sku"]: item["unit_price_cents"] for item in order["items"]}
    return sum(
        row["quantity"] * price[row["sku"]]
        for row in store.rows("returns")
        if row["order_id"] == order["order_id"] and row["status"] == "received"
    )
