"""The product as ``make up`` runs it, for the tests that need all of its processes."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
#: A machine that others share can be slow to start five processes.
START_SECONDS = 240


@dataclass
class Product:
    """A running Greenroom: its address, its first operator's password, its processes."""

    url: str
    password: str
    data: Path
    process: subprocess.Popen[str]

    def pids_of(self, name: str) -> list[int]:
        """Process ids below the supervisor whose command line contains ``name``."""
        found = subprocess.run(
            ["pgrep", "-P", str(self.process.pid), "-f", name],
            capture_output=True,
            text=True,
            check=False,
        )
        return [int(pid) for pid in found.stdout.split()]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def start_product(data: Path, **env: str) -> Product:
    """Start the product as a user would, and wait until it says that it is ready."""
    clean = {k: v for k, v in os.environ.items() if k not in {"DATABASE_URL", "REDIS_URL"}}
    process = subprocess.Popen(
        [sys.executable, "-m", "memoryapp.project.up"],
        cwd=ROOT,
        env={
            **clean,
            "DJANGO_SETTINGS_MODULE": "memoryapp.project.settings",
            "GREENROOM_DATA_DIR": str(data),
            "PORT": str(free_port()),
            "MCP_PORT": str(free_port()),
            **env,
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    said, password = [], ""
    deadline = time.monotonic() + START_SECONDS
    assert process.stdout is not None
    for line in process.stdout:
        said.append(line)
        if match := re.search(r"Password\s+(\S+)", line):
            password = match[1]
        if match := re.search(r"ready: (http://\S+)", line):
            return Product(match[1], password, data, process)
        assert time.monotonic() < deadline, "".join(said)
    raise AssertionError("The product did not start:\n" + "".join(said))


def stop_product(product: Product) -> None:
    product.process.send_signal(signal.SIGINT)
    product.process.wait(40)
