"""Members of the workspace and their roles."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from memoryapp.access import Right, gate, membership_of, object_or_404, workspace_of
from memoryapp.domain.errors import UnableTo
from memoryapp.forms import MemberForm, RoleForm, first_error
from memoryapp.models import Membership, Role
from memoryapp.services.members import member_change_role, member_create, member_remove
from memoryapp.views.settings_tabs import settings_tabs


@require_safe
@gate(Right.READ)
def member_list(request: HttpRequest) -> HttpResponse:
    return _page(request, MemberForm())


@require_POST
@never_cache
@gate(Right.ADMINISTER)
def create(request: HttpRequest) -> HttpResponse:
    """Add a member; a generated password is shown in the answer itself and kept nowhere."""
    form = MemberForm(request.POST)
    if not form.is_valid():
        return _page(request, form, status=422)
    try:
        membership, password = member_create(
            workspace=workspace_of(request), by=request.user, **form.cleaned_data
        )
    except UnableTo as error:
        form.add_error("username", str(error))
        return _page(request, form, status=error.status)
    username = membership.user.get_username()
    if password is None:
        messages.success(request, f"{username} is a member now and signs in as before.")
        return redirect("member-list")
    return _page(request, MemberForm(), new_password={"username": username, "text": password})


@require_POST
@gate(Right.ADMINISTER)
def role(request: HttpRequest, pk: int) -> HttpResponse:
    membership = _membership(request, pk)
    form = RoleForm(request.POST)
    if not form.is_valid():
        messages.error(request, f"{first_error(form)} The role is as it was.")
        return redirect("member-list")
    try:
        member_change_role(membership=membership, role=form.cleaned_data["role"], by=request.user)
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
    try:
        member_remove(membership=membership, by=request.user)
    except UnableTo as error:
        messages.error(request, str(error))
    else:
        name = membership.user.get_username()
        messages.success(request, f"{name} is no member any more. What they decided stays.")
    return redirect("member-list")


def _membership(request: HttpRequest, pk: int) -> Membership:
    found = Membership.objects.filter(workspace=workspace_of(request))
    return object_or_404(found.select_related("user", "workspace"), pk=pk)


def _page(request: HttpRequest, form: MemberForm, status: int = 200, **shown: Any) -> HttpResponse:
    me = membership_of(request)
    rows = me.workspace.memberships.select_related("user").order_by("user__username")
    context = {
        "members": [
            {
                "membership": row,
                "role_url": reverse("member-role", args=[row.pk]),
                "remove_url": reverse("member-remove", args=[row.pk]),
                "is_you": row.pk == me.pk,
            }
            for row in rows
        ],
        "roles": Role.choices,
        "form": form,
        "create_url": reverse("member-create"),
        "may_administer": me.may_administer,
        "settings_tabs": settings_tabs(request),
        **shown,
    }
    return render(request, "memoryapp/settings_members.html", context, status=status)
