"""Rows of a trace as other tools export them, brought together and read as spans."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from practice.domain.deployment import NotATrajectory, Placed
from practice.domain.traces.assembly import trajectory
from practice.domain.traces.spans import MAX_NAME, MAX_NS, Span

Row = Mapping[str, Any]
#: What spans call the tokens that a model read and wrote, and what that cost.
USAGE = ("gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens", "gen_ai.usage.cost")


def by_trace(
    rows: Iterable[tuple[int, Any]], *names: str
) -> Iterator[tuple[str, list[Row], int] | NotATrajectory]:
    """Yield each trace's id with its rows and the place of the first, counted from 0.

    A row that names no trace is refused, as one is that could not even be read.
    """
    found: dict[str, list[Row]] = {}
    first: dict[str, int] = {}
    for place, row in rows:
        if isinstance(row, NotATrajectory):
            yield row
            continue
        held = row if isinstance(row, Mapping) else {}
        trace = next((named for name in names if (named := identity(held.get(name)))), "")
        if trace:
            found.setdefault(trace, []).append(held)
            first.setdefault(trace, place)
        else:
            yield NotATrajectory(f"Row {place + 1} has no {names[0]}.", place=place)
    yield from ((trace, held, first[trace]) for trace, held in found.items())


def identity(value: Any) -> str:
    """An id as a text: a text or a number; nothing else is one."""
    is_one = isinstance(value, str | int) and not isinstance(value, bool)
    return str(value) if is_one else ""


def read(
    trace: str, spans: list[Span], *, place: int, cost: Decimal | None = None, **more: Any
) -> Mapping[str, Any] | NotATrajectory:
    """The trajectory of one trace with what the export says besides, or why there is none.

    What it says of the whole ``cost`` counts more than what its calls add up to; but that nothing
    was spent is also what it says where nobody knew a price.

    ``place`` is that of its first row. A row that is there again says what became of it since: an
    export that is written in parts, or page by page, has some twice.
    """
    named = {span.span_id or f" {number}": span for number, span in enumerate(spans)}
    try:
        made = trajectory(trace[:200], list(named.values()))
    except NotATrajectory as refusal:
        # The id goes with the reason, so that its sender can find it.
        return NotATrajectory(f"{trace[:80]}: {refusal}", place=place, id=trace)
    besides = {name: value for name, value in more.items() if value and not made.get(name)}
    return Placed({**made, **besides, **({"cost": cost} if cost else {})}, place)


def nanoseconds(value: Any) -> int:
    """ISO-8601 or a number of seconds, milliseconds or finer as nanoseconds; 0 if unknown.

    What names no zone is UTC, as both tools write it: never the zone of this server.
    """
    if isinstance(value, bool):
        return 0
    if isinstance(value, int | float) and 0 < value < 1e19:
        digits = len(str(int(value)))
        scale = 9 if digits <= 11 else 6 if digits <= 14 else 3 if digits <= 17 else 0
        return min(int(value * 10**scale), MAX_NS)
    if isinstance(value, str) and value:
        try:
            when = datetime.fromisoformat(value)
            when = when if when.tzinfo else when.replace(tzinfo=UTC)
            return min(max(0, int(when.timestamp() * 1e9)), MAX_NS)
        except (ValueError, OverflowError, OSError):
            return 0
    return 0


def span(row: Row, *, ids: tuple[str, str, str], name: str, failed: bool, said: Row) -> Span:
    """A row as a span. ``ids`` are trace, span and parent."""
    started = nanoseconds(row.get("startTime", row.get("start_time")))
    ended = nanoseconds(row.get("endTime", row.get("end_time")))
    return Span(
        trace_id=ids[0],
        span_id=ids[1],
        parent_id=ids[2],
        name=name[:MAX_NAME],
        started=started,
        ended=ended or started,
        failed=failed,
        attributes={key: value for key, value in said.items() if value not in (None, "")},
    )
