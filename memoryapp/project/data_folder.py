"""The data folder: whether there is room in it, who holds it, and the secret key kept in it."""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
from contextlib import suppress
from pathlib import Path
from typing import IO

from memoryapp.project.embedded import EmbeddedFailed

MIN_FREE_BYTES = 300 * 1024 * 1024


def check_disk(folder: Path, wanted: int = MIN_FREE_BYTES) -> None:
    """Raise when the data folder cannot be written or has fewer than ``wanted`` bytes free."""
    check_writable(folder)
    free = shutil.disk_usage(folder).free
    if free < wanted:
        raise EmbeddedFailed(
            f"Only {free // 2**20} MB are free where {folder} lies and Greenroom needs "
            f"{wanted // 2**20} MB. Free some space or set GREENROOM_DATA_DIR."
        )


def check_writable(folder: Path) -> None:
    """Raise when no file can be made in the data folder."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # Processes that share the folder may all look at it in the same moment.
        probe = folder / f".write-test.{os.getpid()}"
        try:
            probe.write_bytes(b"x")
        finally:
            probe.unlink(missing_ok=True)
    except OSError as error:
        raise EmbeddedFailed(
            f"The data folder {folder} cannot be written ({error.strerror}). "
            "Free some space or set GREENROOM_DATA_DIR to another folder."
        ) from error


def hold(data: Path) -> IO[str]:
    """Hold a data folder for ourselves until the returned file is closed or we die.

    Raises:
        EmbeddedFailed: somebody else holds it; the line names the process.
    """
    file = (data / "up.lock").open("a+")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.seek(0)
        raise EmbeddedFailed(
            f"Greenroom already runs on {data} (process {file.read().strip() or 'unknown'}). Stop "
            "that one, or set GREENROOM_DATA_DIR to another folder."
        ) from error
    file.truncate(0)
    file.write(str(os.getpid()))
    file.flush()
    os.set_inheritable(file.fileno(), False)
    return file


def close_to_others(data: Path) -> None:
    """Let nobody but us read what tools answered and what runs practise on.

    The data folder itself may stay open: run by root, PostgreSQL's user has to walk through it.
    """
    for name in ("observations", "snapshots", "metrics"):
        with suppress(OSError):  # not there yet, or somebody else's
            (data / name).chmod(0o700)


def secret_path(data: Path) -> Path:
    """Where a data folder keeps the secret key that no setting gives."""
    return data / "secret-key"


def kept_secret(data: Path) -> str:
    """Return the secret key of a data folder, made at first use, readable by its owner only."""
    path = secret_path(data)
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        data.mkdir(parents=True, exist_ok=True)
    secret = secrets.token_urlsafe(50)
    # Whole or not at all: a full disk would leave an empty key that the next start believes.
    half = data / f"secret-key.{os.getpid()}"
    try:
        with os.fdopen(os.open(half, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600), "w") as file:
            file.write(secret)
        os.link(half, path)
    except FileExistsError:
        return path.read_text().strip()
    finally:
        half.unlink(missing_ok=True)
    return secret
