"""What deployed agents sent in, and how to send it."""

from __future__ import annotations

import json

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from memoryapp.access import Right, gate, membership_of, workspace_of
from memoryapp.domain.errors import UnableTo
from memoryapp.queries.facets import facet
from memoryapp.templatetags.formats import count_of
from memoryapp.views.links import chips, parameter
from practice.models import SentTrajectory
from practice.queries import traces
from practice.services import deployment
from practice.views.paging import page_of

REFUSED_SHOWN = 20
EXAMPLE = {
    "id": "conversation-8812",
    "instruction": "Refund order ORD-2025-00066.",
    "steps": [
        {
            "tool": "issue_refund",
            "arguments": {"order_id": "ORD-2025-00066", "amount": "24.50"},
            "observation": {"error": {"code": "customer_not_verified"}},
            "is_error": True,
        }
    ],
    "answer": "I could not refund the order.",
    "outcome": "failure",
    "release": "production",
}


@require_safe
@gate(Right.READ)
def sent_list(request: HttpRequest) -> HttpResponse:
    workspace = workspace_of(request)
    every = SentTrajectory.objects.filter(playbook__workspace=workspace)
    status = parameter(request, "status")
    found = every.filter(status=status) if status in SentTrajectory.Status.values else every
    rows = found.select_related("playbook", "environment", "attempt__run").order_by("-pk")
    page = page_of(request, rows)
    counts = facet(every, "status")
    is_waiting = bool(counts.get(SentTrajectory.Status.WAITING))
    context = {
        "page": page,
        "status": status,
        "is_filtered": bool(status),
        "may_review": membership_of(request).may_review,
        "chips": chips(request, "status", SentTrajectory.Status.choices, counts),
        "unjudged": counts.get(SentTrajectory.Status.UNJUDGED, 0),
        "unpriced": deployment.waiting_for_a_price(workspace) if is_waiting else [],
        "unlisted": deployment.waiting_for_tools(workspace) if is_waiting else [],
        "command": _command(request),
        "traces": traces.trace_counts(workspace),
        "refused_traces": traces.refused_traces(workspace)[:REFUSED_SHOWN],
        "exporter": _exporter(request),
    }
    return render(request, "practice/sent_list.html", context)


@require_POST
@gate(Right.REVIEW)
def judge_again(request: HttpRequest) -> HttpResponse:
    try:
        count = deployment.trajectories_judge_again(
            workspace=workspace_of(request), by=request.user
        )
        said = count_of(count, "trajectory,trajectories")
        messages.success(request, f"{said} will be judged by a new run.")
    except UnableTo as error:
        messages.error(request, str(error))
    return redirect("sent-list")


def _exporter(request: HttpRequest) -> str:
    """What an OpenTelemetry exporter wants to know, with this host and this workspace's names."""
    playbook, environment = _names(request)
    headers = [
        "Authorization=Bearer $GREENROOM_KEY",
        f"X-Greenroom-Playbook={playbook}",
        f"X-Greenroom-Environment={environment}",
    ]
    url = request.build_absolute_uri(reverse("api-agent-traces"))
    return (
        f"export OTEL_EXPORTER_OTLP_TRACES_ENDPOINT={url}\n"
        f'export OTEL_EXPORTER_OTLP_HEADERS="{",".join(headers)}"'
    )


def _names(request: HttpRequest) -> tuple[str, str]:
    """A playbook and an environment that belong together: those of the newest run."""
    workspace = workspace_of(request)
    run = workspace.runs.select_related("playbook", "environment").order_by("-pk").first()
    if run is not None:
        return run.playbook.slug, run.environment.slug
    playbook = workspace.playbooks.order_by("name").first()
    environment = workspace.environments.order_by("name").first()
    return (
        playbook.slug if playbook else "your-playbook",
        environment.slug if environment else "your-environment",
    )


def _command(request: HttpRequest) -> str:
    """A ready curl with this host and the names of this workspace."""
    playbook, environment = _names(request)
    body = {
        "playbook": playbook,
        "environment": environment,
        "trajectories": [EXAMPLE],
    }
    url = request.build_absolute_uri(reverse("api-sent-trajectory-list"))
    return "\n".join(
        [
            f"curl {url} \\",
            '  -H "Authorization: Bearer $GREENROOM_KEY" \\',
            '  -H "Content-Type: application/json" \\',
            f"  -d '{json.dumps(body, indent=1)}'",
        ]
    )
