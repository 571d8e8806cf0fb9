"""What a process needs of its host before it serves or works: looked at, and said in one line.

The settings are right in themselves by then. Commands such as ``greenroom doctor`` do without, or
nobody could look for what is missing.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from django.conf import settings

from memoryapp.clients import minilm
from memoryapp.project import data_folder
from memoryapp.project.embedded import EmbeddedFailed
from practice.clients.cage import bubblewrap


def refuse(*needs: Callable[[], str]) -> None:
    """Raise ``SystemExit`` with a line for each need that says what is missing."""
    missing = [line for line in (need() for need in needs) if line]
    if missing:
        raise SystemExit("\n".join(f"Greenroom cannot start. {line}" for line in missing))


def folder() -> str:
    """The data folder can be written."""
    try:
        data_folder.check_writable(settings.DATA_DIR)
    except EmbeddedFailed as error:
        return str(error)
    return ""


def static_files() -> str:
    """Pages can be drawn: without the list of their files every one of them would be a 500."""
    root = settings.STATIC_ROOT
    if not root or (Path(root) / "staticfiles.json").is_file():
        return ""
    return (
        f"STATIC_ROOT is {root}, which holds no static files. Run: greenroom manage collectstatic "
        "--noinput"
    )


def sandbox() -> str:
    """What starts tool servers can hold them, where that was required."""
    if settings.MCP_SANDBOX != "required" or bubblewrap():
        return ""
    return (
        "MCP_SANDBOX is required, and bubblewrap is not installed here or may not make namespaces. "
        "Install bubblewrap and allow user namespaces, or set MCP_SANDBOX to auto."
    )


def embedding_model() -> str:
    """The local model is there, whole and the official one."""
    if settings.EMBEDDING_PROVIDER != "local":
        return ""
    try:
        minilm.check(minilm.folder(settings.EMBEDDING_MODEL_DIR))
    except minilm.ModelMissing as error:
        where = "EMBEDDING_MODEL_DIR" if settings.EMBEDDING_MODEL_DIR else "EMBEDDING_PROVIDER"
        return f"{where} cannot be used: {error}"
    return ""


def commands() -> str:
    """The programs that may start tool servers are on this host."""
    lost = [name for name, argv in settings.MCP_COMMANDS.items() if not shutil.which(argv[0])]
    if not lost:
        return ""
    return (
        f"MCP_COMMANDS names {', '.join(lost)}, which cannot be run on this host. Correct the path "
        "of the program, or install it."
    )
