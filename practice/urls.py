"""Pages of practice."""

from __future__ import annotations

from django.urls import path

from practice.views import coverage, environments, runs, start, trajectories

urlpatterns = [
    path("practice/", runs.run_list, name="run-list"),
    path("practice/new/", start.run_new, name="run-start"),
    path("practice/runs/<int:number>/", runs.run_detail, name="run-detail"),
    path("practice/runs/<int:number>/pause/", runs.pause, name="run-pause"),
    path("practice/runs/<int:number>/resume/", runs.resume, name="run-resume"),
    path("practice/runs/<int:number>/cancel/", runs.cancel, name="run-cancel"),
    path("environments/", environments.environment_list, name="environment-list"),
    path("environments/new/", environments.connect, name="environment-connect"),
    path("environments/<slug:slug>/", environments.environment_detail, name="environment-detail"),
    path("environments/<slug:slug>/check/", environments.check, name="environment-check"),
    path(
        "environments/<slug:slug>/tools/<path:name>/allow/", environments.allow, name="tool-allow"
    ),
    path("trajectories/", trajectories.trajectory_list, name="trajectory-list"),
    path("trajectories/<int:pk>/", trajectories.trajectory_detail, name="trajectory-detail"),
    path("coverage/", coverage.coverage_page, name="coverage"),
]
