"""The audit log: who changed what, when; filtered, paged and exported as it is shown."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from typing import Any

from django.http import HttpRequest, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from memoryapp.access import Right, gate, membership_of, workspace_of
from memoryapp.models import Event
from memoryapp.queries import events as event_queries
from memoryapp.queries.event_subjects import subject_pages
from memoryapp.queries.events import COUNTED, Reader, event_counts
from memoryapp.queries.keyset import Order, keyset_page
from memoryapp.services.patience import at_leisure
from memoryapp.templatetags.events import event_words
from memoryapp.views.links import PAGE_SIZE, Chip, at_least, changed, parameter, with_query
from memoryapp.views.saved_views import saved_views
from memoryapp.views.settings_tabs import settings_tabs

COLUMNS = (
    "when",
    "who",
    "through",
    "what",
    "subject_type",
    "subject",
    "before",
    "after",
    "details",
)
NARROWED_BY = ("kind", "actor", "playbook", "since", "until")
#: Said in columns of their own.
CHANGED = ("before", "after")


@require_safe
@gate(Right.READ)
def audit_list(request: HttpRequest) -> HttpResponseBase:
    workspace, reader = workspace_of(request), Reader.member(membership_of(request))
    asked = _asked(request)
    page = keyset_page(
        event_queries.events(reader, **asked),
        Order("created_at"),
        after=parameter(request, "after"),
        before=parameter(request, "before"),
        size=PAGE_SIZE,
    )
    rows: list[Any] = list(page.rows)
    pages = subject_pages(workspace, rows)
    for row in rows:
        row.page = pages.get(row.pk, "")
    shown = {"q": asked["search"], **{name: asked[name] for name in NARROWED_BY}}
    export_url = reverse("audit-export")
    context = {
        "rows": rows,
        "first_url": changed(request, after="", before=""),
        "previous_url": changed(request, after="", before=page.previous) if page.previous else "",
        "next_url": changed(request, before="", after=page.next) if page.next else "",
        **_counted(request, reader, asked),
        "actors": [(name, name) for name in event_queries.event_actors(reader)],
        "playbooks": workspace.playbooks.order_by("name").values_list("slug", "name"),
        **shown,
        "filtered": any(asked[name] for name in NARROWED_BY),
        "export_url": with_query(export_url, shown),
        "export_jsonl_url": with_query(export_url, {**shown, "form": "jsonl"}),
        "clear_url": request.path,
        "settings_tabs": settings_tabs(request),
        **saved_views(request, "audit-list", with_query("", shown)),
    }
    return render(request, "memoryapp/audit_list.html", context)


def _counted(request: HttpRequest, reader: Reader, asked: dict[str, str]) -> dict[str, Any]:
    """A chip per kind under the other filters, and how many rows there are under all of them."""
    counts = event_counts(event_queries.events(reader, **{**asked, "kind": ""}))
    found = counts.kinds
    chosen = asked["kind"]
    names = sorted(found) if counts.is_exact else event_queries.event_kinds(reader)
    total = found[chosen] if chosen else found.total()
    if not counts.is_exact and chosen:
        of_kind = event_counts(event_queries.events(reader, **asked))
        total, is_exact = of_kind.kinds.total(), of_kind.is_exact
    else:
        is_exact = counts.is_exact
    shown = [
        Chip("All", at_least(found.total(), counts.is_exact), _narrowed(request, ""), not chosen)
    ]
    for name in dict.fromkeys([*names, *([chosen] if chosen else [])]):
        count = at_least(found[name], counts.is_exact)
        is_chosen = name == chosen
        url = _narrowed(request, "" if is_chosen else name)
        shown.append(Chip(event_words(name), count, url, is_chosen, clears=is_chosen))
    return {"filters": shown, "total": min(total, COUNTED), "is_exact": is_exact}


def _narrowed(request: HttpRequest, kind: str) -> str:
    return changed(request, kind=kind, after="", before="")


@require_safe
@gate(Right.READ)
def export(request: HttpRequest) -> HttpResponseBase:
    """What the reader may see of the filtered log, as CSV or JSON lines, streamed, newest first."""
    rows = event_queries.events(Reader.member(membership_of(request)), **_asked(request))
    if parameter(request, "form") == "jsonl":
        answer = StreamingHttpResponse(
            at_leisure(_json_lines(rows)), content_type="application/x-ndjson"
        )
        answer["Content-Disposition"] = 'attachment; filename="audit-log.jsonl"'
        return answer
    answer = StreamingHttpResponse(at_leisure(_lines(rows)), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = 'attachment; filename="audit-log.csv"'
    return answer


def _asked(request: HttpRequest) -> dict[str, str]:
    """The arguments of ``events`` out of the query string; what is not a day narrows nothing."""
    asked = {name: parameter(request, name) for name in NARROWED_BY}
    return {**asked, "search": parameter(request, "q")}


def _json_lines(rows: Any) -> Iterator[str]:
    for event in rows.iterator(chunk_size=500):
        line = {
            "when": event.created_at.isoformat(),
            "who": event.actor.get_username() if event.actor else None,
            "through": event.through,
            "what": event.kind,
            "subject_type": event.subject_type,
            "subject_id": event.subject_id,
            "subject": event.subject_name,
        }
        # A row of unusual use keeps what there was much of, under a name that is taken here.
        line |= {f"data_{k}" if k in line else k: value for k, value in event.data.items()}
        yield json.dumps(line, ensure_ascii=False) + "\n"


class _Echo:
    """A file whose writes come straight back, so that rows stream one by one."""

    def write(self, text: str) -> str:
        return text


def _lines(rows: Any) -> Iterator[str]:
    writer = csv.writer(_Echo())
    yield writer.writerow(COLUMNS)
    for event in rows.iterator(chunk_size=500):
        yield writer.writerow(_cell(text) for text in _columns(event))


def _columns(event: Event) -> tuple[str, ...]:
    return (
        event.created_at.isoformat(),
        event.actor.get_username() if event.actor else "",
        event.through,
        event.kind,
        event.subject_type,
        event.subject_name,
        *(json.dumps(event.data.get(name), ensure_ascii=False) for name in CHANGED),
        json.dumps(
            {name: value for name, value in event.data.items() if name not in CHANGED},
            ensure_ascii=False,
        ),
    )


def _cell(text: str) -> str:
    """Keep a spreadsheet from reading a subject as a formula."""
    return f"'{text}" if text[:1] in {"=", "+", "-", "@", "\t", "\r"} else text
