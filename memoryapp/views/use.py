"""What agents pulled and what they said of bullets: two lists, by day, bullet, release or agent."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import NoReverseMatch, reverse
from django.views.decorators.http import require_safe

from memoryapp.access import Right, gate, workspace_of
from memoryapp.models import Vote, Workspace
from memoryapp.queries.keyset import Order, keyset_page
from memoryapp.queries.releases import frozen, newest_releases
from memoryapp.queries.use import FRESH, HELD, UseFilter, total
from memoryapp.views.links import PAGE_SIZE, Chip, parameter, with_query
from memoryapp.views.snippets import pull_command, report_command

PLAYBOOKS_OFFERED = 200
ANSWERS = ((FRESH, "Given the text"), (HELD, "Held it already"))


@require_safe
@gate(Right.READ)
def pull_list(request: HttpRequest) -> HttpResponse:
    workspace, asked = workspace_of(request), UseFilter.from_query(request.GET)
    context = _listed(request, workspace, asked, asked.pulls(workspace), "pulled_at", ANSWERS)
    context["kept_days"] = settings.RECEIPT_DAYS
    if not context["rows"] and not context["is_filtered"]:
        playbook = workspace.playbooks.order_by("name").first()
        context["try_it"] = pull_command(request, playbook.slug) if playbook else ""
    return render(request, "memoryapp/pull_list.html", context)


@require_safe
@gate(Right.READ)
def vote_list(request: HttpRequest) -> HttpResponse:
    workspace, asked = workspace_of(request), UseFilter.from_query(request.GET)
    values = Vote.Value.choices
    context = _listed(request, workspace, asked, asked.votes(workspace), "created_at", values)
    if not context["rows"] and not context["is_filtered"]:
        context["try_it"] = _report_of_newest(request, workspace)
    return render(request, "memoryapp/vote_list.html", context)


def _report_of_newest(request: HttpRequest, workspace: Workspace) -> str:
    """A report on a bullet of the newest release; empty where nothing is published."""
    release = newest_releases(workspace).filter(bullet_count__gt=0).first()
    if release is None:
        return ""
    (section, *_) = frozen(release.pk, "document")["sections"]
    return report_command(request, release.pk, section["bullets"][0]["label"])


def _listed(
    request: HttpRequest,
    workspace: Workspace,
    asked: UseFilter,
    found: QuerySet[Any],
    moment: str,
    answers: Iterable[tuple[str, str]],
) -> dict[str, Any]:
    """One page, newest first, with the filter it stands under."""
    page = keyset_page(
        found,
        Order(moment),
        after=parameter(request, "after"),
        before=parameter(request, "before"),
        size=PAGE_SIZE,
    )
    counted = total(found)

    def url(**changes: str) -> str:
        return with_query(request.path, {**dict(asked.said), **changes})

    return {
        "rows": page.rows,
        "asked": asked,
        "is_filtered": bool(asked.as_query()),
        "total": counted.count,
        "is_exact": counted.is_exact,
        "first_url": url(),
        "previous_url": url(before=page.previous) if page.previous else "",
        "next_url": url(after=page.next) if page.next else "",
        "clear_url": request.path,
        "chips": [
            Chip("All", None, url(answer=""), pressed=not asked.answer),
            *(
                Chip(word, None, url(answer="" if is_chosen else value), is_chosen, is_chosen)
                for value, word in answers
                for is_chosen in [value == asked.answer]
            ),
        ],
        "about": _about(asked),
        "playbooks": workspace.playbooks.order_by("name").values_list("slug", "name")[
            :PLAYBOOKS_OFFERED
        ],
    }


def _about(asked: UseFilter) -> list[tuple[str, str, str]]:
    """What the form does not show of the filter: name, value and where it leads."""
    book = asked.playbook
    found = []
    if asked.bullet:
        url = _page_of("bullet-detail", book, asked.bullet) if book else ""
        found.append(("bullet", asked.bullet, url))
    if asked.release:
        known = book and asked.release.isdecimal()
        url = _page_of("release-detail", book, int(asked.release)) if known else ""
        found.append(("release", asked.release, url))
    if asked.days:
        found.append(("days", asked.days, ""))
    if asked.tool:
        found.append(("tool", asked.tool, ""))
    if asked.environment:
        found.append(("environment", asked.environment, ""))
    return found


def _page_of(name: str, *named: Any) -> str:
    """The address of what a query string names; empty where nothing can be called so."""
    try:
        return reverse(name, args=named)
    except NoReverseMatch:
        return ""
