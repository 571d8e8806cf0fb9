"""Customers: finding them, verifying who they are, and erasing what the desk knows of them."""

from __future__ import annotations

from desk.formats import lookup, matches, page
from desk.store import DeskError, Record, Store

OPEN_STATUSES = ("open", "assigned", "escalated")


def search_customers(store: Store, query: str, cursor: str | None = None) -> Record:
    found = [
        {"customer_id": row["customer_id"], "name": row["name"], "city": row["city"]}
        for row in store.rows("customers")
        if matches(query, row["name"], row["email"], row["city"])
    ]
    return page("customers", found, cursor)


def get_customer(store: Store, customer_id: str) -> Record:
    row = lookup(store, "customer_id", customer_id)
    return {
        **row,
        "verified": is_verified(store, customer_id),
        "open_tickets": len(open_tickets(store, customer_id)),
    }


def is_verified(store: Store, customer_id: str) -> bool:
    return customer_id in store.desk["verified"]


def verify_customer(store: Store, order_id: str, postcode: str) -> Record:
    """Remember that whoever is asking knows an order and where it went."""
    order = lookup(store, "order_id", order_id)
    if _plain(postcode) != _plain(order["shipping"]["postcode"]):
        raise DeskError("verification_failed", "This is not the postcode the order was sent to.")
    customer_id = order["customer_id"]
    if not is_verified(store, customer_id):
        store.desk["verified"].append(customer_id)
        store.save("desk")
    return {"customer_id": customer_id, "order_id": order_id, "verified": True}


def delete_customer_data(store: Store, customer_id: str, confirm: str) -> Record:
    """Erase a customer, their tickets and the addresses on their orders, which stay."""
    lookup(store, "customer_id", customer_id)
    if confirm != customer_id:
        raise DeskError("confirmation_mismatch", "confirm must repeat the customer_id.")
    if not is_verified(store, customer_id):
        raise DeskError("customer_not_verified", "Only a verified customer can be erased.")
    waiting = open_tickets(store, customer_id)
    if waiting:
        raise DeskError("open_tickets", f"{len(waiting)} tickets of this customer are still open.")
    tickets = store.tables["tickets"]
    kept = [row for row in tickets if row["customer_id"] != customer_id]
    store.tables["tickets"] = kept
    store.tables["customers"] = [
        row for row in store.rows("customers") if row["customer_id"] != customer_id
    ]
    for order in store.rows("orders"):
        if order["customer_id"] == customer_id:
            order["shipping"] = {"name": "", "street": "", "city": "", "postcode": ""}
    store.desk["verified"].remove(customer_id)
    for table in ("tickets", "customers", "orders", "desk"):
        store.save(table)
    return {
        "customer_id": customer_id,
        "deleted": True,
        "tickets_deleted": len(tickets) - len(kept),
    }


def open_tickets(store: Store, customer_id: str) -> list[Record]:
    return [
        row
        for row in store.rows("tickets")
        if row["customer_id"] == customer_id and row["status"] in OPEN_STATUSES
    ]


def _plain(postcode: str) -> str:
    return postcode.replace(" ", "").upper()
