"""Members of the workspace, their roles, and invitations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from memoryapp.access import Right, gate, membership_of, object_or_404, workspace_of
from memoryapp.domain.errors import ChangedMeanwhile, UnableTo
from memoryapp.forms import InvitationForm, RoleForm, first_error
from memoryapp.models import Invitation, Membership, Role
from memoryapp.queries.meanwhile import meanwhile
from memoryapp.queries.members import ways_in
from memoryapp.services.invitations import invitation_create, invitation_revoke
from memoryapp.services.members import member_change_role, member_remove, role_of
from memoryapp.views.settings_tabs import settings_tabs


@require_safe
@gate(Right.READ)
def member_list(request: HttpRequest) -> HttpResponse:
    return _page(request, InvitationForm())


@require_POST
@never_cache
@gate(Right.ADMINISTER)
def invite(request: HttpRequest) -> HttpResponse:
    """Make an invitation; its link is shown in the answer itself and kept nowhere."""
    form = InvitationForm(request.POST)
    if not form.is_valid():
        return _page(request, form, status=422)
    invitation, token = invitation_create(
        workspace=workspace_of(request),
        role=form.cleaned_data["role"],
        for_whom=form.cleaned_data["for_whom"],
        valid_for=form.valid_for(),
        by=request.user,
    )
    link = request.build_absolute_uri(reverse("join-link", args=[token]))
    return _page(request, InvitationForm(), new_link={"invitation": invitation, "text": link})


@require_POST
@gate(Right.ADMINISTER)
def revoke(request: HttpRequest, pk: int) -> HttpResponse:
    found = Invitation.objects.filter(workspace=workspace_of(request))
    invitation = object_or_404(found.select_related("workspace"), pk=pk)
    try:
        invitation_revoke(invitation=invitation, by=request.user)
    except UnableTo as error:
        messages.error(request, str(error))
    else:
        messages.success(request, "The invitation is revoked. Its link no longer works.")
    return redirect("member-list")


@require_POST
@gate(Right.ADMINISTER)
def role(request: HttpRequest, pk: int) -> HttpResponse:
    membership = _membership(request, pk)
    form = RoleForm(request.POST)
    if not form.is_valid():
        messages.error(request, f"{first_error(form)} The role is as it was.")
        return redirect("member-list")
    try:
        membership = member_change_role(membership=membership, by=request.user, **form.cleaned_data)
    except ChangedMeanwhile as refusal:
        membership = _membership(request, pk)
        stands, seen = role_of(membership), form.cleaned_data["seen"]
        found = meanwhile(membership.workspace, membership.user, stands, seen)
        again = form.again(found)
        return _page(
            request,
            InvitationForm(),
            status=refusal.status,
            meanwhile=found,
            meanwhile_of=f"Role of {membership.user.get_username()}",
            roles_typed={membership.pk: again},
        )
    except UnableTo as error:
        messages.error(request, str(error))
    else:
        said = membership.get_role_display().lower()
        messages.success(request, f"{membership.user.get_username()} is {said} now.")
    return redirect("member-list")


@require_POST
@gate(Right.ADMINISTER)
def remove(request: HttpRequest, pk: int) -> HttpResponse:
    membership = _membership(request, pk)
    keys = membership.workspace.api_keys.usable(timezone.now()).filter(created_by=membership.user)
    lost = list(keys.values_list("name", flat=True))
    try:
        member_remove(membership=membership, by=request.user)
    except UnableTo as error:
        messages.error(request, str(error))
    else:
        name = membership.user.get_username()
        messages.success(request, f"{name} is no longer a member. What they decided stays.")
        if lost:
            messages.warning(
                request,
                f"API keys they made are refused from now on: {', '.join(lost[:5])}"
                f"{f' and {len(lost) - 5} more' if len(lost) > 5 else ''}. Make new ones.",
            )
    return redirect("member-list")


def _membership(request: HttpRequest, pk: int) -> Membership:
    found = Membership.objects.filter(workspace=workspace_of(request))
    return object_or_404(found.select_related("user", "workspace"), pk=pk)


def _page(
    request: HttpRequest,
    form: InvitationForm,
    status: int = 200,
    roles_typed: Mapping[int, RoleForm] | None = None,
    **shown: Any,
) -> HttpResponse:
    typed = roles_typed or {}
    me = membership_of(request)
    rows = list(me.workspace.memberships.select_related("user").order_by("user__username"))
    # Who has no second factor is nobody's business but theirs who can ask for one.
    ways = ways_in([row.user for row in rows]) if me.may_administer else {}
    invitations = Invitation.objects.filter(workspace=me.workspace).open(timezone.now())
    context = {
        "members": [
            {
                "membership": row,
                "role": typed.get(row.pk) or RoleForm.showing(role_of(row)),
                "role_url": reverse("member-role", args=[row.pk]),
                "remove_url": reverse("member-remove", args=[row.pk]),
                "is_you": row.pk == me.pk,
                "ways_in": ways.get(row.user.pk),
            }
            for row in rows
        ],
        "invitations": invitations.select_related("created_by") if me.may_administer else [],
        "roles": Role.choices,
        "form": form,
        "invite_url": reverse("member-invite"),
        "may_administer": me.may_administer,
        "settings_tabs": settings_tabs(request),
        **shown,
    }
    return render(request, "memoryapp/settings_members.html", context, status=status)
