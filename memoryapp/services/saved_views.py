"""Keeping the filter of a list under a name."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from memoryapp.domain.errors import UnableToChange
from memoryapp.domain.text import one_line
from memoryapp.models import Event, SavedView, Workspace

#: lists that can be saved, by the name of their address.
PAGES = ("entry-list", "trajectory-list", "incident-list", "audit-list")
MOST = 50


def view_save(
    *, workspace: Workspace, page: str, name: str, query: str, is_shared: bool, by: Any
) -> SavedView:
    """Keep a query string under a name; the same name again keeps the new one.

    Raises:
        UnableToChange: no name, no filter, an unknown list, or too many of one's own.
    """
    name = one_line(name, 60)
    query = query.strip().lstrip("?")
    if page not in PAGES:
        raise UnableToChange("Views of this list cannot be saved.")
    if not name:
        raise UnableToChange("Give the view a name.")
    if not query or len(query) > 1000:
        raise UnableToChange("Filter the list first; then its filter can be kept under a name.")
    with transaction.atomic():
        # The lock keeps two requests from both being the last that fits.
        Workspace.objects.select_for_update(no_key=True).get(pk=workspace.pk)
        own = SavedView.objects.filter(workspace=workspace, owner=by, page=page)
        if own.exclude(name=name).count() >= MOST:
            raise UnableToChange(f"You keep {MOST} views of this list. Delete one first.")
        earlier = own.filter(name=name, is_shared=True).first()
        view, _ = SavedView.objects.update_or_create(
            workspace=workspace,
            owner=by,
            page=page,
            name=name,
            defaults={"query": query, "is_shared": is_shared},
        )
        if is_shared:
            Event.objects.record(
                workspace=workspace,
                actor=by,
                kind="view.shared",
                subject=view,
                before={"query": earlier.query} if earlier else {},
                after={"query": query},
            )
        elif earlier:
            Event.objects.record(
                workspace=workspace,
                actor=by,
                kind="view.unshared",
                subject=view,
                before={"query": earlier.query},
                after={},
            )
    return view


def view_delete(*, view: SavedView, by: Any) -> None:
    """Forget a view. The rows it showed stay."""
    with transaction.atomic():
        if view.is_shared:
            Event.objects.record(
                workspace=view.workspace,
                actor=by,
                kind="view.deleted",
                subject=view,
                before={"query": view.query},
                after={},
            )
        view.delete()
