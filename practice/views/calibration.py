"""Calibration: how far the validator's verdicts can be trusted."""

from __future__ import annotations

from typing import Any

from django.db.models import F
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from memoryapp.access import Right, allows, gate, membership_of, workspace_of
from memoryapp.queries.policies import gate_figures, parse_gate
from memoryapp.views.links import Chip, changed, parameter
from practice.queries import calibration as queries
from practice.queries.overrules import all_standing
from practice.views.paging import page_of

#: asks for the words of people that are not the validator's.
DISAGREE = "disagree"


@require_safe
@gate(Right.READ)
def calibration_page(request: HttpRequest) -> HttpResponse:
    workspace = workspace_of(request)
    names = ("environment", "validator")
    asked = {name: parameter(request, name) for name in names}
    spoken = all_standing(workspace, **asked)
    doubted = spoken.exclude(label=F("was"))
    is_doubted = parameter(request, "said") == DISAGREE
    said = {"": spoken.count(), DISAGREE: doubted.count()}
    context = {
        "said_chips": [
            Chip(
                word,
                said[value],
                f"{changed(request, said='' if is_doubted else value)}#words",
                is_doubted == bool(value),
                clears=is_doubted and bool(value),
            )
            for value, word in (("", "All"), (DISAGREE, "They disagree"))
        ],
        "asked": asked,
        "is_filtered": any(asked.values()),
        "environments": workspace.environments.order_by("name"),
        "validators": queries.validators(workspace),
        "judged": queries.judged(workspace, **asked).count(),
        "truth": queries.measured(queries.against_truth(workspace, **asked)),
        "people": queries.measured(queries.against_people(workspace, **asked)),
        "page": page_of(request, doubted if is_doubted else spoken),
        "playbooks": workspace.playbooks.order_by("name"),
        **_gate(request, asked),
    }
    return render(request, "practice/calibration.html", context)


def _gate(request: HttpRequest, asked: dict[str, str]) -> dict[str, Any]:
    """The gate of one playbook: what it lets through, and what another would have."""
    slug = parameter(request, "playbook")
    playbooks = workspace_of(request).playbooks.order_by("name")
    playbook = playbooks.filter(slug=slug).first() or playbooks.first()
    if playbook is None:
        return {"playbook": None}
    wanted = parse_gate(parameter(request, "gate"))
    return {
        "playbook": playbook,
        "may_write": allows(membership_of(request), Right.ADMINISTER),
        "keep": {**asked, "playbook": playbook.slug},
        "gate_url": reverse("review-policy-gate", args=[playbook.slug]),
        **gate_figures(playbook, wanted),
    }
