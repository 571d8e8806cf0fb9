"""The page of trajectories that agents sent in."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from practice.models import SentTrace, SentTrajectory
from practice.services.deployment import trajectories_send
from tests.factories import EnvironmentFactory, PlaybookFactory, RunFactory

pytestmark = pytest.mark.django_db
URL = "/practice/from-agents/"


@pytest.fixture
def sent(workspace: Any, ada: Any) -> None:
    trajectories_send(
        playbook=PlaybookFactory(workspace=workspace),
        environment=EnvironmentFactory(workspace=workspace),
        given=[
            {"id": f"t{n}", "instruction": f"Task {n}", "steps": [{"tool": "look"}]}
            for n in range(3)
        ],
        by=ada,
    )


def test_it_says_how_to_send_before_anything_came(client: Any, vera: Any) -> None:
    client.force_login(vera)
    page = client.get(URL).content.decode()
    assert "No agent has sent anything yet" in page
    assert "http://testserver/api/v1/trajectories" in page


def test_it_shows_what_came_with_a_constant_number_of_queries(
    client: Any, vera: Any, sent: Any, django_assert_max_num_queries: Any
) -> None:
    client.force_login(vera)
    with django_assert_max_num_queries(16):
        page = client.get(URL).content.decode()
    assert "Task 0" in page
    assert "Task 2" in page


def test_it_marks_one_whose_clock_is_ahead(
    vera_client: Any, workspace: Any, sent: Any, ada: Any
) -> None:
    entry = {"id": "t9", "instruction": "Task 9", "steps": [{"tool": "look"}]}
    trajectories_send(
        playbook=workspace.playbooks.get(),
        environment=workspace.environments.get(),
        given=[{**entry, "ended_at": "2199-01-01T00:00:00Z"}],
        by=ada,
    )
    page = vera_client.get(URL).content.decode()
    assert page.count("Its clock is ahead: it ended at 2199-01-01 00:00 UTC.") == 1


def test_it_filters_by_state(client: Any, vera: Any, sent: Any) -> None:
    client.force_login(vera)
    page = client.get(f"{URL}?status=taken").content.decode()
    assert "No trajectory is in this state" in page


def test_a_stranger_sees_nothing_of_it(client: Any, olga: Any, sent: Any) -> None:
    client.force_login(olga)
    assert "Task 0" not in client.get(URL).content.decode()


def test_it_says_why_traces_became_no_trajectory(
    rita_client: Any, olga_client: Any, workspace: Any
) -> None:
    SentTrace.objects.create(
        environment=EnvironmentFactory(workspace=workspace),
        playbook=PlaybookFactory(workspace=workspace),
        trace_id="a" * 32,
        span_count=3,
        status=SentTrace.Status.REFUSED,
        message="The trace has no tool call.",
        last_seen_at=timezone.now(),
    )
    said = rita_client.get(URL).content.decode()
    assert "0 taken, 0 coming in, 1 refused" in said
    assert "The trace has no tool call." in said
    assert "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=http://testserver/api/v1/otlp/v1/traces" in said
    assert "a" * 32 not in olga_client.get(URL).content.decode()


def test_its_samples_name_a_playbook_with_the_environment_it_is_practised_in(
    vera_client: Any, workspace: Any
) -> None:
    PlaybookFactory(workspace=workspace, slug="a-first", name="A first")
    EnvironmentFactory(workspace=workspace, slug="b-first", name="B first")
    RunFactory(
        workspace=workspace,
        playbook=PlaybookFactory(workspace=workspace, slug="shop-rules", name="Shop"),
        environment=EnvironmentFactory(workspace=workspace, slug="shop", name="Shop"),
    )

    page = vera_client.get(URL)

    assert '"playbook": "shop-rules"' in page.context["command"]
    assert '"environment": "shop"' in page.context["command"]
    assert "X-Greenroom-Environment=shop" in page.content.decode()


def test_it_has_what_no_run_judged_judged_again(
    client: Any, vera: Any, ada_client: Any, workspace: Any, sent: Any
) -> None:
    row = SentTrajectory.objects.get(external_id="t0")
    row.status = SentTrajectory.Status.UNJUDGED
    row.save()
    page = ada_client.get(URL).content.decode()
    assert "1 trajectory was not judged, because the run ended first." in page
    client.force_login(vera)
    assert "Judge again" not in client.get(URL).content.decode()
    page = ada_client.post(f"{URL}judge-again/", follow=True).content.decode()
    assert "1 trajectory will be judged by a new run." in page
    assert "Judge again" not in page
    page = ada_client.post(f"{URL}judge-again/", follow=True).content.decode()
    assert "Nothing that agents sent was left unjudged." in page


def test_it_says_that_what_waits_needs_the_tools_of_its_environment(
    vera_client: Any, workspace: Any, sent: Any
) -> None:
    said = "were never listed, so what agents sent there waits."
    assert said not in vera_client.get(URL).content.decode()
    workspace.environments.update(status="unreachable")
    assert said in vera_client.get(URL).content.decode()
