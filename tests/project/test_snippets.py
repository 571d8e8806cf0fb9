"""Every fenced block of the documents: what can run here is run, the rest is at least true."""

from __future__ import annotations

import io
import json
import os
import re
import shlex
import subprocess
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from django.urls import Resolver404, resolve

from memoryapp.models.tokens import Scope
from memoryapp.project.cli import parser
from memoryapp.services.releases import release_publish
from memoryapp.services.tokens import api_key_create
from tests.factories import BulletFactory, EnvironmentFactory, PlaybookFactory
from tests.reference import CONFIGURATION, api_document, pages

ROOT = Path(__file__).resolve().parents[2]
#: Read by OpenTelemetry and by our clients, not by the server.
OF_CLIENTS = {
    "GREENROOM_URL", "GREENROOM_KEY", "GREENROOM_MCP", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    "OTEL_EXPORTER_OTLP_HEADERS",
}  # fmt: skip
#: Blocks without a language that are trees, files or formulas; requests are looked at.
REQUEST = re.compile(r"^(GET|POST|PUT|PATCH|DELETE) (/api/v1/[^\s?]*)", re.MULTILINE)
BLOCK = re.compile(r"^```([^\n]*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
MADE_UP = ("~", "$", "/backups/")


@dataclass(frozen=True)
class Block:
    """A fenced block: where it stands, its language and its text."""

    page: str
    language: str
    text: str

    @property
    def commands(self) -> Iterator[list[str]]:
        """The words of each command of a shell block, without comments."""
        for line in (
            self.text.replace("\\\n", " ").split("\n")
            if "'{" not in self.text
            else [self.text.replace("\\\n", " ")]
        ):
            words: list[str] = []
            for word in shlex.split(line, comments=True):
                if word == "&&":
                    yield words
                    words = []
                else:
                    words.append(word)
            if words:
                yield words


def blocks(language: str) -> list[Any]:
    found = [
        Block(str(page.relative_to(ROOT)), match[1], match[2])
        for page in [
            *sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md")),
            ROOT / "clients/python/README.md", *sorted(ROOT.glob("examples/*/README.md")),
        ]
        for match in BLOCK.finditer(page.read_text())
    ]  # fmt: skip
    assert {block.language for block in found} <= {"", "sh", "python", "json", "yaml", "nginx"}
    return [
        pytest.param(block, id=f"{block.page}-{number}")
        for number, block in enumerate(found)
        if block.language == language
    ]


@pytest.fixture
def agent(
    live_server: Any, workspace: Any, ada: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> str:
    """A server with what the documents speak of; the environment names it and a key."""
    playbook = PlaybookFactory(workspace=workspace, slug="help-desk")
    BulletFactory(playbook=playbook, label="pitfalls-004", content="Verify before you refund.")
    release_publish(playbook=playbook, by=ada, label="production")
    EnvironmentFactory(workspace=workspace, slug="help-desk")
    _, key = api_key_create(workspace=workspace, name="agent", scopes=[*Scope], by=ada)
    monkeypatch.setenv("GREENROOM_URL", live_server.url)
    monkeypatch.setenv("GREENROOM_KEY", key)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return str(live_server.url)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("block", blocks("python"))
def test_python_runs_as_it_stands(
    block: Block, agent: str, capsys: pytest.CaptureFixture[str]
) -> None:
    held: dict[str, Any] = {}
    code = compile(block.text, block.page, "exec")
    # In a thread of its own: the browser tests may have a loop running in this one.
    with ThreadPoolExecutor(1) as pool:
        pool.submit(exec, code, held).result()
    said = capsys.readouterr().out or held["playbook"].text
    assert "Verify before you refund." in said or said == "1 taken\n"


def ours(name: str) -> bool:
    return name in OF_CLIENTS or f"`{name}`" in CONFIGURATION


def is_there(path: str) -> bool:
    return path.startswith(MADE_UP) or (ROOT / path).exists()


def _make(words: list[str]) -> bool:
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    return all(word in targets for word in words if "=" not in word)


def _greenroom(words: list[str]) -> bool:
    return bool(parser().parse_args(words))  # what is no command ends this with SystemExit


def _pip(words: list[str]) -> bool:
    path, _, extras = words[-1].partition("[")
    known = re.findall(r"^(\w+) = \[", (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    return is_there(path) and set(filter(None, extras.rstrip("]").split(","))) <= set(known)


def _compose(words: list[str]) -> bool:
    return words[0] == "compose" and (ROOT / "docker-compose.yml").exists()


def _python(words: list[str]) -> bool:
    return is_there(f"{words[1].replace('.', '/')}.py" if words[0] == "-m" else words[0])


def _helm(words: list[str]) -> bool:
    return all(
        (ROOT / word / "Chart.yaml").exists() for word in words if word.startswith("deploy/")
    )


def _adds_ours(words: list[str]) -> bool:
    """A coding agent is told of our MCP server."""
    is_ours = any(re.fullmatch(r"http://localhost:\d+/mcp", word) for word in words)
    return words[:2] == ["mcp", "add"] and "greenroom" in words and is_ours


#: What each program's words must be, those after its name.
PROGRAMS: dict[str, Callable[[list[str]], bool]] = {
    "make": _make,
    "greenroom": _greenroom,
    "pip": _pip,
    "docker": _compose,
    "helm": _helm,
    "export": lambda words: all(ours(word.partition("=")[0]) for word in words),
    "cp": lambda words: is_there(words[-2]),
    "python": _python,
    "python3": lambda words: words[:2] == ["-m", "venv"] or words[0] == "-c",
    "mkdir": lambda words: words[0] == "-p",
    "createdb": lambda words: len(words) == 1,
    "claude": _adds_ours,
    "codex": _adds_ours,
    "curl": lambda words: True,  # run below
}


@pytest.mark.parametrize("block", blocks("sh"))
def test_every_command_is_one(block: Block) -> None:
    commands = list(block.commands)
    assert commands
    for words in commands:
        named = [word for word in words if not re.match(r"[A-Z_]+=", word)]
        program = PROGRAMS.get(Path(named[0]).name)
        if named[0].startswith("~"):
            continue  # of an environment that the block makes
        assert program is not None, f"{block.page}: nobody knows {named[0]!r}"
        assert program(named[1:]), f"{block.page}: {' '.join(words)}"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("block", [one for one in blocks("sh") if "curl" in one.values[0].text])
def test_every_call_with_curl_is_answered(block: Block, agent: str, tmp_path: Path) -> None:
    for name, content in FILES.items():
        (tmp_path / name).write_bytes(content)
    text = block.text.replace("http://localhost:8000", agent)
    key = os.environ["GREENROOM_KEY"]
    text = re.sub(r"GREENROOM_KEY=\S+", f"GREENROOM_KEY={key}", text)
    text = re.sub(
        r"^curl ", "curl --fail-with-body --silent --show-error ", text, flags=re.MULTILINE
    )
    done = subprocess.run(
        ["sh", "-ec", text], cwd=tmp_path, capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout


@pytest.mark.parametrize("block", blocks("json"))
def test_json_is_json(block: Block) -> None:
    assert json.loads(block.text)


@pytest.mark.parametrize("block", blocks("yaml"))
def test_yaml_is_of_something_that_reads_it(block: Block) -> None:
    """Of Alertmanager, of an override of our compose file, or of values of our chart."""
    said = yaml.safe_load(block.text)
    if "receivers" in said:
        _sends_alerts_where_they_are_taken(said)
    elif "services" in said:
        compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
        assert said.keys() <= compose.keys()
        for name, changed in said["services"].items():
            assert changed.keys() <= compose["services"][name].keys()
            assert all(ours(variable) for variable in changed.get("environment", {}))
    else:
        schema = json.loads((ROOT / "deploy/helm/greenroom/values.schema.json").read_text())
        assert said.keys() <= schema["properties"].keys()
        assert all(ours(variable) for variable in said.get("settings", {}))
        assert said.get("worker", {}).keys() <= schema["definitions"]["worker"]["properties"].keys()


def _sends_alerts_where_they_are_taken(said: Any) -> None:
    (receiver,) = said["receivers"]
    (hook,) = receiver["webhook_configs"]
    assert resolve(urlsplit(hook["url"]).path).url_name == "api-alertmanager-webhook"
    assert hook["http_config"]["authorization"]["credentials"].startswith("gr_")


@pytest.mark.parametrize("block", [one for one in blocks("") if REQUEST.search(one.values[0].text)])
def test_every_request_has_an_address(block: Block) -> None:
    known = api_document()["paths"]
    shapes = {re.sub(r"\{\w+\}", "{}", path): methods for path, methods in known.items()}
    for method, path in REQUEST.findall(block.text):
        assert method.lower() in shapes[re.sub(r"\{\w+\}", "{}", path)], f"{method} {path}"
        try:
            resolve(re.sub(r"\{\w+\}", "1", path))
        except Resolver404:
            pytest.fail(f"{path} leads nowhere")


def test_reference_pages_say_what_the_code_says() -> None:
    for page, text in pages().items():
        assert (ROOT / "docs" / page).read_text() == text, "run: make reference"


def test_the_reference_of_settings_names_choices_and_no_readers() -> None:
    said = pages()["reference-settings.md"]
    assert "| `LOG_LEVEL` | one of DEBUG, INFO, WARNING, ERROR, CRITICAL | `'WARNING'` |" in said
    assert "| `MCP_COMMANDS` | JSON object | empty |" in said
    assert "variables." not in said


SESSION = "".join(
    json.dumps(row) + "\n"
    for row in (
        {
            "type": "user",
            "sessionId": "s1",
            "uuid": "u1",
            "timestamp": "2026-11-20T09:00:00Z",
            "message": {"role": "user", "content": "Refund order 7."},
        },
        {
            "type": "assistant",
            "sessionId": "s1",
            "uuid": "u2",
            "timestamp": "2026-11-20T09:00:01Z",
            "message": {
                "role": "assistant",
                "content": [{"type": "tool_use", "id": "t1", "name": "refund", "input": {"id": 7}}],
            },
        },
        {
            "type": "user",
            "sessionId": "s1",
            "uuid": "u3",
            "timestamp": "2026-11-20T09:00:02Z",
            "message": {
                "role": "user",
                "content": [{"type": "tool_result", "tool_use_id": "t1", "content": "done"}],
            },
        },
    )
)


def _set() -> bytes:
    """A labelled set of one outage, as small as one can be."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("cases/one/alert.json", '{"alert_ts": 1764061200, "entry_service": "web"}')
        archive.writestr("cases/one/metrics.csv", METRICS)
    return packed.getvalue()


METRICS = "ts,service,metric,value\n1764061140,checkout,cpu,0.2\n1764061200,checkout,cpu,0.9\n"
#: what the calls in the documents send.
FILES = {
    "session.jsonl": SESSION.encode(),
    "metrics.csv": METRICS.encode(),
    "outages.zip": _set(),
}
