"""The tabs that the pages under Settings share."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.urls import reverse

#: The page of another app is named, not imported.
TABS = (
    ("API keys", "key-list"),
    ("Members", "member-list"),
    ("Workspace", "workspace"),
    ("Models", "price-list"),
    ("Webhooks", "webhook-list"),
    ("Redaction", "redaction"),
    ("Retention", "retention"),
    ("Export", "export-list"),
    ("Audit log", "audit-list"),
)


def settings_tabs(request: HttpRequest) -> list[dict[str, Any]]:
    """Every tab with its address; the one the reader is in is marked."""
    urls = [(label, reverse(name)) for label, name in TABS]
    return [
        {"label": label, "url": url, "current": request.path.startswith(url)} for label, url in urls
    ]
