"""The ``greenroom`` commands against a real server, and in what they write."""

from __future__ import annotations

import base64
import errno
import gzip
import io
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction
from greenroom_client import Greenroom, commands, transfer
from greenroom_client import terminal as terminal_bar
from greenroom_client.errors import Refused
from hypothesis import example, given
from hypothesis import strategies as st

from memoryapp import tasks
from memoryapp.indexer import exports
from memoryapp.models import Bullet, Playbook, Workspace, WorkspaceExport
from memoryapp.project.cli import main
from memoryapp.services.releases import release_publish
from memoryapp.services.tokens import api_key_create
from memoryapp.services.withdrawals import release_withdraw
from practice.models import Run, SentTrajectory
from tests.domain.traces.exports import CLAUDE, jsonl
from tests.factories import BulletFactory, EnvironmentFactory, PlaybookFactory, RunFactory
from tests.product import ROOT

CLIENT = ROOT / "clients" / "python"


@pytest.fixture
def server(live_server: Any, workspace: Any, ada: Any, monkeypatch: pytest.MonkeyPatch) -> str:
    """A running server with a released playbook; the environment names it and a key."""
    playbook = PlaybookFactory(workspace=workspace, slug="desk", name="Desk")
    BulletFactory(playbook=playbook, label="strategies-001", content="Verify before a refund.")
    release_publish(playbook=playbook, by=ada, label="production")
    EnvironmentFactory(workspace=workspace, slug="desk")
    PlaybookFactory(workspace=workspace, slug="second")
    scopes = ("playbooks:pull", "feedback:write", "trajectories:write", "read", "write", "admin")
    _, key = api_key_create(workspace=workspace, name="script", scopes=scopes, by=ada)
    monkeypatch.setenv("GREENROOM_URL", live_server.url)
    monkeypatch.setenv("GREENROOM_KEY", key)
    return str(live_server.url)


@pytest.fixture(autouse=True)
def _own_copies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def write_now(export_id: int) -> None:
    """A worker that is there at once."""
    transaction.on_commit(lambda: exports.write(export_id))


@pytest.mark.django_db(transaction=True)
def test_pull_says_what_to_do_before_the_first_release(
    server: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["pull", "second"]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    # The server is a thread of ours, and says on the same stream whose connections broke off.
    (line,) = (line for line in said.err.splitlines() if "has no release yet" in line)
    assert "POST /api/v1/playbooks/second/releases" in line
    assert said.err.endswith(f"{line}\n")


@pytest.mark.django_db(transaction=True)
def test_it_pulls_pushes_and_follows_a_run(
    server: str, tmp_path: Path, workspace: Any, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One story, because a server costs seconds."""
    assert main(["pull", "desk"]) == 0
    assert "Verify before a refund." in capsys.readouterr().out

    agents = tmp_path / "AGENTS.md"
    agents.write_text("# Mine\n")
    for _ in range(2):
        assert main(["pull", "desk", "--into", str(agents)]) == 0
    held = agents.read_text()
    assert held.startswith("# Mine\n")
    assert held.count("Verify before a refund.") == 1

    session = tmp_path / "session.jsonl.gz"
    session.write_bytes(gzip.compress(jsonl(*CLAUDE) + b"{broken\n"))
    capsys.readouterr()
    assert main(["push", "--format", "claude-code", "--playbook", "desk", str(session)]) == 1
    said = capsys.readouterr()
    assert "1 taken, 0 known, 1 refused" in said.out
    assert "is not JSON" in said.err
    assert SentTrajectory.objects.count() == 1

    run = RunFactory(workspace=workspace, number=7)
    Run.objects.filter(pk=run.pk).update(status="finished")
    assert main(["watch", "7"]) == 0
    assert "Run 7 finished." in capsys.readouterr().out

    memory = Greenroom(cache=None)
    assert memory.run(7)["progress"] == {"done": 0, "total": 6}
    assert "desk" in [p["slug"] for p in memory.pages("playbooks")]
    receipt = memory.pull("desk").receipt
    assert receipt is not None
    votes = [{"id": "strategies-001", "vote": "helpful"}]
    said = memory.report(receipt, outcome="success", bullets=votes, task="refund 7")
    assert (said["counted"], said["refused"]) == (1, [])
    assert memory.search("desk", "refund")["bullets"][0]["label"] == "strategies-001"

    assert main(["export", "--output", str(tmp_path / "out")]) == 0
    file = tmp_path / "out" / "desk.json"
    assert main(["import", str(file), "--playbook", "second", "--dry-run"]) == 0
    assert "Would be: 1 added" in capsys.readouterr().out
    assert main(["import", str(file), "--playbook", "second"]) == 0
    assert Bullet.objects.filter(playbook__slug="second").get().content.startswith("Verify")

    skill = tmp_path / "skill.zip"
    as_skill = ["pull", "desk", "--format", "skill", "--output", str(skill)]
    assert main(as_skill) == 0
    with zipfile.ZipFile(skill) as archive:
        archive.extractall(tmp_path)
    for source in (skill, tmp_path / "desk", tmp_path / "desk" / "SKILL.md"):
        capsys.readouterr()
        assert main(["import", str(source), "--playbook", "second"]) == 0
        assert "1 kept" in capsys.readouterr().out

    capsys.readouterr()
    assert main(["export", "--output", str(tmp_path / "none"), "--label", "prodction"]) == 1
    assert "has the label prodction" in capsys.readouterr().err

    # The worker writes it the moment it is asked for.
    monkeypatch.setattr(tasks.write_export, "delay_on_commit", write_now)
    whole = tmp_path / "main.zip"
    assert main(["export", "--workspace", "--output", str(whole)]) == 0
    assert main(["import", str(whole), "--workspace", "--slug", "copy"]) == 0
    assert Workspace.objects.get(slug="copy").playbooks.filter(slug="desk").exists()
    (made,) = WorkspaceExport.objects.all()
    again = tmp_path / "again.zip"
    arguments = ["export", "--workspace", "--number", str(made.pk), "--output", str(again)]
    assert main(arguments) == 0
    assert again.read_bytes() == whole.read_bytes()
    capsys.readouterr()
    assert main(["exports"]) == 0
    assert f"{made.pk} " in capsys.readouterr().out
    assert main(["exports", "--remove", str(made.pk)]) == 0
    assert main(arguments) == 1
    assert f"Export {made.pk} removed. Its file no longer exists." in capsys.readouterr().err
    lines = tmp_path / "sft.jsonl"
    assert main(["export", "--fine-tuning", "sft", "--output", str(lines)]) == 0
    assert lines.read_text() == ""
    assert main(["import", str(lines), "--workspace"]) == 1
    assert "not an export of a workspace" in capsys.readouterr().err
    assert not list(tmp_path.glob("*.part"))

    # What was pulled seconds ago is asked for again: a command says what is so now.
    desk = Playbook.objects.get(slug="desk", workspace=workspace)
    BulletFactory(playbook=desk, label="pitfalls-001", content="Ask for the number first.")
    release_publish(playbook=desk, by=None, label="production")
    capsys.readouterr()
    assert main(["pull", "desk"]) == 0
    assert "Ask for the number first." in capsys.readouterr().out
    for more, holds_it in (((), True), (("--version", "1"), False)):
        assert main([*as_skill, *more]) == 0
        with zipfile.ZipFile(skill) as archive:
            assert (b"Ask for the number" in archive.read("desk/SKILL.md")) == holds_it
    assert main(["export", "--format", "skill", "--output", str(tmp_path / "skills")]) == 0
    assert zipfile.is_zipfile(tmp_path / "skills" / "desk.zip")

    for release in desk.releases.order_by("number"):
        release_withdraw(release=release, kind="recalled", reason="Wrong", by=None)
    capsys.readouterr()
    assert main(["export", "--output", str(tmp_path / "out")]) == 1
    said = capsys.readouterr()
    assert "desk: v2 was recalled: Wrong." in said.err
    assert "0 playbooks at production" in said.out

    assert main(["pull", "nowhere"]) == 1
    assert "greenroom: There is no playbook 'nowhere'" in capsys.readouterr().err


def test_it_says_in_one_line_that_nobody_answers(
    monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.setenv("GREENROOM_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("GREENROOM_KEY", "gr_x")
    assert main(["pull", "desk"]) == 1
    said = capsys.readouterr().err
    assert said.startswith("greenroom: http://127.0.0.1:9 cannot be reached")
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["push", "/nowhere/file"], "/nowhere/file cannot be read"),
        (["pull", "desk", "--format", "skill"], "name a file with --output"),
        (["pull", "desk", "--format", "json", "--into", "AGENTS.md"], "Use --output for json"),
        (["pull", "desk", "--format", "skill", "--into", "AGENTS.md"], "Use --output for skill"),
    ],
)
def test_it_says_what_to_do(
    arguments: list[str], said: str, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.setenv("GREENROOM_KEY", "gr_x")
    assert main(arguments) == 1
    assert said in capsys.readouterr().err


def test_a_folder_from_an_image_is_packed_whatever_its_date(tmp_path: Path) -> None:
    skill = tmp_path / "desk" / "SKILL.md"
    skill.parent.mkdir()
    skill.write_text("---\nname: desk\n---\n- One.\n")
    os.utime(skill, (1, 1))
    content, is_zip = transfer._content(skill.parent)
    packed = base64.b64decode(content)
    assert is_zip
    assert zipfile.ZipFile(io.BytesIO(packed)).namelist() == ["desk/SKILL.md"]


def block(text: str, slug: str = "desk") -> str:
    return f"<!-- greenroom:begin {slug} -->\n{text}\n<!-- greenroom:end {slug} -->\n"


@given(st.text(max_size=200), st.text(max_size=60), st.text(max_size=200))
@example("# Mine", r"one \1", "")
@example("a\n\n", "one", "b")
def test_a_block_is_replaced_in_place_and_nothing_else(before: str, says: str, after: str) -> None:
    if any("greenroom:" in text or "\r" in text for text in (before, says, after)):
        return
    start = f"{before}\n" if before else ""
    assert commands.place_block(start + block("Old.") + after, block(says)) == (
        start + block(says) + after
    )
    once = commands.place_block(before + after, block(says))
    assert once.startswith(before + after)
    assert commands.place_block(once, block(says)) == once


def test_blocks_of_two_playbooks_are_kept_apart() -> None:
    both = commands.place_block(commands.place_block("# Mine\n", block("1")), block("2", "night"))
    changed = commands.place_block(both, block("New."))
    assert changed == both.replace(block("1"), block("New."))


def test_a_block_ends_its_lines_as_the_file_does() -> None:
    once = commands.place_block("# Mine\r\n", block("one"))
    assert once == "# Mine\r\n\r\n" + block("one").replace("\n", "\r\n")
    assert commands.place_block(once, block("one")) == once
    assert commands.place_block(once + "After\r\n", block("two")) == (
        once.replace("one", "two") + "After\r\n"
    )


def test_a_file_keeps_its_ends_of_lines(tmp_path: Path) -> None:
    path = tmp_path / "AGENTS.md"
    assert terminal_bar.text(path) == ""
    terminal_bar.write(path, "one\r\ntwo\n")
    assert path.read_bytes() == b"one\r\ntwo\n"
    assert terminal_bar.text(path) == "one\r\ntwo\n"


def test_what_people_wrote_outlives_a_full_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "AGENTS.md"
    path.write_text("# Mine\n")

    def full(self: Path, data: bytes) -> int:
        with self.open("wb") as file:
            file.write(data[:3])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(Refused, match="No space left"):
        terminal_bar.rewrite(path, "# Mine\nand a block\n")
    assert path.read_text() == "# Mine\n"
    assert [*tmp_path.iterdir()] == [path]


def test_a_file_that_is_written_anew_stays_what_it_was(tmp_path: Path) -> None:
    path, link = tmp_path / "AGENTS.md", tmp_path / "CLAUDE.md"
    path.write_text("# Mine\n")
    path.chmod(0o640)
    link.symlink_to("AGENTS.md")
    terminal_bar.rewrite(link, "# Ours\r\n")
    assert (link.is_symlink(), path.read_bytes()) == (True, b"# Ours\r\n")
    assert path.stat().st_mode & 0o777 == 0o640
    terminal_bar.rewrite(tmp_path / "new.md", "New.\n")
    assert (tmp_path / "new.md").read_text() == "New.\n"


def test_a_file_that_is_no_text_is_refused_in_words(tmp_path: Path) -> None:
    path = tmp_path / "AGENTS.md"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(Refused, match="is not UTF-8 text"):
        terminal_bar.text(path)
    with pytest.raises(Refused, match="cannot be read"):
        terminal_bar.text(tmp_path)


def test_the_bar_is_for_terminals_only() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    terminal, log = Terminal(), io.StringIO()
    for out in (terminal, log):
        terminal_bar.bar(3, 4, "run 7 running", out)
    assert "[##################......] 3/4 run 7 running" in terminal.getvalue()
    assert log.getvalue() == ""


def test_the_client_alone_has_the_same_commands(capsys: Any) -> None:
    with pytest.raises(SystemExit):
        commands.main(["--help"])
    said = capsys.readouterr().out
    assert all(name in said for name in ("pull", "push", "export", "import", "run", "watch"))


SAY = """
import sys
from argparse import Namespace
from greenroom_client import terminal
sys.exit(terminal.ran(Namespace(run=lambda _: sys.stdout.write({said!r} * {times}) and 0), ()))
"""


def said(text: str, times: int = 1, **more: str) -> subprocess.Popen[bytes]:
    """A command that prints a text, in a process of its own."""
    code = SAY.format(said=text, times=times)
    return subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=CLIENT,
        env={"PATH": os.environ["PATH"], **more},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def test_a_playbook_goes_into_a_file_as_it_is_whatever_the_machine_speaks() -> None:
    out, err = said("Refund → „ticket“\n", PYTHONIOENCODING="latin-1").communicate(timeout=30)
    assert (out.decode(), err) == ("Refund → „ticket“\n", b"")


def test_who_stops_reading_hears_of_nothing() -> None:
    process = said("x" * 1_000 + "\n", times=20_000)  # more than a pipe holds
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.read(10)
    process.stdout.close()
    assert process.wait(30) == 1
    assert process.stderr.read() == b""
    process.stderr.close()


def claude_files(folder: Path, *, older: bool = False) -> Path:
    """A session in which a subagent searched, with its file in the newer or the older place."""

    def line(kind: str, part: dict[str, Any], **more: Any) -> dict[str, Any]:
        return {"type": kind, "sessionId": "s1", "message": {"content": [part]}, **more}

    def use(name: str, tool: str) -> dict[str, Any]:
        return {"type": "tool_use", "id": name, "name": tool, "input": {}}

    def result(name: str) -> dict[str, Any]:
        return {"type": "tool_result", "tool_use_id": name, "content": "ok"}

    text = {"type": "text", "text": "Fix it."}
    main_file = folder / "s1.jsonl"
    asked, task = line("user", text, uuid="u"), line("assistant", use("c1", "Task"))
    done = line("user", result("c1"), toolUseResult={"agentId": "ad2d877"})
    main_file.write_bytes(jsonl(asked, task, done).rstrip(b"\n"))
    place = folder if older else folder / "s1" / "subagents"
    place.mkdir(parents=True, exist_ok=True)
    agent = {"isSidechain": True, "agentId": "ad2d877"}
    rows = [line("user", text, uuid="a", **agent), line("assistant", use("c2", "Grep"), **agent)]
    (place / "agent-ad2d877.jsonl").write_bytes(jsonl(*rows))
    (folder / "agent-b.jsonl").write_text('{"sessionId": "another"}\n')
    (folder / "agent-c.jsonl").write_text("[1]\n{")
    return main_file


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("older", [True, False])
def test_a_session_is_sent_with_what_its_subagents_did(
    server: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], *, older: bool, packed: bool
) -> None:
    path = claude_files(tmp_path, older=older)
    if packed:
        body = path.read_bytes()
        path = tmp_path / "s1.jsonl.gz"
        path.write_bytes(gzip.compress(body))
    assert main(["push", "--format", "claude-code", "--playbook", "desk", str(path)]) == 0
    assert "1 taken, 0 known, 0 refused" in capsys.readouterr().out
    steps = SentTrajectory.objects.get().steps
    assert [(step["tool"], step.get("parent")) for step in steps] == [("Task", None), ("Grep", 1)]


@pytest.mark.django_db(transaction=True)
def test_a_session_that_is_too_large_with_its_subagents_is_sent_without_them(
    server: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], settings: Any
) -> None:
    path = claude_files(tmp_path)
    settings.INGEST_MAX_BYTES = path.stat().st_size + 10
    assert main(["push", "--format", "claude-code", "--playbook", "desk", str(path)]) == 0
    said = capsys.readouterr()
    assert "With the files of its subagents (1) it is larger than the server reads." in said.err
    assert "What its subagent did is not here" in said.err
    assert len(SentTrajectory.objects.get().steps) == 1
