"""All URLs of the site."""

from __future__ import annotations

from django.urls import include, path, re_path

from memoryapp.api.problems import no_such_address
from memoryapp.project.health import healthz, readyz
from memoryapp.project.metrics import metrics

urlpatterns = [
    path("healthz", healthz, name="healthz"),
    path("readyz", readyz, name="readyz"),
    path("metrics", metrics, name="metrics"),
    path("", include("memoryapp.project.account_urls")),
    path("api/v1/", include("memoryapp.project.api_urls")),
    re_path(r"^api(?:/|$)", no_such_address, name="api-elsewhere"),
    path("", include("memoryapp.urls")),
    path("", include("practice.urls")),
]

handler400 = "memoryapp.project.errors.bad_request"
handler403 = "memoryapp.project.errors.forbidden"
handler404 = "memoryapp.project.errors.missing"
#: asked for by allauth, for its limits; Django has none
handler429 = "memoryapp.project.errors.too_many"
handler500 = "memoryapp.project.errors.broken"
