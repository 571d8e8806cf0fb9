"""What every page behind the login shows around its content."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.urls import get_script_prefix, reverse
from django.utils.functional import SimpleLazyObject

from memoryapp.access import membership_of, memberships_of
from memoryapp.models import Workspace
from memoryapp.queries.rail import rail_counts


@dataclass(frozen=True, slots=True)
class Item:
    """A place in the rail. ``key`` is the letter after g that opens it."""

    label: str
    name: str
    icon: str
    key: str
    #: first path segments that belong to the place, where its own address is not their start.
    places: tuple[str, ...] = ()


#: The places of practice are named, not imported: memoryapp does not know that app.
GROUPS: tuple[tuple[Item, ...], ...] = (
    (
        Item("Overview", "overview", "layout-dashboard", "o"),
        Item("Review", "review", "inbox", "r"),
    ),
    (
        Item("Playbooks", "playbook-list", "book-open", "p"),
        Item("Memory", "entry-list", "layers", "m"),
        Item("Trajectories", "trajectory-list", "route", "t"),
    ),
    (
        Item("Practice", "run-list", "repeat-2", "x"),
        Item("Environments", "environment-list", "plug", "e"),
        Item("Coverage", "coverage", "grid-3x3", "c"),
        Item("Root causes", "incident-list", "waypoints", "a"),
        Item("Analytics", "analytics", "chart-line", "y"),
    ),
    (Item("Settings", "key-list", "settings-2", "s", places=("/settings/",)),),
)


def shell(request: HttpRequest) -> dict[str, Any]:
    """The rail, the workspace and the reader's membership; nothing for a stranger.

    One query besides the memberships, which the gate has fetched already.
    """
    if not getattr(request, "user", None) or not request.user.is_authenticated:
        return {}
    try:
        membership = membership_of(request)
    except PermissionDenied:
        return {}
    workspace = membership.workspace
    return {
        "workspace": workspace,
        "membership": membership,
        # A fragment has no rail and asks for none of its counts.
        "nav": SimpleLazyObject(lambda: _nav(workspace, request.path)),
        "workspaces": sorted(
            (each.workspace for each in memberships_of(request) if each.workspace != workspace),
            key=lambda other: other.name,
        ),
        "search_url": reverse("entry-list"),
    }


def _nav(workspace: Workspace, path: str) -> list[list[dict[str, Any]]]:
    counted = rail_counts(workspace)
    counts = {
        "review": (counted.waiting, ""),
        "run-list": (counted.running, "live"),
        "incident-list": (counted.incidents, ""),
    }
    return [[_shown(item, path, counts) for item in group] for group in GROUPS]


@lru_cache(maxsize=256)
def _address(name: str, prefix: str) -> str:
    """Where a place is; ``prefix``, which the server may put before all addresses, is in it."""
    return reverse(name)


def _shown(item: Item, path: str, counts: dict[str, tuple[int, str]]) -> dict[str, Any]:
    url = _address(item.name, get_script_prefix())
    count, count_word = counts.get(item.name, (0, ""))
    return {
        "label": item.label,
        "url": url,
        "icon": item.icon,
        "count": count,
        "count_word": count_word,
        "key": item.key,
        "current": path == url if url == "/" else path.startswith(item.places or url),
    }
