"""What an address of practice names, for the pages that share it."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from memoryapp.access import object_or_404, workspace_of
from memoryapp.domain.errors import UnableTo, UnableToFind
from practice.models import Environment, Replay, TelemetrySource


def environment_or_404(request: HttpRequest, slug: str) -> Environment:
    """The environment of the reader's workspace behind an address."""
    return object_or_404(workspace_of(request).environments.all(), slug=slug)


def back(refusal: UnableTo, page: TelemetrySource | Replay, listed: str) -> HttpResponse:
    """Lead back to the page that was acted on, or to the list where that page is gone."""
    return redirect(listed if isinstance(refusal, UnableToFind) else page)
