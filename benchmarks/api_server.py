"""The product's addresses and three more: what pulls are compared with.

Served by gunicorn exactly as ``make up`` serves the product, through the same middleware.
"""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import include, path
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

_held: dict[str, bytes] = {}


class Empty(APIView):
    """A DRF view that does nothing, without authentication or permissions."""

    authentication_classes = ()
    permission_classes = (AllowAny,)

    def get(self, request: Request) -> Response:
        return Response()


def static(request: HttpRequest) -> HttpResponse:
    """The bytes of the release, from memory."""
    if "body" not in _held:
        from memoryapp.models import Release  # noqa: PLC0415  # the apps are ready only now

        _held["body"] = str(Release.objects.get(number=1).bodies["json"]).encode()
    return HttpResponse(_held["body"], content_type="application/json")


class Built(APIView):
    """The same playbook built from its rows for each request: a pull without any cache."""

    def get(self, request: Request) -> Response | HttpResponse:
        from memoryapp.domain import formats  # noqa: PLC0415
        from memoryapp.models import Playbook  # noqa: PLC0415

        playbook = Playbook.objects.get(workspace=_workspace(request), slug="bench")
        facts: dict[str, Any] = {"slug": "bench", "name": playbook.name, "description": ""}
        body = formats.as_json(formats.document(playbook.as_value(), version=1, **facts))
        return HttpResponse(body, content_type="application/json")


def _workspace(request: Request) -> Any:
    from memoryapp.api.permissions import workspace_of  # noqa: PLC0415

    return workspace_of(request)


urlpatterns = [
    path("bench/empty", Empty.as_view()),
    path("bench/static", static),
    path("bench/built", Built.as_view()),
    path("", include("memoryapp.project.urls")),
]
