"""Whether the configured model answers, asked by a person who waits for it."""

from __future__ import annotations

from django.conf import settings

from practice.orchestrator.engines import model_library, model_settings

#: seconds a person waits at most; the requests of runs may take longer.
WAIT_SECONDS = 20.0


def model_answer(workspace_id: int) -> str:
    """Ask the configured model one short question, and say in a sentence that it answered.

    Raises:
        AgentError: no model is configured, or it did not answer; the text says what to do.
    """
    llm = model_library()
    wait = min(settings.LLM_TIMEOUT_SECONDS, WAIT_SECONDS)
    chosen = llm.ModelSettings(**{**model_settings(workspace_id), "timeout_s": wait})
    said: str = llm.check_connection(chosen)
    return said
