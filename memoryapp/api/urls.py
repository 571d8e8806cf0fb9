from __future__ import annotations

from django.urls import path

from memoryapp.api import (
    feedback,
    imports,
    keys,
    pull,
    retrieval,
    review,
    schema,
    serving,
    transfer,
    views,
    webhooks,
)

# Imported so that the extensions register themselves.
__all__ = ["schema", "urlpatterns"]

urlpatterns = [
    path("playbooks", views.PlaybookList.as_view(), name="api-playbook-list"),
    path("playbooks/<slug:slug>", pull.PlaybookPull.as_view(), name="api-playbook-pull"),
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
    path("playbooks/<slug:slug>/labels", serving.LabelList.as_view(), name="api-label-list"),
    path(
        "playbooks/<slug:slug>/labels/<str:name>/canary",
        serving.Canary.as_view(),
        name="api-canary",
    ),
    path(
        "playbooks/<slug:slug>/labels/<str:name>/canary/promote",
        serving.CanaryPromote.as_view(),
        name="api-canary-promote",
    ),
    path(
        "playbooks/<slug:slug>/releases/<int:version>/withdraw",
        serving.ReleaseWithdraw.as_view(),
        name="api-release-withdraw",
    ),
    path(
        "playbooks/<slug:slug>/releases/<int:version>/reinstate",
        serving.ReleaseReinstate.as_view(),
        name="api-release-reinstate",
    ),
    path(
        "playbooks/<slug:slug>/retrieve",
        retrieval.PlaybookRetrieve.as_view(),
        name="api-playbook-retrieve",
    ),
    path(
        "playbooks/<slug:slug>/import",
        imports.PlaybookImport.as_view(),
        name="api-playbook-import",
    ),
    path("workspace/export", transfer.WorkspaceExport.as_view(), name="api-workspace-export"),
    path("workspace/import", transfer.WorkspaceImport.as_view(), name="api-workspace-import"),
    path("keys", keys.KeyList.as_view(), name="api-key-list"),
    path("keys/<int:pk>", keys.KeyDetail.as_view(), name="api-key-detail"),
    path("keys/<int:pk>/rotate", keys.KeyRotate.as_view(), name="api-key-rotate"),
    path("feedback", feedback.Feedback.as_view(), name="api-feedback"),
    path("search", retrieval.Search.as_view(), name="api-search"),
    path("recalls/<uuid:pk>", retrieval.RecallDetail.as_view(), name="api-recall-detail"),
    path("candidates", views.CandidateList.as_view(), name="api-candidate-list"),
    path("candidates/<uuid:pk>", review.CandidateDetail.as_view(), name="api-candidate-detail"),
    path("candidates/<uuid:pk>/notes", review.CandidateNotes.as_view(), name="api-candidate-notes"),
    path(
        "candidates/<uuid:pk>/assignee",
        review.CandidateAssignee.as_view(),
        name="api-candidate-assignee",
    ),
    path(
        "candidates/<uuid:pk>/reservation",
        review.CandidateReservation.as_view(),
        name="api-candidate-reservation",
    ),
    path(
        "candidates/<uuid:pk>/uphold",
        review.CandidateUphold.as_view(),
        name="api-candidate-uphold",
    ),
    path(
        "playbooks/<slug:slug>/review-policy",
        review.PlaybookPolicy.as_view(),
        name="api-review-policy",
    ),
    path(
        "playbooks/<slug:slug>/review-policy/history",
        review.PlaybookPolicyHistory.as_view(),
        name="api-review-policy-history",
    ),
    path(
        "playbooks/<slug:slug>/review-policy/replay",
        review.PlaybookPolicyReplay.as_view(),
        name="api-review-policy-replay",
    ),
    path("bulk-decisions", review.BulkList.as_view(), name="api-bulk-list"),
    path("bulk-decisions/<int:pk>", review.BulkDetail.as_view(), name="api-bulk-detail"),
    path(
        "bulk-decisions/<int:pk>/outcomes",
        review.BulkOutcomes.as_view(),
        name="api-bulk-outcomes",
    ),
    path(
        "bulk-decisions/<int:pk>/continue",
        review.BulkContinue.as_view(),
        name="api-bulk-continue",
    ),
    path("bulk-decisions/<int:pk>/undo", review.BulkUndo.as_view(), name="api-bulk-undo"),
    path("review/progress", review.ReviewProgress.as_view(), name="api-review-progress"),
    path("audit", review.AuditLog.as_view(), name="api-audit"),
    path(
        "candidates/<uuid:pk>/approve",
        views.CandidateApprove.as_view(),
        name="api-candidate-approve",
    ),
    path(
        "candidates/<uuid:pk>/reject", views.CandidateReject.as_view(), name="api-candidate-reject"
    ),
    path("candidates/<uuid:pk>/undo", views.CandidateUndo.as_view(), name="api-candidate-undo"),
    path("webhooks", webhooks.WebhookList.as_view(), name="api-webhook-list"),
    path("webhooks/<int:pk>", webhooks.WebhookDetail.as_view(), name="api-webhook-detail"),
    path("webhooks/<int:pk>/rotate", webhooks.WebhookRotate.as_view(), name="api-webhook-rotate"),
    path("webhooks/<int:pk>/test", webhooks.WebhookTest.as_view(), name="api-webhook-test"),
    path(
        "webhooks/<int:pk>/deliveries",
        webhooks.DeliveryList.as_view(),
        name="api-webhook-delivery-list",
    ),
    path(
        "webhooks/<int:pk>/deliveries/<uuid:delivery>/replay",
        webhooks.DeliveryReplay.as_view(),
        name="api-webhook-delivery-replay",
    ),
]
