"""``make up``: Greenroom on one machine under one small supervisor.

Order of start: PostgreSQL and Redis, then migrations, then web, worker, beat and MCP. Order of
stop: the reverse. A process that dies is started again at once; one that keeps dying, after a
pause that grows, and nothing else is stopped for it. Children die with the supervisor even when
it is killed (Linux).
"""

from __future__ import annotations

import errno
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import IO

from memoryapp.project import data_folder, embedded, environment, settings, starting
from memoryapp.project.embedded import EmbeddedFailed
from memoryapp.project.environment import BASE_DIR

ROOT = BASE_DIR
#: deaths within a window after which a part is started again at once; after more it has a pause.
MAX_RESTARTS = 5
RESTART_WINDOW_SECONDS = 60.0
#: how long the web server may take to answer at first; a slow machine needs minutes to load it.
WEB_SECONDS = 300.0
#: room for the log that PostgreSQL writes ahead while it recovers.
RESTART_FREE_BYTES = 64 * 2**20


@dataclass
class Child:
    """A supervised process in a group of its own."""

    name: str
    argv: Sequence[str]
    log: Path
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    def start(self, env: dict[str, str]) -> None:
        with embedded.private_log(self.log) as log:
            self.process = subprocess.Popen(
                self.argv,
                cwd=ROOT,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=embedded.die_with_parent(),
                umask=0o077,
            )

    @property
    def is_alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def tell(self, signum: int) -> None:
        """Signal the whole group: pool children of a killed worker outlive their leader."""
        if self.process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signum)

    def stop(self, patience: float = 10.0) -> None:
        """End the group: TERM, and KILL for what is still there after ``patience`` seconds."""
        if self.process is None:
            return
        for signum, wait in ((signal.SIGTERM, patience), (signal.SIGKILL, 5.0)):
            self.tell(signum)
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(wait)
                if signum == signal.SIGKILL or not _group_alive(self.process.pid):
                    return


def _group_alive(pgid: int) -> bool:
    try:
        os.killpg(pgid, 0)
    except ProcessLookupError:
        return False
    return True


Part = Child | embedded.Postgres | embedded.Redis


class Stopped(Exception):
    """Somebody asked us to stop."""


def main() -> int:
    """Run until Ctrl-C. Returns the exit code."""
    data, host = settings.DATA_DIR, settings.HOST
    for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(signum, _stop)
    started: list[Part] = []
    lock: IO[str] | None = None
    try:
        port, mcp_port = settings.PORT, settings.MCP_PORT
        for line in environment.FILE.misnamed(environment.env.known):
            _say(line)
        data_folder.check_disk(data)
        lock = data_folder.hold(data)
        data_folder.close_to_others(data)
        _check_port(host, port, "PORT")
        _check_port(host, mcp_port, "MCP_PORT")
        starting.refuse(
            starting.static_files, starting.sandbox, starting.embedding_model, starting.commands
        )
        env = _start_stores(data, started)
        prepare = [sys.executable, "-m", "django", "prepare"]
        if subprocess.run(prepare, cwd=ROOT, env=env).returncode:
            raise EmbeddedFailed("The database could not be prepared; the lines above say why.")
        # A slow machine takes minutes for this, and the last thing that was said is a password.
        _say("Starting the web server … its address comes next.")
        web, *others = children = _children(data, host, port, mcp_port)
        started.extend(children)
        web.start(env)
        _wait_for_web(host, port, web)
        for child in others:
            child.start(env)
        shown = "localhost" if host in {"127.0.0.1", "0.0.0.0", "::"} else _in_address(host)
        _say(f"Greenroom is ready: http://{shown}:{port}")
        _say(f"MCP for agents: http://{shown}:{mcp_port}/mcp")
        _say(f"Logs and data are in {data}. Ctrl-C stops everything.")
        _watch(data, started, env)
    except Stopped:
        _say("Stopping.")
    except EmbeddedFailed as error:
        _say(f"Greenroom could not run. {error}")
        return 1
    finally:
        for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(signum, signal.SIG_IGN)
        for part in started:
            # All are told at once and waited for in turn; the stores go last.
            if isinstance(part, Child):
                part.tell(signal.SIGTERM)
        for part in reversed(started):
            part.stop()
        if lock is not None:
            lock.close()
    return 0


def _stop(signum: int, frame: FrameType | None) -> None:
    raise Stopped


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _check_port(host: str, port: int, name: str) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except socket.gaierror as error:
            raise EmbeddedFailed(
                f"HOST is {host!r}, which does not name this machine ({error.strerror}). "
                "Set it to 127.0.0.1, or to 0.0.0.0 to be reached from elsewhere."
            ) from error
        except OSError as error:
            if error.errno == errno.EADDRNOTAVAIL:
                raise EmbeddedFailed(
                    f"HOST is {host!r}, which is the address of another machine. "
                    "Set it to 127.0.0.1, or to 0.0.0.0 to be reached from elsewhere."
                ) from error
            raise EmbeddedFailed(
                f"Port {port} on {host} cannot be used ({error.strerror}). "
                f"Stop what uses it, or choose another: {name}={port + 10} make up"
            ) from error


def _start_stores(data: Path, started: list[Part]) -> dict[str, str]:
    """Start what no URL names. Returns the environment of all other processes."""
    # Counts of processes that are gone, also of when this machine had another name.
    shutil.rmtree(settings.METRICS_DIR.parent, ignore_errors=True)
    env = {
        **os.environ,
        **{name: str(value) for name, value in settings.ALLOCATOR.items()},
        "DJANGO_SETTINGS_MODULE": settings.__name__,
        "GREENROOM_DATA_DIR": str(data),
        "OPENBLAS_NUM_THREADS": "1",
    }
    if settings.EMBEDDED:
        postgres = embedded.Postgres(data)
        started.append(postgres)
        postgres.start()
    if not os.environ.get("REDIS_URL"):
        redis = embedded.Redis(data)
        started.append(redis)
        redis.start()
    return env


def _children(data: Path, host: str, port: int, mcp_port: int) -> list[Child]:
    python = sys.executable
    bind = f"{_in_address(host)}:{port}"
    celery = (python, "-m", "celery", "-A", "memoryapp.project", "--quiet")
    concurrency = f"--concurrency={settings.WORKER_PROCESSES}"
    return [
        Child(
            "web",
            (
                *(python, "-m", "gunicorn", "--config", "python:memoryapp.project.serving"),
                *("--bind", bind),
            ),
            data / "web.log",
        ),
        Child(
            "worker",
            (*celery, "worker", concurrency, "--loglevel", "WARNING"),
            data / "worker.log",
        ),
        Child("beat", (*celery, "beat", "--loglevel", "WARNING", "--pidfile="), data / "beat.log"),
        Child(
            "mcp",
            (
                *(python, "-m", "uvicorn", "memoryapp.project.asgi:application"),
                *("--host", host, "--port", str(mcp_port), "--lifespan", "on"),
                *("--log-level", "warning", "--no-access-log", "--no-server-header"),
                *("--timeout-graceful-shutdown", "5", "--timeout-keep-alive", "75"),
            ),
            data / "mcp.log",
        ),
    ]


def _in_address(host: str) -> str:
    """A host as addresses write it: brackets around the colons of IPv6."""
    return f"[{host}]" if ":" in host else host


def _wait_for_web(host: str, port: int, web: Child) -> None:
    seen = "127.0.0.1" if host in {"0.0.0.0", "::"} else host
    url = f"http://{_in_address(seen)}:{port}/healthz"
    # By a name that is always served: ALLOWED_HOSTS need not hold the address it listens at.
    asked = urllib.request.Request(url, headers={"Host": "localhost"})
    # And not through a proxy of this machine's, which would look for it somewhere else.
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = time.monotonic() + WEB_SECONDS
    while time.monotonic() < deadline:
        if not web.is_alive:
            break
        with suppress(OSError), direct.open(asked, timeout=2) as answer:
            if answer.status == 200:
                return
        time.sleep(0.1)
    raise EmbeddedFailed(f"The web server did not answer. Its log is {web.log}.")


@dataclass
class Fate:
    """How often a part died of late, and from when on it may be started again once it is dead."""

    deaths: list[float] = field(default_factory=list)
    due: float | None = None
    waits_for_room: bool = False

    def noticed(self, now: float) -> float:
        """Take note of a death. Returns the pause before the next start, in seconds."""
        self.deaths = [t for t in self.deaths if now - t < RESTART_WINDOW_SECONDS] + [now]
        more = len(self.deaths) - MAX_RESTARTS
        pause = min(2.0**more, RESTART_WINDOW_SECONDS) if more > 0 else 0.0
        self.due = now + pause
        return pause


def _watch(data: Path, parts: Sequence[Part], env: dict[str, str]) -> None:
    """Start again whatever dies, for good: web serves on while beat, say, cannot be started.

    On a full disk nothing is started: PostgreSQL would die of it again, and all else with it.
    """
    fates = {part.name: Fate() for part in parts}
    while True:
        time.sleep(0.5)
        for part in parts:
            if not part.is_alive:
                _revive(part, fates[part.name], data, env)


def _revive(part: Part, fate: Fate, data: Path, env: dict[str, str]) -> None:
    now = time.monotonic()
    if fate.due is None and (pause := fate.noticed(now)):
        _say(f"{part.name} keeps dying. It is tried again in {pause:.0f} s; its log is in {data}.")
    if fate.due is not None and now < fate.due:
        return
    try:
        data_folder.check_disk(data, RESTART_FREE_BYTES)
    except EmbeddedFailed as error:
        if not fate.waits_for_room:
            _say(f"{part.name} died and is started again when there is room. {error}")
        fate.waits_for_room = True
        return
    fate.waits_for_room, fate.due = False, None
    _say(f"{part.name} died and is started again; no stored work is lost.")
    try:
        _restart(part, env)
    except EmbeddedFailed as error:  # it died once more while it started
        _say(f"{error} It is tried again.")


def _restart(part: Part, env: dict[str, str]) -> None:
    if isinstance(part, Child):
        part.stop(patience=1.0)
        part.start(env)
    else:
        part.start()


if __name__ == "__main__":
    sys.exit(main())
