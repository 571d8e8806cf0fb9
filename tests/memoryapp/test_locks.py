"""``alone``: one process at a time, also where a pooler hands connections on."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.db import connection, transaction

from memoryapp.indexer.locks import alone

ROOT = Path(__file__).resolve().parents[2]
NUMBER = 4_711
#: What lives in a session rather than in a transaction is lost behind a pooler.
OF_A_SESSION = re.compile(
    r"pg_(try_)?advisory_lock\b|pg_advisory_unlock|\bPREPARE\s|SET SESSION"
    r"|TEMP(ORARY)? TABLE (?![^;]*ON COMMIT DROP)"
)


@pytest.mark.django_db(transaction=True)
def test_nobody_else_gets_in_until_the_block_ends() -> None:
    with alone(NUMBER) as first:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        with alone(NUMBER) as second:
            assert (first, second) == (True, False)
    with alone(NUMBER) as later:
        assert later is True


@pytest.mark.django_db(transaction=True)
def test_it_lets_go_when_the_work_fails() -> None:
    with pytest.raises(RuntimeError), alone(NUMBER):
        raise RuntimeError
    with alone(NUMBER) as later:
        assert later is True


def test_nothing_of_ours_lives_in_a_session() -> None:
    found = {
        str(path.relative_to(ROOT))
        for app in ("memoryapp", "practice")
        for path in (ROOT / app).rglob("*.py")
        if "migrations" not in path.parts and OF_A_SESSION.search(path.read_text())
    }
    # pg_dump holds its own connection and goes to the server itself.
    assert found <= {"memoryapp/project/backup.py"}
