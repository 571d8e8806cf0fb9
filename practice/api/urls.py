from __future__ import annotations

from django.urls import path

from practice.api import (
    calibration,
    calls,
    drift,
    environments,
    experiments,
    incidents,
    memory,
    replay_cases,
    replays,
    telemetry,
    tools,
    views,
)
from practice.api.deployment import SentTrajectories, SentTrajectoriesAgain
from practice.api.ingest import AgentTraces, TrajectoryImport
from practice.api.tuning import FineTuning
from practice.services import runs

urlpatterns = [
    path("calibration", calibration.CalibrationDetail.as_view(), name="api-calibration"),
    path("model-calls", calls.ModelCallList.as_view(), name="api-model-call-list"),
    path("model-calls/<int:pk>", calls.ModelCallDetail.as_view(), name="api-model-call-detail"),
    path("model-prices", calls.ModelPriceList.as_view(), name="api-model-price-list"),
    path("environments/<slug:slug>/prompts", calls.PromptList.as_view(), name="api-prompt-list"),
    path("environments/<slug:slug>/memory", memory.MemoryDetail.as_view(), name="api-memory"),
    path(
        "environments/<slug:slug>/memory/steering",
        memory.MemorySteering.as_view(),
        name="api-memory-steering",
    ),
    path(
        "environments/<slug:slug>/memory/steering/<int:pk>",
        memory.MemoryWish.as_view(),
        name="api-memory-wish",
    ),
    path(
        "environments/<slug:slug>/memory/facts",
        memory.MemoryFacts.as_view(),
        name="api-memory-fact-list",
    ),
    path(
        "environments/<slug:slug>/memory/facts/<int:pk>",
        memory.MemoryFact.as_view(),
        name="api-memory-fact",
    ),
    path(
        "environments/<slug:slug>/memory/artifact",
        memory.MemoryArtifact.as_view(),
        name="api-memory-artifact",
    ),
    path("environments", environments.EnvironmentList.as_view(), name="api-environment-list"),
    path(
        "environments/<slug:slug>",
        environments.EnvironmentDetail.as_view(),
        name="api-environment-detail",
    ),
    path(
        "environments/<slug:slug>/check",
        environments.EnvironmentCheck.as_view(),
        name="api-environment-check",
    ),
    path(
        "environments/<slug:slug>/check-reset",
        environments.EnvironmentResetCheck.as_view(),
        name="api-environment-reset-check",
    ),
    path(
        "environments/<slug:slug>/access",
        environments.EnvironmentAccess.as_view(),
        name="api-environment-access",
    ),
    path(
        "environments/<slug:slug>/slots",
        environments.EnvironmentSlots.as_view(),
        name="api-environment-slots",
    ),
    path(
        "environments/<slug:slug>/watch",
        drift.EnvironmentWatch.as_view(),
        name="api-environment-watch",
    ),
    path(
        "environments/<slug:slug>/drift",
        drift.EnvironmentDrift.as_view(),
        name="api-environment-drift",
    ),
    path("environments/<slug:slug>/tools", tools.ToolList.as_view(), name="api-tool-list"),
    path(
        "environments/<slug:slug>/tools/<path:name>",
        tools.ToolDetail.as_view(),
        name="api-tool-detail",
    ),
    path(
        "environments/<slug:slug>/drift/practise",
        drift.DriftPractice.as_view(),
        name="api-drift-practise",
    ),
    path(
        "environments/<slug:slug>/snapshots",
        environments.SnapshotList.as_view(),
        name="api-snapshot-list",
    ),
    path(
        "environments/<slug:slug>/snapshots/<int:number>",
        environments.SnapshotDetail.as_view(),
        name="api-snapshot-detail",
    ),
    path("runs", views.RunList.as_view(), name="api-run-list"),
    path("runs/<int:number>", views.RunDetail.as_view(), name="api-run-detail"),
    path("runs/<int:number>/lessons", views.LessonList.as_view(), name="api-run-lesson-list"),
    *(
        path(
            f"runs/<int:number>/{verb}",
            views.RunMove.as_view(move=move, description=what),
            name=f"api-run-{verb}",
        )
        for verb, move, what in (
            ("pause", runs.run_pause, "Pause a run once the attempts that are on are done."),
            ("resume", runs.run_resume, "Resume a run that was paused."),
            ("cancel", runs.run_cancel, "Cancel a run. What it did so far stays."),
        )
    ),
    path("trajectories", SentTrajectories.as_view(), name="api-sent-trajectory-list"),
    path(
        "trajectories/judge-again",
        SentTrajectoriesAgain.as_view(),
        name="api-sent-trajectory-again",
    ),
    path("alerts", incidents.AlertList.as_view(), name="api-alert-list"),
    path(
        "alerts/alertmanager",
        incidents.AlertmanagerWebhook.as_view(),
        name="api-alertmanager-webhook",
    ),
    path(
        "attempts/<int:pk>/root-cause", incidents.AttemptCause.as_view(), name="api-attempt-cause"
    ),
    path("incidents", incidents.IncidentList.as_view(), name="api-incident-list"),
    path("incidents/<int:number>", incidents.IncidentDetail.as_view(), name="api-incident-detail"),
    path(
        "incidents/<int:number>/analysis",
        incidents.IncidentAnalyse.as_view(),
        name="api-incident-analysis",
    ),
    path(
        "incidents/<int:number>/lesson",
        incidents.IncidentLesson.as_view(),
        name="api-incident-lesson",
    ),
    *(
        path(
            f"incidents/<int:number>/{verb}",
            incidents.IncidentDecide.as_view(decide=decide, description=decide.__doc__),
            name=f"api-incident-{verb}",
        )
        for verb, decide in incidents.DECISIONS.items()
    ),
    path("case-sets", replays.CaseSetList.as_view(), name="api-case-set-list"),
    path("case-sets/<int:pk>", replays.CaseSetDetail.as_view(), name="api-case-set-detail"),
    path(
        "case-sets/<int:pk>/reading", replays.CaseSetReading.as_view(), name="api-case-set-reading"
    ),
    path("case-sets/<int:pk>/replays", replays.ReplayList.as_view(), name="api-replay-list"),
    path("replays/<int:pk>", replays.ReplayDetail.as_view(), name="api-replay-detail"),
    path("replays/<int:pk>/delete", replays.ReplayDelete.as_view(), name="api-replay-delete"),
    path("replays/<int:pk>/baseline", replays.ReplayBaseline.as_view(), name="api-replay-baseline"),
    path(
        "replays/<int:pk>/cases", replay_cases.ReplayCaseList.as_view(), name="api-replay-case-list"
    ),
    path(
        "replays/<int:pk>/cases/<int:case>",
        replay_cases.ReplayCaseDetail.as_view(),
        name="api-replay-case-detail",
    ),
    path("telemetry", telemetry.SourceList.as_view(), name="api-telemetry-source-list"),
    path(
        "telemetry/<slug:slug>",
        telemetry.SourceDetail.as_view(),
        name="api-telemetry-source-detail",
    ),
    path(
        "telemetry/<slug:slug>/columns",
        telemetry.SourceMapping.as_view(),
        name="api-telemetry-columns",
    ),
    path("telemetry/<slug:slug>/files", telemetry.FileList.as_view(), name="api-telemetry-files"),
    path(
        "telemetry/<slug:slug>/files/<int:pk>/reading",
        telemetry.FileReading.as_view(),
        name="api-telemetry-reading",
    ),
    path("telemetry/<slug:slug>/v1/traces", telemetry.OtlpTraces.as_view(), name="api-otlp-traces"),
    path(
        "telemetry/<slug:slug>/v1/metrics", telemetry.OtlpMetrics.as_view(), name="api-otlp-metrics"
    ),
    path("telemetry/<slug:slug>/v1/logs", telemetry.OtlpLogs.as_view(), name="api-otlp-logs"),
    path("trajectories/fine-tuning", FineTuning.as_view(), name="api-fine-tuning"),
    path("trajectories/import", TrajectoryImport.as_view(), name="api-trajectory-import"),
    path("otlp/v1/traces", AgentTraces.as_view(), name="api-agent-traces"),
    path("experiments", experiments.ExperimentList.as_view(), name="api-experiment-list"),
    path(
        "experiments/<int:number>",
        experiments.ExperimentDetail.as_view(),
        name="api-experiment-detail",
    ),
    path("attempts", views.AttemptList.as_view(), name="api-attempt-list"),
    path("attempts/<int:pk>", views.AttemptDetail.as_view(), name="api-attempt-detail"),
    path(
        "attempts/<int:pk>/steps/<int:number>/text",
        views.StepText.as_view(),
        name="api-attempt-step-text",
    ),
    path(
        "attempts/<int:pk>/overrule",
        experiments.AttemptOverrule.as_view(),
        name="api-attempt-overrule",
    ),
]
