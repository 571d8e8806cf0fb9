"""The world the example agents work in: two orders and a refund that wants verification first."""

from __future__ import annotations

ORDERS = {"ORD-7": {"customer": "ada", "total": 12}, "ORD-8": {"customer": "bo", "total": 90}}


class Desk:
    """A desk for one task. It refuses as a real one would, with a text that says what to do."""

    def __init__(self) -> None:
        self._verified: set[str] = set()
        self.refunded: list[str] = []

    def get_order(self, order_id: str) -> str:
        """Look up an order by its id, such as ORD-7."""
        order = ORDERS.get(order_id)
        return f"total {order['total']}, customer {order['customer']}" if order else "NOT_FOUND"

    def verify_customer(self, customer: str) -> str:
        """Verify a customer by name."""
        self._verified.add(customer)
        return f"{customer} is verified"

    def create_refund(self, order_id: str) -> str:
        """Refund an order."""
        order = ORDERS.get(order_id)
        if order is None:
            return "NOT_FOUND"
        if order["customer"] not in self._verified:
            return "NOT_VERIFIED: verify the customer first"
        self.refunded.append(order_id)
        return f"{order_id} is refunded"
