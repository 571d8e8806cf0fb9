"""Asking for a new check of an environment."""

from __future__ import annotations

from typing import Any

from tests.factories import EnvironmentFactory


def test_it_rings_for_a_check(
    ada_client: Any, workspace: Any, django_capture_on_commit_callbacks: Any, rung: list[Any]
) -> None:
    environment = EnvironmentFactory(workspace=workspace, slug="desk")

    with django_capture_on_commit_callbacks(execute=True):
        answer = ada_client.post("/environments/desk/check/")

    environment.refresh_from_db()
    assert answer["Location"] == "/environments/desk/"
    assert environment.status == "checking"
    assert ("check_environment", environment.pk) in rung


def test_it_is_for_admins_and_posts_only(
    rita_client: Any, ada_client: Any, olga_client: Any, workspace: Any
) -> None:
    EnvironmentFactory(workspace=workspace, slug="desk")

    assert rita_client.post("/environments/desk/check/").status_code == 403
    assert ada_client.get("/environments/desk/check/").status_code == 405
    assert olga_client.post("/environments/desk/check/").status_code == 404
