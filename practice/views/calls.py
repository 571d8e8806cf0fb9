"""What was said to models: every call by filter, and one call in full."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from memoryapp.access import Right, gate, object_or_404, workspace_of
from memoryapp.queries.facets import facet
from memoryapp.views.links import chips
from practice.models import ModelCall
from practice.queries.calls import STATUSES, CallFilter, conversation, status_counts
from practice.services.prompts import ROLES
from practice.views.paging import page_of

SPEAKERS = {
    "system": "Instructions",
    "user": "Message",
    "tool": "Tool result",
    "assistant": "Reply",
    "tools": "Tools offered",
}


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a conversation, laid out. ``is_long`` parts are folded."""

    title: str
    name: str
    text: str
    is_long: bool


@require_safe
@gate(Right.READ)
def call_list(request: HttpRequest) -> HttpResponse:
    workspace = workspace_of(request)
    asked = CallFilter.from_query(request.GET)
    found = asked.apply(workspace)
    page = page_of(request, found)
    of_any_status = asked.changed(status="").apply(workspace)
    all_calls = ModelCall.objects.filter(workspace=workspace)
    context = {
        "page": page,
        "rows": [(call, role_name(call.role)) for call in page.object_list],
        "asked": asked,
        "is_filtered": bool(asked.as_query()),
        "chips": chips(request, "status", STATUSES, status_counts(of_any_status)),
        "roles": [
            (role, role_name(role))
            for role in facet(asked.changed(role="").apply(workspace), "role")
        ],
        "models": all_calls.order_by("model").values_list("model", flat=True).distinct(),
        "runs": workspace.runs.filter(engine="model").defer("plan").order_by("-number"),
    }
    return render(request, "practice/call_list.html", context)


@require_safe
@gate(Right.READ)
def call_detail(request: HttpRequest, pk: int) -> HttpResponse:
    rows = ModelCall.objects.filter(workspace=workspace_of(request)).select_related(
        "run", "unit", "attempt__task", "trial__environment"
    )
    call = object_or_404(rows, pk=pk)
    new = [part for part in call.request if part.get("role") != "earlier"]
    context = {
        "call": call,
        "role": role_name(call.role),
        "earlier": laid_out(conversation(call)),
        "request_parts": laid_out(new),
        "reply_parts": laid_out(call.reply),
    }
    return render(request, "practice/call_detail.html", context)


def role_name(role: str) -> str:
    return ROLES.get(role, role.title())


LONG = 1_600


def laid_out(parts: Sequence[Mapping[str, Any]]) -> list[Part]:
    """The parts of a conversation as people read them; raw JSON is shown beside them."""
    return [_part(part) for part in parts]


def _part(part: Mapping[str, Any]) -> Part:
    title = SPEAKERS.get(str(part.get("role", "")), "Part")
    name = str(part.get("name", ""))
    if "call" in part:
        title, name, text = "Tool call", str(part["call"]), _pretty(part.get("arguments"))
    elif "thinking" in part:
        title, text = "Reasoning", str(part["thinking"])
    elif "names" in part:
        text = ", ".join(str(name) for name in part["names"])
    else:
        text = str(part.get("content", ""))
    return Part(title, name, text, len(text) > LONG)


def _pretty(arguments: Any) -> str:
    """Arguments with indents; text that is not JSON as the model wrote it."""
    if isinstance(arguments, str):
        try:
            arguments = json.loads(arguments)
        except ValueError:
            return str(arguments)
    return json.dumps(arguments, indent=2, ensure_ascii=False)
