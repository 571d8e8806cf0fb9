"""Servers that fail: the operator reads one clear sentence and nothing is judged."""

from __future__ import annotations

import os
import resource
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType

import pytest
from pytest_httpserver import HTTPServer

from practice.agents.ports import EnvironmentUnavailable
from practice.clients.mcp import HttpServer, McpEnvironment, Server, StdioServer
from practice.clients.mcp_stdio import _group_runs
from practice.clients.seeds import attempts_folder, sweep, workplace
from tests.practice.servers import HELPDESK, HERE, listening, raw


def failure_of(server: Server, *, startup: float = 10.0, call: float = 5.0) -> str:
    """The sentence of a server that cannot be opened, or whose ``work`` cannot be called."""
    environment = McpEnvironment(server, startup_timeout=startup, call_timeout=call)
    with pytest.raises(EnvironmentUnavailable) as caught, environment.open() as session:
        session.call("work", {})
    return str(caught.value)


def test_it_names_a_command_that_is_missing() -> None:
    assert failure_of(StdioServer(("/no/such/command",))) == (
        "The tool server could not be started: there is no /no/such/command. "
        "Install it, or correct the command in the operator's settings."
    )


def test_it_names_a_command_that_cannot_be_run(tmp_path: Path) -> None:
    assert "Permission denied" in failure_of(StdioServer((str(tmp_path),)))


def test_it_repeats_the_last_words_of_a_server_that_does_not_start() -> None:
    told = failure_of(raw("exit"))
    assert "stopped (exit code 3) while starting" in told
    assert "Its last words: Missing option --token." in told


def test_it_gives_up_on_a_server_that_hangs_at_the_start() -> None:
    began = time.monotonic()
    told = failure_of(raw("silent"), startup=0.5)
    assert "did not answer within 0.5 seconds of starting" in told
    assert time.monotonic() - began < 5


def test_it_does_not_wait_for_the_time_limit_after_broken_json() -> None:
    began = time.monotonic()
    told = failure_of(raw("garbled"), startup=30)
    assert (
        'wrote a message that is not valid JSON-RPC ({"jsonrpc": "2.0", oops) while starting'
        in told
    )
    assert time.monotonic() - began < 10


def test_it_gives_up_on_a_call_that_hangs() -> None:
    told = failure_of(raw("hang_on_call"), call=0.5)
    assert "did not answer to work within 0.5 seconds" in told
    assert "Nothing was judged" in told


def test_it_tells_of_a_server_that_dies_during_a_call() -> None:
    told = failure_of(raw("die_on_call"))
    assert "stopped (exit code 7) while running work" in told
    assert "out of memory, Bearer [redacted: bearer token]" in told


def test_it_tells_of_broken_json_during_a_call() -> None:
    began = time.monotonic()
    assert "not valid JSON-RPC" in failure_of(raw("garbled_call"), call=30)
    assert time.monotonic() - began < 10


def test_it_tells_of_a_message_that_only_looks_like_json_rpc() -> None:
    assert "not valid JSON-RPC" in failure_of(raw("half_a_character"), call=30)


def test_it_tells_of_a_result_that_is_not_mcp() -> None:
    assert "sent a result that is not MCP" in failure_of(raw("not_mcp"))


def test_it_tells_of_a_tool_list_that_is_not_mcp() -> None:
    assert "sent a result that is not MCP (tools.0.description" in failure_of(raw("no_list"))


def test_it_stops_reading_a_tool_list_without_end() -> None:
    assert "lists its tools without end" in failure_of(raw("endless_pages"))


def test_it_stops_reading_a_message_that_is_too_large() -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert "wrote a message of more than 16 MB while running work" in failure_of(raw("huge"))
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 80 * 1024


def test_it_repeats_the_reason_on_later_calls() -> None:
    with McpEnvironment(raw("die_on_call")).open() as session:
        for _ in range(2):
            with pytest.raises(EnvironmentUnavailable, match="exit code 7"):
                session.call("work", {})
        with pytest.raises(EnvironmentUnavailable, match="exit code 7"):
            session.tools()


@pytest.mark.parametrize("mode", ["stubborn", "ok"])
def test_it_leaves_no_process_behind(mode: str, tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    with McpEnvironment(raw(mode, PIDS=str(pids))).open() as session:
        assert session.call("work", {}).text == "done"
        started = [int(pid) for pid in pids.read_text().split()]
        assert all(is_running(pid) for pid in started)
    assert not any(is_running(pid) for pid in started)


def test_it_stops_the_server_when_the_worker_is_interrupted(tmp_path: Path) -> None:
    def interrupt(number: int, frame: FrameType | None) -> None:
        raise InterruptedError("told to stop")

    pids = tmp_path / "pids"
    previous = signal.signal(signal.SIGALRM, interrupt)
    try:
        with McpEnvironment(raw("hang_on_call", PIDS=str(pids))).open() as session:
            signal.setitimer(signal.ITIMER_REAL, 0.2)
            with pytest.raises(InterruptedError):
                session.call("work", {})
    finally:
        signal.signal(signal.SIGALRM, previous)
    assert not any(is_running(int(pid)) for pid in pids.read_text().split())


def test_it_lets_an_error_of_its_user_through_unchanged() -> None:
    with pytest.raises(ZeroDivisionError), McpEnvironment(raw("ok")).open():
        raise ZeroDivisionError


@pytest.mark.parametrize("status", [401, 404, 429, 500, 503])
def test_it_tells_the_status_of_a_failing_http_server(httpserver: HTTPServer, status: int) -> None:
    httpserver.expect_request("/mcp").respond_with_json({"error": "no"}, status=status)
    told = failure_of(HttpServer(httpserver.url_for("/mcp?token=secret")))
    assert f"answered HTTP {status} while starting" in told
    assert "secret" not in told


def test_it_tells_of_an_http_server_that_is_a_web_page(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/mcp").respond_with_data("<h1>Hi</h1>", content_type="text/html")
    told = failure_of(HttpServer(httpserver.url_for("/mcp")))
    assert "answered with text/html instead of JSON" in told


def test_it_tells_of_an_http_server_that_sends_broken_json(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/mcp").respond_with_data("{oops", content_type="application/json")
    told = failure_of(HttpServer(httpserver.url_for("/mcp")))
    assert "sent a message that is not valid JSON-RPC while starting" in told


def test_it_tells_of_an_http_server_that_dies_between_calls() -> None:
    with listening(
        sys.executable, str(HELPDESK / "server.py"), "--data", str(HELPDESK / "seed"), "--http"
    ) as url:
        opened = McpEnvironment(HttpServer(url)).open()
        session = opened.__enter__()
        assert not session.call("list_agents", {}).is_error
    for _ in range(2):
        with pytest.raises(EnvironmentUnavailable, match="could not be reached"):
            session.call("list_agents", {})
    with pytest.raises(EnvironmentUnavailable, match="could not be reached"):
        session.tools()
    opened.__exit__(None, None, None)


def test_it_gives_up_on_an_http_call_that_hangs() -> None:
    with listening(sys.executable, str(HERE / "slow_http.py")) as url:
        told = failure_of(HttpServer(url), call=0.5)
    assert "did not answer to work within 0.5 seconds" in told


def test_it_tells_of_an_http_server_that_breaks_during_a_call() -> None:
    with listening(sys.executable, str(HERE / "slow_http.py"), "--break") as url:
        told = failure_of(HttpServer(url))
    assert "answered HTTP 500 while running work" in told


def test_it_tells_of_an_http_server_that_sends_too_much(httpserver: HTTPServer) -> None:
    body = b'{"jsonrpc": "2.0", "id": 1, "result": "' + b"x" * (17 * 1024 * 1024) + b'"}'
    httpserver.expect_request("/mcp").respond_with_data(body, content_type="application/json")
    assert "more than 16 MB" in failure_of(HttpServer(httpserver.url_for("/mcp")))


def test_it_tells_of_an_http_server_that_is_not_there() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{probe.getsockname()[1]}/mcp"
    assert f"The tool server {address} could not be reached" in failure_of(HttpServer(address))


def test_it_gives_up_on_an_http_server_that_never_answers() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        address = f"http://127.0.0.1:{silent.getsockname()[1]}/mcp"
        told = failure_of(HttpServer(address), startup=0.5)
    assert "did not answer within 0.5 seconds of starting" in told


@pytest.mark.parametrize("address", ["ftp://example.com/mcp", "mcp", "http:///mcp"])
def test_it_refuses_an_address_that_is_not_http(address: str) -> None:
    assert "is not an http or https address" in failure_of(HttpServer(address))


def test_it_tells_of_a_missing_seed_folder(tmp_path: Path) -> None:
    server = StdioServer(raw("ok").command, ("ok",), seed_folder=tmp_path / "gone")
    assert failure_of(server).endswith("does not exist. Correct the environment's seed folder.")


@pytest.mark.parametrize("target", ["/etc/hostname", "../outside.txt"])
def test_it_refuses_a_seed_with_a_link_that_leads_out(tmp_path: Path, target: str) -> None:
    seed = tmp_path / "seed"
    seed.mkdir()
    (seed / "link").symlink_to(target)
    with pytest.raises(EnvironmentUnavailable, match=r"leads out of it \(link\)"), workplace(seed):
        pass


def test_it_makes_the_copy_of_a_read_only_seed_writable(tmp_path: Path) -> None:
    folder = tmp_path / "seed" / "deep"
    folder.mkdir(parents=True)
    (folder / "a.txt").write_text("a")
    (folder / "a.txt").chmod(0o444)
    folder.chmod(0o555)
    with workplace(tmp_path / "seed") as place:
        copy = place.work / "deep" / "a.txt"
        assert (copy.stat().st_mode & 0o200, copy.parent.stat().st_mode & 0o700) == (0o200, 0o700)
    assert not place.work.exists()
    folder.chmod(0o755)


def test_it_sweeps_up_after_workers_that_were_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    attempts = attempts_folder()
    (attempts / "999999999-abc" / "work").mkdir(parents=True)
    (attempts / f"{os.getpid()}-abc").mkdir()
    (attempts / "notes-abc").mkdir()
    assert sweep() == 1
    assert {path.name for path in attempts.iterdir()} == {f"{os.getpid()}-abc", "notes-abc"}


@pytest.mark.parametrize("made", ["file", "link", "open"])
def test_it_works_in_no_folder_that_somebody_else_may_have_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, made: str
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    there = tmp_path / f"greenroom-attempts-{os.getuid()}"
    if made == "file":
        there.write_text("")
    elif made == "link":
        (tmp_path / "elsewhere").mkdir(mode=0o700)
        there.symlink_to(tmp_path / "elsewhere")
    else:
        there.mkdir()
        there.chmod(0o755)
    with pytest.raises(EnvironmentUnavailable, match="for attempts"), workplace(None):
        pass


def test_it_discovers_nothing_of_a_server_that_fails() -> None:
    with pytest.raises(EnvironmentUnavailable):
        McpEnvironment(raw("exit")).discover()


def test_what_is_dead_and_not_collected_is_not_waited_for() -> None:
    dead = subprocess.Popen([sys.executable, "-S", "-c", ""], start_new_session=True)
    try:
        while is_running(dead.pid):
            time.sleep(0.01)
        assert not _group_runs(dead.pid)
    finally:
        dead.wait()


def test_what_runs_in_the_group_is_waited_for() -> None:
    # The kernel cuts names after 15 bytes, in the middle of a character too.
    named = (
        r"import pathlib; pathlib.Path('/proc/self/comm').write_bytes(b'\xff'); print(flush=True)"
    )
    with subprocess.Popen(
        [sys.executable, "-S", "-u", "-c", f"{named}; input()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    ) as running:
        assert running.stdin is not None
        assert running.stdout is not None
        running.stdout.readline()
        assert _group_runs(running.pid)
        running.stdin.close()


def is_running(pid: int) -> bool:
    """Whether a process runs; a zombie does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in "ZX"
