"""WSGI entry point; ADR 0002 says why not ASGI."""

from __future__ import annotations

import os
from importlib import import_module

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.template.loader import get_template

from memoryapp.clients import postgres
from memoryapp.project import garbage, reporting, starting
from memoryapp.project.bodies import Bodies
from memoryapp.project.environment import TEMPLATES_DIR

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "memoryapp.project.settings")
starting.refuse(starting.folder, starting.static_files, starting.embedding_model)
reporting.begin()
postgres.serve()

application = Bodies(get_wsgi_application(), most=settings.INGEST_MAX_BYTES)

# What every request needs is read before the server forks: nobody waits for it, and processes share
# it.
import_module(settings.ROOT_URLCONF)
for page in TEMPLATES_DIR.rglob("*.html"):
    get_template(str(page.relative_to(TEMPLATES_DIR)))
garbage.all_is_loaded()
