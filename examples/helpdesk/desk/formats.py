"""How the desk writes ids, dates, money and pages, and what it answers to other forms."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from typing import Any

from desk.store import DeskError, Record, Store

PAGE_SIZE = 5

ID_SHAPES = {
    "customer_id": (r"CUS-\d{4}", "CUS-0042", "customers"),
    "order_id": (r"ORD-\d{4}-\d{5}", "ORD-2025-00017", "orders"),
    "ticket_id": (r"TIC-\d{5}", "TIC-00031", "tickets"),
    "return_id": (r"RET-\d{4}", "RET-0007", "returns"),
    "approval_id": (r"APR-\d{4}", "APR-0003", "approvals"),
    "agent_id": (r"AGT-\d{2}", "AGT-04", "agents"),
    "article_id": (r"ART-\d{2}", "ART-06", "articles"),
    "sku": (r"[A-Z]{3}-\d{3}", "LMP-210", "stock"),
}


def lookup(store: Store, key: str, value: str) -> Record:
    """Return the record whose id is ``value``.

    Raises:
        DeskError: ``invalid_format`` or ``not_found``.
    """
    pattern, example, table = ID_SHAPES[key]
    if not re.fullmatch(pattern, value):
        raise DeskError("invalid_format", f"{key} must look like {example}.")
    record = store.find(table, key, value)
    if record is None:
        raise DeskError("not_found", f"There is no {key} {value}.")
    return record


def one_of(field: str, value: str, allowed: Sequence[str]) -> str:
    """Return ``value`` if it is allowed; the error names the values that are."""
    if value not in allowed:
        raise DeskError(f"unknown_{field}", f"{field} must be one of: {', '.join(allowed)}.")
    return value


def day(field: str, value: str) -> date:
    """Read a calendar day. Only ``YYYY-MM-DD`` is accepted."""
    if re.fullmatch(r"\d{4}-\d{2}-\d{2}", value):
        try:
            return date.fromisoformat(value)
        except ValueError:
            raise DeskError("invalid_date", f"{field}: {value} is not in the calendar.") from None
    raise DeskError("invalid_date", f"{field} must be written YYYY-MM-DD.")


def cents(field: str, value: str) -> int:
    """Read money written as a decimal with two places, and return cents."""
    if not re.fullmatch(r"\d{1,6}\.\d{2}", value):
        raise DeskError(
            "invalid_amount", f"{field} must be a decimal like 49.90, without currency."
        )
    amount = int(value.replace(".", ""))
    if amount == 0:
        raise DeskError("invalid_amount", f"{field} must be more than 0.00.")
    return amount


def money(amount_cents: int) -> str:
    return f"{amount_cents // 100}.{amount_cents % 100:02d}"


def page(name: str, found: Sequence[Any], cursor: str | None) -> Record:
    """Return one page of ``found`` with the total, and ``next_cursor`` while there is more."""
    start = 0
    if cursor:
        match = re.fullmatch(r"after-(\d{1,4})", cursor)
        if match is None or int(match[1]) >= max(len(found), 1):
            raise DeskError("invalid_cursor", "cursor must be the next_cursor of the page before.")
        start = int(match[1])
    end = start + PAGE_SIZE
    answer: Record = {name: list(found[start:end]), "total": len(found)}
    answer["next_cursor"] = f"after-{end}" if end < len(found) else None
    return answer


def matches(query: str, *texts: str) -> bool:
    """Whether every word of ``query`` occurs in the texts, ignoring case."""
    haystack = " ".join(texts).casefold()
    return all(word in haystack for word in query.casefold().split())
