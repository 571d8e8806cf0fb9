from __future__ import annotations

from django.urls import path

from practice.api import views
from practice.services import runs

urlpatterns = [
    path("environments", views.EnvironmentList.as_view(), name="api-environment-list"),
    path("runs", views.RunList.as_view(), name="api-run-list"),
    path("runs/<int:number>", views.RunDetail.as_view(), name="api-run-detail"),
    *(
        path(
            f"runs/<int:number>/{verb}",
            views.RunMove.as_view(move=move),
            name=f"api-run-{verb}",
        )
        for verb, move in (
            ("pause", runs.run_pause),
            ("resume", runs.run_resume),
            ("cancel", runs.run_cancel),
        )
    ),
    path("attempts", views.AttemptList.as_view(), name="api-attempt-list"),
    path("attempts/<int:pk>", views.AttemptDetail.as_view(), name="api-attempt-detail"),
]
