"""``greenroom doctor``: one finding for each thing that can be wrong, with what to do."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import redis
from allauth.mfa.totp.internal.auth import TOTP
from django.db import OperationalError, connection
from django.utils import timezone

from memoryapp.clients import minilm, pulse, redis_servers, store
from memoryapp.models import Event, Webhook
from memoryapp.project import data_folder, doctor, embedded
from memoryapp.project.celery import app
from memoryapp.project.cli import main
from memoryapp.project.doctor import Finding
from memoryapp.queries import database
from tests.factories import EnvironmentFactory, UserFactory, WorkspaceFactory

pytestmark = pytest.mark.django_db
SERVER = database.Server(180004, "18.4", 50 * 2**20, 0.0, "0.8.5", vector_is_there=True)


@pytest.fixture
def workers(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The answers of workers to a ping: one of them at first."""
    answers: list[Any] = [{"celery@host": {"ok": "pong"}}]
    monkeypatch.setattr(app.control, "ping", lambda timeout: answers)
    pulse.leave()
    return answers


def wrong(findings: Any) -> list[tuple[str, str]]:
    return [(found.check, found.text) for found in findings if found.state != "ok"]


def with_server(monkeypatch: pytest.MonkeyPatch, **changes: Any) -> list[Finding]:
    changed = {name: changes.get(name, getattr(SERVER, name)) for name in SERVER.__slots__}
    monkeypatch.setattr(database, "server", lambda: database.Server(**changed))
    return [found for found in doctor._database() if found.state != "ok"]


def test_it_finds_nothing_wrong_with_a_sound_installation(workers: list[Any]) -> None:
    found = doctor.examine()
    assert [finding for finding in found if finding.state == "fail"] == []
    assert {"database", "pgvector", "clock", "migrations", "redis", "workers", "beat"} <= {
        finding.check for finding in found
    }


@pytest.mark.parametrize(
    ("changes", "check", "said"),
    [
        (
            {"version": 140011, "name": "14.11"},
            "database",
            "14.11 is too old. Move to PostgreSQL 15",
        ),
        ({"vector": None}, "pgvector", "not installed on the server"),
        ({"vector": "0.7.4"}, "pgvector", "0.7.4 is too old. Install 0.8 or newer"),
        ({"vector_is_there": False}, "pgvector", "Run: greenroom prepare"),
        ({"behind": 5.0}, "clock", "5 s behind the database's. Set both by NTP"),
        ({"behind": -90.0}, "clock", "90 s ahead of the database's"),
    ],
)
def test_it_says_what_is_wrong_with_the_database(
    monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any], check: str, said: str
) -> None:
    (found,) = with_server(monkeypatch, **changes)
    assert found.check == check
    assert said in found.text


def test_it_says_that_the_database_cannot_be_reached(
    monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    def refuse() -> database.Server:
        raise OperationalError("connection refused\nIs the server running?")

    monkeypatch.setattr(database, "server", refuse)
    settings.EMBEDDED = False
    assert wrong(doctor._database()) == [
        ("database", "It cannot be reached: connection refused. Correct DATABASE_URL.")
    ]


@pytest.mark.parametrize(
    ("behind", "state", "said"),
    [
        (0, "ok", "0.0 MB behind"),
        (80 * 2**20, "warn", "80 MB behind, so new releases are read from the server"),
        (None, "warn", "It does not replicate from the server"),
        (OperationalError("no route to host"), "warn", "no route to host. Pulls are read from"),
    ],
)
def test_it_says_how_the_read_replica_is(
    monkeypatch: pytest.MonkeyPatch, settings: Any, behind: Any, state: str, said: str
) -> None:
    assert list(doctor._replica()) == []

    def asked() -> database.Replica:
        if isinstance(behind, Exception):
            raise behind
        return database.Replica(behind)

    monkeypatch.setitem(settings.DATABASES, "replica", settings.DATABASES["default"])
    monkeypatch.setattr(database, "replica", asked)
    (found,) = doctor._replica()
    assert (found.check, found.state) == ("read replica", state)
    assert said in found.text


def test_it_says_that_migrations_are_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    found = database.Migrations(missing=("memoryapp.0099_new",), unknown=())
    monkeypatch.setattr(database, "migrations", lambda: found)
    assert wrong(doctor._migrations()) == [
        ("migrations", "1 are not applied yet. Run: greenroom prepare")
    ]


def test_it_says_that_the_database_is_of_a_later_version() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO django_migrations (app, name, applied)"
            " VALUES ('practice', '9999_later', now())"
        )
    assert "later version (practice.9999_later)" in dict(wrong(doctor._migrations()))["migrations"]


def test_it_says_that_the_clock_was_set_back() -> None:
    event = Event.objects.create(workspace=WorkspaceFactory(), kind="key.created")
    Event.objects.filter(pk=event.pk).update(created_at=timezone.now() + timedelta(hours=3))
    assert "the clock was set back" in dict(wrong(doctor._migrations()))["clock"]


def test_it_says_whose_secrets_cannot_be_read(settings: Any) -> None:
    environment = EnvironmentFactory(name="Shop")
    environment.keep_secrets({"TOKEN": "t"})
    environment.save()
    assert wrong(doctor._secrets()) == []
    settings.SEALING_KEYS = ["another key of the same installation"]
    assert dict(wrong(doctor._secrets()))["secrets"].startswith("Those of Shop were encrypted with")


def test_it_says_which_webhooks_and_second_factors_cannot_be_read(settings: Any) -> None:
    hook = Webhook(workspace=WorkspaceFactory(), url="https://chat.example/s3cret", kinds=[])
    hook.keep_secret(b"signs")
    hook.save()
    TOTP.activate(UserFactory(username="rita"), "JBSWY3DPEHPK3PXP")
    assert wrong(doctor._secrets()) == []
    settings.SEALING_KEYS = ["another key of the same installation"]
    said = dict(wrong(doctor._secrets()))["secrets"]
    assert said.startswith("Those of https://chat.example/…, rita (second factor) were encrypted")
    assert "s3cret" not in said


@pytest.mark.parametrize(
    ("sandbox", "works", "state", "said"),
    [
        ("auto", "/usr/bin/bwrap", "ok", "run in bubblewrap"),
        ("auto", "", "warn", "None is used: bubblewrap is not installed"),
        ("required", "", "fail", "No tool server is started: bubblewrap"),
        ("off", "/usr/bin/bwrap", "warn", "Set MCP_SANDBOX=auto"),
    ],
)
def test_it_says_whether_tool_servers_are_held(
    settings: Any, monkeypatch: pytest.MonkeyPatch, sandbox: str, works: str, state: str, said: str
) -> None:
    settings.MCP_SANDBOX = sandbox
    monkeypatch.setattr(doctor, "bubblewrap", lambda: works)
    (found,) = doctor._sandbox()
    assert (found.check, found.state) == ("sandbox", state)
    assert said in found.text


def test_it_says_that_redis_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    gone = redis_servers.client("unix:///nowhere/redis.sock", patience=0.5)
    monkeypatch.setattr(store, "client", lambda: gone)
    ((check, text),) = wrong(doctor._redis())
    assert check == "redis"
    assert text.endswith("Start it, or correct REDIS_URL.")


def test_it_calls_valkey_by_its_name(monkeypatch: pytest.MonkeyPatch, workers: list[Any]) -> None:
    client = store.client()
    info = {**client.info(), "redis_version": "7.2.4", "valkey_version": "8.1.1"}
    monkeypatch.setattr(client, "info", lambda: info)
    monkeypatch.setattr(store, "client", lambda: client)
    (found,) = (found for found in doctor._redis() if found.check == "redis")
    assert found.state == "ok"
    assert found.text.startswith("Valkey 8.1.1, ")


def test_it_warns_of_a_redis_that_drops_what_is_queued(
    workers: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "_eviction", lambda client: "allkeys-lru")
    assert "allkeys-lru, which may drop queued work" in dict(wrong(doctor._redis()))["redis"]


def test_it_asks_no_more_of_a_hosted_redis_than_it_tells(workers: list[Any]) -> None:
    class Hosted:
        def config_get(self, name: str) -> None:
            raise redis.ResponseError("unknown command CONFIG")

    hosted: Any = Hosted()
    assert doctor._eviction(hosted) == ""


def test_it_says_that_nobody_works(workers: list[Any]) -> None:
    workers.clear()
    assert ("workers", "No worker answers. Start at least one.") in wrong(doctor._redis())


def test_it_says_that_beat_is_silent(workers: list[Any]) -> None:
    store.client().delete(store.PREFIX + pulse.KEY)
    assert "No scheduled task has run yet, or for a day." in dict(wrong(doctor._redis()))["beat"]


def test_it_says_that_the_disk_is_full(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(folder: Any) -> None:
        raise embedded.EmbeddedFailed("Only 3 MB are free.")

    monkeypatch.setattr(data_folder, "check_disk", full)
    assert wrong(doctor._disk()) == [("disk", "Only 3 MB are free.")]


def test_it_says_which_command_cannot_be_run(settings: Any) -> None:
    settings.MCP_COMMANDS = {"git": ("/nowhere/git-server",)}
    assert dict(wrong(doctor._commands()))["commands"].startswith("git of MCP_COMMANDS cannot be")


def test_it_says_that_the_embedding_model_is_missing(settings: Any, tmp_path: Any) -> None:
    settings.EMBEDDING_PROVIDER, settings.EMBEDDING_MODEL_DIR = "local", str(tmp_path)
    assert minilm.INSTALL in dict(wrong(doctor._embeddings()))["embeddings"]


def test_it_says_that_static_files_were_not_collected(settings: Any, tmp_path: Any) -> None:
    settings.STATIC_ROOT = str(tmp_path)
    assert "collectstatic" in dict(wrong(doctor._static_files()))["static files"]


def test_the_command_prints_a_line_each_and_tells_by_its_exit_code(
    workers: list[Any], settings: Any, tmp_path: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["doctor"]) == 0
    assert "ok   database" in capsys.readouterr().out
    settings.STATIC_ROOT = str(tmp_path)
    assert main(["doctor", "--json"]) == 1
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {"state": "fail", "check": "static files"}.items() <= {
        **next(line for line in lines if line["state"] == "fail")
    }.items()


def in_folder(settings: Any, location: Path) -> None:
    entry = {**settings.STORAGES["observations"], "OPTIONS": {"location": str(location)}}
    settings.STORAGES = {**settings.STORAGES, "observations": entry}


def test_it_writes_reads_and_deletes_an_object(settings: Any, tmp_path: Path) -> None:
    in_folder(settings, tmp_path)
    (found,) = doctor._object_store()
    assert (found.state, found.text) == (
        "ok",
        f"{tmp_path} stored, returned and deleted an object.",
    )
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_it_says_that_the_object_store_cannot_be_written(settings: Any, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    in_folder(settings, tmp_path / "file")
    (found,) = doctor._object_store()
    assert found.state == "fail"
    assert "Make it writable, or set OBSERVATION_OBJECT_KB=0." in found.text


def test_it_leaves_a_store_alone_that_is_switched_off(settings: Any) -> None:
    settings.OBSERVATION_OBJECT_KB = 0
    (found,) = doctor._object_store()
    assert found.text.startswith("Off")


def test_it_names_environments_that_show_a_secret() -> None:
    EnvironmentFactory(name="Orders", arguments=["--data", "{workdir}"])
    EnvironmentFactory(name="Desk", arguments=["--api-key", "x-3141"])
    [(check, said)] = wrong(doctor._arguments())
    assert check == "arguments"
    assert said.startswith("Desk seems to have a secret among its arguments")
    assert "x-3141" not in said
