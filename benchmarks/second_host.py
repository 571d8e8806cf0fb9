"""A second host on this machine: a worker in a network namespace of its own, whose cable is pulled.

It reaches PostgreSQL and Redis of a running product by TCP over a pair of virtual interfaces; what
listens at the other end passes on to the product's Unix sockets. Needs root and iproute2.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from memoryapp.project import data_folder, embedded
from tests.product import ROOT, free_port

#: by our process: two trials may go on side by side.
NAMESPACE = f"greenroom-{os.getpid()}"
OURS, THEIRS = f"gr1-{os.getpid()}", f"gr2-{os.getpid()}"
HERE, THERE = (f"10.77.{os.getpid() % 250}.{end}" for end in (1, 2))
CHUNK = 65_536


@dataclass
class SecondHost:
    """``cut`` pulls the cable for some seconds; ``tasks_done`` counts what its worker did.

    A worker that ends is started again, as a service is: Celery's ends itself after some losses of
    Redis. ``starts`` counts.
    """

    log: Path
    command: list[str]
    environment: dict[str, str]
    starts: int = 0
    worker: subprocess.Popen[bytes] | None = None
    over: threading.Event = field(default_factory=threading.Event)

    def keep_working(self) -> None:
        """Run the worker until ``end``; in the one thread whose death would be its death."""
        while not self.over.is_set():
            self.starts += 1
            with self.log.open("ab") as said:
                self.worker = subprocess.Popen(
                    self.command,
                    cwd=ROOT,
                    env=self.environment,
                    stdout=said,
                    stderr=said,
                    start_new_session=True,
                    preexec_fn=embedded.die_with_parent(),
                )
            self.worker.wait()
            self.over.wait(1.0)

    def end(self) -> None:
        self.over.set()
        if (worker := self.worker) is None:
            return
        worker.terminate()
        with suppress(subprocess.TimeoutExpired):
            worker.wait(20)
        with suppress(ProcessLookupError):
            os.killpg(worker.pid, signal.SIGKILL)
        worker.wait()

    def cut(self, seconds: float) -> None:
        _ip("link", "set", OURS, "down")
        time.sleep(seconds)
        _ip("link", "set", OURS, "up")

    @property
    def tasks_done(self) -> int:
        return self.log.read_text(errors="replace").count(" succeeded in ")


@contextmanager
def joined(data: Path, workers: int = 2, **settings: str) -> Iterator[SecondHost]:
    """Have a second host work for the product whose data folder is ``data``.

    Raises:
        SystemExit: this machine does not let us make a namespace; the line says what it needs.
    """
    if os.geteuid() or shutil.which("ip") is None:
        raise SystemExit("The network is cut with ip(8) of iproute2, as root.")
    sockets = embedded.socket_folder(data)
    with (
        _wired(),
        _passed_on(sockets / ".s.PGSQL.5432") as postgres,
        _passed_on(sockets / "redis.sock") as redis,
    ):
        log = data / "second-host.log"
        environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "memoryapp.project.settings",
            "GREENROOM_DATA_DIR": str(data),
            "SECRET_KEY": data_folder.kept_secret(data),
            "DATABASE_URL": f"postgresql://greenroom@{HERE}:{postgres}/greenroom",
            "REDIS_URL": f"redis://{HERE}:{redis}/0",
            **settings,
        }
        celery = [sys.executable, "-m", "celery", "-A", "memoryapp.project", "worker"]
        options = [f"--concurrency={workers}", "--hostname=second@%h", "--loglevel=INFO"]
        command = ["ip", "netns", "exec", NAMESPACE, *celery, *options]
        host = SecondHost(log, command, environment)
        threading.Thread(target=host.keep_working, daemon=True).start()
        try:
            yield host
        finally:
            host.end()


@contextmanager
def _wired() -> Iterator[None]:
    _ip("netns", "add", NAMESPACE)
    try:
        _ip("link", "add", OURS, "type", "veth", "peer", "name", THEIRS, "netns", NAMESPACE)
        _ip("addr", "add", f"{HERE}/24", "dev", OURS)
        _ip("link", "set", OURS, "up")
        for command in (
            ("addr", "add", f"{THERE}/24", "dev", THEIRS),
            ("link", "set", THEIRS, "up"),
            ("link", "set", "lo", "up"),
        ):
            _ip("-n", NAMESPACE, *command)
        yield
    finally:
        _ip("netns", "del", NAMESPACE)  # takes its end of the cable with it, and so ours


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)


@contextmanager
def _passed_on(path: Path) -> Iterator[int]:
    """Listen at our end of the cable and pass everything on to a Unix socket; yields the port."""
    port = free_port()
    listener = socket.create_server((HERE, port), backlog=64)

    def accept() -> None:
        while True:
            try:
                far, _ = listener.accept()
            except OSError:
                return
            near = socket.socket(socket.AF_UNIX)
            try:
                near.connect(str(path))
            except OSError:  # it was just killed
                far.close()
                continue
            for one, other in ((far, near), (near, far)):
                threading.Thread(target=_copy, args=(one, other), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield port
    finally:
        listener.close()


def _copy(one: socket.socket, other: socket.socket) -> None:
    with suppress(OSError):
        while chunk := one.recv(CHUNK):
            other.sendall(chunk)
    for end in (one, other):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
        end.close()
