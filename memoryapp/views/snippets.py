"""Ready commands for agents, with the host the reader sees."""

from __future__ import annotations

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


def pull_python(request: HttpRequest, slug: str, *, label: str = "production") -> str:
    """The same in Python, with the standard library alone."""
    return "\n".join(
        [
            "import os",
            "import urllib.request",
            "",
            "request = urllib.request.Request(",
            f'    "{pull_url(request, slug, label, "md")}",',
            '    headers={"Authorization": f"Bearer {os.environ[\'GREENROOM_KEY\']}"},',
            ")",
            "with urllib.request.urlopen(request, timeout=10) as answer:",
            "    playbook = answer.read().decode()",
        ]
    )
