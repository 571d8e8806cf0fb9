"""Telemetry sources: what was sent, what its columns are called, and sending more."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.db.models import Count, Max, Min, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from memoryapp.access import Right, gate, membership_of, object_or_404, workspace_of
from memoryapp.domain.errors import ChangedMeanwhile, UnableTo, UnableToFind
from memoryapp.domain.seen import shown
from memoryapp.queries.meanwhile import meanwhile
from memoryapp.views.links import changed, htmx_of, parameter, posted
from practice.models import TelemetryFile, TelemetrySource
from practice.services import holdings
from practice.services import telemetry as services
from practice.views.addressed import back
from practice.views.incidents import webhook_example
from practice.views.paging import page_of

LABELS = dict(TelemetryFile.Kind.choices)
#: What to say where more or less would go by now than a form showed.
NO_LONGER = "What goes with {} has changed since you looked. Nothing was deleted; look again."


@require_safe
@gate(Right.READ)
def telemetry_list(request: HttpRequest) -> HttpResponse:
    sources = workspace_of(request).telemetry_sources.annotate(
        file_count=Count("files"),
        row_count=Sum("files__rows"),
        first=Min("files__first_at"),
        last=Max("files__last_at"),
    )
    page = page_of(request, sources.order_by("name"))
    context = {
        "page": page,
        "rows": page.object_list,
        "may_review": membership_of(request).may_review,
        "tab": "telemetry",
    }
    return render(request, "practice/telemetry_list.html", context)


@require_POST
@gate(Right.REVIEW)
def source_new(request: HttpRequest) -> HttpResponse:
    try:
        source = services.source_create(
            workspace=workspace_of(request), name=request.POST.get("name", ""), by=request.user
        )
    except UnableTo as error:
        messages.error(request, str(error))
        return redirect("telemetry-list")
    messages.success(request, f"{source.name} is ready. Send its first file.")
    return redirect(source)


@require_safe
@gate(Right.READ)
def source_page(request: HttpRequest, slug: str) -> HttpResponse:
    source = _source(request, slug)
    template = "practice/telemetry_source.html"
    if htmx_of(request):
        template += "#files"
    return render(request, template, _context(request, source))


@require_POST
@gate(Right.REVIEW)
def source_rename(request: HttpRequest, slug: str) -> HttpResponse:
    source = _source(request, slug)
    try:
        holdings.source_rename(
            source=source,
            name=request.POST.get("name", ""),
            seen=posted(request, "seen"),
            by=request.user,
        )
    except UnableTo as error:
        messages.error(request, str(error))
        return back(error, source, "telemetry-list")
    messages.success(request, f"It is called {source.name} now. Its short name stays.")
    return redirect(source)


@require_POST
@gate(Right.EDIT)
def source_delete(request: HttpRequest, slug: str) -> HttpResponse:
    source = _source(request, slug)
    try:
        holdings.source_delete(source=source, seen=posted(request, "seen"), by=request.user)
    except ChangedMeanwhile:
        messages.error(request, NO_LONGER.format(source))
        return redirect(source)
    except UnableTo as error:
        messages.error(request, str(error))
        return back(error, source, "telemetry-list")
    messages.success(request, f"{source} is deleted. What was found in it stays.")
    return redirect("telemetry-list")


def _context(request: HttpRequest, source: TelemetrySource, **more: Any) -> dict[str, Any]:
    files = source.files.light().select_related("incident", "sent_by")
    page = page_of(request, files)
    asked = parameter(request, "kind") or request.POST.get("kind", "")
    kind = asked if asked in services.COLUMNS else "metrics"
    needed, optional = services.COLUMNS[kind]
    stands = services.mapping_of(source, kind)
    mapping = stands | more.pop("typed", {})
    return {
        "source": source,
        "page": page,
        "rows": page.object_list,
        "is_live": any(row.is_open for row in page.object_list),
        "refresh_url": changed(
            request, path=source.get_absolute_url(), page=parameter(request, "page")
        ),
        "kinds": TelemetryFile.Kind.choices,
        "kind": kind,
        "columns": [
            *((name, mapping[name], True) for name in needed),
            *((name, mapping[name], False) for name in optional),
        ],
        "time_unit": mapping[services.TIME_UNIT],
        # None where nothing of this kind lasts.
        "duration_unit": mapping.get(services.DURATION_UNIT),
        "columns_seen": shown(stands),
        "units": services.UNITS[1:],
        "incidents": source.incidents.order_by("-number")[:20],
        "may_review": membership_of(request).may_review,
        "may_edit": membership_of(request).may_edit,
        "name_seen": shown(holdings.name_of(source)),
        "goes": (goes := holdings.source_holds(source)),
        "goes_seen": shown(goes),
        "command": _command(request, source),
        "webhook": webhook_example(request, source),
        **more,
    }


def _command(request: HttpRequest, source: TelemetrySource) -> str:
    url = request.build_absolute_uri(f"/api/v1/telemetry/{source.slug}/files")
    return (
        f"curl -X POST '{url}?kind=metrics&name=metrics.csv' \\\n"
        '  -H "Authorization: Bearer gr_YOUR_KEY" -H "Content-Type: application/octet-stream" \\\n'
        "  --data-binary @metrics.csv.gz"
    )


@require_POST
@gate(Right.REVIEW)
def send(request: HttpRequest, slug: str) -> HttpResponse:
    source = _source(request, slug)
    kind = request.POST.get("kind", "")
    number = request.POST.get("incident", "")
    incident = object_or_404(source.incidents.all(), number=number) if number.isdecimal() else None
    sent = request.FILES.getlist("file")
    if not sent:
        messages.error(request, "Choose a file to send.")
        return redirect(f"{source.get_absolute_url()}?kind={kind}")
    if request.POST.get("whole") != "yes":  # the form's last field, so it comes after the files
        messages.error(request, "The upload was cut off on its way. Send it again.")
        return redirect(f"{source.get_absolute_url()}?kind={kind}")
    for one in sent:
        try:
            row = services.file_send(
                source=source,
                kind=kind,
                name=one.name or "file",
                data=one.read(services.MAX_BYTES + 1),
                by=request.user,
                incident=incident,
                is_reference=request.POST.get("reference") == "on",
            )
        except UnableToFind as error:
            messages.error(request, str(error))
            return redirect("telemetry-list")
        except UnableTo as error:
            messages.error(request, str(error))
        else:
            messages.success(request, f"{row.name} is stored. A worker reads it.")
    return redirect(f"{source.get_absolute_url()}?kind={kind}")


@require_POST
@gate(Right.REVIEW)
def columns(request: HttpRequest, slug: str) -> HttpResponse:
    """Save what the columns of one kind are called, or read them off a file first."""
    source = _source(request, slug)
    kind = request.POST.get("kind", "")
    sample = request.FILES.get("sample")
    try:
        if sample is not None:
            found = services.file_columns(
                name=sample.name or "file", data=sample.read(services.MAX_BYTES + 1)
            )
            context = _context(request, source, found=found)
            return render(request, "practice/telemetry_source.html", context)
        names = services.mapped(kind) if kind in services.COLUMNS else ()
        typed = {name: request.POST.get(f"column-{name}", "") for name in names}
        seen = request.POST.get("seen", "")
        services.mapping_save(source=source, kind=kind, mapping=typed, seen=seen, by=request.user)
    except ChangedMeanwhile as refusal:
        source = _source(request, slug)
        stands = services.mapping_of(source, kind)
        others = meanwhile(source.workspace, source, stands, seen, of=kind)
        if others.was is not None:
            typed = {name: text for name, text in typed.items() if text != others.was[name]}
        context = _context(request, source, typed=typed, meanwhile=others)
        return render(request, "practice/telemetry_source.html", context, status=refusal.status)
    except UnableToFind as error:
        messages.error(request, str(error))
        return redirect("telemetry-list")
    except UnableTo as error:
        messages.error(request, str(error))
    else:
        messages.success(
            request,
            f"Columns of {LABELS[kind].lower()} are saved. Files sent from now on use them.",
        )
    return redirect(f"{source.get_absolute_url()}?kind={kind}")


@require_POST
@gate(Right.REVIEW)
def cancel(request: HttpRequest, pk: int) -> HttpResponse:
    """End the reading of a file."""
    row = _file(request, pk)
    try:
        services.file_cancel(row=row, by=request.user)
    except UnableTo as error:
        messages.error(request, str(error))
    return redirect(row.source)


@require_POST
@gate(Right.REVIEW)
def again(request: HttpRequest, pk: int) -> HttpResponse:
    """Have a file read anew whose reading failed or was cancelled."""
    row = _file(request, pk)
    try:
        services.file_read_again(row=row, by=request.user)
    except UnableTo as error:
        messages.error(request, str(error))
    return redirect(row.source)


@require_POST
@gate(Right.REVIEW)
def delete(request: HttpRequest, pk: int) -> HttpResponse:
    row = _file(request, pk)
    source, name = row.source, row.name
    try:
        services.file_delete(row=row, by=request.user)
    except UnableToFind as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"{name} is deleted. What analyses found in it stays.")
    return redirect(source)


def _file(request: HttpRequest, pk: int) -> TelemetryFile:
    rows = TelemetryFile.objects.filter(source__workspace=workspace_of(request)).light()
    return object_or_404(rows.select_related("source__workspace"), pk=pk)


def _source(request: HttpRequest, slug: str) -> TelemetrySource:
    rows = TelemetrySource.objects.filter(workspace=workspace_of(request))
    return object_or_404(rows.select_related("workspace"), slug=slug)
