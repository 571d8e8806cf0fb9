"""What dies is started again, when there is room, and after a pause when it keeps dying."""

from __future__ import annotations

import itertools
import os
import urllib.request
from collections import namedtuple
from pathlib import Path
from typing import Any

import pytest

from memoryapp.project import data_folder, embedded, up

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
        "memoryapp.project.data_folder.shutil.disk_usage",
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


def test_what_a_part_writes_is_nobody_elses(tmp_path: Path) -> None:
    """Logs quote what people did, observations what tools answered."""
    (tmp_path / "web.log").touch(0o644)
    (tmp_path / "web.log").chmod(0o644)  # of an earlier version
    child = up.Child("web", ("sh", "-c", "mkdir made && touch made/file"), tmp_path / "web.log")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(up, "ROOT", tmp_path)
        child.start({"PATH": os.environ["PATH"]})
    assert child.process is not None
    assert child.process.wait(10) == 0
    for name in ("web.log", "made", "made/file"):
        assert (tmp_path / name).stat().st_mode & 0o077 == 0, name


def test_what_an_earlier_version_left_open_is_closed_and_the_folder_itself_is_not(
    tmp_path: Path,
) -> None:
    tmp_path.chmod(0o755)
    (tmp_path / "observations").mkdir(0o755)
    data_folder.close_to_others(tmp_path)
    assert (tmp_path / "observations").stat().st_mode & 0o777 == 0o700
    assert tmp_path.stat().st_mode & 0o777 == 0o755


def test_it_is_found_ready_by_a_name_that_is_always_served(
    httpserver: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Web:
        log = "web.log"
        asked = 0

        @property
        def is_alive(self) -> bool:
            self.asked += 1
            return self.asked < 3

    httpserver.expect_request("/healthz", headers={"Host": "localhost"}).respond_with_data("ok")
    web: Any = Web()
    # Neither is a proxy asked that the machine has for other hosts.
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.setattr(urllib.request, "_opener", None)
    up._wait_for_web(httpserver.host, httpserver.port, web)


class DyingAgain(Dead):
    """A part that dies while it starts, as often as it is tried."""

    def start(self) -> None:
        raise embedded.EmbeddedFailed("PostgreSQL stopped while starting: killed.")


def test_a_part_that_keeps_dying_is_tried_again_for_good_after_pauses_that_grow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = 0.0
    starts: list[float] = []

    def tick(seconds: float) -> None:
        nonlocal clock
        clock += seconds
        if clock > 600:
            raise up.Stopped

    class Dying(DyingAgain):
        def start(self) -> None:
            starts.append(clock)
            super().start()

    monkeypatch.setattr("memoryapp.project.up.time.sleep", tick)
    monkeypatch.setattr("memoryapp.project.up.time.monotonic", lambda: clock)
    parts: Any = [Dying()]
    with pytest.raises(up.Stopped):
        up._watch(tmp_path, parts, {})
    pauses = [after - before for before, after in itertools.pairwise(starts)]
    assert pauses[: up.MAX_RESTARTS + 2] == [0.5] * (up.MAX_RESTARTS - 1) + [2.5, 4.5, 8.5]
    assert max(pauses) <= up.RESTART_WINDOW_SECONDS + 1
    assert starts[-1] > 500
    said = capsys.readouterr().out
    assert f"PostgreSQL keeps dying. It is tried again in 2 s; its log is in {tmp_path}." in said


def test_a_part_that_lives_again_is_started_at_once_when_it_dies_much_later() -> None:
    fate = up.Fate()
    for second in range(up.MAX_RESTARTS):
        assert fate.noticed(float(second)) == 0
    assert fate.noticed(up.MAX_RESTARTS) == 2
    assert fate.noticed(up.MAX_RESTARTS + up.RESTART_WINDOW_SECONDS) == 0


@pytest.mark.parametrize(
    ("host", "written"), [("::1", "[::1]"), ("10.0.0.5", "10.0.0.5"), ("desk", "desk")]
)
def test_an_address_has_brackets_around_colons(host: str, written: str) -> None:
    assert up._in_address(host) == written
