"""Sessions with two servers nobody here wrote; ``python -m tests.third_party`` installs them."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from practice.clients.mcp import McpEnvironment, StdioServer
from practice.domain.types import Effect
from tests.third_party import NotInstalled, filesystem_server, git_server


@pytest.fixture
def files(tmp_path: Path) -> StdioServer:
    """The filesystem server from npm over a seed folder with one note."""
    (tmp_path / "note.txt").write_text("remember the milk\n")
    return StdioServer(installed(filesystem_server), ("{workdir}",), seed_folder=tmp_path)


@pytest.fixture
def git(tmp_path: Path) -> StdioServer:
    """The git server from PyPI over a seed repository with one commit."""
    run = ["git", "-C", str(tmp_path), "-c", "user.name=Seed", "-c", "user.email=seed@example.com"]
    (tmp_path / "note.txt").write_text("one\n")
    for command in (["init", "--quiet"], ["add", "."], ["commit", "--quiet", "-m", "First note"]):
        subprocess.run([*run, *command], check=True)
    return StdioServer(installed(git_server), ("--repository", "{workdir}"), seed_folder=tmp_path)


def installed(find: Callable[[], tuple[str, ...]]) -> tuple[str, ...]:
    try:
        return find()
    except NotInstalled as missing:
        pytest.fail(str(missing), pytrace=False)


def test_it_practises_on_a_copy_of_the_files(files: StdioServer) -> None:
    tools = {tool.name: tool for tool in McpEnvironment(files).discover().tools}
    assert tools["read_text_file"].effect is Effect.READ
    assert tools["write_file"].effect is Effect.DESTRUCTIVE
    for _ in range(2):
        with McpEnvironment(files).open() as session:
            listing = session.call("list_allowed_directories", {})
            note = f"{listing.text.splitlines()[-1]}/note.txt"
            before = session.call("read_text_file", {"path": note})
            session.call("write_file", {"path": note, "content": "gone"})
            after = session.call("read_text_file", {"path": note})
        assert note == "{workdir}/note.txt"
        assert (before.text, after.text) == ("remember the milk\n", "gone")
    assert files.seed_folder is not None
    assert (files.seed_folder / "note.txt").read_text() == "remember the milk\n"


def test_it_observes_a_path_the_file_server_refuses(files: StdioServer) -> None:
    with McpEnvironment(files).open() as session:
        seen = session.call("read_text_file", {"path": "/etc/hostname"})
        wrong = session.call("read_text_file", {})
    assert seen.is_error
    assert "outside allowed directories" in seen.text
    assert wrong.is_error


def test_it_practises_on_a_copy_of_the_repository(git: StdioServer) -> None:
    assert McpEnvironment(git).discover().problems == {}
    for _ in range(2):
        with McpEnvironment(git).open() as session:
            repo = {"repo_path": "{workdir}"}
            session.call("git_create_branch", {**repo, "branch_name": "draft"})
            branches = session.call("git_branch", {**repo, "branch_type": "local"})
            log = session.call("git_log", repo)
            bad = session.call("git_show", {**repo, "revision": "nowhere"})
        assert "draft" in branches.text
        assert "First note" in log.text
        assert bad.is_error
    assert git.seed_folder is not None
    assert not (git.seed_folder / ".git" / "refs" / "heads" / "draft").exists()
