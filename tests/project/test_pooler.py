"""The product behind pgbouncer in transaction mode, which hands connections on at every commit."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.db import connection, connections
from django.test import Client

from memoryapp.models import Candidate
from memoryapp.project import embedded
from tests.factories import BulletFactory, CandidateFactory, EnvironmentFactory
from tests.practice.runs import connected, driven, started

BINARY = shutil.which("pgbouncer") or "/usr/sbin/pgbouncer"
pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(not Path(BINARY).exists(), reason="apt-get install pgbouncer"),
]
#: Two clients share one connection of the server, so that each finds what the other left on it.
CONFIG = """
[databases]
* = host={sockets} user=greenroom
[pgbouncer]
pool_mode = transaction
default_pool_size = 1
auth_type = any
unix_socket_dir = {folder}
listen_addr =
listen_port = 6432
logfile = {folder}/log
ignore_startup_parameters = extra_float_digits
"""


@pytest.fixture
def pooled(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every connection of Django leads through the pooler, as with ``DATABASE_POOLER=true``."""
    data = Path(os.environ["GREENROOM_TEST_DATA"])
    folder = data / f"pooler-{os.getpid()}"
    folder.mkdir()
    folder.chmod(0o755)
    config = folder / "pgbouncer.ini"
    config.write_text(CONFIG.format(sockets=embedded.socket_folder(data), folder=folder))
    owner = (data / "postgres").stat()
    os.chown(folder, owner.st_uid, owner.st_gid)
    process = subprocess.Popen(
        [BINARY, "-q", str(config)],
        stderr=subprocess.DEVNULL,
        user=owner.st_uid if os.geteuid() == 0 else None,
    )
    for _ in range(200):
        try:
            psycopg.connect(f"host={folder} port=6432 user=greenroom dbname=postgres").close()
            break
        except psycopg.OperationalError:
            time.sleep(0.02)
    connections.close_all()
    options = {**connection.settings_dict.get("OPTIONS", {}), "host": str(folder)}
    with monkeypatch.context() as patched:
        patched.setitem(connection.settings_dict, "OPTIONS", options)
        patched.setitem(connection.settings_dict, "PORT", "6432")
        patched.setitem(connection.settings_dict, "DISABLE_SERVER_SIDE_CURSORS", True)
        yield
        connections.close_all()
    process.terminate()
    process.wait(10)
    shutil.rmtree(folder)


def test_a_run_is_practised_to_its_end(pooled: None, workspace: Any, ada: Any) -> None:
    run = driven(started(connected(EnvironmentFactory(workspace=workspace)), ada))
    assert run.status == "finished"
    assert run.attempts.exclude(label="").count() == run.attempts.count() > 0


def test_what_one_reads_in_pieces_is_not_lost_to_another(pooled: None, workspace: Any) -> None:
    CandidateFactory.create_batch(30, playbook__workspace=workspace)
    read = []
    for candidate in Candidate.objects.order_by("pk").iterator(chunk_size=5):
        Candidate.objects.filter(pk=candidate.pk).exists()
        read.append(candidate.pk)
    assert len(read) == 30


def test_the_patience_of_a_request_is_not_handed_on_with_its_connection(
    pooled: None, workspace: Any, rita: Any
) -> None:
    bullet = BulletFactory(playbook__workspace=workspace, playbook__slug="help-desk")
    client = Client()
    client.force_login(rita)
    form = {"content": "Ask first.", "revision": bullet.revision_count}
    url = f"/playbooks/help-desk/bullets/{bullet.label}/edit/"
    assert client.post(url, form).status_code == 302
    connections.close_all()
    with connection.cursor() as cursor:
        cursor.execute("SHOW lock_timeout")
        assert cursor.fetchone() == ("0",)


def test_pages_of_several_people_share_one_connection(
    pooled: None, workspace: Any, rita: Any
) -> None:
    BulletFactory(playbook__workspace=workspace)
    codes: list[int] = []

    def look() -> None:
        client = Client()
        client.force_login(rita)
        codes.extend(client.get(page).status_code for page in ("/review/", "/memory/") * 4)
        connections.close_all()

    readers = [threading.Thread(target=look) for _ in range(3)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    assert codes == [200] * 24
