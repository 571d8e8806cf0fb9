from __future__ import annotations

from django.urls import path

from memoryapp.api import schema, views

# Imported so that the extensions register themselves.
__all__ = ["schema", "urlpatterns"]

urlpatterns = [
    path("playbooks", views.PlaybookList.as_view(), name="api-playbook-list"),
    path("playbooks/<slug:slug>", views.PlaybookPull.as_view(), name="api-playbook-pull"),
    path("playbooks/<slug:slug>/releases", views.ReleaseList.as_view(), name="api-release-list"),
    path(
        "playbooks/<slug:slug>/evaluations",
        views.EvaluationList.as_view(),
        name="api-evaluation-list",
    ),
    path(
        "playbooks/<slug:slug>/labels/<str:name>",
        views.LabelDetail.as_view(),
        name="api-label-detail",
    ),
    path("candidates", views.CandidateList.as_view(), name="api-candidate-list"),
    path(
        "candidates/<uuid:pk>/approve",
        views.CandidateApprove.as_view(),
        name="api-candidate-approve",
    ),
    path(
        "candidates/<uuid:pk>/reject", views.CandidateReject.as_view(), name="api-candidate-reject"
    ),
    path("candidates/<uuid:pk>/undo", views.CandidateUndo.as_view(), name="api-candidate-undo"),
]
