"""WSGI entry point; ADR 0002 says why not ASGI."""

from __future__ import annotations

import os

from django.core.wsgi import get_wsgi_application

from memoryapp.project import reporting

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "memoryapp.project.settings")
reporting.begin()

application = get_wsgi_application()
