"""What dies is started again, when there is room, and given up when it keeps dying."""

from __future__ import annotations

from collections import namedtuple
from pathlib import Path
from typing import Any

import pytest

from memoryapp.project import embedded, up

Usage = namedtuple("Usage", "total used free")


class Dead:
    """A part that is found dead until it is started."""

    name, is_alive = "PostgreSQL", False

    def start(self) -> None:
        raise up.Stopped


def test_it_waits_says_so_once_and_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    room = iter([0, 0, 1, 64])
    monkeypatch.setattr("memoryapp.project.up.time.sleep", lambda seconds: None)
    monkeypatch.setattr(
        "memoryapp.project.embedded.shutil.disk_usage",
        lambda folder: Usage(0, 0, next(room) * 2**20),
    )
    parts: Any = [Dead()]
    with pytest.raises(up.Stopped):
        up._watch(tmp_path, parts, {})
    waits, starts = capsys.readouterr().out.splitlines()
    assert waits.startswith(
        "PostgreSQL died and is started again when there is room. Only 0 MB are free where "
    )
    assert "needs 64 MB" in waits
    assert starts == "PostgreSQL died and is started again; no stored work is lost."
    assert list(room) == []


class DyingAgain(Dead):
    """A part that dies while it starts, as often as it is tried."""

    def start(self) -> None:
        raise embedded.EmbeddedFailed("PostgreSQL stopped while starting: killed.")


def test_a_part_that_dies_while_it_starts_is_tried_again_and_given_up_in_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("memoryapp.project.up.time.sleep", lambda seconds: None)
    parts: Any = [DyingAgain()]
    with pytest.raises(embedded.EmbeddedFailed, match="PostgreSQL keeps dying"):
        up._watch(tmp_path, parts, {})
    said = capsys.readouterr().out
    assert said.count("PostgreSQL stopped while starting: killed. It is tried again.") == (
        up.MAX_RESTARTS
    )
