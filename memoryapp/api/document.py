"""The OpenAPI document, as it is served: worked out once in each process.

It follows from the code alone. To work it out and to write it takes a second of a core, and anybody
may ask for it.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from django.http import HttpResponse
from drf_spectacular.settings import spectacular_settings
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularAPIView
from rest_framework.request import Request


class ApiDocument(SpectacularAPIView):
    """The OpenAPI document of this API, as YAML or as JSON."""

    @extend_schema(exclude=True)
    def get(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:
        renderer: Any = request.accepted_renderer
        name = f"{spectacular_settings.TITLE}.{renderer.format}"
        return HttpResponse(
            written(renderer.media_type),
            content_type=f"{renderer.media_type}; charset=utf-8",
            headers={"Content-Disposition": f'inline; filename="{name}"'},
        )


@cache
def written(media_type: str) -> bytes:
    """The whole document in one of the forms it is offered in."""
    forms: Any = ApiDocument.renderer_classes
    generator: Any = ApiDocument.generator_class
    (renderer,) = (form for form in forms if form.media_type == media_type)
    said: bytes = renderer().render(generator().get_schema(public=True), media_type, {})
    return said
