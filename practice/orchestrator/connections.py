"""Whether the configured model answers, asked by a person who waits for it."""

from __future__ import annotations

from django.conf import settings

from practice.agents.ports import ProviderRefused
from practice.clients.asking import ask_apart
from practice.orchestrator.engines import NO_MODEL, is_configured, model_settings

#: seconds a person waits at most for the model; the requests of runs may take longer.
WAIT_SECONDS = 20.0
#: seconds until the process that asks has begun to, on a busy machine too.
START_SECONDS = 30.0
#: what a question needs to know; what it costs is nobody's to know.
_ASKED = ("provider", "model", "base_url", "api_key", "output_mode", "models", "temperatures")


def model_answer(workspace_id: int) -> str:
    """Ask the configured model one short question, and say in a sentence that it answered.

    Raises:
        AgentError: no model is configured, or it did not answer; the text says what to do.
    """
    if not is_configured():
        raise ProviderRefused(NO_MODEL)
    known = model_settings(workspace_id)
    wait = min(settings.LLM_TIMEOUT_SECONDS, WAIT_SECONDS)
    chosen = {name: known[name] for name in _ASKED} | {"timeout_s": wait}
    return ask_apart(chosen, wait + START_SECONDS)
