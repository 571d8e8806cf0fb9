"""How far review is: per playbook, and what each reviewer decided."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from memoryapp.access import Right, gate, workspace_of
from memoryapp.queries import desks
from memoryapp.views.review_queue import ReviewFilter


@require_safe
@gate(Right.READ)
def progress(request: HttpRequest) -> HttpResponse:
    workspace = workspace_of(request)
    people = desks.by_person(workspace)
    context = {
        "playbooks": [
            {
                "row": row,
                "url": ReviewFilter(playbook=row.playbook.slug).url(),
                "counts": [
                    (count, ReviewFilter(playbook=row.playbook.slug, status=status).url())
                    for count, status in (
                        (row.waiting, "pending"),
                        (row.approved, "approved"),
                        (row.rejected, "rejected"),
                    )
                ],
                "policy_url": reverse("review-policy", args=[row.playbook.slug]),
            }
            for row in desks.by_playbook(workspace)
        ],
        "people": [
            {"row": row, "url": ReviewFilter(assigned=row.user.get_username()).url()}
            for row in people
        ],
    }
    return render(request, "memoryapp/review_progress.html", context)
