"""The engine of a run: rules, or a language model from the settings."""

from __future__ import annotations

from decimal import Decimal
from importlib import import_module
from typing import Any

from django.conf import settings

from practice.agents.ports import Engine, ModelSilent, ProviderRefused
from practice.agents.rules import build_engine
from practice.clients.price_list import is_listed
from practice.domain.plans import Plan
from practice.domain.prices import price_for
from practice.domain.prompts import PromptText, version_name
from practice.domain.rootcause.explanation import Sentence
from practice.domain.rootcause.types import Analysis as Found
from practice.domain.rootcause.types import Ask, NotAsked, Opinion, Question
from practice.models import Analysis, ModelPrice, PromptVersion, Unit
from practice.orchestrator import silence
from practice.orchestrator.calls import analysis_recorder, recorder, wanting
from practice.queries.silence import models_of

RULES = "rules"
MODEL = "model"
TABLE, SETTINGS, LISTED, UNKNOWN = "table", "settings", "listed", "unknown"
NO_MODEL = (
    "No model is configured. Set LLM_PROVIDER and LLM_MODEL, restart, and start again; "
    "nothing was lost."
)

UNEXPLAINED = (
    "The model does not answer at the moment, so the answer was not put into words. The answer "
    "itself stands; look again when the model answers."
)


def model_settings(workspace_id: int) -> dict[str, Any]:
    """The configured language model, as keyword arguments of ``ModelSettings``."""
    return {
        "provider": settings.LLM_PROVIDER,
        "model": settings.LLM_MODEL,
        "base_url": settings.LLM_BASE_URL or None,
        "api_key": settings.LLM_API_KEY,
        "output_mode": settings.LLM_OUTPUT_MODE,
        "timeout_s": settings.LLM_TIMEOUT_SECONDS,
        "price": _settings_price(),
        "prices": ModelPrice.table(workspace_id),
        "models": settings.LLM_ROLE_MODELS,
        "temperatures": settings.LLM_TEMPERATURES,
    }


def _settings_price() -> tuple[Decimal, Decimal] | None:
    if settings.LLM_PRICE_INPUT < 0 or settings.LLM_PRICE_OUTPUT < 0:
        return None
    return Decimal(str(settings.LLM_PRICE_INPUT)), Decimal(str(settings.LLM_PRICE_OUTPUT))


def price_source(workspace_id: int, model: str) -> str:
    """Where a model's price is found, in the order it is looked for: ``TABLE`` (the workspace's),
    ``SETTINGS`` (``LLM_PRICE_INPUT`` and ``LLM_PRICE_OUTPUT``), ``LISTED`` (the list the model
    library ships with), else ``UNKNOWN``.
    """
    if price_for(ModelPrice.table(workspace_id), model) is not None:
        return TABLE
    if _settings_price() is not None:
        return SETTINGS
    listed = is_listed(settings.LLM_PROVIDER, settings.LLM_BASE_URL or None, model)
    return LISTED if listed else UNKNOWN


def unpriced_models(workspace_id: int) -> list[str]:
    """The configured models whose price nobody knows."""
    names = dict.fromkeys([settings.LLM_MODEL, *settings.LLM_ROLE_MODELS.values()])
    return [name for name in names if name and price_source(workspace_id, name) == UNKNOWN]


def is_configured() -> bool:
    """Whether the settings name a language model."""
    return bool(settings.LLM_PROVIDER and settings.LLM_MODEL)


def model_library() -> Any:
    """``practice.clients.llm``; loading it costs 1.5 s and 100 MB, so a rules run never does.

    Raises:
        ProviderRefused: no model is configured.
    """
    if not is_configured():
        raise ProviderRefused(NO_MODEL)
    return import_module("practice.clients.llm")


def engine_of(unit: Unit) -> Engine:
    """Build the engine a unit's run was started with. Its calls are kept under the unit.

    Raises:
        ProviderRefused: a model run without a configured model.
    """
    run = unit.run
    if run.engine == RULES:
        return build_engine(run.seed)
    llm, plan = model_library(), run.frozen
    wiring = llm.Wiring(
        prompts=prompts_of(plan),
        record=recorder(unit),
        condenses=plan.condense and not plan.faithful,
        votes=plan.votes,
        masks_named=not run.environment.is_made_up,
        wanted=wanting(unit),
    )
    chosen = llm.ModelSettings(**model_settings(run.workspace_id))
    engine: Engine = llm.build_engine(chosen, run.seed, wiring)
    return engine


def investigator_of(analysis: Analysis) -> Ask | None:
    """Who is asked of the verdicts an analysis leaves open; ``None`` without a model or calls.

    One call of several is kept for the explanation.
    """
    calls = int(analysis.budget.get("model_calls", 0))
    if not is_configured() or calls < 1:
        return None
    model = _model_of(analysis, "investigator")
    investigator = import_module("practice.agents.investigator").ModelInvestigator
    asked: Ask = investigator(model, max(1, calls - 1))
    models = models_of("investigator")

    def unless_silent(question: Question) -> Opinion | None:
        with silence.asking(models, takes_place=False) as may:
            if not may:
                raise NotAsked
            return asked(question)

    return unless_silent


def explained(analysis: Analysis, found: Found) -> tuple[Sentence, ...] | None:
    """The answer in a model's words, as far as they can be checked.

    ``None`` where no model was asked: none is configured, no call is left, or nothing was found
    that could be told.

    Raises:
        ModelSilent: the model did not answer others a moment ago and is left alone.
    """
    left = int(analysis.budget.get("model_calls", 0)) - found.spent.model_calls
    if not is_configured() or left < 1 or not found.causes or not found.evidence:
        return None
    model = _model_of(analysis, "explainer")
    explainer = import_module("practice.agents.explainer").ModelExplainer(model)
    with silence.asking(models_of("explainer"), takes_place=False) as may:
        if not may:
            raise ModelSilent(UNEXPLAINED, timed_out=True)
        said: tuple[Sentence, ...] = explainer(found)
        return said


def _model_of(analysis: Analysis, role: str) -> Any:
    llm = model_library()
    wiring = llm.Wiring(record=analysis_recorder(analysis))
    chosen = llm.ModelSettings(**model_settings(analysis.incident.workspace_id))
    return llm.role_model(chosen, role, 0, wiring)


def prompts_of(plan: Plan) -> dict[str, PromptText]:
    """The environment's own prompts a run was started with, by role."""
    rows = PromptVersion.objects.filter(pk__in=plan.prompts.values())
    return {row.role: PromptText.read(version_name(row.number), row.text) for row in rows}
