"""Starting a run from the form."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from practice.models import Environment, Run
from practice.services.steering import steering_add
from tests.factories import EnvironmentFactory, PlaybookFactory, ToolFactory

URL = "/practice/new/"


@pytest.fixture
def asked(workspace: Any) -> dict[str, str]:
    environment = EnvironmentFactory(workspace=workspace, slug="desk", is_sample=False)
    ToolFactory(environment=environment)
    PlaybookFactory(workspace=workspace, slug="book")
    return {
        "environment": "desk",
        "playbook": "book",
        "engine": "rules",
        "rounds": "3",
        "tasks": "6",
        "attempts": "2",
        "step_limit": "20",
        "parallel": "4",
        "policy": "success_only",
        "budget": "1.50",
        "seed": "7",
    }


def test_it_starts_what_was_asked(rita_client: Any, rita: Any, asked: dict[str, str]) -> None:
    answer = rita_client.post(URL, asked)

    run = Run.objects.get()
    plan = run.frozen
    assert answer["Location"] == run.get_absolute_url()
    assert (plan.rounds, plan.tasks, plan.attempts, plan.step_limit) == (3, 6, 2, 20)
    assert plan.policy == "success_only"
    assert (run.budget, run.seed, run.started_by) == (Decimal("1.50"), 7, rita)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"rounds": "0"}, "greater than or equal to 1"),
        ({"tasks": "51"}, "less than or equal to 50"),
        ({"budget": "-1"}, "A budget must be above $0.00"),
        ({"engine": "model"}, "No model is configured."),
        ({"environment": "elsewhere"}, "Select a valid choice"),
        ({"seed": "99999999999"}, "less than or equal to"),
    ],
)
def test_it_refuses_with_a_reason_and_keeps_what_was_typed(
    rita_client: Any, asked: dict[str, str], changed: dict[str, str], said: str
) -> None:
    answer = rita_client.post(URL, asked | changed)

    page = answer.content.decode()
    assert answer.status_code in {409, 422}
    assert said in page
    assert 'name="step_limit" value="20"' in page
    assert not Run.objects.exists()


def test_it_refuses_to_practise_what_is_to_be_left_alone(
    rita_client: Any, rita: Any, workspace: Any, asked: dict[str, str]
) -> None:
    desk = workspace.environments.get()
    tool = desk.tools.get().name
    steering_add(environment=desk, kind="avoid", tool=tool, by=rita)

    answer = rita_client.post(URL, asked | {"focus": tool})

    assert answer.status_code == 409
    assert f"asks to leave {tool} alone" in answer.content.decode()
    assert not Run.objects.exists()


def test_it_refuses_an_environment_that_is_not_connected(
    rita_client: Any, workspace: Any, asked: dict[str, str]
) -> None:
    workspace.environments.update(status="unreachable")

    answer = rita_client.post(URL, asked)

    assert answer.status_code == 409
    assert "is unreachable" in answer.content.decode()


def test_it_proposes_a_short_plan_for_the_sample(rita_client: Any, workspace: Any) -> None:
    EnvironmentFactory(workspace=workspace, slug="sample")
    PlaybookFactory(workspace=workspace)

    page = rita_client.get(f"{URL}?environment=sample").content.decode()

    assert 'name="rounds" value="3"' in page
    assert "18 solver runs" in page


def test_it_proposes_the_plan_of_the_paper_for_others(
    rita_client: Any, asked: dict[str, str]
) -> None:
    page = rita_client.get(f"{URL}?environment=desk").content.decode()

    assert '<option value="desk" selected>' in page
    assert "100 solver runs" in page


@pytest.mark.parametrize(
    ("rounds", "said"), [("4", "48 solver runs"), ("many", "Enter whole numbers")]
)
def test_it_counts_solver_runs_while_somebody_types(
    rita_client: Any, asked: dict[str, str], rounds: str, said: str
) -> None:
    part = rita_client.get(URL, asked | {"rounds": rounds}, HTTP_HX_REQUEST="true")

    assert said in part.content.decode()
    assert "<form" not in part.content.decode()


BEYOND = {
    "faithful": "false",
    "verify": "strict",
    "consolidate": "on",
    "band_low": "30",
    "band_high": "70",
    "patience": "2",
    "held_out": "4",
    "votes": "1",
    "focus": " get_it, get_it ,",
}


def test_it_starts_with_the_switches_that_were_turned_on(
    rita_client: Any, asked: dict[str, str]
) -> None:
    Environment.objects.get().tools.update(name="get_it")

    rita_client.post(URL, asked | BEYOND)

    plan = Run.objects.get().frozen
    assert (plan.verify, plan.consolidate, plan.band) == ("strict", True, (0.3, 0.7))
    assert (plan.patience, plan.held_out, plan.focus) == (2, 4, ("get_it",))
    assert (plan.drift_watch, plan.faithful, plan.votes) == (False, False, 1)


def test_it_is_faithful_whatever_else_was_filled_in(
    rita_client: Any, asked: dict[str, str]
) -> None:
    rita_client.post(
        URL, asked | BEYOND | {"faithful": "true", "held_out": "many", "drift_watch": "on"}
    )

    plan = Run.objects.get().frozen
    assert plan.faithful
    assert (plan.verify, plan.band, plan.held_out, plan.drift_watch) == ("", (), 0, False)


@pytest.mark.parametrize(
    ("changed", "field", "said"),
    [
        ({"band_low": "70", "band_high": "30"}, "band_high", "must be above 70"),
        ({"band_low": "30"}, "band_high", "Enter both, or neither"),
        ({"band_low": "101", "band_high": "7"}, "band_low", "less than or equal to 100"),
        ({"votes": "3"}, "votes", "need the model engine"),
        ({"votes": "2"}, "votes", "Select a valid choice"),
        ({"condense": "on"}, "condense", "Choose the model engine"),
        ({"held_out": "99"}, "held_out", "less than or equal to 20"),
        ({"focus": "burn_it"}, "focus", "has no tool burn_it that is turned on"),
    ],
)
def test_it_says_beside_the_field_which_switch_is_wrong(
    rita_client: Any, asked: dict[str, str], changed: dict[str, str], field: str, said: str
) -> None:
    answer = rita_client.post(URL, asked | changed)

    assert answer.status_code == 422
    assert said in str(answer.context["form"].errors[field])
    assert '<details class="more beyond" open>' in answer.content.decode()
    assert not Run.objects.exists()


def test_it_watches_for_drift_unless_told_otherwise(
    rita_client: Any, asked: dict[str, str]
) -> None:
    page = rita_client.get(URL)

    assert page.context["form"].switched_on == ["drift watch"]
    assert '<details class="more beyond">' in page.content.decode()
    off = rita_client.get(f"{URL}?drift_watch=false").content.decode()
    assert "everything off" in off


def test_it_opens_with_the_tools_a_link_asks_for(
    rita_client: Any, workspace: Any, asked: dict[str, str]
) -> None:
    ToolFactory(environment=EnvironmentFactory(workspace=workspace, slug="far"), name="far_tool")

    page = rita_client.get(f"{URL}?focus=far_tool").content.decode()

    assert 'name="focus" value="far_tool"' in page
    assert '<option value="far" selected>' in page
    assert '<details class="more beyond" open>' in page


def test_it_counts_held_out_tries_and_names_what_is_on_while_somebody_types(
    rita_client: Any, asked: dict[str, str]
) -> None:
    part = rita_client.get(
        URL, asked | {"held_out": "4", "refresh": "1"}, HTTP_HX_REQUEST="true"
    ).content.decode()

    assert "Held-out tasks add 12." in part
    assert 'hx-swap-oob="true">on: held-out tasks' in part


def test_it_says_how_to_configure_a_model(rita_client: Any, asked: dict[str, str]) -> None:
    page = rita_client.get(URL).content.decode()

    assert "<code>LLM_PROVIDER</code>" in page
    assert 'value="model" disabled' in page


def test_it_names_the_configured_model(
    rita_client: Any, asked: dict[str, str], settings: Any
) -> None:
    settings.LLM_PROVIDER, settings.LLM_MODEL = "openai", "small-1"

    page = rita_client.get(URL).content.decode()

    assert "openai small-1" in page
    assert "LLM_BASE_URL" not in page


def test_it_needs_the_right_to_review(
    vera_client: Any, olga_client: Any, asked: dict[str, str]
) -> None:
    assert vera_client.get(URL).status_code == 403
    assert vera_client.post(URL, asked).status_code == 403
    assert olga_client.post(URL, asked).status_code == 422
    assert not Run.objects.exists()
