"""Keeping every request to a model, and what it cost, the moment it is answered.

A call belongs to the unit that made it, or to a prompt trial. Its ledger entry is written with it,
so that tokens spent before a role fails, is interrupted or loses its claim are counted once and
never lost. Nothing else writes the ledger of a model: ``Result.usages`` of a role that made
requests is in it already.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from decimal import Decimal
from typing import Any, ParamSpec, TypeVar

from django.conf import settings
from django.db import connections, transaction

from practice.clients.price_list import listed_cost
from practice.domain.calls import CallRecord
from practice.domain.prices import price_for
from practice.domain.rounds import UNFINISHED, Stage
from practice.models import (
    Analysis,
    Attempt,
    LedgerEntry,
    ModelCall,
    ModelPrice,
    PromptTrial,
    Unit,
)
from practice.models.runs import EMBEDDING
from practice.orchestrator import silence

#: stages whose units are about one attempt.
_OF_AN_ATTEMPT = frozenset({Stage.SOLVE, Stage.VALIDATE, Stage.LEARN})
P = ParamSpec("P")
T = TypeVar("T")
MODEL_CHARS, PROMPT_CHARS = 100, 40


def recorder(unit: Unit) -> Callable[[CallRecord], None]:
    """Return what keeps the calls of a unit, each with its entry in the run's ledger."""
    about = _attempt_of(unit)

    def keep(call: CallRecord) -> None:
        with transaction.atomic():
            ModelCall.objects.create(
                workspace_id=unit.run.workspace_id,
                run_id=unit.run_id,
                unit=unit,
                attempt_id=about,
                **_columns(call),
            )
            LedgerEntry.objects.create(
                run_id=unit.run_id,
                unit=unit,
                role=call.role,
                model=call.model[:MODEL_CHARS],
                requests=1,
                input_tokens=call.input_tokens,
                output_tokens=call.output_tokens,
                cached_tokens=call.cached_tokens,
                cost=call.cost,
                # What came back and is no reply is as good as none.
                answered=not call.unanswered and bool(call.reply or call.input_tokens),
            )
        silence.heard(call, unit.run)

    return _from_any_thread(keep)


def embedding_recorder(unit: Unit, model: str) -> Callable[[int], None]:
    """Return what counts each request of a unit to an embedding model, by the tokens it read.

    It stands in the run's ledger alone: the texts are tasks, which are rows, and the reply is
    numbers that nobody reads.
    """

    def keep(tokens: int) -> None:
        LedgerEntry.objects.create(
            run_id=unit.run_id,
            unit=unit,
            role=EMBEDDING,
            model=model[:MODEL_CHARS],
            requests=1,
            input_tokens=tokens,
            cost=_embedding_cost(unit.run.workspace_id, model, tokens),
        )

    return keep


def _embedding_cost(workspace_id: int, model: str, tokens: int) -> Decimal | None:
    """US dollars, by the workspace's prices or the library's list; of no tokens nobody knows."""
    price = price_for(ModelPrice.table(workspace_id), model)
    if not tokens:
        return None
    if price is not None:
        return price.cost(input_tokens=tokens, output_tokens=0)
    return listed_cost("openai", settings.EMBEDDING_BASE_URL, model, input_tokens=tokens)


def wanting(unit: Unit) -> Callable[[], bool]:
    """Return what says whether a unit's run still goes on, and the unit is still ours."""
    held = Unit.objects.held(unit).filter(run__status__in=UNFINISHED)
    return _from_any_thread(lambda: held.exists())


def trial_recorder(trial: PromptTrial) -> Callable[[CallRecord], None]:
    """Return what keeps the calls of a dry run. They cost no run anything."""

    def keep(call: CallRecord) -> None:
        ModelCall.objects.create(
            workspace_id=trial.environment.workspace_id,
            trial=trial,
            attempt_id=trial.attempt_id,
            **_columns(call),
        )
        silence.heard(call)

    return _from_any_thread(keep)


def analysis_recorder(analysis: Analysis) -> Callable[[CallRecord], None]:
    """Return what keeps the calls of an analysis. They cost no run anything."""

    def keep(call: CallRecord) -> None:
        ModelCall.objects.create(
            workspace_id=analysis.incident.workspace_id,
            attempt_id=analysis.incident.attempt_id,
            **_columns(call),
        )
        silence.heard(call)

    return _from_any_thread(keep)


def _attempt_of(unit: Unit) -> int | None:
    if unit.stage in _OF_AN_ATTEMPT:
        return unit.target
    if unit.stage == Stage.SUMMARISE:
        shown = Attempt.objects.filter(task_id=unit.target, is_representative=True)
        return shown.values_list("pk", flat=True).first()
    return None


def _columns(call: CallRecord) -> dict[str, Any]:
    return {
        "role": call.role,
        "model": call.model[:MODEL_CHARS],
        "prompt": call.prompt[:PROMPT_CHARS],
        "request": list(call.request),
        "reply": list(call.reply),
        "error": call.error,
        "input_tokens": call.input_tokens,
        "output_tokens": call.output_tokens,
        "cached_tokens": call.cached_tokens,
        "cost": call.cost,
        "latency_ms": call.latency_ms,
    }


def _from_any_thread(ask: Callable[P, T]) -> Callable[P, T]:
    owner = threading.get_ident()

    def asked(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return ask(*args, **kwargs)
        finally:
            # An agent library may call back from a helper thread whose connection nobody closes.
            if threading.get_ident() != owner:
                connections.close_all()

    return asked
