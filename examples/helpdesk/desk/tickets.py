"""Tickets: from the customer's first message to a resolution, and the people who work on them."""

from __future__ import annotations

from desk.formats import lookup, matches, one_of, page
from desk.store import DeskError, Record, Store

PRIORITIES = ("low", "normal", "high", "urgent")
CATEGORIES = ("billing", "delivery", "returns", "technical", "account")
RESOLUTIONS = ("answered", "refunded", "replaced", "no_action")
TICKET_STATUSES = ("open", "assigned", "escalated", "resolved")
TEAMS = ("frontline", "returns", "tier2")


def search_tickets(
    store: Store,
    query: str = "",
    status: str | None = None,
    customer_id: str | None = None,
    cursor: str | None = None,
) -> Record:
    """Summaries of the tickets that fit all filters, newest first."""
    if status is not None:
        one_of("status", status, TICKET_STATUSES)
    if customer_id is not None:
        lookup(store, "customer_id", customer_id)
    found = [
        {key: row[key] for key in ("ticket_id", "customer_id", "subject", "status")}
        for row in store.rows("tickets")
        if matches(query, row["subject"], row["body"])
        and status in (None, row["status"])
        and customer_id in (None, row["customer_id"])
    ]
    found.sort(key=lambda row: str(row["ticket_id"]), reverse=True)
    return page("tickets", found, cursor)


def get_ticket(store: Store, ticket_id: str) -> Record:
    return dict(lookup(store, "ticket_id", ticket_id))


def create_ticket(
    store: Store, customer_id: str, subject: str, body: str, priority: str = "normal"
) -> Record:
    lookup(store, "customer_id", customer_id)
    one_of("priority", priority, PRIORITIES)
    if not subject.strip():
        raise DeskError("subject_missing", "A ticket needs a subject.")
    number = store.next_number("tickets", "ticket_id")
    return store.add(
        "tickets",
        {
            "ticket_id": f"TIC-{number:05d}",
            "customer_id": customer_id,
            "order_id": None,
            "subject": subject.strip(),
            "body": body,
            "status": "open",
            "priority": priority,
            "category": None,
            "agent_id": None,
            "resolution": None,
            "opened_on": store.today,
            "notes": [],
        },
    )


def assign_ticket(store: Store, ticket_id: str, agent_id: str) -> Record:
    """Give a ticket to an agent who is at work today."""
    ticket = _unresolved(store, ticket_id)
    agent = lookup(store, "agent_id", agent_id)
    if not agent["on_shift"]:
        raise DeskError("agent_off_shift", f"{agent_id} is not working today.")
    ticket["agent_id"] = agent_id
    if ticket["status"] == "open":
        ticket["status"] = "assigned"
    store.save("tickets")
    return _state(ticket)


def set_ticket_category(store: Store, ticket_id: str, category: str) -> Record:
    ticket = _unresolved(store, ticket_id)
    ticket["category"] = one_of("category", category, CATEGORIES)
    store.save("tickets")
    return _state(ticket)


def add_ticket_note(store: Store, ticket_id: str, text: str) -> Record:
    ticket = lookup(store, "ticket_id", ticket_id)
    if not text.strip():
        raise DeskError("note_empty", "The note has no text.")
    ticket["notes"].append({"on": store.today, "text": text.strip()})
    store.save("tickets")
    return {"ticket_id": ticket_id, "notes": len(ticket["notes"])}


def escalate_ticket(store: Store, ticket_id: str, reason: str) -> Record:
    """Pass a ticket on to the second tier, which sorts its queue by category."""
    ticket = _unresolved(store, ticket_id)
    if ticket["category"] is None:
        raise DeskError("category_missing", "The second tier does not take uncategorized tickets.")
    if ticket["status"] == "escalated":
        raise DeskError("already_escalated", f"{ticket_id} is with the second tier.")
    ticket["status"] = "escalated"
    ticket["notes"].append({"on": store.today, "text": f"Escalated: {reason}"})
    store.save("tickets")
    return _state(ticket)


def resolve_ticket(store: Store, ticket_id: str, resolution: str) -> Record:
    """Close a ticket somebody has worked on."""
    ticket = _unresolved(store, ticket_id)
    if ticket["agent_id"] is None:
        raise DeskError("ticket_not_assigned", "Nobody is assigned to this ticket.")
    ticket["resolution"] = one_of("resolution", resolution, RESOLUTIONS)
    ticket["status"] = "resolved"
    store.save("tickets")
    return _state(ticket)


def list_agents(store: Store, team: str | None = None) -> Record:
    if team is not None:
        one_of("team", team, TEAMS)
    found = [row for row in store.rows("agents") if team in (None, row["team"])]
    return {"agents": found, "total": len(found)}


def _unresolved(store: Store, ticket_id: str) -> Record:
    ticket = lookup(store, "ticket_id", ticket_id)
    if ticket["status"] == "resolved":
        raise DeskError("ticket_resolved", f"{ticket_id} is resolved and cannot be changed.")
    return ticket


def _state(ticket: Record) -> Record:
    keys = ("ticket_id", "status", "agent_id", "category", "resolution")
    return {key: ticket[key] for key in keys}
