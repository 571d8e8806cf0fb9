"""Coverage: what has been practised of each tool, gaps first."""

from __future__ import annotations

from collections.abc import Sequence

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from memoryapp.access import Right, gate, membership_of, workspace_of
from memoryapp.queries.origins import COUNTED, Cited, candidates_by_tool
from memoryapp.views.bullets import TOOLS_IN_FOCUS
from memoryapp.views.links import Chip, changed, parameter, with_query
from practice.models import Environment, Steering
from practice.queries.environments import NEVER, PULLS_DAYS, environments, tool_lines


def _start_url(environment: Environment, never: Sequence[str]) -> str:
    """A run that begins with what was never practised, but for what is to be left alone."""
    standing = environment.steering.standing() if never else environment.steering.none()
    avoided = set(standing.filter(kind=Steering.Kind.AVOID).values_list("tool", flat=True))
    focus = [name for name in never if name not in avoided][:TOOLS_IN_FOCUS]
    asked = {"environment": environment.slug, "focus": ",".join(focus)}
    return with_query(reverse("run-start"), asked)


@require_safe
@gate(Right.READ)
def coverage_page(request: HttpRequest) -> HttpResponse:
    workspace = workspace_of(request)
    known = list(environments(workspace))
    slug = parameter(request, "environment")
    shown = next((e for e in known if e.slug == slug), known[0] if known else None)
    cited = candidates_by_tool(workspace, shown.name) if shown else Cited({}, is_exact=True)
    lines = tool_lines(shown, cited) if shown else []
    never = [line.tool.name for line in lines if line.reason == NEVER]
    context = {
        "environment": shown,
        "chips": [
            Chip(e.name, None, changed(request, environment=e.slug), pressed=e is shown)
            for e in known
        ],
        "lines": lines,
        "gaps": sum(line.is_gap for line in lines),
        "never": never,
        "start_url": _start_url(shown, never) if shown else "",
        "practised": sum(bool(line.practised) for line in lines),
        "most_tasks": max((line.practised for line in lines), default=0),
        "most_proposed": max((line.waiting + line.approved for line in lines), default=0),
        "most_pulls": max((line.pulls for line in lines), default=0),
        "pulls_days": PULLS_DAYS,
        "cited_limit": 0 if cited.is_exact else COUNTED,
        "may_review": membership_of(request).may_review,
        "may_edit": membership_of(request).may_edit,
    }
    return render(request, "practice/coverage.html", context)
