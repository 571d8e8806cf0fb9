from __future__ import annotations

from django.urls import path

from memoryapp.api import (
    audit,
    bulk,
    bulk_changes,
    bullets,
    curation,
    exports,
    feedback,
    imports,
    keys,
    policies,
    proposals,
    pull,
    retrieval,
    review,
    schema,
    serving,
    transfer,
    views,
    webhooks,
    workspace,
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
    path("workspace", workspace.WorkspaceDetail.as_view(), name="api-workspace"),
    path("workspace/export", transfer.WorkspaceExport.as_view(), name="api-workspace-export"),
    path("workspace/exports", exports.ExportList.as_view(), name="api-workspace-exports"),
    path(
        "workspace/exports/<int:pk>",
        exports.ExportDetail.as_view(),
        name="api-workspace-export-detail",
    ),
    path(
        "workspace/exports/<int:pk>/file",
        exports.ExportFile.as_view(),
        name="api-workspace-export-file",
    ),
    path("workspace/import", transfer.WorkspaceImport.as_view(), name="api-workspace-import"),
    path(
        "playbooks/<slug:slug>/labels/<str:name>/history",
        curation.LabelHistory.as_view(),
        name="api-label-history",
    ),
    path(
        "playbooks/<slug:slug>/labels/<str:name>/revert",
        curation.LabelRevert.as_view(),
        name="api-label-revert",
    ),
    path(
        "playbooks/<slug:slug>/draft",
        curation.PlaybookDraft.as_view(),
        name="api-playbook-draft",
    ),
    path(
        "playbooks/<slug:slug>/settings",
        curation.PlaybookSettings.as_view(),
        name="api-playbook-settings",
    ),
    path("playbooks/<slug:slug>/bullets", bullets.BulletList.as_view(), name="api-bullet-list"),
    *(
        path(f"playbooks/<slug:slug>/bullets/<str:label>{end}", view.as_view(), name=name)
        for end, view, name in (
            ("", bullets.BulletDetail, "api-bullet-detail"),
            ("/retire", bullets.BulletRetire, "api-bullet-retire"),
            ("/restore", bullets.BulletRestore, "api-bullet-restore"),
            ("/confirm", bullets.BulletConfirm, "api-bullet-confirm"),
            ("/move", bullets.BulletMove, "api-bullet-move"),
            ("/place", bullets.BulletPlace, "api-bullet-place"),
            ("/tags", bullets.BulletTags, "api-bullet-tags"),
            ("/revisions", bullets.RevisionList, "api-revision-list"),
            ("/revisions/<int:number>", bullets.RevisionDetail, "api-revision-detail"),
            ("/revisions/<int:number>/restore", bullets.RevisionRestore, "api-revision-restore"),
        )
    ),
    path(
        "playbooks/<slug:slug>/merge/preview",
        curation.BulletsMergePreview.as_view(),
        name="api-bullets-merge-preview",
    ),
    path("playbooks/<slug:slug>/merge", curation.BulletsMerge.as_view(), name="api-bullets-merge"),
    path(
        "playbooks/<slug:slug>/undo-run/preview",
        curation.RunUndoPreview.as_view(),
        name="api-run-undo-preview",
    ),
    path("playbooks/<slug:slug>/undo-run", curation.RunUndo.as_view(), name="api-run-undo"),
    path(
        "playbooks/<slug:slug>/undo-run/undo",
        curation.RunRestore.as_view(),
        name="api-run-restore",
    ),
    path("keys", keys.KeyList.as_view(), name="api-key-list"),
    path("keys/<int:pk>", keys.KeyDetail.as_view(), name="api-key-detail"),
    path("keys/<int:pk>/rotate", keys.KeyRotate.as_view(), name="api-key-rotate"),
    path("playbooks/<slug:slug>/proposals", proposals.Proposals.as_view(), name="api-proposals"),
    path("feedback", feedback.Feedback.as_view(), name="api-feedback"),
    path("search", retrieval.Search.as_view(), name="api-search"),
    path("recalls/<uuid:pk>", retrieval.RecallDetail.as_view(), name="api-recall-detail"),
    path("candidates", views.CandidateList.as_view(), name="api-candidate-list"),
    path("candidates/<uuid:pk>", review.CandidateDetail.as_view(), name="api-candidate-detail"),
    path("candidates/<uuid:pk>/twins", review.CandidateTwins.as_view(), name="api-candidate-twins"),
    path("candidates/<uuid:pk>/merge", review.CandidateMerge.as_view(), name="api-candidate-merge"),
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
        "candidates/<uuid:pk>/overturn",
        review.CandidateOverturn.as_view(),
        name="api-candidate-overturn",
    ),
    path(
        "playbooks/<slug:slug>/review-policy",
        policies.PlaybookPolicy.as_view(),
        name="api-review-policy",
    ),
    path(
        "playbooks/<slug:slug>/review-policy/history",
        policies.PlaybookPolicyHistory.as_view(),
        name="api-review-policy-history",
    ),
    path(
        "playbooks/<slug:slug>/review-policy/replay",
        policies.PlaybookPolicyReplay.as_view(),
        name="api-review-policy-replay",
    ),
    path("bulk-decisions", bulk.BulkList.as_view(), name="api-bulk-list"),
    path("bulk-decisions/<int:pk>", bulk.BulkDetail.as_view(), name="api-bulk-detail"),
    path(
        "bulk-decisions/<int:pk>/outcomes",
        bulk.BulkOutcomes.as_view(),
        name="api-bulk-outcomes",
    ),
    path(
        "bulk-decisions/<int:pk>/continue",
        bulk.BulkContinue.as_view(),
        name="api-bulk-continue",
    ),
    path("bulk-decisions/<int:pk>/undo", bulk.BulkUndo.as_view(), name="api-bulk-undo"),
    path("bulk-changes", bulk_changes.BulkChangeList.as_view(), name="api-bulk-change-list"),
    *(
        path(f"bulk-changes/<int:pk>{end}", view.as_view(), name=name)
        for end, view, name in (
            ("", bulk_changes.BulkChangeDetail, "api-bulk-change-detail"),
            ("/outcomes", bulk_changes.BulkChangeOutcomes, "api-bulk-change-outcomes"),
            ("/continue", bulk_changes.BulkChangeContinue, "api-bulk-change-continue"),
            ("/undo", bulk_changes.BulkChangeUndo, "api-bulk-change-undo"),
        )
    ),
    path("review/progress", review.ReviewProgress.as_view(), name="api-review-progress"),
    path("audit", audit.AuditLog.as_view(), name="api-audit"),
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
