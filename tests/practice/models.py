"""A language model on loopback as the settings name it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.fakes import Script, ScriptedOpenAI

MODEL = "scripted"
KEY = "sk-test-not-a-key-1234567890"


@contextmanager
def served(settings: Any, script: Script) -> Iterator[ScriptedOpenAI]:
    """Serve a script and point the settings at it."""
    with ScriptedOpenAI(script) as server:
        settings.LLM_PROVIDER, settings.LLM_MODEL = "openai", MODEL
        settings.LLM_BASE_URL, settings.LLM_API_KEY = server.base_url, KEY
        yield server
