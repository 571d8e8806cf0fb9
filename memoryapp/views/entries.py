"""Memory: every bullet of every playbook, searched, filtered and paged."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from memoryapp.access import Right, gate, membership_of, workspace_of
from memoryapp.models import Bullet, Tally, Workspace
from memoryapp.queries import browsing
from memoryapp.queries.browsing import (
    EVIDENCE,
    IN_USE,
    KINDS,
    TRUST,
    EntryCounts,
    EntryFilter,
)
from memoryapp.queries.entry_facets import COUNTED, FACETS, Facets, entry_facets
from memoryapp.services.retrieval import query_vector
from memoryapp.templatetags.ui import section_title
from memoryapp.views.links import Chip, at_least, htmx_of, parameter, render_part
from memoryapp.views.saved_views import saved_views

SORTS = (("", "Newest change first"), ("oldest", "Oldest change first"), ("best", "Best match"))
#: playbooks offered in the select; a workspace with more filters by the page of the playbook.
PLAYBOOKS_OFFERED = 200
ALL = "all"
#: fields of the filter that the form shows; it carries the others along.
TYPED = frozenset({"q", "sort", "playbook", "tag"})
#: values of a facet that are named, the most frequent ones.
VALUES_SHOWN = 12
FACET_TITLES = {
    "kind": "Learned from",
    "trust": "Trust",
    "days": "Changed",
    "evidence": "Evidence",
    "environment": "Environment",
    "playbook": "Playbook",
    "tag": "Tag",
}
#: the values of facets that have fixed ones.
FACET_VALUES = {
    "kind": KINDS,
    "trust": TRUST,
    "days": [(days, f"In {days} days") for days in browsing.DAYS],
    "evidence": EVIDENCE,
}
#: what a search by merit says of its vectors.
VECTORS = {
    "on": "Ranked by words and by meaning.",
    "off": "Ranked by words alone: no embedding model is set up.",
    "building": "Ranked by words alone: the vectors of the embedding model are being made.",
    "unavailable": (
        "Ranked by words alone: the embedding model did not answer. It is asked again by itself; "
        "search again in a minute."
    ),
}


@require_safe
@gate(Right.READ)
def entry_list(request: HttpRequest) -> HttpResponse:
    workspace = workspace_of(request)
    asked = EntryFilter.from_query(request.GET)
    counts = browsing.entry_counts(workspace, asked, count_all=parameter(request, "counts") == ALL)
    context: dict[str, Any] = {
        "asked": asked,
        "counts": counts,
        "filters": _chips("status", _statuses(asked), asked, counts),
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
    if htmx_of(request) and parameter(request, "counts") == ALL:
        return _part(request, "facets", context)
    counting = bool(parameter(request, "facets"))
    facets = entry_facets(workspace, asked) if counting else None
    context |= {
        "facets": _facet_lines(workspace, asked, facets),
        "facets_url": "" if counting else _url(asked, facets="counted"),
        "facets_open": counting or any(getattr(asked, name) for name in FACETS),
        "facets_stopped": COUNTED if facets and facets.at_least else 0,
    }
    if htmx_of(request) and counting:
        return _part(request, "more_facets", context)
    context |= _rows(request, workspace, asked) | {
        "total": browsing.entry_total(workspace) if counts.of_all is None else counts.of_all,
        "playbooks": _playbooks(workspace, asked),
        "sorts": SORTS if asked.q else SORTS[:2],
        "kept": [(name, value) for name, value in asked.said if name not in TYPED],
        "may_decide": membership_of(request).may_review,
        "bulk_url": f"{reverse('bulk-change')}{asked.as_query()}",
        "row_query": asked.changed(sort=asked.sort or browsing.NEWEST).as_query(),
        "clear_url": request.path,
        **saved_views(request, "entry-list", asked.as_query()),
    }
    return render(request, "memoryapp/entry_list.html", context)


def _part(request: HttpRequest, name: str, context: dict[str, Any]) -> HttpResponse:
    """A part that comes after the page; the address stays the page's."""
    answer = render_part(request, "memoryapp/entry_list.html", name, context)
    del answer["HX-Push-Url"]
    return answer


def _rows(request: HttpRequest, workspace: Workspace, asked: EntryFilter) -> dict[str, Any]:
    if asked.is_ranked:
        vector, vectors = query_vector(asked.q)
        best = browsing.best_entries(workspace, asked, vector)
        rows: Sequence[Any] = [bullet for bullet, _ in best]
        for row, (_, hit) in zip(rows, best, strict=True):
            row.hit = hit
        found: dict[str, Any] = {
            "rows": rows,
            "newest_url": _url(asked.changed(sort="")),
            "vectors": VECTORS[vectors],
            "is_cut_short": vectors == "unavailable",
        }
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
            "best_url": _url(asked.changed(sort="best")) if asked.q else "",
            "previous_url": _url(asked, before=page.previous) if page.previous else "",
            "next_url": _url(asked, after=page.next) if page.next else "",
        }
    return found


def _facet_lines(
    workspace: Workspace, asked: EntryFilter, counted: Facets | None
) -> list[dict[str, Any]]:
    """A line of chips per facet: its fixed values, or the most frequent ones once counted."""
    lines = []
    for name in FACETS:
        chosen = getattr(asked, name)
        held = counted.by[name] if counted else None
        choices = list(FACET_VALUES.get(name, ()))
        if not choices and held:
            choices = [(value, value) for value, _ in held.most_common(VALUES_SHOWN)]
        if chosen and chosen not in {value for value, _ in choices}:
            choices.append((chosen, chosen))
        if name == "playbook" and choices:
            choices = _by_name(workspace, choices)
        is_exact = counted is not None and name not in counted.at_least
        chips = [
            Chip(
                label,
                at_least(held[value], is_exact) if held is not None else None,
                _url(asked.changed(**{name: "" if value == chosen else value})),
                pressed=value == chosen,
                clears=value == chosen,
            )
            for value, label in choices
            if held is None or held[value] or value == chosen
        ]
        more = max(0, len(held) - len(choices)) if held else 0
        if chips:
            lines.append({"title": FACET_TITLES[name], "chips": chips, "more": more})
    return lines


def _by_name(workspace: Workspace, choices: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Playbooks under their names."""
    named = workspace.playbooks.filter(slug__in=[slug for slug, _ in choices])
    names = dict(named.values_list("slug", "name"))
    return [(slug, names.get(slug, slug)) for slug, _ in choices]


def _playbooks(workspace: Workspace, asked: EntryFilter) -> list[tuple[str, str]]:
    named = workspace.playbooks.values_list("slug", "name")
    offered = list(named.order_by("name")[:PLAYBOOKS_OFFERED])
    if asked.playbook and asked.playbook not in {slug for slug, _ in offered}:
        offered += named.filter(slug=asked.playbook)
    return offered


def _statuses(asked: EntryFilter) -> list[tuple[str, str]]:
    """Every status; what is in use as a whole only where it is asked for."""
    in_use = [(IN_USE, "In use")] if asked.status == IN_USE else []
    return [*in_use, *Bullet.Status.choices]


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
            is_chosen = value == chosen
            url = _url(asked.changed(**{name: "" if is_chosen else value}))
            count = counts.of(name, value) if counts.is_exact else None
            chips.append(Chip(label, count, url, is_chosen, clears=is_chosen))
    return chips


def _url(asked: EntryFilter, **more: str) -> str:
    query = asked.as_query()
    extra = "&".join(f"{name}={value.replace('+', '%2B')}" for name, value in more.items())
    if extra:
        query = f"{query}&{extra}" if query else f"?{extra}"
    return f"{reverse('entry-list')}{query}"
