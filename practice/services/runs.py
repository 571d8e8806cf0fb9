"""Starting, pausing, resuming and cancelling practice runs."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from memoryapp.domain.errors import UnableToStart
from memoryapp.models import Playbook
from memoryapp.services.events import event_record
from practice.domain.plans import Plan
from practice.models import Environment, EnvironmentSnapshot, ModelSilence, Run, Steering, Unit
from practice.orchestrator.ending import wind_up
from practice.services.prices import check_budget
from practice.services.prompts import active_prompts
from practice.services.snapshots import check_usable
from practice.services.switches import Switches
from practice.tasks import drive_run

OFF = Switches()
ENGINES = ("rules", "model")
LIMITS = {"rounds": 100, "tasks": 50, "attempts": 16, "step_limit": 200, "parallel": 16}


def run_start(
    *,
    environment: Environment,
    playbook: Playbook,
    engine: str,
    by: Any,
    rounds: int = 10,
    tasks: int = 10,
    attempts: int = 1,
    step_limit: int = 50,
    policy: str = "feasible_only",
    parallel: int = 4,
    seed: int = 0,
    budget: Decimal | None = None,
    snapshot: EnvironmentSnapshot | None = None,
    switches: Switches = OFF,
) -> Run:
    """Freeze a plan in rows and have the workers begin.

    ``budget`` is in US dollars; reaching it ends the run with everything judged so far kept.

    With a ``snapshot`` every attempt begins from its seed and options, whatever the environment's
    own have become, and its tools are what later ones are compared with.

    Raises:
        UnableToStart: the environment is not connected, a tool in focus is to be left alone,
            the snapshot's files are not what they were, no tool is allowed, a number
            or a switch is out of range, or the model engine has no model.
    """
    if playbook.workspace_id != environment.workspace_id:
        raise UnableToStart("The playbook and the environment belong to different workspaces.")
    asked = {
        "rounds": rounds,
        "tasks": tasks,
        "attempts": attempts,
        "step_limit": step_limit,
        "parallel": parallel,
    }
    _check_asked(asked, policy, engine, budget)
    check_budget(workspace=environment.workspace, engine=engine, budget=budget)
    tools = _tools(environment, snapshot)
    plan = Plan(
        rounds=rounds,
        tasks=tasks,
        attempts=attempts,
        step_limit=step_limit,
        parallel=parallel,
        policy=policy,
        tools=tools,
        model=_model(engine),
        prompts=active_prompts(environment) if engine == "model" else {},
        **switches.as_plan(tools),
    )
    _check_wishes(environment, plan)
    with transaction.atomic():
        run = Run.objects.create_numbered(
            environment=environment,
            snapshot=snapshot,
            playbook=playbook,
            engine=engine,
            plan=plan.to_json(),
            seed=seed,
            budget=budget,
            started_by=by,
        )
        event_record(
            workspace=run.workspace,
            actor=by,
            kind="run.started",
            subject=run,
            before={},
            after={"engine": engine, **asked},
        )
        drive_run.delay_on_commit(str(run.pk))
    return run


def _check_asked(
    asked: Mapping[str, int], policy: str, engine: str, budget: Decimal | None
) -> None:
    """Refuse what no run can be asked for, whatever its environment."""
    for name, value in asked.items():
        if not 1 <= value <= LIMITS[name]:
            raise UnableToStart(
                f"{name} must be between 1 and {LIMITS[name]}, not {value}.", field=name
            )
    if policy not in {"feasible_only", "success_only"}:
        raise UnableToStart("The policy must be feasible_only or success_only.", field="policy")
    _check_engine(engine)
    if budget is not None and budget <= 0:
        raise UnableToStart(
            "A budget must be above $0.00; leave it empty for no limit.", field="budget"
        )


def _tools(environment: Environment, snapshot: EnvironmentSnapshot | None) -> dict[str, str]:
    """Tool to schema hash, of those a run may call."""
    if environment.status != Environment.Status.CONNECTED:
        raise UnableToStart(
            f"{environment.name} is {environment.get_status_display().lower()}. "
            "Check it on its page until its tools are listed, then start again."
        )
    tools = {tool.name: tool.schema_hash for tool in environment.tools.usable()}
    if snapshot is not None:
        check_usable(snapshot, environment)
        tools = {name: snapshot.tools[name] for name in tools if name in snapshot.tools}
    if not tools:
        raise UnableToStart(f"No tool of {environment.name} is turned on. Allow some first.")
    return tools


def _check_wishes(environment: Environment, plan: Plan) -> None:
    """Refuse a focus on tools that a standing wish asks to leave alone, rather than drop it."""
    if not plan.focus:
        return
    avoided = environment.steering.standing().filter(kind=Steering.Kind.AVOID, tool__in=plan.focus)
    if names := sorted(avoided.values_list("tool", flat=True)):
        raise UnableToStart(
            f"An active wish asks to leave {', '.join(names)} alone. End it on the environment's "
            "Practice memory, or leave that out of the focus. Nothing was started."
        )


def run_pause(*, run: Run, by: Any) -> Run:
    """Begin nothing new; attempts under way finish and are kept.

    Raises:
        UnableToStart: the run is not running.
    """
    return _moved(run, by, to=Run.Status.PAUSED, frm={Run.Status.RUNNING}, kind="run.paused")


def run_resume(*, run: Run, by: Any) -> Run:
    """Go on where the run stood.

    Raises:
        UnableToStart: the run is not paused.
    """
    with transaction.atomic():
        run = _moved(run, by, to=Run.Status.RUNNING, frm={Run.Status.PAUSED}, kind="run.resumed")
        # A worker that was rung for just before the pause came for nothing; do not wait for it.
        run.units.filter(status=Unit.Status.WAITING).update(dispatched_at=None)
        # Whoever resumes a run wants its model to be tried again.
        ModelSilence.objects.filter(run=run).update(run=None)
        drive_run.delay_on_commit(str(run.pk))
    return run


def run_cancel(*, run: Run, by: Any) -> Run:
    """End a run for good. What was judged and proposed so far stays.

    Raises:
        UnableToStart: the run has ended already.
    """
    with transaction.atomic():
        run = _moved(
            run,
            by,
            to=Run.Status.CANCELLED,
            frm={Run.Status.RUNNING, Run.Status.PAUSED},
            kind="run.cancelled",
            ends=True,
        )
        run.units.filter(status=Unit.Status.RUNNING).update(status=Unit.Status.CANCELLED)
        wind_up(run)
    return run


def _moved(run: Run, by: Any, *, to: str, frm: set[str], kind: str, ends: bool = False) -> Run:
    with transaction.atomic():
        was = run.status
        if not run.move(to=to, frm=frm, at=timezone.now() if ends else None):
            run.refresh_from_db()
            if run.status == to:
                raise UnableToStart(f"{run} is {to} already; nothing was changed.")
            raise UnableToStart(f"{run} is {run.status}, so it cannot become {to}.")
        event_record(
            workspace=run.workspace,
            actor=by,
            kind=kind,
            subject=run,
            before={"status": was},
            after={"status": to},
        )
    return run


def _check_engine(engine: str) -> None:
    if engine not in ENGINES:
        raise UnableToStart(f"The engine must be one of: {', '.join(ENGINES)}.", field="engine")
    if engine == "model" and not (settings.LLM_PROVIDER and settings.LLM_MODEL):
        raise UnableToStart(
            "No model is configured. Set LLM_PROVIDER, LLM_MODEL and LLM_API_KEY and restart, "
            "or choose the rules engine, which needs none."
        )


def _model(engine: str) -> str:
    return settings.LLM_MODEL if engine == "model" else "rules"
