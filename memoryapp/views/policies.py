"""The review policy of a playbook: what stands, what another gate would have changed, history."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_http_methods, require_POST

from memoryapp.access import Right, allows, gate, membership_of
from memoryapp.domain.errors import UnableTo
from memoryapp.domain.review import Policy
from memoryapp.forms import GateForm, PolicyForm, first_error
from memoryapp.queries import policies as policy_queries
from memoryapp.services.policies import policy_change, policy_of
from memoryapp.views.links import parameter
from memoryapp.views.playbooks import playbook_or_404
from memoryapp.views.review_queue import ReviewFilter


@require_http_methods(["GET", "HEAD", "POST"])
@gate(Right.READ)
def policy(request: HttpRequest, slug: str) -> HttpResponse:
    """Anybody may read it; admins write the next one."""
    playbook = playbook_or_404(request, slug)
    may_write = allows(membership_of(request), Right.ADMINISTER)
    standing = policy_of(playbook)
    status = 200
    if request.method == "POST":
        if not may_write:
            messages.error(request, "Only admins change a review policy. Nothing was changed.")
            return redirect("review-policy", slug=slug)
        form = PolicyForm(request.POST)
        if form.is_valid():
            try:
                row = policy_change(
                    playbook=playbook,
                    to=form.policy(),
                    reason=form.cleaned_data["reason"],
                    by=request.user,
                )
            except UnableTo as error:
                form.add_error(None, str(error))
                status = error.status
            else:
                messages.success(request, f"{row} stands now.")
                return redirect("review-policy", slug=slug)
        else:
            status = 422
    else:
        form = PolicyForm(initial=PolicyForm.initial_of(standing))
    context = {
        "playbook": playbook,
        "form": form,
        "may_write": may_write,
        "history": playbook.review_policies.select_related("created_by"),
        "audits": policy_queries.audits(playbook),
        "admitted": policy_queries.admitted_alone(playbook),
        "audits_url": ReviewFilter(playbook=slug, status="approved", audit="due").url(),
        "needed": standing.needed(playbook.label_names),
        "gate_url": reverse("review-policy-gate", args=[slug]),
        **policy_queries.gate_figures(
            playbook, policy_queries.parse_gate(parameter(request, "gate"))
        ),
    }
    return render(request, "memoryapp/review_policy.html", context, status=status)


@require_POST
@gate(Right.ADMINISTER)
def gate_move(request: HttpRequest, slug: str) -> HttpResponse:
    """Move only the confidence from which nobody is asked; the rest of the policy stays."""
    playbook = playbook_or_404(request, slug)
    form = GateForm(request.POST)
    if not form.is_valid():
        messages.error(request, f"{first_error(form)} The gate is where it was.")
    else:
        standing = policy_of(playbook)
        try:
            row = policy_change(
                playbook=playbook,
                to=_with_gate(standing, form.cleaned_data["admit_from"]),
                reason=form.cleaned_data["reason"],
                by=request.user,
            )
        except UnableTo as error:
            messages.error(request, str(error))
        else:
            messages.success(request, f"The gate moved: {row} of {playbook.name} stands now.")
    back = request.POST.get("back", "")
    if not url_has_allowed_host_and_scheme(back, allowed_hosts={request.get_host()}):
        back = reverse("review-policy", args=[slug])
    return redirect(back)


def _with_gate(standing: Policy, admit_from: float | None) -> Policy:
    return Policy(
        reviewers=standing.reviewers,
        protected_labels=standing.protected_labels,
        protected_reviewers=standing.protected_reviewers,
        admit_from=admit_from,
        audit_share=standing.audit_share,
        blind_share=standing.blind_share,
    )
