"""``manage.py check --deploy`` has nothing to say of a production configuration."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def check(**changes: str) -> subprocess.CompletedProcess[str]:
    environment = {
        "PATH": os.environ["PATH"],
        "DATABASE_URL": "postgresql://greenroom:x@db.internal/greenroom",
        "REDIS_URL": "redis://redis.internal/0",
        "SECRET_KEY": secrets.token_urlsafe(50),
        "PUBLIC_URL": "https://greenroom.example.com",
        "ALLOWED_HOSTS": "greenroom.example.com",
        **changes,
    }
    argv = [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"]
    return subprocess.run(
        argv, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )


@pytest.mark.timeout(60)
def test_a_production_configuration_is_clean() -> None:
    done = check()
    assert done.returncode == 0, done.stderr
    assert "no issues" in done.stdout + done.stderr


@pytest.mark.timeout(60)
def test_it_does_speak_up_where_something_is_wrong() -> None:
    done = check(DEBUG="true", SECRET_KEY="too-short-for-the-check-of-django")
    assert done.returncode != 0
    assert "security.W018" in done.stderr
    assert "security.W009" in done.stderr
