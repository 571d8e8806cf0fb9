"""Memory: every bullet of every playbook, searched and filtered."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from memoryapp.access import Right, gate, workspace_of
from memoryapp.models import Bullet
from memoryapp.queries import entries as entry_queries
from memoryapp.queries.facets import facet
from memoryapp.views.links import changed, chips, page_of, parameter

FILTERS = ("status", "playbook", "section", "q")


@require_safe
@gate(Right.READ)
def entry_list(request: HttpRequest) -> HttpResponse:
    workspace = workspace_of(request)
    asked = {name: parameter(request, name) for name in FILTERS}

    def found(**changes: str) -> QuerySet[Bullet]:
        return entry_queries.entries(workspace, **asked | changes)

    page = page_of(request, found())
    shown: list[Any] = list(page.object_list)
    counts = entry_queries.evidence_counts(shown)
    for bullet in shown:
        bullet.evidence_count = counts.get(bullet.pk, 0)
    sections = facet(found(section=""), "section")
    context = {
        **asked,
        "page_obj": page,
        "total": entry_queries.entries(workspace).count(),
        "filters": chips(
            request,
            "status",
            Bullet.Status.choices,
            facet(found(status=""), "status"),
        ),
        "sections": [
            {
                "name": name,
                "count": count,
                "url": changed(request, section="" if name == asked["section"] else name),
                "pressed": name == asked["section"],
            }
            for name, count in sorted(sections.items())
        ],
        "playbooks": [
            {"playbook": playbook, "pressed": playbook.slug == asked["playbook"]}
            for playbook in workspace.playbooks.order_by("name")
        ],
        "clear_url": request.path,
    }
    return render(request, "memoryapp/entry_list.html", context)
