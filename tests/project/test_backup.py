"""Backup and restore: what comes back is what was there, or one line says why not."""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from memoryapp.models import Playbook
from memoryapp.project import backup, objects
from memoryapp.project.backup import BackupFailed
from memoryapp.project.cli import main
from memoryapp.queries.database import migrations
from tests.factories import BulletFactory, EnvironmentFactory

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def snapshots(tmp_path: Path) -> Path:
    folder = tmp_path / "data" / "snapshots"
    (folder / "seed-1").mkdir(parents=True)
    (folder / "seed-1" / "orders.json").write_text("[1]")
    return folder


@pytest.fixture
def made(tmp_path: Path, here: str, snapshots: Path) -> Path:
    bullet = BulletFactory()
    Playbook.objects.filter(pk=bullet.playbook.pk).update(name="Ünï, \\ and a\ttab, ' and ∞")
    EnvironmentFactory(workspace=bullet.playbook.workspace)
    backup.write(tmp_path / "backup", database=here, snapshots=snapshots)
    return tmp_path / "backup"


def test_what_is_restored_has_the_digests_of_what_was_backed_up(
    made: Path, here: str, empty: str, tmp_path: Path
) -> None:
    restored = tmp_path / "elsewhere" / "snapshots"
    manifest = backup.restore(made, database=empty, snapshots=restored)
    assert manifest.content.tables["memoryapp_bullet"][0] == 1
    assert backup.content(empty) == backup.content(here)
    assert (restored / "seed-1" / "orders.json").read_text() == "[1]"
    with psycopg.connect(empty) as connected:
        wanted = "SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal"
        triggers = connected.execute(wanted).fetchone()
        nextval = "SELECT nextval(pg_get_serial_sequence('memoryapp_bullet', 'id'))"
        (number,) = connected.execute(nextval).fetchone() or (0,)
    assert triggers != (0,)
    assert not Playbook.objects.filter(bullets__pk=number).exists()


def test_the_owner_of_a_database_restores_beside_an_administrators_pgvector(
    made: Path, empty: str, tmp_path: Path
) -> None:
    with psycopg.connect(empty, autocommit=True) as server:
        found = server.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
        if found.fetchone() != (True,):
            pytest.skip("The database user of this suite is no administrator.")
        server.execute("CREATE EXTENSION IF NOT EXISTS vector")
        server.execute("CREATE ROLE only_an_owner")
        name = sql.Identifier(server.info.dbname)
        server.execute(sql.SQL("ALTER DATABASE {} OWNER TO only_an_owner").format(name))
    try:
        owner = psycopg.conninfo.make_conninfo(empty, options="-c role=only_an_owner")
        backup.restore(made, database=owner, snapshots=tmp_path / "s")
    finally:
        with psycopg.connect(empty, autocommit=True) as server:
            server.execute("DROP OWNED BY only_an_owner CASCADE")
            server.execute(sql.SQL("ALTER DATABASE {} OWNER TO CURRENT_USER").format(name))
            server.execute("DROP ROLE only_an_owner")


REFUSED = (
    "could not execute query: ERROR:  unrecognized configuration parameter "
    '"transaction_timeout"\nCommand was: SET transaction_timeout = 0;\n'
)
IGNORED = "pg_restore: warning: errors ignored on restore: 2\n"
REAL = 'pg_restore: error: could not execute query: ERROR:  relation "x" does not exist\n'


@pytest.mark.parametrize(
    ("said", "raised"),
    [
        (f"pg_restore: error: {REFUSED}pg_restore: error: {REFUSED}{IGNORED}", ""),
        (f"pg_restore: pg_restore: error: {REFUSED}error: {REFUSED}{IGNORED}", ""),
        (f"pg_restore: error: {REFUSED}{REAL}Command was: ALTER TABLE x\n{IGNORED}", "relation"),
    ],
)
def test_an_older_server_may_refuse_the_limit_it_does_not_know_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch, said: str, raised: str
) -> None:
    done = type("Done", (), {"returncode": 1, "stderr": said})
    monkeypatch.setattr(subprocess, "run", lambda *args, **options: done)
    if raised:
        with pytest.raises(BackupFailed, match=raised):
            backup._run(["pg_restore"], "", knows_all=False)
    else:
        backup._run(["pg_restore"], "", knows_all=False)
    with pytest.raises(BackupFailed):
        backup._run(["pg_restore"], "")


@pytest.mark.parametrize(
    ("code", "said"), [(-9, "it was ended by signal 9"), (1, "pg_restore failed")]
)
def test_what_ended_without_a_word_was_not_restored(
    monkeypatch: pytest.MonkeyPatch, code: int, said: str
) -> None:
    done = type("Done", (), {"returncode": code, "stderr": ""})
    monkeypatch.setattr(subprocess, "run", lambda *args, **options: done)
    with pytest.raises(BackupFailed, match=said):
        backup._run(["pg_restore"], "", knows_all=False)


def test_one_changed_value_changes_a_digest(here: str) -> None:
    bullet = BulletFactory()
    before = backup.content(here)
    Playbook.objects.filter(pk=bullet.playbook.pk).update(name="Another name")
    assert before.differing(backup.content(here)) == ["memoryapp_playbook"]


@pytest.fixture
def busy(monkeypatch: pytest.MonkeyPatch, here: str) -> None:
    """People and workers go on: rows are written before pg_dump begins and after it has ended."""
    run = backup._run

    def meanwhile(command: list[str], database: str, **how: Any) -> None:
        is_dump = any("pg_dump" in part for part in command)
        taken = "SELECT nextval('memoryapp_event_id_seq')"
        with psycopg.connect(here, autocommit=True) as other:
            if is_dump:
                other.execute(taken)
            run(command, database, **how)
            if is_dump:
                other.execute(taken)

    monkeypatch.setattr(backup, "_run", meanwhile)


@pytest.mark.usefixtures("busy")
def test_a_backup_of_what_is_written_meanwhile_is_restored(
    made: Path, empty: str, tmp_path: Path
) -> None:
    """No snapshot holds a sequence: the dump has it as it was somewhere in between."""
    manifest = backup.restore(made, database=empty, snapshots=tmp_path / "s")
    known = manifest.content
    name = "memoryapp_event_id_seq"
    restored = backup.content(empty).sequences[name]
    assert known.sequences_before[name] < restored < known.sequences[name]


@pytest.mark.parametrize("moved", [-1, 1])
def test_a_sequence_that_is_none_of_that_time_is_said(
    made: Path, empty: str, tmp_path: Path, moved: int
) -> None:
    path = made / backup.MANIFEST
    manifest = json.loads(path.read_text())
    last = manifest["content"]["sequences"]
    name = max(last, key=lambda one: last[one])
    for when in ("sequences_before", "sequences"):
        manifest["content"][when][name] += moved
    path.write_text(json.dumps(manifest))
    with pytest.raises(BackupFailed, match=f"{name} differ"):
        backup.restore(made, database=empty, snapshots=tmp_path / "s")


def test_it_says_that_content_differs(made: Path, empty: str, tmp_path: Path) -> None:
    manifest = json.loads((made / "manifest.json").read_text())
    manifest["content"]["tables"]["memoryapp_playbook"][1] = "1"
    (made / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(BackupFailed, match=r"memoryapp_playbook differ .* restore again"):
        backup.restore(made, database=empty, snapshots=tmp_path / "s")


def test_it_restores_into_an_empty_database_only(made: Path, here: str, tmp_path: Path) -> None:
    with pytest.raises(BackupFailed, match=r"is not empty: it has \d+ tables. Create an empty"):
        backup.restore(made, database=here, snapshots=tmp_path / "s")


def test_it_refuses_a_backup_of_a_later_version(made: Path, empty: str, tmp_path: Path) -> None:
    known = json.loads((made / "manifest.json").read_text())["migrations"][:-1]
    with pytest.raises(BackupFailed, match=r"of a later version .* Install that version first"):
        backup.restore(made, database=empty, snapshots=tmp_path / "s", known=known)


def test_it_knows_its_own_migrations_to_be_applied(db: None) -> None:
    assert migrations().missing == ()
    assert migrations().unknown == ()


def test_it_never_writes_over_a_backup(made: Path, here: str, snapshots: Path) -> None:
    before = (made / "manifest.json").read_bytes()
    with pytest.raises(BackupFailed, match=r"already exists\. Name another folder"):
        backup.write(made, database=here, snapshots=snapshots)
    assert (made / "manifest.json").read_bytes() == before


def _no_manifest(made: Path) -> None:
    (made / "manifest.json").unlink()


def _half_a_manifest(made: Path) -> None:
    path = made / "manifest.json"
    path.write_text(path.read_text()[:100])


def _of_the_future(made: Path) -> None:
    path = made / "manifest.json"
    path.write_text(path.read_text().replace(f'"format": {backup.FORMAT}', '"format": 999'))


def _no_dump(made: Path) -> None:
    (made / "database" / "toc.dat").unlink()


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (_no_manifest, "is not a whole backup: its manifest.json is missing or damaged"),
        (_half_a_manifest, "is not a whole backup"),
        (_of_the_future, "was made by a later version"),
        (_no_dump, "pg_restore failed: .*toc.dat"),
    ],
)
def test_it_says_what_is_wrong_with_a_damaged_backup(
    made: Path, empty: str, tmp_path: Path, damage: Callable[[Path], None], said: str
) -> None:
    damage(made)
    with pytest.raises(BackupFailed, match=said):
        backup.restore(made, database=empty, snapshots=tmp_path / "s")


def test_it_says_that_the_folder_cannot_be_written(here: str, snapshots: Path) -> None:
    with pytest.raises(BackupFailed, match=r"/dev/null/backup cannot be written \(Not a directory"):
        backup.write(Path("/dev/null/backup"), database=here, snapshots=snapshots)


def test_it_says_that_the_database_is_gone(tmp_path: Path) -> None:
    with pytest.raises(BackupFailed, match="The database cannot be read"):
        backup.write(tmp_path / "b", database="host=/nowhere dbname=x", snapshots=tmp_path)
    assert not (tmp_path / "b").exists()


def test_no_password_is_on_a_command_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    seen: list[Any] = []

    def run(command: list[str], **options: Any) -> Any:
        seen.append((command, options["env"]["PGPASSWORD"]))
        return type("Done", (), {"returncode": 0, "stderr": ""})

    monkeypatch.setattr(subprocess, "run", run)
    backup._run(
        ["pg_dump", f"--dbname={backup._without_password('host=h password=pw')}"], "password=pw"
    )
    assert seen == [(["pg_dump", "--dbname=host=h"], "pw")]


def test_the_commands_say_what_they_did(
    here: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], settings: Any
) -> None:
    BulletFactory()
    assert main(["backup", str(tmp_path / "by-command")]) == 0
    said = capsys.readouterr().out
    assert f"Keep {settings.DATA_DIR}/secret-key elsewhere" in said
    assert main(["restore", str(tmp_path / "by-command")]) == 1
    assert capsys.readouterr().err.startswith("greenroom: The database ")


@pytest.fixture
def observations(tmp_path: Path) -> Path:
    """A folder of two objects, and a third that is written just now."""
    folder = tmp_path / "data" / "observations"
    for text in (b"An order.", b"Another."):
        digest = hashlib.sha256(text).hexdigest()
        (folder / "1" / digest[:2]).mkdir(parents=True)
        (folder / "1" / digest[:2] / digest).write_bytes(text)
    (folder / "1" / ".half").write_bytes(b"An or")
    return folder


def test_observations_that_are_objects_come_back(
    here: str, empty: str, snapshots: Path, observations: Path, tmp_path: Path
) -> None:
    target, there = tmp_path / "backup", tmp_path / "there"
    made = backup.write(target, database=here, snapshots=snapshots, observations=observations)
    assert made.objects.count == 2
    backup.restore(target, database=empty, snapshots=there / "snapshots", observations=there / "o")
    assert sorted(p.read_bytes() for p in (there / "o").rglob("*") if p.is_file()) == [
        b"An order.",
        b"Another.",
    ]


def test_a_changed_or_missing_object_is_said(
    here: str, empty: str, snapshots: Path, observations: Path, tmp_path: Path
) -> None:
    target = tmp_path / "backup"
    backup.write(target, database=here, snapshots=snapshots, observations=observations)
    kept = next(path for path in observations.rglob("*") if len(path.name) == 64)
    kept.unlink()
    (target / backup.OBSERVATIONS).unlink()
    objects.pack(observations, target / backup.OBSERVATIONS)
    with pytest.raises(BackupFailed, match="1 of 2 objects of observations"):
        backup.restore(
            target, database=empty, snapshots=tmp_path / "s", observations=tmp_path / "o"
        )
    kept.write_bytes(b"Something else.")
    objects.pack(observations, target / backup.OBSERVATIONS)
    with pytest.raises(objects.Damaged, match=f"{kept.name} of observations.tar is damaged"):
        objects.unpack(target / backup.OBSERVATIONS, tmp_path / "o")


def test_a_backup_of_the_version_before_is_read(made: Path) -> None:
    manifest = json.loads((made / backup.MANIFEST).read_text())
    del manifest["objects"]
    del manifest["content"]["sequences_before"]
    (made / backup.MANIFEST).write_text(json.dumps(manifest | {"format": 1}))
    found = backup.read(made)
    assert found.objects.count == 0
    assert found.content.differing(found.content) == []
