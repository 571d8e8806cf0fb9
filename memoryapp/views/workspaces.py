"""Going from one workspace to another."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from memoryapp.access import SESSION_KEY, Right, gate, membership_of, object_or_404
from memoryapp.models import Workspace
from memoryapp.views.links import posted


@require_POST
@gate(Right.READ)
def switch(request: HttpRequest) -> HttpResponse:
    """Work in another workspace the reader belongs to, from now on."""
    mine = Workspace.objects.filter(memberships__user=membership_of(request).user_id)
    workspace = object_or_404(mine, slug=posted(request, "workspace"))
    request.session[SESSION_KEY] = workspace.slug
    messages.success(request, f"You are in {workspace.name} now.")
    return redirect("overview")
