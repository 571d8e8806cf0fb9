"""Trying the connection to the models of the settings."""

from __future__ import annotations

from memoryapp.domain.errors import UnableToChange
from memoryapp.models import Workspace
from practice.agents.ports import AgentError
from practice.orchestrator.connections import model_answer


def model_try(workspace: Workspace) -> str:
    """Return a sentence that the configured model answered.

    Raises:
        UnableToChange: it did not; the text says why and what to do.
    """
    try:
        return model_answer(workspace.pk)
    except AgentError as error:
        raise UnableToChange(str(error)) from error
