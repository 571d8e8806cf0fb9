"""The REST API of both apps under one version."""

from __future__ import annotations

from csp.constants import SELF, UNSAFE_INLINE
from csp.decorators import csp_update
from django.urls import include, path, re_path
from drf_spectacular.views import SpectacularSwaggerSplitView

from memoryapp.api.document import ApiDocument
from memoryapp.api.problems import no_such_address

# Swagger's own page styles itself inline; its script has a URL of its own.
docs = csp_update({"style-src": [SELF, UNSAFE_INLINE]})(
    SpectacularSwaggerSplitView.as_view(url_name="api-schema")
)

urlpatterns = [
    path("schema/", ApiDocument.as_view(), name="api-schema"),
    path("docs/", docs, name="api-docs"),
    path("", include("memoryapp.api.urls")),
    path("", include("practice.api.urls")),
    re_path(r"", no_such_address, name="api-not-found"),
]
