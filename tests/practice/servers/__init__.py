"""Tool servers for tests: how to start them. ``raw.py`` behaves as badly as it is told to."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from practice.clients.mcp import StdioServer

HERE = Path(__file__).resolve().parent
HELPDESK = HERE.parents[2] / "examples" / "helpdesk"
SERVE_SECONDS = 20.0


def raw(mode: str, **env: str) -> StdioServer:
    """A server of ``raw.py`` in the given mode."""
    return StdioServer((sys.executable, "-S", str(HERE / "raw.py")), (mode,), env)


def helpdesk() -> StdioServer:
    """The sample world as the product starts it."""
    return StdioServer(
        (sys.executable, str(HELPDESK / "server.py")),
        ("--data", "{workdir}"),
        seed_folder=HELPDESK / "seed",
    )


@contextmanager
def listening(*command: str) -> Iterator[str]:
    """Run a server that takes a port as its last argument; yield its address on loopback."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen([*command, str(port)])
    try:
        deadline = time.monotonic() + SERVE_SECONDS
        while not _accepts(port):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{command} did not listen on port {port}")
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}/mcp"
    finally:
        process.kill()
        process.wait()


def _accepts(port: int) -> bool:
    with socket.socket() as attempt:
        return attempt.connect_ex(("127.0.0.1", port)) == 0
