"""The Celery application: a doorbell only. Rows in PostgreSQL say what is to be done."""

from __future__ import annotations

import logging
import os
from importlib import import_module
from typing import Any

from celery import Celery
from celery.signals import beat_init, worker_init

from memoryapp.project import garbage, logs, reporting, starting  # noqa: F401  # two hear signals
from practice.clients import cage, model_places, seeds

logger = logging.getLogger(__name__)

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "memoryapp.project.settings")

app = Celery("greenroom")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@worker_init.connect
def refuse_what_cannot_work(**_: object) -> None:
    """Before anything is taken from the queue."""
    starting.refuse(starting.folder, starting.sandbox, starting.embedding_model)
    # Another host's worker may have them; a task that needs one says so too.
    if lost := starting.commands():
        logger.warning(lost)


@worker_init.connect
def clear_what_killed_workers_left(**_: object) -> None:
    """Attempt folders and hung tool servers of workers that could not clean up themselves."""
    seeds.sweep()


@worker_init.connect
def keep_settings_from_tool_servers(**_: object) -> None:
    """They run as our user, and were given none of our environment."""
    cage.close_to_others()


@worker_init.connect
def keep_one_process_free_of_models(sender: Any, **_: object) -> None:
    """A provider that hangs may hold all processes of a worker but one."""
    model_places.share(sender.concurrency or os.cpu_count() or 1)


@worker_init.connect
def load_the_protocol_of_tool_servers(**_: object) -> None:
    """Once and before there are processes to share it; all others do without."""
    import_module("practice.clients.mcp_link")


@worker_init.connect
@beat_init.connect
def run_on(**_: object) -> None:
    """Last of all, and before there are processes to share it."""
    garbage.all_is_loaded()
