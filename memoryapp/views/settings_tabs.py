"""The tabs that the pages under Settings share."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from memoryapp.access import Right, allows, membership_of

#: The page of another app is named, not imported. Each with the right that opens it.
TABS = (
    ("API keys", "key-list", Right.READ),
    ("Members", "member-list", Right.READ),
    ("Workspace", "workspace", Right.READ),
    ("Models", "price-list", Right.READ),
    ("Webhooks", "webhook-list", Right.READ),
    ("Redaction", "redaction", Right.ADMINISTER),
    ("Retention", "retention", Right.READ),
    ("Export", "export-list", Right.ADMINISTER),
    ("Audit log", "audit-list", Right.READ),
)


def settings_tabs(request: HttpRequest) -> list[dict[str, Any]]:
    """Every tab the reader may open, with its address; the one they are in is marked."""
    reader = membership_of(request)
    urls = [(label, reverse(name)) for label, name, right in TABS if allows(reader, right)]
    return [
        {"label": label, "url": url, "current": request.path.startswith(url)} for label, url in urls
    ]
