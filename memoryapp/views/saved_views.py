"""Views somebody keeps of a list: saving one, forgetting one, showing them."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST

from memoryapp.access import Right, gate, membership_of, object_or_404
from memoryapp.domain.errors import ChangedMeanwhile, UnableTo
from memoryapp.domain.seen import shown
from memoryapp.forms import ViewForm, first_error
from memoryapp.models import SavedView
from memoryapp.queries.meanwhile import meanwhile
from memoryapp.services.saved_views import PAGES, view_delete, view_named, view_said, view_save
from memoryapp.views.links import posted


@require_POST
@gate(Right.READ)
def save(request: HttpRequest) -> HttpResponse:
    """Keep the filter the page was asked with. Who only views keeps it for themselves.

    Where another one has the name already, it is shown before it is replaced.
    """
    membership, form = membership_of(request), ViewForm(request.POST)
    page, query = posted(request, "page"), posted(request, "query").lstrip("?")
    url = reverse(page if page in PAGES else PAGES[0])
    back = redirect(f"{url}?{query}" if query else url)
    if not form.is_valid():
        messages.error(request, first_error(form))
        return back
    asked = form.cleaned_data
    shared = membership.may_review and asked["shared"]
    named = {
        "workspace": membership.workspace,
        "page": asked["page"],
        "name": asked["name"],
    }
    was_seen = asked["of"] == asked["name"]
    seen = asked["seen"] if was_seen else shown(view_said(None))
    try:
        view = view_save(
            query=asked["query"], is_shared=shared, by=request.user, seen=seen, **named
        )
    except ChangedMeanwhile as refusal:
        stands = view_named(owner=request.user, **named)
        subject = stands or SavedView(workspace=membership.workspace)
        found = meanwhile(membership.workspace, subject, view_said(stands), seen)
        again = form.again(found)
        if not membership.may_review:
            del again.fields["shared"]
        context = {
            "form": again,
            "meanwhile": found,
            "was_seen": was_seen,
            "name": asked["name"],
            "list_url": url,
        }
        return render(request, "memoryapp/saved_view.html", context, status=refusal.status)
    except UnableTo as error:
        messages.error(request, str(error))
    else:
        who = "everybody in the workspace sees it" if shared else "only you see it"
        messages.success(request, f"The view {view.name} is saved; {who}.")
    return back


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
