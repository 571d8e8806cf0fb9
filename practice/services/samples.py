"""The sample world every new workspace starts with."""

from __future__ import annotations

from typing import Any

from memoryapp.models import Playbook, Workspace
from memoryapp.services.playbooks import playbook_create
from practice.models import Environment
from practice.services.environments import environment_connect

SAMPLE_NAME = "Help desk"
SAMPLE_SLUG = "help-desk"


def sample_load(*, workspace: Workspace, by: Any = None) -> tuple[Environment, Playbook]:
    """Connect the help desk and give it a playbook; a second call finds both.

    The environment is a real MCP server (``examples/helpdesk``), started per attempt over a fresh
    copy of its seed folder. ``by`` is nobody where it comes with the workspace.

    Raises:
        UnableToConnect: the name is taken, or this machine does not know the command.
    """
    environment = Environment.objects.filter(workspace=workspace, is_sample=True).first()
    if environment is None:
        environment = environment_connect(
            workspace=workspace,
            name=SAMPLE_NAME,
            transport=Environment.Transport.STDIO,
            command="helpdesk",
            arguments=["--data", "{workdir}"],
            is_sample=True,
            by=by,
        )
    playbook = Playbook.objects.filter(workspace=workspace, slug=SAMPLE_SLUG).first()
    if playbook is None:
        playbook = playbook_create(
            workspace=workspace,
            name=SAMPLE_NAME,
            description="What an agent should know before it works at the help desk.",
            by=by,
        )
    return environment, playbook
