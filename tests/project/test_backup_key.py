"""A backup asks for the key of its secrets before anything is restored without it."""

from __future__ import annotations

import json
from pathlib import Path

import psycopg
import pytest

from memoryapp.project import backup
from memoryapp.project.backup import BackupFailed
from memoryapp.project.cli import main

pytestmark = pytest.mark.django_db(transaction=True)
OURS, OTHERS = "the key of the old data folder, long enough", "a key made for the new data folder"


@pytest.fixture
def made(tmp_path: Path, here: str) -> Path:
    backup.write(tmp_path / "made", database=here, snapshots=tmp_path / "none", keys=[OURS])
    return tmp_path / "made"


class Begun(Exception):
    """The key let it through, and it went on to restore; tests/project/test_backup.py does."""


@pytest.fixture
def _stops_when_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    def begin(*_: object, **__: object) -> None:
        raise Begun

    monkeypatch.setattr(backup, "pg_restore", begin)


def tables(database: str) -> int:
    with psycopg.connect(database) as connected:
        found = connected.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
        (count,) = found.fetchone() or (0,)
        return int(count)


def test_it_restores_nothing_under_another_key(made: Path, empty: str, tmp_path: Path) -> None:
    with pytest.raises(BackupFailed, match="copy the file secret-key from the old data folder"):
        backup.restore(made, database=empty, snapshots=tmp_path / "s", keys=[OTHERS])
    assert tables(empty) == 0


@pytest.mark.usefixtures("_stops_when_begun")
@pytest.mark.parametrize("keys", [[OURS], [OTHERS, OURS], []])
def test_it_restores_with_the_key_an_older_one_or_where_none_is_asked_for(
    made: Path, empty: str, tmp_path: Path, keys: list[str]
) -> None:
    with pytest.raises(Begun):
        backup.restore(made, database=empty, snapshots=tmp_path / "s", keys=keys)


@pytest.mark.usefixtures("_stops_when_begun")
def test_a_backup_from_before_the_word_asks_for_no_key(
    made: Path, empty: str, tmp_path: Path
) -> None:
    manifest = json.loads((made / backup.MANIFEST).read_text())
    del manifest["sealed"]
    (made / backup.MANIFEST).write_text(json.dumps(manifest | {"format": 2}))
    with pytest.raises(Begun):
        backup.restore(made, database=empty, snapshots=tmp_path / "s", keys=[OTHERS])


def test_no_key_is_in_it_and_nobody_else_reads_it(made: Path) -> None:
    assert made.stat().st_mode & 0o777 == 0o700
    for path in made.rglob("*"):
        assert path.stat().st_mode & 0o077 == 0, path
    assert OURS not in (made / backup.MANIFEST).read_text()


def test_the_command_asks_for_the_key_of_this_installation(
    tmp_path: Path, here: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    target = str(tmp_path / "by-command")
    assert main(["backup", target]) == 0
    from memoryapp.project import settings  # noqa: PLC0415

    monkeypatch.setattr(settings, "SEALING_KEYS", [OTHERS])
    assert main(["restore", target]) == 1
    assert "encrypted with a key that this installation does not have" in capsys.readouterr().err
    # Without asking for it the next thing that stands in the way is said.
    assert main(["restore", target, "--without-key"]) == 1
    assert "is not empty" in capsys.readouterr().err
