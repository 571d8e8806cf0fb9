"""Keeping the filter of a list under a name."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from memoryapp.domain.errors import UnableToChange
from memoryapp.domain.text import one_line
from memoryapp.models import Event, SavedView, Workspace
from memoryapp.services.seen import check_seen

#: lists that can be saved, by the name of their address.
PAGES = ("entry-list", "trajectory-list", "incident-list", "audit-list")
MOST = 50
NAME_MOST, QUERY_MOST = 60, 1000


def view_named(*, workspace: Workspace, page: str, name: str, owner: Any) -> SavedView | None:
    """Somebody's own view of a list that has this name."""
    own = SavedView.objects.filter(workspace=workspace, owner=owner, page=page)
    return own.filter(name=one_line(name, NAME_MOST)).first()


def view_said(view: SavedView | None) -> dict[str, Any]:
    """What stands under a name; ``domain.seen.shown`` of it is ``seen``."""
    if view is None:
        return {"query": "", "shared": False}
    return {"query": view.query, "shared": view.is_shared}


def view_save(
    *,
    workspace: Workspace,
    page: str,
    name: str,
    query: str,
    is_shared: bool,
    by: Any,
    seen: str | None = None,
) -> SavedView:
    """Keep a query string under a name; the same name again keeps the new one.

    ``seen`` is the digest of ``view_said`` that was read.

    Raises:
        ChangedMeanwhile: something else stands under the name by now.
        UnableToChange: no name, no filter, an unknown list, or too many of one's own.
    """
    name = one_line(name, NAME_MOST)
    query = query.strip().lstrip("?")
    if page not in PAGES:
        raise UnableToChange("Views of this list cannot be saved.")
    if not name:
        raise UnableToChange("Give the view a name.")
    if not query or len(query) > QUERY_MOST:
        raise UnableToChange("Filter the list first; then it can be saved under a name.")
    with transaction.atomic():
        # The lock keeps two requests from both being the last that fits, or both seeing no view.
        Workspace.objects.select_for_update(no_key=True).get(pk=workspace.pk)
        view = view_named(workspace=workspace, page=page, name=name, owner=by)
        was, wanted = view_said(view), {"query": query, "shared": is_shared}
        check_seen(seen, was, wanted)
        if view is not None and was == wanted:
            return view
        if view is None:
            own = SavedView.objects.filter(workspace=workspace, owner=by, page=page)
            if own.count() >= MOST:
                raise UnableToChange(f"You keep {MOST} views of this list. Delete one first.")
            view = SavedView(workspace=workspace, owner=by, page=page, name=name)
        view.query, view.is_shared = query, is_shared
        view.save()
        if was["shared"] or is_shared:
            # What only its owner sees is in no log that others read.
            nothing = view_said(None)
            Event.objects.record(
                workspace=workspace,
                actor=by,
                kind="view.shared" if is_shared else "view.unshared",
                subject=view,
                before=was if was["shared"] else nothing,
                after=wanted if is_shared else nothing,
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
                before=view_said(view),
                after=view_said(None),
            )
        view.delete()
