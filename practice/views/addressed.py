"""What an address of practice names, for the pages that share it."""

from __future__ import annotations

from django.http import HttpRequest

from memoryapp.access import object_or_404, workspace_of
from practice.models import Environment


def environment_or_404(request: HttpRequest, slug: str) -> Environment:
    """The environment of the reader's workspace behind an address."""
    return object_or_404(workspace_of(request).environments.all(), slug=slug)
