"""The stdio transport of MCP, for servers that are not trusted to behave.

The SDK's own transport keeps an unfinished line of any length in memory, passes over broken JSON
until a call times out, and leaves the children of a server that exits alone. This one bounds a
message, ends the connection on a message that was cut or garbled, keeps the last words of the
server for the operator, and always kills the whole process group.
"""

from __future__ import annotations

import json
import os
import signal
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import anyio
import mcp_types as types
from anyio.abc import ByteReceiveStream, ByteSendStream, Process
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from mcp.shared.message import SessionMessage
from pydantic import ValidationError

MESSAGE_CAP = 16 * 1024 * 1024
STDERR_CAP = 4096
EXIT_GRACE = 1.0
KILL_GRACE = 1.0
_POLL = 0.01
_BROKEN = (anyio.BrokenResourceError, anyio.ClosedResourceError, anyio.EndOfStream, OSError)

Streams = tuple[
    MemoryObjectReceiveStream[SessionMessage | Exception], MemoryObjectSendStream[SessionMessage]
]


@dataclass(slots=True)
class Health:
    """What is known of a server's state, for the sentence the operator reads.

    ``failure`` finishes "The tool server …". ``exit_code`` is ``None`` while it runs.
    """

    failure: str = ""
    stderr: bytearray = field(default_factory=bytearray)
    stray: str = ""
    exit_code: int | None = None

    def last_words(self) -> str:
        """The end of what the server wrote to stderr, undecodable bytes replaced."""
        return self.stderr.decode("utf-8", "replace").strip()


@asynccontextmanager
async def stdio_transport(
    command: Sequence[str], *, env: Mapping[str, str], cwd: Path, health: Health
) -> AsyncIterator[Streams]:
    """Run ``command`` without a shell and speak newline-delimited JSON-RPC with it.

    Raises:
        OSError: the process cannot be started.
        ValueError: an argument holds a NUL byte.
    """
    process = await anyio.open_process(list(command), env=env, cwd=cwd, start_new_session=True)
    inbox_in, inbox = anyio.create_memory_object_stream[SessionMessage | Exception](0)
    outbox, outbox_out = anyio.create_memory_object_stream[SessionMessage](0)
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_read_messages, process, process.stdout, inbox_in, health)
        tasks.start_soon(_write_messages, process.stdin, outbox_out, inbox_in)
        tasks.start_soon(_keep_tail, process.stderr, health.stderr)
        try:
            yield inbox, outbox
        finally:
            with anyio.CancelScope(shield=True):
                inbox.close()
                outbox.close()
                await _stop(process)
            tasks.cancel_scope.cancel()


async def _read_messages(
    process: Process,
    stdout: ByteReceiveStream,
    inbox: MemoryObjectSendStream[SessionMessage | Exception],
    health: Health,
) -> None:
    """Deliver messages until the output ends or is no longer to be trusted."""
    buffer = bytearray()
    with inbox:
        with suppress(*_BROKEN):
            while not health.failure:
                chunk = await stdout.receive()
                *lines, rest = chunk.split(b"\n")
                for line in lines:
                    message = _parse(bytes(buffer) + line, health)
                    buffer.clear()
                    if message is not None:
                        await inbox.send(message)
                buffer += rest
                if len(buffer) > MESSAGE_CAP:
                    health.failure = f"wrote a message of more than {MESSAGE_CAP // 2**20} MB"
        if not health.failure:  # known before the session hears of the end
            health.exit_code = await _exit_code(process, within=EXIT_GRACE)
    with suppress(*_BROKEN):  # a server that still writes must not block on a full pipe
        while True:
            await stdout.receive()


def _parse(line: bytes, health: Health) -> SessionMessage | None:
    """Read one line. Logging on stdout is common and passed over; a garbled message fails."""
    text = line.strip()
    if not text:
        return None
    try:
        return SessionMessage(types.jsonrpc_message_adapter.validate_json(text, by_name=False))
    except ValidationError:
        shown = text[:80].decode("utf-8", "replace")
        health.stray = shown
        if _was_meant_as_message(text):
            health.failure = f"wrote a message that is not valid JSON-RPC ({shown})"
        return None


def _was_meant_as_message(text: bytes) -> bool:
    """Whether an unreadable line is a lost message: cut-off JSON, or an odd JSON-RPC object."""
    if text[:1] not in b"{[":
        return False
    try:
        parsed = json.loads(text)
    except (ValueError, RecursionError):
        return True
    return isinstance(parsed, dict) and "jsonrpc" in parsed


async def _write_messages(
    stdin: ByteSendStream,
    outbox: MemoryObjectReceiveStream[SessionMessage],
    inbox: MemoryObjectSendStream[SessionMessage | Exception],
) -> None:
    try:
        async with outbox:
            async for message in outbox:
                line = message.message.model_dump_json(by_alias=True, exclude_unset=True)
                await stdin.send(line.encode("utf-8", "replace") + b"\n")
    except _BROKEN:
        inbox.close()  # nobody reads any more: end the session instead of waiting for answers


async def _keep_tail(stderr: ByteReceiveStream, tail: bytearray) -> None:
    with suppress(*_BROKEN):
        while True:
            tail += await stderr.receive()
            del tail[:-STDERR_CAP]


async def _exit_code(process: Process, within: float) -> int | None:
    """Poll, because waiting would also wait for children that hold the pipes open."""
    deadline = anyio.current_time() + within
    while process.returncode is None and anyio.current_time() < deadline:
        await anyio.sleep(_POLL)
    return process.returncode


async def _stop(process: Process) -> None:
    """Close stdin, then terminate, then kill; the last reaches children the server left behind."""
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    with suppress(*_BROKEN):
        await process.stdin.aclose()
    if await _exit_code(process, within=EXIT_GRACE) is None:
        _signal_group(process.pid, signal.SIGTERM)
        await _exit_code(process, within=KILL_GRACE)
    _signal_group(process.pid, signal.SIGKILL)
    await _exit_code(process, within=KILL_GRACE)
    await _group_gone(process.pid, within=KILL_GRACE)
    for pipe in (process.stdout, process.stderr):
        with suppress(*_BROKEN):
            await pipe.aclose()
    # A daemon that left the group can hold the pipes open; only the transport lets go of them, and
    # neither anyio nor asyncio shows it.
    transport = getattr(getattr(process, "_process", None), "_transport", None)
    if transport is not None:
        transport.close()
    await anyio.lowlevel.checkpoint()


async def _group_gone(pid: int, within: float) -> None:
    """Wait for what was killed to be dead, because its folder is deleted next."""
    deadline = anyio.current_time() + within
    while _group_runs(pid) and anyio.current_time() < deadline:
        await anyio.sleep(_POLL)


def _group_runs(pid: int) -> bool:
    """Whether a process of the group still runs.

    One that is dead and that nobody has collected does not. The sandbox's inner process ends as
    one: only the first process of the machine collects it, and that may take its time.
    """
    try:
        os.killpg(pid, 0)
    except (ProcessLookupError, PermissionError):
        return False
    stats = list(Path("/proc").glob("[0-9]*/stat"))
    return not stats or any(_runs_in(pid, stat) for stat in stats)


def _runs_in(group: int, stat: Path) -> bool:
    """Whether the process that ``/proc/…/stat`` is of runs in the group. proc(5) has its fields."""
    with suppress(OSError):
        # Bytes: what a process calls itself need be no text, nor whole characters.
        state, _parent, its_group = stat.read_bytes().rpartition(b")")[2].split()[:3]
        return int(its_group) == group and state not in b"ZX"
    return False


def _signal_group(pid: int, number: signal.Signals) -> None:
    """Signal the group the server leads (its id is the server's, also after the server is gone)."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)
