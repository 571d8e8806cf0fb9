"""The review policy of a playbook: what stands, what another gate would have changed, history."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_http_methods, require_POST

from memoryapp.access import Right, allows, gate, membership_of
from memoryapp.domain.errors import ChangedMeanwhile, UnableTo
from memoryapp.domain.review import Policy
from memoryapp.forms import first_error
from memoryapp.models import Playbook
from memoryapp.queries import policies as policy_queries
from memoryapp.queries.meanwhile import meanwhile
from memoryapp.services.policies import gate_move, policy_change, policy_of
from memoryapp.views.links import parameter
from memoryapp.views.playbooks import playbook_or_404
from memoryapp.views.policy_forms import GateForm, PolicyForm
from memoryapp.views.review_queue import ReviewFilter


@require_http_methods(["GET", "HEAD", "POST"])
@gate(Right.READ)
def policy(request: HttpRequest, slug: str) -> HttpResponse:
    """Anybody may read it; admins write the next one."""
    playbook = playbook_or_404(request, slug)
    if request.method != "POST":
        return _page(request, playbook)
    if not allows(membership_of(request), Right.ADMINISTER):
        messages.error(request, "Only admins change a review policy. Nothing was changed.")
        return redirect("review-policy", slug=slug)
    form = PolicyForm(request.POST)
    if not form.is_valid():
        return _page(request, playbook, form, status=422)
    try:
        row = policy_change(
            playbook=playbook,
            to=form.policy(),
            reason=form.cleaned_data["reason"],
            seen=form.cleaned_data["seen"],
            by=request.user,
        )
    except ChangedMeanwhile as refusal:
        playbook, stands = _now(request, slug)
        found = meanwhile(playbook.workspace, playbook, stands.facts(), form.cleaned_data["seen"])
        again = form.again(found)
        return _page(request, playbook, again, status=refusal.status, meanwhile=found)
    except UnableTo as error:
        form.add_error(None, str(error))
        return _page(request, playbook, form, status=error.status)
    messages.success(request, f"{row} stands now.")
    return redirect("review-policy", slug=slug)


@require_POST
@gate(Right.ADMINISTER)
def gate_change(request: HttpRequest, slug: str) -> HttpResponse:
    """Move only the confidence from which nobody is asked; the rest of the policy stays."""
    playbook = playbook_or_404(request, slug)
    back = request.POST.get("back", "")
    if not url_has_allowed_host_and_scheme(back, allowed_hosts={request.get_host()}):
        back = reverse("review-policy", args=[slug])
    form = GateForm(request.POST)
    if not form.is_valid():
        messages.error(request, f"{first_error(form)} The gate is where it was.")
        return redirect(back)
    said = form.cleaned_data
    try:
        row = gate_move(playbook=playbook, by=request.user, **said)
    except ChangedMeanwhile as refusal:
        playbook, stands = _now(request, slug)
        found = meanwhile(playbook.workspace, playbook, stands.gate(), said["seen"])
        return _page(
            request,
            playbook,
            wanted=said["admit_from"],
            status=refusal.status,
            meanwhile=found,
            gate_reason=said["reason"],
            back=back,
        )
    except UnableTo as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"The gate moved: {row} of {playbook.name} stands now.")
    return redirect(back)


def _now(request: HttpRequest, slug: str) -> tuple[Playbook, Policy]:
    """The playbook and its policy read anew, as somebody else left them."""
    playbook = playbook_or_404(request, slug)
    return playbook, policy_of(playbook)


def _page(
    request: HttpRequest,
    playbook: Playbook,
    form: PolicyForm | None = None,
    *,
    wanted: float | None = None,
    status: int = 200,
    **more: Any,
) -> HttpResponse:
    standing = policy_of(playbook)
    wanted = wanted or policy_queries.parse_gate(parameter(request, "gate"))
    context = {
        "playbook": playbook,
        "form": form or PolicyForm.showing(standing.facts()),
        "may_write": allows(membership_of(request), Right.ADMINISTER),
        "history": playbook.review_policies.select_related("created_by"),
        "audits": policy_queries.audits(playbook),
        "admitted": policy_queries.admitted_alone(playbook),
        "audits_url": ReviewFilter(playbook=playbook.slug, status="approved", audit="due").url(),
        "upheld_url": ReviewFilter(playbook=playbook.slug, status="all", audit="upheld").url(),
        "overturned_url": ReviewFilter(
            playbook=playbook.slug, status="all", audit="overturned"
        ).url(),
        "needed": standing.needed(playbook.label_names),
        "gate_url": reverse("review-policy-gate", args=[playbook.slug]),
        **policy_queries.gate_figures(playbook, wanted),
        **more,
    }
    return render(request, "memoryapp/review_policy.html", context, status=status)
