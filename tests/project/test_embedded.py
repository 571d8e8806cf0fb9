"""The embedded servers and the lines the supervisor prints when something is wrong."""

from __future__ import annotations

import fcntl
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections import namedtuple
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from memoryapp.project import data_folder, embedded
from memoryapp.project.embedded import (
    SOCKET_PATH_MAX,
    EmbeddedFailed,
    Postgres,
    Redis,
    database_url,
    socket_folder,
)

ROOT = Path(__file__).resolve().parents[2]
Usage = namedtuple("Usage", "total used free")


@pytest.fixture
def data() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="gr-data-"))
    # Root's database user must be able to walk into it.
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def up(data: Path, **env: str) -> subprocess.CompletedProcess[str]:
    clean = {k: v for k, v in os.environ.items() if not k.endswith("_URL")}
    return subprocess.run(
        [sys.executable, "-m", "memoryapp.project.up"],
        cwd=ROOT,
        env={**clean, "GREENROOM_DATA_DIR": str(data), **env},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_it_finds_its_data_again_after_a_hard_kill(data: Path) -> None:
    first = Postgres(data)
    first.start()
    with psycopg.connect(database_url(data), autocommit=True) as connection:
        connection.execute("CREATE TABLE kept (n int)")
        connection.execute("INSERT INTO kept VALUES (7)")
    assert first.process is not None
    first.process.kill()
    first.process.wait()
    second = Postgres(data)
    second.start()
    with psycopg.connect(database_url(data)) as connection:
        assert connection.execute("SELECT n FROM kept").fetchone() == (7,)
    second.stop()


def test_it_ends_a_server_that_outlived_its_supervisor(data: Path) -> None:
    left_behind, fresh = Postgres(data), Postgres(data)
    left_behind.start()
    fresh.start()
    assert left_behind.process is not None
    assert left_behind.process.wait(5) is not None
    fresh.stop()


def test_it_starts_at_once_though_the_killed_one_left_a_long_statement(data: Path) -> None:
    killed, fresh = Postgres(data), Postgres(data)
    killed.start()
    assert killed.process is not None
    long = "SELECT count(*) FROM generate_series(1, 1000000000)"
    asking = psycopg.connect(database_url(data), autocommit=True)
    asking.pgconn.send_query(long.encode())
    with psycopg.connect(database_url(data), autocommit=True) as other:
        active = "SELECT 1 FROM pg_stat_activity WHERE query = %s AND state = 'active'"
        while other.execute(active, [long]).fetchone() is None:
            pass
    killed.process.kill()
    killed.process.wait()
    fresh.start()
    asking.close()
    fresh.stop()


def test_it_leaves_no_folder_of_sockets_once_both_have_stopped(data: Path) -> None:
    redis, postgres = Redis(data), Postgres(data)
    redis.start()
    postgres.start()
    postgres.stop()
    assert socket_folder(data).exists()
    redis.stop()
    assert not socket_folder(data).exists()


def test_it_removes_folders_that_killed_servers_left_long_ago(data: Path) -> None:
    places = [Path(tempfile.gettempdir()) / f"greenroom-{os.geteuid()}-{n}-test" for n in range(3)]
    left, used, _ = places
    try:
        for folder in places:
            folder.mkdir()
        (used / "redis.sock").touch()
        for folder in (left, used):
            os.utime(folder, (0, 0))
        server = Postgres(data)
        server.start()
        server.stop()
        assert [folder.exists() for folder in places] == [False, True, True]
    finally:
        for folder in places:
            shutil.rmtree(folder, ignore_errors=True)


def test_it_offers_pgvector(data: Path) -> None:
    server = Postgres(data)
    server.start()
    with psycopg.connect(database_url(data)) as connection:
        connection.execute("CREATE EXTENSION vector")
        assert connection.execute("SELECT '[1,2]'::vector <-> '[1,4]'").fetchone() == (2.0,)
    server.stop()


def test_it_says_in_one_line_that_the_port_is_taken(data: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = up(data, PORT=str(port))
    assert done.returncode == 1
    assert done.stdout.strip().splitlines() == [
        f"Greenroom could not run. Port {port} on 127.0.0.1 cannot be used (Address already in "
        f"use). Stop what uses it, or choose another: PORT={port + 10} make up"
    ]


def test_it_says_in_one_line_that_it_already_runs(data: Path) -> None:
    with (data / "up.lock").open("w") as held:
        held.write("4242")
        held.flush()
        fcntl.flock(held, fcntl.LOCK_EX)
        done = up(data)
    assert done.returncode == 1
    assert "Greenroom already runs on" in done.stdout
    assert "(process 4242)" in done.stdout
    assert len(done.stdout.strip().splitlines()) == 1


def test_it_starts_nothing_with_a_wrong_setting(data: Path) -> None:
    done = up(data, PORT="web")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.count("\n") == 1
    assert {path.name for path in data.iterdir()} <= {"secret-key"}


def test_it_says_that_the_disk_is_full(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(10**9, 10**9, 1024))
    with pytest.raises(EmbeddedFailed, match=r"Only 0 MB are free .* needs 300 MB"):
        data_folder.check_disk(data)


def test_it_says_that_the_data_folder_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(EmbeddedFailed, match=r"cannot be written .* set GREENROOM_DATA_DIR"):
        data_folder.check_disk(tmp_path / "file" / "data")


def test_it_keeps_one_secret_key_for_its_owner_only(tmp_path: Path) -> None:
    first = data_folder.kept_secret(tmp_path)
    assert data_folder.kept_secret(tmp_path) == first
    assert (tmp_path / "secret-key").stat().st_mode & 0o777 == 0o600


def test_it_keeps_sockets_short_enough_for_the_kernel(tmp_path: Path) -> None:
    deep = tmp_path / ("x" * 60) / ("y" * 60)
    assert len(str(embedded.socket_folder(deep) / ".s.PGSQL.5432")) < 108


@pytest.fixture
def shared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where the sockets would be in a temporary folder that others write to as well."""
    data = tmp_path / ("d" * SOCKET_PATH_MAX)
    data.mkdir()
    # The test's own folder has too long a name for a socket.
    with tempfile.TemporaryDirectory(prefix="gr-") as others:
        monkeypatch.setattr(tempfile, "tempdir", others)
        assert socket_folder(data).parent == Path(others)
        yield data


@pytest.mark.parametrize("server", [Postgres, Redis])
def test_it_follows_no_link_that_lies_where_its_sockets_would(
    shared: Path, tmp_path: Path, server: Any
) -> None:
    precious = tmp_path / "precious"
    precious.mkdir(mode=0o755)
    before = precious.stat()
    socket_folder(shared).symlink_to(precious)
    with pytest.raises(EmbeddedFailed, match="is a link or belongs to somebody else"):
        server(shared).start()
    after = precious.stat()
    assert (after.st_mode, after.st_uid) == (before.st_mode, before.st_uid)
    assert list(precious.iterdir()) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
@pytest.mark.parametrize("server", [Postgres, Redis])
def test_it_puts_no_socket_into_a_folder_of_somebody_else(shared: Path, server: Any) -> None:
    theirs = socket_folder(shared)
    theirs.mkdir()
    os.chown(theirs, 54_321, 54_321)
    with pytest.raises(EmbeddedFailed, match="belongs to somebody else"):
        server(shared).start()
    assert theirs.stat().st_uid == 54_321


def test_it_keeps_its_sockets_from_others(shared: Path) -> None:
    server = Redis(shared)
    server.start()
    try:
        assert socket_folder(shared).stat().st_mode & 0o777 == 0o700
    finally:
        server.stop()
