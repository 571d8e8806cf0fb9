"""What the desk offers to an agent: 24 tools with their schemas and hints.

The descriptions are as terse as those of most real tools. They never mislead, but formats,
allowed values and the order of steps are for the caller to find out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from desk import articles, customers, orders, refunds, tickets
from desk.store import DeskError, Record, Store

READ = {"readOnlyHint": True, "openWorldHint": False}
WRITE = {
    "readOnlyHint": False,
    "destructiveHint": False,
    "idempotentHint": False,
    "openWorldHint": False,
}
SETTLE = {**WRITE, "idempotentHint": True}
DESTROY = {**WRITE, "destructiveHint": True}

CURSOR = "Where to continue."


class DeskTool(NamedTuple):
    """One tool: ``run(store, **arguments)`` after ``arguments`` passed ``schema``."""

    name: str
    description: str
    schema: Mapping[str, Any]
    hints: Mapping[str, bool]
    run: Callable[..., Record]

    def listed(self) -> dict[str, Any]:
        """As ``tools/list`` says it."""
        return {
            "name": self.name,
            "description": self.description,
            "inputSchema": dict(self.schema),
            "annotations": dict(self.hints),
        }


def _tool(
    run: Callable[..., Record],
    hints: Mapping[str, bool],
    description: str,
    *,
    optional: tuple[str, ...] = (),
    **parameters: str,
) -> DeskTool:
    properties = {
        name: {"type": "integer" if name == "quantity" else "string", "description": text}
        for name, text in parameters.items()
    }
    schema = {
        "type": "object",
        "properties": properties,
        "required": [name for name in parameters if name not in optional],
        "additionalProperties": False,
    }
    return DeskTool(run.__name__, description, schema, hints, run)


TOOLS = (
    _tool(
        customers.search_customers,
        READ,
        "Search customers by name, email or city.",
        query="Words to look for.",
        cursor=CURSOR,
        optional=("cursor",),
    ),
    _tool(
        customers.get_customer,
        READ,
        "Get a customer's record, whether they are verified and how many tickets are open.",
        customer_id="The customer.",
    ),
    _tool(
        orders.list_orders,
        READ,
        "List a customer's orders.",
        customer_id="The customer.",
        status="Only orders in this status.",
        cursor=CURSOR,
        optional=("status", "cursor"),
    ),
    _tool(
        orders.get_order,
        READ,
        "Get an order with its items, shipping address, returns and refunds. Amounts are in cents.",
        order_id="The order.",
    ),
    _tool(
        orders.check_stock,
        READ,
        "See how many of an article are in stock.",
        sku="Stock number.",
    ),
    _tool(
        refunds.list_refunds,
        READ,
        "List the refunds issued in a period.",
        date_from="First day.",
        date_to="Last day.",
        cursor=CURSOR,
        optional=("cursor",),
    ),
    _tool(
        tickets.search_tickets,
        READ,
        "Search tickets by words, status or customer.",
        query="Words to look for.",
        status="Only tickets in this status.",
        customer_id="Only tickets of this customer.",
        cursor=CURSOR,
        optional=("query", "status", "customer_id", "cursor"),
    ),
    _tool(
        tickets.get_ticket,
        READ,
        "Get a ticket with its text and notes.",
        ticket_id="The ticket.",
    ),
    _tool(
        tickets.list_agents,
        READ,
        "List the people who work on tickets.",
        team="Only this team.",
        optional=("team",),
    ),
    _tool(
        articles.search_articles,
        READ,
        "Search the knowledge base.",
        query="Words to look for.",
        cursor=CURSOR,
        optional=("cursor",),
    ),
    _tool(
        articles.get_article,
        READ,
        "Read an article of the knowledge base.",
        article_id="The article.",
    ),
    _tool(
        customers.verify_customer,
        SETTLE,
        "Verify a customer by an order and the postcode it was sent to.",
        order_id="An order of the customer.",
        postcode="Postcode the customer names.",
    ),
    _tool(
        tickets.create_ticket,
        WRITE,
        "Open a ticket for a customer.",
        customer_id="The customer.",
        subject="One line.",
        body="What the customer says.",
        priority="How urgent it is.",
        optional=("priority",),
    ),
    _tool(
        tickets.assign_ticket,
        SETTLE,
        "Assign a ticket to an agent.",
        ticket_id="The ticket.",
        agent_id="The agent.",
    ),
    _tool(
        tickets.set_ticket_category,
        SETTLE,
        "Set what a ticket is about.",
        ticket_id="The ticket.",
        category="The category.",
    ),
    _tool(
        tickets.add_ticket_note,
        WRITE,
        "Add an internal note to a ticket.",
        ticket_id="The ticket.",
        text="The note.",
    ),
    _tool(
        tickets.escalate_ticket,
        WRITE,
        "Escalate a ticket to the second tier.",
        ticket_id="The ticket.",
        reason="Why.",
    ),
    _tool(
        tickets.resolve_ticket,
        WRITE,
        "Resolve a ticket.",
        ticket_id="The ticket.",
        resolution="How it ended.",
    ),
    _tool(
        refunds.start_return,
        WRITE,
        "Start the return of items of an order.",
        order_id="The order.",
        sku="Stock number of the item.",
        quantity="How many.",
        reason="Why they come back.",
    ),
    _tool(
        refunds.receive_return,
        WRITE,
        "Record that a return has arrived.",
        return_id="The return.",
    ),
    _tool(
        refunds.request_approval,
        WRITE,
        "Ask the duty lead to approve a refund.",
        order_id="The order.",
        amount="How much.",
    ),
    _tool(
        refunds.issue_refund,
        WRITE,
        "Pay money back for an order.",
        order_id="The order.",
        amount="How much.",
        approval_id="The approval, where one is needed.",
        optional=("approval_id",),
    ),
    _tool(
        orders.cancel_order,
        DESTROY,
        "Cancel an order. This cannot be undone.",
        order_id="The order.",
    ),
    _tool(
        customers.delete_customer_data,
        DESTROY,
        "Erase everything known about a customer. This cannot be undone.",
        customer_id="The customer.",
        confirm="Confirmation.",
    ),
)

BY_NAME = {tool.name: tool for tool in TOOLS}


def call(store: Store, name: str, arguments: Mapping[str, Any]) -> Record:
    """Check the arguments against the schema and run the tool.

    Raises:
        KeyError: no such tool.
        DeskError: ``invalid_arguments``, or whatever the rules of the desk say.
    """
    tool = BY_NAME[name]
    if not _fits(tool.schema, arguments) and (problem := _problem(tool.schema, arguments)):
        raise DeskError("invalid_arguments", problem)
    return tool.run(store, **arguments)


def _fits(schema: Mapping[str, Any], arguments: Mapping[str, Any]) -> bool:
    """Whether all is plainly there and of its type, which takes no library to see."""
    kinds = {name: one["type"] for name, one in schema["properties"].items()}
    return set(schema["required"]) <= set(arguments) <= set(kinds) and all(
        type(value) is (int if kinds[name] == "integer" else str)
        for name, value in arguments.items()
    )


def _problem(schema: Mapping[str, Any], arguments: Mapping[str, Any]) -> str:
    # Two tenths of a second for each of the many servers that are started; few ever need it.
    from jsonschema import Draft202012Validator  # noqa: PLC0415
    from jsonschema.exceptions import best_match  # noqa: PLC0415

    problem = best_match(Draft202012Validator(schema).iter_errors(dict(arguments)))
    if problem is None:
        return ""
    where = ".".join(str(part) for part in problem.absolute_path)
    return f"{where}: {problem.message}".removeprefix(": ")
