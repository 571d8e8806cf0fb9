"""Issue tracker, as somebody would write it in an afternoon."""

from typing import Literal

from mcp.server import MCPServer
from mcp.server.mcpserver.exceptions import ToolError

mcp = MCPServer("tracker")
USERS = {
    "alice": {"username": "alice", "name": "Alice Moor", "role": "maintainer"},
    "bob": {"username": "bob", "name": "Bob Lane", "role": "developer"},
    "carol": {"username": "carol", "name": "Carol Ruiz", "role": "reporter"},
}
PROJECTS = {
    "WEB": {"key": "WEB", "name": "Website", "archived": False},
    "OPS": {"key": "OPS", "name": "Operations", "archived": False},
    "OLD": {"key": "OLD", "name": "Legacy site", "archived": True},
}
ISSUES = {}
for i, (p, t, s, a, pr) in enumerate(
    [
        ("WEB", "Login page is blank", "open", None, "high"),
        ("WEB", "Footer links broken", "in_progress", "bob", "low"),
        ("OPS", "Disk full on db2", "open", "alice", "critical"),
        ("OPS", "Rotate certificates", "closed", "alice", "medium"),
        ("WEB", "Dark mode", "in_review", "bob", "medium"),
    ],
    1,
):
    k = f"{p}-{i}"
    ISSUES[k] = {
        "key": k,
        "project": p,
        "title": t,
        "status": s,
        "assignee": a,
        "priority": pr,
        "labels": [],
        "watchers": [],
        "estimate": None,
    }
COMMENTS = {}
SPRINTS = {
    "12": {"id": "12", "name": "Sprint 12", "state": "active", "issues": ["WEB-2"]},
    "13": {"id": "13", "name": "Sprint 13", "state": "planned", "issues": []},
}
LABELS = ["bug", "feature", "docs"]
LINKS = []
NEXT = {"a": None, "open": "in_progress", "in_progress": "in_review", "in_review": "closed"}


def _i(key):
    if key not in ISSUES:
        raise ToolError(f"Issue {key} not found")
    return ISSUES[key]


@mcp.tool()
def list_projects() -> list[dict]:
    """List all projects."""
    return list(PROJECTS.values())


@mcp.tool()
def list_users() -> list[dict]:
    """List users."""
    return list(USERS.values())


@mcp.tool()
def list_issues(
    project: str, status: Literal["open", "in_progress", "in_review", "closed"] | None = None
) -> list[dict]:
    """List the issues in a project."""
    if project not in PROJECTS:
        raise ToolError(f"No project with key {project}")
    return [
        {"key": i["key"], "title": i["title"], "status": i["status"]}
        for i in ISSUES.values()
        if i["project"] == project and (not status or i["status"] == status)
    ]


@mcp.tool()
def search_issues(query: str) -> list[dict]:
    """Full-text search over issue titles."""
    return [i for i in ISSUES.values() if query.lower() in i["title"].lower()]


@mcp.tool()
def get_issue(key: str) -> dict:
    """Get one issue with all fields."""
    return _i(key)


@mcp.tool()
def create_issue(project: str, title: str, description: str = "", priority: str = "medium") -> dict:
    """Create an issue."""
    if project not in PROJECTS:
        raise ToolError(f"No project with key {project}")
    if PROJECTS[project]["archived"]:
        raise ToolError(f"Project {project} is archived; issues cannot be created in it")
    if priority not in ("low", "medium", "high", "critical"):
        raise ToolError(
            f"Invalid priority '{priority}'. Must be one of: low, medium, high, critical"
        )
    k = f"{project}-{len(ISSUES) + 1}"
    ISSUES[k] = {
        "key": k,
        "project": project,
        "title": title,
        "status": "open",
        "assignee": None,
        "priority": priority,
        "labels": [],
        "watchers": [],
        "estimate": None,
    }
    return ISSUES[k]


@mcp.tool()
def update_issue(key: str, title: str | None = None, description: str | None = None) -> dict:
    """Change title or description of an issue."""
    i = _i(key)
    if title is None and description is None:
        raise ToolError("Nothing to update: give title or description")
    if title:
        i["title"] = title
    return i


@mcp.tool()
def assign_issue(key: str, username: str) -> dict:
    """Assign an issue to a user."""
    i = _i(key)
    if username not in USERS:
        raise ToolError(f"Unknown user {username}")
    if USERS[username]["role"] == "reporter":
        raise ToolError(f"{username} is a reporter and cannot be assigned issues")
    i["assignee"] = username
    return i


@mcp.tool()
def unassign_issue(key: str) -> dict:
    """Remove the assignee."""
    i = _i(key)
    i["assignee"] = None
    return i


@mcp.tool()
def transition_issue(key: str, to_status: str) -> dict:
    """Move an issue along the workflow (open -> in_progress -> in_review -> closed)."""
    i = _i(key)
    if NEXT.get(i["status"]) != to_status:
        raise ToolError(f"Cannot move {key} from {i['status']} to {to_status}")
    if to_status == "in_progress" and not i["assignee"]:
        raise ToolError(f"{key} has no assignee. Assign it before starting work.")
    i["status"] = to_status
    return i


@mcp.tool()
def reopen_issue(key: str, reason: str) -> dict:
    """Reopen a closed issue."""
    i = _i(key)
    if i["status"] != "closed":
        raise ToolError(f"{key} is not closed")
    i["status"] = "open"
    return i


@mcp.tool()
def add_comment(key: str, author: str, body: str) -> dict:
    """Comment on an issue."""
    _i(key)
    if author not in USERS:
        raise ToolError(f"Unknown user {author}")
    cid = f"c{len(COMMENTS) + 1}"
    COMMENTS[cid] = {"comment_id": cid, "issue": key, "author": author, "body": body}
    return COMMENTS[cid]


@mcp.tool()
def list_comments(key: str) -> list[dict]:
    """Comments of an issue, oldest first."""
    _i(key)
    return [c for c in COMMENTS.values() if c["issue"] == key]


@mcp.tool()
def delete_comment(comment_id: str) -> dict:
    """Delete a comment."""
    if comment_id not in COMMENTS:
        raise ToolError(f"Comment {comment_id} not found")
    return COMMENTS.pop(comment_id)


@mcp.tool()
def add_label(key: str, label: str) -> dict:
    """Put a label on an issue. Labels must exist in the label list."""
    i = _i(key)
    if label not in LABELS:
        raise ToolError(f"Label '{label}' does not exist. Create it with create_label first.")
    i["labels"].append(label)
    return i


@mcp.tool()
def create_label(label: str) -> list[str]:
    """Create a label."""
    if label in LABELS:
        raise ToolError(f"Label {label} already exists")
    LABELS.append(label)
    return LABELS


@mcp.tool()
def list_labels() -> list[str]:
    """All labels."""
    return LABELS


@mcp.tool()
def set_estimate(key: str, points: int) -> dict:
    """Set story points (1, 2, 3, 5, 8 or 13)."""
    i = _i(key)
    if points not in (1, 2, 3, 5, 8, 13):
        raise ToolError("points must be one of 1, 2, 3, 5, 8, 13")
    i["estimate"] = points
    return i


@mcp.tool()
def list_sprints() -> list[dict]:
    """All sprints."""
    return list(SPRINTS.values())


@mcp.tool()
def add_to_sprint(sprint_id: str, key: str) -> dict:
    """Plan an issue into a sprint."""
    if sprint_id not in SPRINTS:
        raise ToolError(f"Sprint {sprint_id} not found")
    i = _i(key)
    if i["estimate"] is None:
        raise ToolError(f"{key} has no estimate. Estimate it before adding it to a sprint.")
    SPRINTS[sprint_id]["issues"].append(key)
    return SPRINTS[sprint_id]


@mcp.tool()
def start_sprint(sprint_id: str) -> dict:
    """Start a planned sprint."""
    if sprint_id not in SPRINTS:
        raise ToolError(f"Sprint {sprint_id} not found")
    active = [s["id"] for s in SPRINTS.values() if s["state"] == "active"]
    if active:
        raise ToolError(f"Sprint {active[0]} is still active. Complete it first.")
    SPRINTS[sprint_id]["state"] = "active"
    return SPRINTS[sprint_id]


@mcp.tool()
def complete_sprint(sprint_id: str) -> dict:
    """Complete the active sprint."""
    if sprint_id not in SPRINTS:
        raise ToolError(f"Sprint {sprint_id} not found")
    if SPRINTS[sprint_id]["state"] != "active":
        raise ToolError(f"Sprint {sprint_id} is not active")
    SPRINTS[sprint_id]["state"] = "done"
    return SPRINTS[sprint_id]


if __name__ == "__main__":
    mcp.run()
