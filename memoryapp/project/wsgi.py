"""WSGI entry point; ADR 0002 says why not ASGI."""

from __future__ import annotations

import os

from django.conf import settings
from django.core.wsgi import get_wsgi_application

from memoryapp.project import reporting
from memoryapp.project.bodies import Bodies

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "memoryapp.project.settings")
reporting.begin()

application = Bodies(get_wsgi_application(), most=settings.INGEST_MAX_BYTES)
