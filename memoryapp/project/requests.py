"""What no view should have to think about in a request."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from urllib.parse import unquote

from django.http import Http404, HttpRequest, JsonResponse
from django.http.response import HttpResponseBase
from django.middleware.gzip import GZipMiddleware

API = "/api/"


class RefuseNul:
    """Refuse a NUL in an address: PostgreSQL cannot hold one, so nothing is named by it.

    The API answers 400 as a problem. Pages answer 404 to such a path; their filters drop it.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if not request.path.startswith(API):
            if "\0" in request.path:
                raise Http404
            return self.get_response(request)
        asked = [value for _, found in request.GET.lists() for value in found]
        cursors = [_decoded(value) for value in request.GET.getlist("cursor")]
        if "\0" not in "".join([request.path, *asked, *cursors, *map(unquote, cursors)]):
            return self.get_response(request)
        return JsonResponse(
            {
                "type": "urn:greenroom:problem:invalid",
                "title": "Bad Request",
                "status": 400,
                "detail": "The address holds a NUL character, which nothing here is named by.",
            },
            status=400,
            content_type="application/problem+json",
        )


class CompressPages(GZipMiddleware):
    """Send pages compressed. Only pages: the API's strong ETags stand for bodies as they are.

    Django pads each answer by a random length, against attacks that guess by size (BREACH).
    """

    def process_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        if not response.get("Content-Type", "").startswith("text/html"):
            return response
        return super().process_response(request, response)


def _decoded(cursor: str) -> str:
    try:
        return base64.b64decode(cursor).decode("latin-1")
    except (binascii.Error, ValueError):
        return ""
