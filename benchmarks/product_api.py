"""A running product as its benchmarks use it: a key, its API, and its own database by a shell."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from tests.product import Product

WAIT_SECONDS = 60
_KEY = (
    "from memoryapp.models import Workspace; from django.contrib.auth import get_user_model;"
    "from memoryapp.services.tokens import api_key_create;"
    "print(api_key_create(workspace=Workspace.objects.get(), name='benchmark',"
    " scopes={scopes}, rate_limit=0, by=get_user_model().objects.get())[1])"
)


def in_shell(data: Path, script: str) -> str:
    """Run ``script`` with the product's settings and return what it printed.

    Raises:
        subprocess.CalledProcessError: the script failed; its messages are on standard error.
    """
    # Stores and settings of whoever asks, such as a test, are not the product's.
    clean = {k: v for k, v in os.environ.items() if k not in {"DATABASE_URL", "REDIS_URL"}}
    done = subprocess.run(
        [sys.executable, "manage.py", "shell", "--verbosity", "0", "-c", script],
        env={
            **clean,
            "DJANGO_SETTINGS_MODULE": "memoryapp.project.settings",
            "GREENROOM_DATA_DIR": str(data),
        },
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return done.stdout


def api_key(data: Path, scopes: str = "read write") -> str:
    """Make a key in the product's own database, as an admin would in the browser."""
    return in_shell(data, _KEY.format(scopes=scopes.split())).strip().splitlines()[-1]


def start_run(product: Product, key: str, **asked: Any) -> int:
    """Start a run of the rules engine on the sample world; wait while it is still checked."""
    body = {"environment": "help-desk", "playbook": "help-desk", "engine": "rules", **asked}
    while True:
        try:
            return int(call(product, key, "/api/v1/runs", body)["number"])
        except urllib.error.HTTPError as error:
            if error.code != 409:  # the sample is still being checked
                raise
            time.sleep(0.5)


def call(product: Product, key: str, path: str, body: Any = None) -> Any:
    """Call the API; a store that was just killed is waited for."""
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        request = urllib.request.Request(
            product.url + path,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=15) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            if error.code < 500 or time.monotonic() > deadline:
                raise
        except OSError:
            if time.monotonic() > deadline:
                raise
        time.sleep(0.3)
