"""Memory: every bullet of every playbook, searched, filtered and paged."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from memoryapp.access import Right, gate, workspace_of
from memoryapp.models import Bullet, Tally, Workspace
from memoryapp.queries import browsing
from memoryapp.queries.browsing import EntryCounts, EntryFilter
from memoryapp.queries.entries import evidence_counts
from memoryapp.templatetags.ui import section_title
from memoryapp.views.links import Chip, parameter, render_part
from memoryapp.views.saved_views import saved_views

TRUST = (("tried", "Won a trial"), ("untried", "Never tried"), ("hand", "Written by hand"))
SORTS = (("", "Newest change first"), ("oldest", "Oldest change first"), ("best", "Best match"))
#: playbooks offered in the select; a workspace with more filters by the page of the playbook.
PLAYBOOKS_OFFERED = 200
ALL = "all"


@require_safe
@gate(Right.READ)
def entry_list(request: HttpRequest) -> HttpResponse:
    workspace = workspace_of(request)
    asked = EntryFilter.from_query(request.GET)
    counts = browsing.entry_counts(workspace, asked, count_all=parameter(request, "counts") == ALL)
    context: dict[str, Any] = {
        "asked": asked,
        "counts": counts,
        "filters": _chips("status", Bullet.Status.choices, asked, counts),
        "sections": _chips(
            "section",
            [(name, section_title(name)) for name in sorted(counts.by["section"])],
            asked,
            counts,
            with_all=False,
        ),
        "uses": _chips("use", Tally.Use.choices, asked, counts, with_all=False),
        "count_all_url": _url(asked, counts=ALL),
    }
    if request.htmx and parameter(request, "counts") == ALL:  # type: ignore[attr-defined]
        return render_part(request, "memoryapp/entry_list.html", "facets", context)
    context |= _rows(request, workspace, asked) | {
        "total": browsing.entry_total(workspace),
        "playbooks": _playbooks(workspace, asked),
        "trusts": TRUST,
        "days": browsing.DAYS,
        "sorts": SORTS if asked.q else SORTS[:2],
        "clear_url": request.path,
        **saved_views(request, "entry-list", asked.as_query()),
    }
    return render(request, "memoryapp/entry_list.html", context)


def _rows(request: HttpRequest, workspace: Workspace, asked: EntryFilter) -> dict[str, Any]:
    if asked.is_ranked:
        best = browsing.best_entries(workspace, asked)
        rows: Sequence[Any] = [bullet for bullet, _ in best]
        for row, (_, hit) in zip(rows, best, strict=True):
            row.hit = hit
        found: dict[str, Any] = {"rows": rows, "newest_url": _url(asked.changed(sort=""))}
    else:
        page = browsing.entry_page(
            workspace,
            asked,
            after=parameter(request, "after"),
            before=parameter(request, "before"),
        )
        rows = page.rows
        found = {
            "rows": rows,
            "first_url": _url(asked),
            "previous_url": _url(asked, before=page.previous) if page.previous else "",
            "next_url": _url(asked, after=page.next) if page.next else "",
        }
    shown = evidence_counts(rows)
    for row in rows:
        row.evidence_count = shown.get(row.pk, 0)
    return found


def _playbooks(workspace: Workspace, asked: EntryFilter) -> list[dict[str, Any]]:
    offered = list(workspace.playbooks.order_by("name")[:PLAYBOOKS_OFFERED])
    if asked.playbook and asked.playbook not in {playbook.slug for playbook in offered}:
        offered += workspace.playbooks.filter(slug=asked.playbook)
    return [{"playbook": each, "pressed": each.slug == asked.playbook} for each in offered]


def _chips(
    name: str,
    choices: Sequence[tuple[str, str]],
    asked: EntryFilter,
    counts: EntryCounts,
    *,
    with_all: bool = True,
) -> list[Chip]:
    """One chip per value that has rows or is chosen, with its count where counting ended."""
    chosen = getattr(asked, name)
    held = counts.by[name]
    chips = []
    if with_all:
        total = held.total() if counts.is_exact else None
        chips.append(Chip("All", total, _url(asked.changed(**{name: ""})), pressed=not chosen))
    for value, label in choices:
        if held[value] or value == chosen or (not counts.is_exact and with_all):
            url = _url(asked.changed(**{name: "" if value == chosen else value}))
            count = held[value] if counts.is_exact else None
            chips.append(Chip(label, count, url, pressed=value == chosen))
    return chips


def _url(asked: EntryFilter, **more: str) -> str:
    query = asked.as_query()
    extra = "&".join(f"{name}={value.replace('+', '%2B')}" for name, value in more.items())
    if extra:
        query = f"{query}&{extra}" if query else f"?{extra}"
    return f"{reverse('entry-list')}{query}"
