"""What the process of a tool server may use and see.

Two layers, each where the host offers it: ``prlimit`` bounds what it uses up, ``bubblewrap`` bounds
what it sees. In the sandbox the machine is read-only, Greenroom's own data is not there, other
attempts' folders are not there, other processes are not there, and it may write to the folders
of its own attempt. The network is as it is: most tool servers are there to reach something.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from practice.agents.ports import EnvironmentUnavailable
from practice.clients.seeds import Workplace

#: Limits by name: the option of prlimit, how many of its units one of ours is, and words.
LIMITS: Mapping[str, tuple[str, int, str]] = {
    "cpu_seconds": ("--cpu", 1, "{:,} s of processor time"),
    "memory_mb": ("--data", 2**20, "{:,} MB of memory"),
    "file_mb": ("--fsize", 2**20, "files of {:,} MB"),
    "open_files": ("--nofile", 1, "{:,} open files"),
    "processes": ("--nproc", 1, "{:,} processes"),
}
_WALLS = ("--unshare-pid", "--unshare-ipc", "--unshare-uts", "--die-with-parent")
_PROBE_SECONDS = 10.0
_PR_SET_DUMPABLE = 4


@dataclass(frozen=True, slots=True)
class Cage:
    """How a server's process is held.

    Args:
        sandbox: ``auto`` uses bubblewrap where it works, ``required`` starts nothing without it,
            ``off`` never uses it.
        limits: by the names in ``LIMITS``; 0 is no limit.
        hidden: files and folders the process must not see.
    """

    sandbox: str = "off"
    limits: Mapping[str, int] | None = None
    hidden: tuple[Path, ...] = ()

    def argv(
        self, command: Sequence[str], place: Workplace, arguments: Sequence[str] = ()
    ) -> list[str]:
        """The command in its cage, and ``arguments``, which are not the operator's own, behind it.

        Raises:
            EnvironmentUnavailable: a sandbox is required and this host offers none.
        """
        return [*self._limiting(), *self._walled(command, place), *command, *arguments]

    def words(self) -> str:
        """One sentence for the page of the environment: what holds its process on this host."""
        walls = (
            "It runs in a sandbox (bubblewrap): this machine is read-only to it, Greenroom's data "
            "is hidden, and it writes to the folder of its attempt only."
            if self.sandbox != "off" and bubblewrap()
            else "It runs without a sandbox"
            + (": turned off by MCP_SANDBOX." if self.sandbox == "off" else ": none works here.")
        )
        held = self._limiting()[1:]
        limits = ", ".join(
            LIMITS[name][2].format(count) for name, count in (self.limits or {}).items() if count
        )
        return f"{walls} {f'Limits: {limits}.' if held else 'Nothing limits what it uses.'}"

    def _limiting(self) -> list[str]:
        program = shutil.which("prlimit")
        asked = [
            f"{LIMITS[name][0]}={count * LIMITS[name][1]}"
            for name, count in (self.limits or {}).items()
            if count
        ]
        return [program, "--core=0", *asked] if program and asked else []

    def _walled(self, command: Sequence[str], place: Workplace) -> list[str]:
        if self.sandbox == "off":
            return []
        program = bubblewrap()
        if not program:
            if self.sandbox == "required":
                raise EnvironmentUnavailable(
                    "MCP_SANDBOX is required and bubblewrap does not work on this host. Install "
                    "bubblewrap and allow user namespaces, or set MCP_SANDBOX to auto."
                )
            return []
        root = place.work.parent
        attempts = root.parent
        walls = [program, *_WALLS, "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc"]
        # Commands are named by the operator; one that lives in there must stay to be seen. An
        # editor's argument never has what is hidden shown.
        if not any(_within(part, attempts.parent) and not _within(part, root) for part in command):
            walls += ["--tmpfs", str(attempts.parent)]
        # A folder after the one it lies in, which would show it again.
        for path in sorted((attempts, *self.hidden), key=lambda path: len(path.parts)):
            if path.is_dir():
                walls += ["--tmpfs", str(path)]
                walls += _shown(command, path)
            elif path.exists():
                walls += ["--ro-bind", "/dev/null", str(path)]
        return [*walls, "--bind", str(root), str(root), "--chdir", str(place.work), "--"]


def _within(part: str, folder: Path) -> bool:
    return part.startswith(f"{folder}/")


def _shown(command: Sequence[str], hidden: Path) -> Iterator[str]:
    """Have what the operator's command names within a hidden folder shown, and no more of it.

    That is a folder, or the one a file lies in; of an installed program, what it is installed in. A
    file that lies in the hidden folder itself is shown alone.
    """
    for part in map(os.path.normpath, command):
        own = Path(part)
        if not _within(part, hidden) or not own.exists():
            continue
        if not own.is_dir() and own.parent != hidden:
            own = own.parent
            if own.name in {"bin", ".bin"} and own.parent != hidden:
                own = own.parent
        yield from ("--ro-bind", str(own), str(own))


def close_to_others() -> None:
    """Let no other process of our user read the environment and memory of this one and its forks.

    A tool server is one: without a sandbox, /proc would show it the settings it was not given, keys
    and passwords among them. What is started from here, and is another program, stays open.
    """
    with suppress(OSError, AttributeError):  # Linux only
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


@lru_cache(maxsize=1)
def bubblewrap() -> str:
    """Path of a bubblewrap that works here, or empty. Containers often forbid what it needs."""
    program = shutil.which("bwrap")
    if program is None:
        return ""
    tried = [program, *_WALLS, "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc", "true"]
    try:
        done = subprocess.run(tried, capture_output=True, timeout=_PROBE_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return program if done.returncode == 0 else ""
