"""Asking the model one question without its library in this process."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from practice.agents.ports import ModelSilent, ProviderRefused

logger = logging.getLogger(__name__)
CHILD = "practice.clients.model_question"
#: where Python finds ``CHILD``, wherever this process was started.
_HOME = Path(__file__).resolve().parents[2]
_STDERR_CHARS = 2_000


def ask_apart(settings: Mapping[str, Any], deadline_s: float) -> str:
    """Ask the model of ``settings`` one short question and return a sentence for the operator.

    A process of its own asks, and ends with the answer: the model's library is 100 MB, which a web
    process would hold for good. ``settings`` are arguments of ``clients.llm.ModelSettings`` that
    JSON can hold.

    Raises:
        ProviderRefused: the model did not answer as it should, or could not be asked.
        ModelSilent: nothing came back within ``deadline_s`` seconds.
    """
    try:
        done = subprocess.run(
            [sys.executable, "-m", CHILD],
            input=json.dumps(settings),
            capture_output=True,
            text=True,
            timeout=deadline_s,
            cwd=_HOME,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ModelSilent(
            f"{settings['model']} did not answer within {deadline_s:.0f} s.", timed_out=True
        ) from error
    try:
        said: dict[str, str] = json.loads(done.stdout)
    except ValueError as error:
        logger.error("%s ended with %s. %s", CHILD, done.returncode, done.stderr[-_STDERR_CHARS:])
        raise ProviderRefused(
            "The model could not be called: the process that calls it ended. The server's log "
            "says why."
        ) from error
    if "refusal" in said:
        raise ProviderRefused(said["refusal"])
    return said["answer"]
