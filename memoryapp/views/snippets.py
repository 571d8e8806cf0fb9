"""Ready commands for agents, with the host the reader sees."""

from __future__ import annotations

import json

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse


def pull_url(request: HttpRequest, slug: str, label: str, form: str) -> str:
    """The full address an agent pulls a playbook from."""
    path = reverse("api-playbook-pull", args=[slug])
    return request.build_absolute_uri(f"{path}?label={label}&format={form}")


def pull_command(
    request: HttpRequest, slug: str, *, label: str = "production", key: str = "$GREENROOM_KEY"
) -> str:
    """A curl command that prints the playbook as Markdown."""
    url = pull_url(request, slug, label, "md")
    return f'curl -H "Authorization: Bearer {key}" \\\n  "{url}"'


def search_command(request: HttpRequest, slug: str) -> str:
    """A curl command that searches a playbook and keeps a trace of what was found."""
    url = request.build_absolute_uri(reverse("api-playbook-retrieve", args=[slug]))
    asked = json.dumps({"query": "customer wants money back", "trace": True})
    return (
        'curl -H "Authorization: Bearer $GREENROOM_KEY" -H "Content-Type: application/json" \\\n'
        f"  -d '{asked}' \\\n  \"{url}\""
    )


def report_command(request: HttpRequest, release: int, bullet: str) -> str:
    """A curl command that says how a task went with a release, and of one bullet that it helped."""
    url = request.build_absolute_uri(reverse("api-feedback"))
    told = json.dumps(
        {
            "release": release,
            "task": "my name for the task",
            "outcome": "success",
            "bullets": [{"id": bullet, "vote": "helpful"}],
        }
    )
    return (
        'curl -H "Authorization: Bearer $GREENROOM_KEY" -H "Content-Type: application/json" \\\n'
        f"  -d '{told}' \\\n  \"{url}\""
    )


def pull_python(request: HttpRequest, slug: str, *, label: str = "production") -> str:
    """The same in Python, with copies for when the server is away, and a report at the end."""
    url = request.build_absolute_uri("/").rstrip("/")
    at = "" if label == "production" else f', label="{label}"'
    return "\n".join(
        [
            "# pip install ./clients/python",
            "from greenroom_client import Greenroom",
            "",
            f'memory = Greenroom("{url}", agent="my-agent")  # key: GREENROOM_KEY',
            f'playbook = memory.pull("{slug}"{at})',
            "print(playbook.text)  # into your system prompt",
            'memory.report(playbook.receipt, outcome="success", task="my name for the task")',
        ]
    )


def mcp_client(request: HttpRequest) -> str:
    """What most MCP clients want to know of a server."""
    headers = {"Authorization": "Bearer gr_…"}
    server = {"type": "http", "url": mcp_url(request), "headers": headers}
    return json.dumps({"mcpServers": {"greenroom": server}}, indent=2, ensure_ascii=False)


def mcp_url(request: HttpRequest) -> str:
    """Where MCP is served: below the public address, or on its own port of this host."""
    if settings.PUBLIC_URL:
        return f"{settings.PUBLIC_URL}/mcp"
    host = request.get_host()
    name = host.rpartition(":")[0] if ":" in host and not host.endswith("]") else host
    return f"{request.scheme}://{name}:{settings.MCP_PORT}/mcp"
