"""A full disk and a read-only one, mounted for real: one line, and nothing is touched."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
#: Namespaces of one's own, in which anybody may mount.
UNSHARED = ("unshare", "--map-root-user", "--mount")
READ_ONLY = "mount -o remount,ro {folder}"
FULL = "head -c 2M /dev/zero > {folder}/other 2>/dev/null"
WITH_KEY = "printf %s some-key-that-an-earlier-start-has-kept-there > {folder}/secret-key"


def may_mount() -> bool:
    try:
        return not subprocess.run([*UNSHARED, "true"], capture_output=True, check=False).returncode
    except OSError:
        return False


pytestmark = pytest.mark.skipif(not may_mount(), reason="this host lets nobody mount")


def up(folder: Path, *before: str) -> subprocess.CompletedProcess[str]:
    """Start the product over a disk of one megabyte, after ``before`` was done to it."""
    steps = [
        "mount -t tmpfs -o size=1m tmpfs {folder}",
        *before,
        f"({shlex.quote(sys.executable)} -m memoryapp.project.up 2>&1; echo code $?)",
        "echo left: $(ls -A {folder})",
    ]
    return subprocess.run(
        [*UNSHARED, "sh", "-c", "; ".join(steps).replace("{folder}", str(folder))],
        cwd=ROOT,
        env={**os.environ, "GREENROOM_DATA_DIR": str(folder)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    ("before", "said", "left"),
    [
        (
            (WITH_KEY, READ_ONLY),
            "cannot be written (Read-only file system). Free some space or set GREENROOM_DATA_DIR",
            "secret-key",
        ),
        (
            (READ_ONLY,),
            "GREENROOM_DATA_DIR must be a folder that can be written; {folder} cannot "
            "(Read-only file system).",
            "",
        ),
        (
            (WITH_KEY, FULL),
            "cannot be written (No space left on device). Free some space or set",
            "other secret-key",
        ),
        (
            (FULL,),
            "GREENROOM_DATA_DIR must be a folder that can be written; {folder} cannot "
            "(No space left on device).",
            "other",
        ),
        ((WITH_KEY,), "MB are free where {folder} lies and Greenroom needs 300 MB.", "secret-key"),
    ],
)
def test_it_says_so_in_one_line_and_leaves_the_folder_as_it_was(
    tmp_path: Path, before: tuple[str, ...], said: str, left: str
) -> None:
    line, code, kept = up(tmp_path, *before).stdout.strip().splitlines()
    assert said.replace("{folder}", str(tmp_path)) in line
    assert code == "code 1"
    assert kept == f"left: {left}".strip()
