"""The workspace: its name, the reader's other ones, making another, and deleting it."""

from __future__ import annotations

from django import forms
from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from memoryapp.access import SESSION_KEY, Right, gate, membership_of, memberships_of
from memoryapp.domain.errors import ChangedMeanwhile, UnableTo
from memoryapp.forms import SeenForm
from memoryapp.queries.meanwhile import Meanwhile, meanwhile
from memoryapp.services.workspaces import (
    NAME_CHARS,
    name_of,
    workspace_create,
    workspace_rename,
)
from memoryapp.views.settings_tabs import settings_tabs
from practice.services.removal import workspace_delete
from practice.services.sample_incidents import sample_incident_load
from practice.services.samples import sample_load


class NameForm(SeenForm):
    """What ``services.workspaces.name_of`` says."""

    name = forms.CharField(max_length=NAME_CHARS)


class WorkspaceForm(forms.Form):
    name = forms.CharField(max_length=NAME_CHARS, help_text="For example a team, or a product.")
    with_sample = forms.BooleanField(
        required=False, initial=True, label="With the sample help desk and its incident"
    )


class DeleteForm(forms.Form):
    confirmed = forms.CharField(
        max_length=NAME_CHARS,
        label="Its short name, to be sure",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )


@require_safe
@gate(Right.READ)
def workspace(request: HttpRequest) -> HttpResponse:
    return _page(request)


@require_POST
@gate(Right.ADMINISTER)
def rename(request: HttpRequest) -> HttpResponse:
    form = NameForm(request.POST)
    if not form.is_valid():
        return _page(request, renaming=form, status=422)
    mine = membership_of(request).workspace
    try:
        workspace_rename(workspace=mine, by=request.user, **form.cleaned_data)
    except ChangedMeanwhile as refusal:
        mine.refresh_from_db(fields=["name"])
        found = meanwhile(mine, mine, name_of(mine), form.cleaned_data["seen"])
        again = form.again(found)
        return _page(request, renaming=again, status=refusal.status, meanwhile=found)
    except UnableTo as error:
        form.add_error("name", str(error))
        return _page(request, renaming=form, status=error.status)
    messages.success(request, f"The workspace is called {mine.name} now.")
    return redirect("workspace")


@require_POST
@gate(Right.ADMINISTER)
def create(request: HttpRequest) -> HttpResponse:
    """Make a workspace and go there. Nothing of this one is in it, nor anybody else."""
    form = WorkspaceForm(request.POST, auto_id="new_%s")
    if not form.is_valid():
        return _page(request, making=form, status=422)
    try:
        with transaction.atomic():
            made = workspace_create(name=form.cleaned_data["name"], by=request.user)
            if form.cleaned_data["with_sample"]:
                sample_load(workspace=made)
                sample_incident_load(workspace=made)
    except UnableTo as error:
        form.add_error("name", str(error))
        return _page(request, making=form, status=error.status)
    request.session[SESSION_KEY] = made.slug
    messages.success(request, f"{made.name} is ready, and you are in it now. Invite the others.")
    return redirect("overview")


@require_POST
@gate(Right.ADMINISTER)
def delete(request: HttpRequest) -> HttpResponse:
    """Delete the workspace, for good, once its short name was written."""
    gone = membership_of(request).workspace
    form = DeleteForm(request.POST, auto_id="delete_%s")
    if not form.is_valid():
        return _page(request, deleting=form, status=422)
    try:
        workspace_delete(workspace=gone, confirmed=form.cleaned_data["confirmed"], by=request.user)
    except UnableTo as error:
        form.add_error("confirmed", str(error))
        return _page(request, deleting=form, status=error.status)
    request.session.pop(SESSION_KEY, None)
    messages.success(request, f"{gone.name} is deleted. Its rows go within minutes or hours.")
    return redirect("overview")


def _page(
    request: HttpRequest,
    *,
    renaming: NameForm | None = None,
    making: WorkspaceForm | None = None,
    deleting: DeleteForm | None = None,
    status: int = 200,
    meanwhile: Meanwhile | None = None,
) -> HttpResponse:
    me = membership_of(request)
    context = {
        "may_administer": me.may_administer,
        "meanwhile": meanwhile,
        "renaming": renaming or NameForm.showing(name_of(me.workspace)),
        # Two fields of the page are called name.
        "deleting": deleting or DeleteForm(auto_id="delete_%s"),
        "making": making or WorkspaceForm(auto_id="new_%s"),
        "mine": sorted(memberships_of(request), key=lambda each: each.workspace.name.lower()),
        "settings_tabs": settings_tabs(request),
    }
    return render(request, "practice/workspace.html", context, status=status)
