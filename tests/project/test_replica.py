"""Pulls over a real streaming replica: what never changes comes from it, and nothing is stale."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.db import OperationalError, connection, connections
from django.test import Client
from django.test.utils import CaptureQueriesContext

from memoryapp.domain.kept import Kept
from memoryapp.project import backup, doctor, embedded
from memoryapp.queries import database, replica
from memoryapp.services import pulls
from memoryapp.services.releases import release_publish
from memoryapp.services.tokens import api_key_create
from tests.factories import BulletFactory

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.xdist_group("replica")]
PATIENCE_SECONDS = 20


@pytest.fixture(scope="module")
def standby(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A replica of the suite's own server; gives the folder of its socket."""
    data = Path(os.environ["GREENROOM_TEST_DATA"])
    owner = (data / "postgres").stat()
    folder = data / f"standby-{os.getpid()}"
    folder.mkdir(mode=0o700)
    os.chown(folder, owner.st_uid, owner.st_gid)
    there = {"cwd": folder, "user": owner.st_uid, "group": owner.st_gid, "extra_groups": []}
    if os.geteuid():
        there = {"cwd": folder}
    server = Path(embedded.tool("postgres"))
    if not embedded.reachable_by_others(server):
        server = next(embedded.ROOT_STATE.glob("*/pginstall18/bin/postgres"))
    source = f"host={embedded.socket_folder(data)} user=greenroom"
    subprocess.run(
        [
            str(server.with_name("pg_basebackup")),
            *("-D", str(folder / "cluster"), "-R", "-X", "stream", "-c", "fast"),
            *("--no-sync", "-d", source),
        ],
        check=True,
        **there,  # type: ignore[call-overload]
    )
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(
            [
                *(str(server), "-D", str(folder / "cluster"), "-k", str(folder), "-h", ""),
                *("-c", "unix_socket_permissions=0777", "-c", "shared_buffers=16MB"),
            ],
            stdout=log,
            stderr=log,
            **there,  # type: ignore[call-overload]
        )
    try:
        _wait_for(lambda: psycopg.connect(f"host={folder} user=greenroom dbname=postgres").close())
        yield folder
    finally:
        process.terminate()
        process.wait(20)
        shutil.rmtree(folder, ignore_errors=True)


def _wait_for(done: Any) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            done()
            return
        except (psycopg.Error, AssertionError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)


@pytest.fixture
def second(standby: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The connection to the replica, as ``DATABASE_REPLICA_URL`` would make it."""
    entry = {**connection.settings_dict, "HOST": "", "OPTIONS": {"host": str(standby)}}
    monkeypatch.setitem(connections.databases, replica.REPLICA, entry)
    monkeypatch.setattr(connections, "settings", connections.databases)
    monkeypatch.setattr(replica, "_away_until", 0.0)
    monkeypatch.setattr(pulls, "BODIES", Kept(pulls.BODY_BYTES, size=len))
    found = connections[replica.REPLICA]

    def ensure_connection() -> None:
        """Django lets a test use no connection that was not there when the test began."""
        with found.wrap_database_errors:
            if found.connection is None:
                found.connect()

    monkeypatch.setattr(found, "ensure_connection", ensure_connection)
    yield found
    found.close()
    del connections[replica.REPLICA]


@pytest.fixture
def agent(workspace: Any, ada: Any) -> Client:
    """An agent that may pull the playbook ``help-desk`` in its first release."""
    bullet = BulletFactory(playbook__workspace=workspace, playbook__slug="help-desk")
    release_publish(playbook=bullet.playbook, by=ada, label="production")
    _, text = api_key_create(workspace=workspace, name="a", scopes=["playbooks:pull"], by=ada)
    return Client(headers={"Authorization": f"Bearer {text}"})


def caught_up(standby: Path) -> None:
    with psycopg.connect(backup.conninfo(connection.settings_dict)) as server:
        (position,) = server.execute("SELECT pg_current_wal_flush_lsn()").fetchone() or ("",)

    def same() -> None:
        with psycopg.connect(f"host={standby} user=greenroom dbname=postgres") as copy:
            query = "SELECT pg_last_wal_replay_lsn() >= %s::pg_lsn"
            assert copy.execute(query, [position]).fetchone() == (True,)

    _wait_for(same)


def replay(standby: Path, what: str) -> None:
    with psycopg.connect(f"host={standby} user=greenroom dbname=postgres") as copy:
        copy.execute(f"SELECT pg_wal_replay_{what}()")


def test_the_text_of_a_release_comes_from_the_replica(
    standby: Path, second: Any, agent: Client
) -> None:
    caught_up(standby)
    with CaptureQueriesContext(second) as there, CaptureQueriesContext(connection) as here:
        assert agent.get("/api/v1/playbooks/help-desk").status_code == 200
    assert len(there) == 1
    assert "bodies" in there[0]["sql"]
    assert not any("bodies" in query["sql"] for query in here)


def test_a_release_that_is_not_there_yet_comes_from_the_server(
    standby: Path, second: Any, agent: Client, ada: Any
) -> None:
    from memoryapp.models import Playbook  # noqa: PLC0415

    caught_up(standby)
    replay(standby, "pause")
    try:
        playbook = Playbook.objects.get(slug="help-desk")
        BulletFactory(playbook=playbook, content="Only the server knows this yet.")
        release_publish(playbook=playbook, by=ada, label="production")
        answer = agent.get("/api/v1/playbooks/help-desk")
    finally:
        replay(standby, "resume")
    assert "Only the server knows this yet." in answer.content.decode()


def test_a_replica_that_is_away_is_left_alone(
    second: Any, agent: Client, caplog: pytest.LogCaptureFixture
) -> None:
    second.settings_dict["OPTIONS"] = {"host": "/nowhere"}
    for _ in range(2):
        pulls.BODIES = Kept(pulls.BODY_BYTES, size=len)
        assert agent.get("/api/v1/playbooks/help-desk").status_code == 200
    assert caplog.text.count("The replica is unavailable") == 1


def test_the_doctor_says_how_far_behind_it_is(standby: Path, second: Any) -> None:
    caught_up(standby)
    found = database.replica()
    assert found.behind is not None
    assert found.behind < doctor.FAR_BEHIND
    second.close()
    second.settings_dict["OPTIONS"] = {"host": "/nowhere"}
    with pytest.raises(OperationalError):
        database.replica()
