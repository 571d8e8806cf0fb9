"""Pages of practice."""

from __future__ import annotations

from django.urls import path

from practice.views import (
    calibration,
    calls,
    costs,
    coverage,
    deployment,
    drift,
    environments,
    experiments,
    memory,
    overrules,
    prices,
    prompts,
    runs,
    start,
    trajectories,
)

urlpatterns = [
    path("practice/", runs.run_list, name="run-list"),
    path("practice/new/", start.run_new, name="run-start"),
    path("practice/runs/<int:number>/", runs.run_detail, name="run-detail"),
    path("practice/runs/<int:number>/pause/", runs.pause, name="run-pause"),
    path("practice/runs/<int:number>/resume/", runs.resume, name="run-resume"),
    path("practice/runs/<int:number>/cancel/", runs.cancel, name="run-cancel"),
    path("practice/experiments/", experiments.experiment_list, name="experiment-list"),
    path("practice/experiments/new/", experiments.experiment_new, name="experiment-start"),
    path(
        "practice/experiments/<int:number>/",
        experiments.experiment_detail,
        name="experiment-detail",
    ),
    path("practice/calibration/", calibration.calibration_page, name="calibration"),
    path("practice/costs/", costs.costs_page, name="costs"),
    path("practice/calls/", calls.call_list, name="call-list"),
    path("practice/calls/<int:pk>/", calls.call_detail, name="call-detail"),
    path("settings/models/", prices.price_list, name="price-list"),
    path("settings/models/save/", prices.save, name="price-save"),
    path("settings/models/<int:pk>/remove/", prices.remove, name="price-remove"),
    path("environments/", environments.environment_list, name="environment-list"),
    path("environments/new/", environments.connect, name="environment-connect"),
    path("environments/<slug:slug>/", environments.environment_detail, name="environment-detail"),
    path("environments/<slug:slug>/check/", environments.check, name="environment-check"),
    path("environments/<slug:slug>/memory/", memory.memory_page, name="memory"),
    path("environments/<slug:slug>/memory/wishes/", memory.wish_add, name="memory-wish-add"),
    path(
        "environments/<slug:slug>/memory/wishes/<int:pk>/end/",
        memory.wish_end,
        name="memory-wish-end",
    ),
    path("environments/<slug:slug>/memory/facts/<int:pk>/", memory.fact_change, name="memory-fact"),
    path(
        "environments/<slug:slug>/memory/files/<str:file>/",
        memory.file_download,
        name="memory-file",
    ),
    path("environments/<slug:slug>/memory/import/", memory.file_import, name="memory-import"),
    path("environments/<slug:slug>/prompts/", prompts.prompt_list, name="prompt-list"),
    path("environments/<slug:slug>/prompts/trials/<int:pk>/", prompts.trial, name="prompt-trial"),
    path("environments/<slug:slug>/prompts/<slug:role>/", prompts.prompt_edit, name="prompt-edit"),
    path("environments/<slug:slug>/prompts/<slug:role>/save/", prompts.save, name="prompt-save"),
    path(
        "environments/<slug:slug>/prompts/<slug:role>/use/",
        prompts.activate,
        name="prompt-activate",
    ),
    path(
        "environments/<slug:slug>/prompts/<slug:role>/compare/",
        prompts.prompt_diff,
        name="prompt-diff",
    ),
    path(
        "environments/<slug:slug>/check-reset/",
        environments.check_reset,
        name="environment-reset-check",
    ),
    path("environments/<slug:slug>/watch/", drift.watch, name="drift-watch"),
    path("environments/<slug:slug>/practise/", drift.practise, name="drift-practise"),
    path("environments/<slug:slug>/slots/", environments.resize, name="environment-slots"),
    path("environments/<slug:slug>/snapshots/", environments.take_snapshot, name="snapshot-take"),
    path(
        "environments/<slug:slug>/snapshots/<int:number>/delete/",
        environments.delete_snapshot,
        name="snapshot-delete",
    ),
    path(
        "environments/<slug:slug>/tools/<path:name>/allow/", environments.allow, name="tool-allow"
    ),
    path("trajectories/", trajectories.trajectory_list, name="trajectory-list"),
    path("trajectories/<int:pk>/", trajectories.trajectory_detail, name="trajectory-detail"),
    path("trajectories/<int:pk>/overrule/", overrules.overrule, name="attempt-overrule"),
    path("trajectories/<int:pk>/overrule/undo/", overrules.undo, name="attempt-overrule-undo"),
    path("practice/from-agents/", deployment.sent_list, name="sent-list"),
    path("coverage/", coverage.coverage_page, name="coverage"),
]
