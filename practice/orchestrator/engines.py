"""The engine of a run: rules, or a language model from the settings."""

from __future__ import annotations

from decimal import Decimal
from importlib import import_module
from typing import Any

from django.conf import settings

from practice.agents.ports import Engine, ProviderRefused
from practice.agents.rules import build_engine
from practice.models import Run

RULES = "rules"
MODEL = "model"


def model_settings() -> dict[str, Any]:
    """The configured language model, as keyword arguments of ``ModelSettings``."""
    price: tuple[Decimal, Decimal] | None = None
    if settings.LLM_PRICE_INPUT >= 0 and settings.LLM_PRICE_OUTPUT >= 0:
        price = (Decimal(str(settings.LLM_PRICE_INPUT)), Decimal(str(settings.LLM_PRICE_OUTPUT)))
    return {
        "provider": settings.LLM_PROVIDER,
        "model": settings.LLM_MODEL,
        "base_url": settings.LLM_BASE_URL or None,
        "api_key": settings.LLM_API_KEY,
        "output_mode": settings.LLM_OUTPUT_MODE,
        "timeout_s": settings.LLM_TIMEOUT_SECONDS,
        "price": price,
        "models": settings.LLM_ROLE_MODELS,
        "temperatures": settings.LLM_TEMPERATURES,
    }


def engine_of(run: Run) -> Engine:
    """Build the engine a run was started with.

    Raises:
        ProviderRefused: a model run without a configured model.
    """
    if run.engine == RULES:
        return build_engine(run.seed)
    if not settings.LLM_PROVIDER or not settings.LLM_MODEL:
        raise ProviderRefused(
            "No model is configured. Set LLM_PROVIDER and LLM_MODEL, restart, and start the run "
            "again; nothing was lost."
        )
    # The model libraries cost 1.5 s and 100 MB: a worker that runs rules never loads them.
    llm: Any = import_module("practice.clients.llm")
    engine: Engine = llm.build_engine(llm.ModelSettings(**model_settings()), run.seed)
    return engine
