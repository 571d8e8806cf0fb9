"""All URLs of the site."""

from __future__ import annotations

from django.contrib.auth import views as auth
from django.urls import include, path, re_path

from memoryapp.api.problems import no_such_address
from memoryapp.project.health import healthz, readyz

urlpatterns = [
    path("healthz", healthz, name="healthz"),
    path("readyz", readyz, name="readyz"),
    path("login/", auth.LoginView.as_view(redirect_authenticated_user=True), name="login"),
    path("logout/", auth.LogoutView.as_view(), name="logout"),
    path("settings/password/", auth.PasswordChangeView.as_view(), name="password_change"),
    path(
        "settings/password/done/",
        auth.PasswordChangeDoneView.as_view(),
        name="password_change_done",
    ),
    path("api/v1/", include("memoryapp.project.api_urls")),
    re_path(r"^api(?:/|$)", no_such_address, name="api-elsewhere"),
    path("", include("memoryapp.urls")),
    path("", include("practice.urls")),
]

handler400 = "memoryapp.project.errors.bad_request"
handler403 = "memoryapp.project.errors.forbidden"
handler404 = "memoryapp.project.errors.missing"
handler500 = "memoryapp.project.errors.broken"
