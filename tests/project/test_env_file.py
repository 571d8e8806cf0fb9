"""The ``.env`` file: what cannot be read is refused, and nothing it holds is said."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from memoryapp.project import doctor, env_file, environment

SECRET = "s3cret-canary"


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file whose variables leave no trace in this process."""
    monkeypatch.setattr("environ.Env.ENVIRON", {})
    return tmp_path / ".env"


@pytest.mark.parametrize(
    "line",
    [f"LLM_API_KEY = {SECRET}", f" LLM_API_KEY={SECRET}", f"LLM_API_KEY: {SECRET}", SECRET, "=1"],
)
def test_a_line_that_sets_nothing_is_named_by_its_number(
    written: Path, line: str, capfd: pytest.CaptureFixture[str]
) -> None:
    written.write_text(f"# first\nPORT=9000\n\n{line}\n")
    found = env_file.read(written)
    (problem,) = found.problems
    assert problem.startswith(f"{written} must read NAME=value in line 4")
    assert (found.names, SECRET in problem + "".join(capfd.readouterr())) == (("PORT",), False)


def test_what_is_set_already_wins_over_it(written: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    held = {"PORT": "9100"}
    monkeypatch.setattr("environ.Env.ENVIRON", held)
    written.write_text("PORT=9000\nexport HOST='::1'\n  # a comment\nEMPTY=\n")
    assert env_file.read(written).problems == ()
    assert held == {"PORT": "9100", "HOST": "::1", "EMPTY": ""}


def test_no_file_is_as_good_as_an_empty_one(written: Path) -> None:
    found = env_file.read(written)
    assert (found.names, found.problems) == ((), ())


def test_a_file_that_cannot_be_read_is_refused(written: Path) -> None:
    written.mkdir()
    assert (
        "must be a file that Greenroom's user may read (Is a directory)"
        in (env_file.read(written).problems[0])
    )
    written.rmdir()
    written.write_bytes(b"PORT=9\xff")
    assert env_file.read(written).problems == (f"{written} must be text in UTF-8.",)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("REDIS_ULR", "REDIS_URL"),
        ("SESSION_IDLE_MINUTE", "SESSION_IDLE_MINUTES"),
        ("llm_api_key", "LLM_API_KEY"),
        ("POSTGRES_PASSWORD", ""),
        ("BIND_ADDRESS", ""),
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", ""),
        ("REDIS_URL", ""),
    ],
)
def test_a_slip_of_a_name_is_told(written: Path, name: str, meant: str) -> None:
    found = env_file.EnvFile(written, (name,)).misnamed(environment.env.known)
    told = [f"{name} in {written} sets nothing. Did you mean {meant}?"]
    assert found == (told if meant else [])


def test_doctor_tells_it_too(written: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "FILE", env_file.EnvFile(written, ("REDIS_ULR",)))
    (finding,) = doctor._settings()
    assert (finding.state, finding.check) == ("warn", "settings")
    assert "Did you mean REDIS_URL?" in finding.text


def test_every_process_is_stopped_by_it(tmp_path: Path) -> None:
    """Installed, the file is the one in the folder that the process was started in."""
    (tmp_path / ".env").write_text(f"LLM_API_KEY = {SECRET}\nPORT=web\n")
    root = Path(__file__).resolve().parents[2]
    code = (
        "import pathlib; from memoryapp.project import variables, env_file; "
        "file = env_file.read(pathlib.Path('.env')); env = variables.Variables(); "
        "env.problems += file.problems; env.whole('PORT', 8000, least=1); env.refuse()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    first, second = done.stderr.splitlines()
    assert first.startswith("Greenroom cannot start. .env must read NAME=value in line 1")
    assert second.startswith("Greenroom cannot start. PORT must be a whole number")
    assert SECRET not in done.stderr
