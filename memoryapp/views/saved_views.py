"""Views somebody keeps of a list: saving one, forgetting one, showing them."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from memoryapp.access import Right, gate, membership_of, object_or_404
from memoryapp.domain.errors import UnableTo
from memoryapp.models import SavedView
from memoryapp.services.saved_views import PAGES, view_delete, view_save
from memoryapp.views.links import posted


@require_POST
@gate(Right.READ)
def save(request: HttpRequest) -> HttpResponse:
    """Keep the filter the page was asked with. Who only views keeps it for themselves."""
    membership = membership_of(request)
    given = {name: posted(request, name) for name in ("page", "name", "query")}
    shared = membership.may_review and request.POST.get("shared") == "yes"
    page = given["page"] if given["page"] in PAGES else PAGES[0]
    try:
        view = view_save(workspace=membership.workspace, is_shared=shared, by=request.user, **given)
    except UnableTo as error:
        messages.error(request, str(error))
    else:
        who = "everybody in the workspace sees it" if shared else "only you see it"
        messages.success(request, f"The view {view.name} is kept; {who}.")
    query = given["query"].lstrip("?")
    return redirect(f"{reverse(page)}?{query}" if query else reverse(page))


@require_POST
@gate(Right.READ)
def delete(request: HttpRequest, pk: int) -> HttpResponse:
    """Forget a view of one's own; admins may forget any."""
    membership = membership_of(request)
    found = SavedView.objects.filter(workspace=membership.workspace)
    if not membership.may_administer:
        found = found.filter(owner__pk=request.user.pk or 0)
    view = object_or_404(found, pk=pk)
    page = view.page
    view_delete(view=view, by=request.user)
    messages.success(request, f"The view {view.name} is gone. The rows it showed are not.")
    return redirect(page)


def saved_views(request: HttpRequest, page: str, query: str) -> dict[str, Any]:
    """What ``components/saved_views.html`` shows: one query."""
    membership = membership_of(request)
    query = query.lstrip("?")
    seen = Q(owner__pk=request.user.pk or 0) | Q(is_shared=True)
    rows = SavedView.objects.filter(seen, workspace=membership.workspace, page=page)
    return {
        "saved_views": [
            {
                "view": view,
                "url": f"{reverse(page)}?{view.query}",
                "is_current": view.query == query,
                "is_own": view.owner_id == request.user.pk or membership.may_administer,
            }
            for view in rows.select_related("owner")
        ],
        "saved_page": page,
        "saved_query": query,
        "may_share": membership.may_review,
    }
