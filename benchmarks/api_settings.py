"""The product's settings, with what pulls are compared with among its addresses."""

from __future__ import annotations

from memoryapp.project.settings import *  # noqa: F403

ROOT_URLCONF = "benchmarks.api_server"
DEBUG = False
ALLOWED_HOSTS = ["*"]
#: the load is one key's; its limit is measured by tests.
API_RATE_LIMIT = 0
