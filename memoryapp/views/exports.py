"""Settings, Export: the whole workspace as a file that a job writes and that goes after a while."""

from __future__ import annotations

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from memoryapp.access import Right, gate, object_or_404, workspace_of
from memoryapp.domain.errors import UnableTo
from memoryapp.models import WorkspaceExport
from memoryapp.queries.exports import exports_shown
from memoryapp.services import exports
from memoryapp.views.links import render_part
from memoryapp.views.settings_tabs import settings_tabs


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@gate(Right.ADMINISTER)
def export_list(request: HttpRequest) -> HttpResponse:
    """The files there are; posting asks for another."""
    error = ""
    if request.method == "POST":
        try:
            exports.export_start(workspace=workspace_of(request), by=request.user)
        except UnableTo as refusal:
            error = str(refusal)
        else:
            return redirect("export-list")
    shown = exports_shown(workspace_of(request))
    context = {
        "rows": shown,
        "is_unfinished": any(row.export.is_unfinished for row in shown),
        "error": error,
        "hours": settings.EXPORT_HOURS,
        "settings_tabs": settings_tabs(request),
    }
    answer = render_part(
        request, "memoryapp/settings_export.html", "files", context, status=409 if error else 200
    )
    # Looking again is no step of the reader's.
    del answer["HX-Push-Url"]
    return answer


@require_GET
@never_cache
@gate(Right.ADMINISTER)
def download(request: HttpRequest, pk: int) -> HttpResponseBase:
    export = _export(request, pk)
    try:
        pieces = exports.export_fetch(export=export, by=request.user)
    except UnableTo as refusal:
        messages.error(request, str(refusal))
        return redirect("export-list")
    answer = StreamingHttpResponse(pieces, content_type="application/zip")
    answer["Content-Disposition"] = f'attachment; filename="{export.file_name}"'
    answer["Content-Length"] = str(export.size)
    return answer


@require_POST
@gate(Right.ADMINISTER)
def remove(request: HttpRequest, pk: int) -> HttpResponse:
    exports.export_remove(export=_export(request, pk), by=request.user)
    messages.success(request, "The file was removed.")
    return redirect("export-list")


def _export(request: HttpRequest, pk: int) -> WorkspaceExport:
    found = WorkspaceExport.objects.filter(workspace=workspace_of(request))
    return object_or_404(found.select_related("workspace"), pk=pk)
