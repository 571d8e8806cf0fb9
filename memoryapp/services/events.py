"""Writing the audit log: rows for jobs of other apps, and texts as rows keep them."""

from __future__ import annotations

from typing import Any

from django.db import models

from memoryapp.models import Bullet, Event

#: Longer texts are cut in the log; the whole text is in the bullet's revisions.
SAID_CHARS = 1_000


def event_record(
    *, workspace: Any, actor: Any, kind: str, subject: models.Model, **data: Any
) -> Event:
    """Write one audit row in the caller's transaction."""
    return Event.objects.record(
        workspace=workspace, actor=actor, kind=kind, subject=subject, **data
    )


def bullet_said(bullet: Bullet) -> dict[str, Any]:
    """A bullet as the log keeps it, where no revision is named."""
    return {"status": str(bullet.status), "text": said(bullet.content)}


def said(text: str) -> str:
    """A text as the log keeps it."""
    return text if len(text) <= SAID_CHARS else f"{text[:SAID_CHARS]}…"
