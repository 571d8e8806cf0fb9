"""Log archive with cursor pagination and page+offset pagination."""

from typing import Any

from mcp.server import MCPServer
from mcp.server.mcpserver.exceptions import ToolError

mcp = MCPServer("archive")
EV = [
    {
        "event_id": 5000 + i,
        "service": ["api", "web", "db"][i % 3],
        "level": ["info", "warn", "error"][i % 3 if i % 7 else 2],
        "message": f"event number {i}",
    }
    for i in range(47)
]
REP = [{"id": f"rep_{i:02d}", "title": f"Report {i}", "published": i % 2 == 0} for i in range(23)]


@mcp.tool()
def events_query(
    service: str | None = None, cursor: str | None = None, limit: int = 10
) -> dict[str, Any]:
    """Query events. Returns up to `limit` (max 25) events and a next_cursor."""
    if limit > 25:
        raise ToolError("400 Bad Request: limit: must be less than or equal to 25")
    if service and service not in ("api", "web", "db"):
        raise ToolError(
            f"400 Bad Request: service: unknown service '{service}', expected one of api, web, db"
        )
    rows = [e for e in EV if not service or e["service"] == service]
    at = int(cursor or 0)
    out = {"events": rows[at : at + limit]}
    if at + limit < len(rows):
        out["next_cursor"] = str(at + limit)
    return out


@mcp.tool()
def event_get(event_id: int) -> dict[str, Any]:
    """Fetch one event with its context."""
    e = next((e for e in EV if e["event_id"] == event_id), None)
    if not e:
        raise ToolError(f"404 Not Found: event {event_id}")
    return {**e, "host": f"h{event_id % 4}", "trace": f"t-{event_id}"}


@mcp.tool()
def reports_list(page: int = 1, per_page: int = 5) -> dict[str, Any]:
    """List reports by page."""
    if page < 1:
        raise ToolError("400 Bad Request: page starts at 1")
    s = (page - 1) * per_page
    return {
        "items": [{"id": r["id"], "title": r["title"]} for r in REP[s : s + per_page]],
        "page": page,
        "per_page": per_page,
        "total": len(REP),
    }


@mcp.tool()
def report_get(id: str) -> dict[str, Any]:
    """Get a report."""
    r = next((r for r in REP if r["id"] == id), None)
    if not r:
        raise ToolError(f"404 Not Found: report {id}")
    return {**r, "body": "…", "author": "ops"}


@mcp.tool()
def report_publish(id: str) -> dict[str, Any]:
    """Publish a draft report."""
    r = next((r for r in REP if r["id"] == id), None)
    if not r:
        raise ToolError(f"404 Not Found: report {id}")
    if r["published"]:
        raise ToolError(f"409 Conflict: report {id} is already published")
    r["published"] = True
    return r


@mcp.tool()
def report_create(title: str, event_ids: list[int]) -> dict[str, Any]:
    """Create a draft from events."""
    if not event_ids:
        raise ToolError("400 Bad Request: event_ids: at least one event is needed")
    bad = [i for i in event_ids if not any(e["event_id"] == i for e in EV)]
    if bad:
        raise ToolError(f"404 Not Found: events {bad}")
    r = {"id": f"rep_{len(REP):02d}", "title": title, "published": False}
    REP.append(r)
    return r


if __name__ == "__main__":
    mcp.run()
