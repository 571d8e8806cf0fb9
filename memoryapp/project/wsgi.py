"""WSGI entry point; ADR 0002 says why not ASGI."""

from __future__ import annotations

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "memoryapp.project.settings")

application = get_wsgi_application()
