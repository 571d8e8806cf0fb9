"""What the process of a tool server may use and see."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from celery.signals import worker_init
from django.conf import settings

from memoryapp.project import embedded
from practice.agents.ports import EnvironmentUnavailable
from practice.clients import cage as cages
from practice.clients.cage import Cage, bubblewrap
from practice.clients.mcp_servers import StdioServer
from practice.clients.seeds import Workplace, workplace
from practice.orchestrator import worlds

needs_bubblewrap = pytest.mark.skipif(not bubblewrap(), reason="bubblewrap does not work here")
LIMITS = {
    "cpu_seconds": 7, "memory_mb": 256, "file_mb": 1, "open_files": 64, "processes": 0
}  # fmt: skip


@pytest.fixture
def place() -> Iterator[Workplace]:
    with workplace(None) as place:
        yield place


def run(cage: Cage, place: Workplace, code: str) -> subprocess.CompletedProcess[str]:
    argv = cage.argv([sys.executable, "-c", code], place)
    return subprocess.run(argv, capture_output=True, text=True, cwd=place.work, check=False)


def test_without_limits_and_walls_the_command_is_as_it_is(place: Workplace) -> None:
    assert Cage().argv(["serve", "--fast"], place) == ["serve", "--fast"]


def test_it_is_limited_in_what_it_uses(place: Workplace) -> None:
    said = run(
        Cage(limits=LIMITS),
        place,
        "import json, resource as r; print(json.dumps([r.getrlimit(x) for x in "
        "(r.RLIMIT_CPU, r.RLIMIT_DATA, r.RLIMIT_FSIZE, r.RLIMIT_NOFILE, r.RLIMIT_CORE)]))",
    )
    sizes = [7, 256 * 2**20, 2**20, 64, 0]
    assert json.loads(said.stdout) == [[size, size] for size in sizes]


def test_one_that_takes_too_much_memory_fails_alone(place: Workplace) -> None:
    said = run(Cage(limits=LIMITS), place, "bytearray(512 * 2**20)")
    assert "MemoryError" in said.stderr


def test_one_that_fills_the_disk_is_stopped(place: Workplace) -> None:
    said = run(Cage(limits=LIMITS), place, "open('big', 'wb').write(b'x' * 2**21)")
    assert said.returncode != 0
    assert (place.work / "big").stat().st_size <= 2**20


def test_a_required_sandbox_that_is_not_there_starts_nothing(
    place: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cages, "bubblewrap", lambda: "")
    with pytest.raises(EnvironmentUnavailable, match="MCP_SANDBOX"):
        Cage(sandbox="required").argv(["serve"], place)
    assert Cage(sandbox="auto").argv(["serve"], place) == ["serve"]
    assert "none works here" in Cage(sandbox="auto").words()


def test_a_worker_shows_its_environment_to_no_process_of_its_user() -> None:
    """As the kernel says it: 0 in the worker and its forks, 1 in what it starts."""
    code = (
        "import ctypes, os, subprocess, sys\n"
        "from practice.clients.cage import close_to_others\n"
        "asked = 'import ctypes; print(ctypes.CDLL(None).prctl(3, 0, 0, 0, 0), flush=True)'\n"
        "close_to_others()\n"
        "exec(asked)\n"
        "if os.fork() == 0:\n"
        "    exec(asked)\n"
        "    os._exit(0)\n"
        "os.wait()\n"
        "subprocess.run([sys.executable, '-c', asked], check=True)\n"
    )
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["0", "0", "1"]


def test_workers_do_so_when_they_begin(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(cages, "close_to_others", lambda: asked.append("closed"))
    heard = {getattr(ref(), "__name__", ""): ref() for _, ref in worker_init.receivers}
    heard["keep_settings_from_tool_servers"]()
    assert asked == ["closed"]


@needs_bubblewrap
def test_in_the_sandbox_it_writes_to_its_own_folder_only(place: Workplace, tmp_path: Path) -> None:
    elsewhere = Path(__file__).parent / "written-by-a-tool-server"
    said = run(Cage("auto"), place, f"open('mine', 'w').write('x'); open({str(elsewhere)!r}, 'w')")
    assert "Read-only file system" in said.stderr
    assert (place.work / "mine").read_text() == "x"
    assert not elsewhere.exists()


@needs_bubblewrap
def test_in_the_sandbox_greenrooms_own_data_is_not_there(place: Workplace, tmp_path: Path) -> None:
    (tmp_path / "secret_key").write_text("of the product")
    file = tmp_path.parent / "dot-env"
    file.write_text("LLM_API_KEY=sk-1")
    code = f"import os; print(os.listdir({str(tmp_path)!r}), repr(open({str(file)!r}).read()))"
    said = run(Cage("auto", hidden=(tmp_path, file)), place, code)
    assert said.stdout.strip() in {"[] ''", ""}
    assert "of the product" not in said.stdout + said.stderr


@needs_bubblewrap
@pytest.mark.parametrize("written", ["{}/secret_key", "{}/", "{}/../{}/x"])
def test_no_argument_of_an_editor_has_it_shown(
    place: Workplace, tmp_path: Path, written: str
) -> None:
    """A tool server that reads files takes their folder as an argument."""
    (tmp_path / "secret_key").write_text("of the product")
    code = f"print(open({str(tmp_path / 'secret_key')!r}).read())"
    server = StdioServer(
        command=(sys.executable, "-I", "-c", code),
        args=(written.format(tmp_path, tmp_path.name),),
        cage=Cage("auto", hidden=(tmp_path,)),
    )
    said = subprocess.run(
        server.argv(place), capture_output=True, text=True, cwd=place.work, check=False
    )
    assert "FileNotFoundError" in said.stderr
    assert "of the product" not in said.stdout


def test_the_embedded_servers_are_hidden_wherever_they_are() -> None:
    """Run by root they are outside of the data folder, and let in whoever reaches them."""
    assert {settings.DATA_DIR, *embedded.places(settings.DATA_DIR)} < set(worlds.cage().hidden)


@needs_bubblewrap
def test_in_the_sandbox_other_processes_and_attempts_are_not_there(place: Workplace) -> None:
    with workplace(None) as other:
        (other.work / "answers").write_text("of another attempt")
        said = run(
            Cage("auto"),
            place,
            "import os; print(os.getpid() < 10, "
            f"os.path.exists({str(other.work)!r}), os.getcwd() == {str(place.work)!r})",
        )
    assert said.stdout.split() == ["True", "False", "True"]


@needs_bubblewrap
def test_other_attempts_are_hidden_from_a_command_that_lives_beside_them(
    place: Workplace, tmp_path: Path
) -> None:
    assert tmp_path.is_relative_to(tempfile.gettempdir())
    python = tmp_path / "python"
    python.symlink_to(Path(sys.executable).resolve())
    with workplace(None) as other:
        code = f"import os; print(os.path.exists({str(other.work)!r}), os.path.exists('.'))"
        argv = Cage("auto").argv([str(python), "-I", "-c", code], place)
        said = subprocess.run(argv, capture_output=True, text=True, cwd=place.work, check=False)
    assert said.stdout.split() == ["False", "True"], said.stderr


@needs_bubblewrap
@pytest.mark.parametrize("written", ["tools/server.py", "venv/bin/server.py", "server.py"])
def test_of_a_command_that_lives_in_what_is_hidden_only_its_own_folder_is_shown(
    place: Workplace, tmp_path: Path, written: str
) -> None:
    own = tmp_path / written
    for file in (own, tmp_path / "secret_key", tmp_path / "seeds" / "other", tmp_path / "venv/lib"):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    own.write_text(
        "import os, sys\n"
        "root = sys.argv[1]\n"
        "found = (os.path.join(at, name) for at, _, names in os.walk(root) for name in names)\n"
        "print(*sorted(os.path.relpath(path, root) for path in found))\n"
    )
    command = (sys.executable, "-I", str(own), str(tmp_path))
    argv = Cage("auto", hidden=(tmp_path, tmp_path / "tools" / "socket")).argv(command, place)
    said = subprocess.run(argv, capture_output=True, text=True, cwd=place.work, check=False)
    beside = ["venv/lib"] if written.startswith("venv") else []
    assert said.stdout.split() == [written, *beside], said.stderr


@needs_bubblewrap
def test_what_is_hidden_stays_so_within_the_folder_of_a_command(
    place: Workplace, tmp_path: Path
) -> None:
    tool, within = tmp_path / "tools" / "server.py", tmp_path / "tools" / "sockets"
    within.mkdir(parents=True)
    (within / "redis.sock").touch()
    tool.write_text("import os, sys; print(os.listdir(sys.argv[1]))")
    command = (sys.executable, "-I", str(tool), str(within))
    argv = Cage("auto", hidden=(within, tmp_path)).argv(command, place)
    said = subprocess.run(argv, capture_output=True, text=True, cwd=place.work, check=False)
    assert said.stdout.split() == ["[]"], said.stderr
