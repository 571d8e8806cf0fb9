"""The question whether a model answers: by a process of its own, which ends with the answer."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from practice.agents.ports import ModelSilent, ProviderRefused
from practice.clients import asking
from practice.clients.asking import ask_apart
from tests.fakes import ScriptedOpenAI, text

KEY = "sk-test-0123456789abcdef"
#: seconds; a busy machine takes long to load the library.
DEADLINE = 110


def settings_of(address: str) -> dict[str, Any]:
    return {"provider": "openai", "model": "small", "base_url": address, "api_key": KEY}


def test_it_says_that_the_model_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    run, started = subprocess.run, []

    def noted(command: list[str], **how: Any) -> Any:
        started.append(command)
        return run(command, **how)

    monkeypatch.setattr(subprocess, "run", noted)
    with ScriptedOpenAI([text("ready")]) as server:
        assert "answered" in ask_apart(settings_of(server.base_url), DEADLINE)
    assert KEY not in str(started)


def test_it_waits_no_longer_than_it_may() -> None:
    with pytest.raises(ModelSilent, match="small did not answer within 0 s"):
        ask_apart(settings_of("http://127.0.0.1:9/v1"), 0.01)


def test_what_breaks_is_in_the_log_and_not_told(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(asking, "CHILD", "practice.clients.no_such_module")
    with pytest.raises(ProviderRefused, match="The server's log says") as refused:
        ask_apart(settings_of("http://127.0.0.1:9/v1"), DEADLINE)
    assert "no_such_module" in caplog.text
    assert "no_such_module" not in str(refused.value)


def test_it_says_what_is_wrong_and_who_asks_loads_nothing_of_the_library() -> None:
    code = (
        "import sys\n"
        "from practice.agents.ports import ProviderRefused\n"
        "from practice.clients.asking import ask_apart\n"
        "try:\n"
        "    ask_apart({'provider': 'openai', 'model': 'small'}, 110)\n"
        "except ProviderRefused as refused:\n"
        "    print(refused)\n"
        "    heavy = {'pydantic_ai', 'openai', 'anthropic'} & set(sys.modules)\n"
        "    sys.exit(f'loaded {heavy}' if heavy else 0)\n"
        "sys.exit('not refused')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=115)
    assert done.returncode == 0, done.stderr
    assert "needs an API key" in done.stdout


def test_the_library_of_another_provider_is_not_loaded() -> None:
    """Half a gigabyte in a worker of a dozen processes, and as long again to begin."""
    code = "import sys, practice.clients.llm; print('anthropic' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
