"""The audit log: who changed what, when; filtered, paged and exported as it is shown."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from typing import Any

from django.http import HttpRequest, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from memoryapp.access import Right, gate, workspace_of
from memoryapp.models import Event
from memoryapp.queries import events as event_queries
from memoryapp.queries.facets import facet
from memoryapp.templatetags.formats import event_words
from memoryapp.views.links import changed, chips, page_of, parameter, with_query
from memoryapp.views.settings_tabs import settings_tabs

COLUMNS = ("when", "who", "what", "subject_type", "subject", "details")


@require_safe
@gate(Right.READ)
def audit_list(request: HttpRequest) -> HttpResponseBase:
    workspace = workspace_of(request)
    kind, actor, search = (parameter(request, name) for name in ("kind", "actor", "q"))
    counts = facet(event_queries.events(workspace, actor=actor, search=search), "kind")
    kinds = [(name, event_words(name)) for name in sorted(counts)]
    asked = {"kind": kind, "actor": actor, "q": search}
    context = {
        "page_obj": page_of(
            request, event_queries.events(workspace, kind=kind, actor=actor, search=search)
        ),
        "filters": chips(request, "kind", kinds, counts),
        "actors": event_queries.event_actors(workspace),
        **asked,
        "filtered": bool(kind or actor),
        "export_url": with_query(changed(request).partition("?")[0] + "export/", asked),
        "clear_url": request.path,
        "settings_tabs": settings_tabs(request),
    }
    return render(request, "memoryapp/audit_list.html", context)


@require_safe
@gate(Right.READ)
def export(request: HttpRequest) -> HttpResponseBase:
    """The filtered log as CSV, streamed, newest first."""
    rows = event_queries.events(
        workspace_of(request),
        kind=parameter(request, "kind"),
        actor=parameter(request, "actor"),
        search=parameter(request, "q"),
    )
    answer = StreamingHttpResponse(_lines(rows), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = 'attachment; filename="audit-log.csv"'
    return answer


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
        event.kind,
        event.subject_type,
        event.subject_name,
        json.dumps(event.data, ensure_ascii=False),
    )


def _cell(text: str) -> str:
    """Keep a spreadsheet from reading a subject as a formula."""
    return f"'{text}" if text[:1] in {"=", "+", "-", "@", "\t", "\r"} else text
