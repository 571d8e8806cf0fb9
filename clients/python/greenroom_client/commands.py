"""The commands of ``greenroom`` that talk to a server: pull, push, export, import, run, watch.

Answers go to standard output, everything else to standard error. 0 went well, 1 could not be done
or not all of it, 2 was asked wrongly.
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import IO, Any

from greenroom_client import terminal, transfer
from greenroom_client.client import Greenroom
from greenroom_client.errors import GreenroomError, Refused
from greenroom_client.pulls import ARCHIVE

ERRORS = (GreenroomError,)
FORMATS = ("jsonl", "messages", "langfuse", "langsmith", "claude-code", "codex")
#: forms that are one marked block of a file that people write.
BLOCKS = ("agents-md", "claude-md")
PIECE = 64 * 1024
GZIP = b"\x1f\x8b"
TOO_LARGE = 413


def add(commands: terminal.Commands) -> None:
    """Add the commands to a parser; each sets ``run``, a function of the parsed arguments."""
    _add_pull(commands)
    _add_push(commands)
    transfer.add(commands)
    _add_runs(commands)


def main(arguments: Sequence[str] | None = None) -> int:
    """``greenroom`` where only the client is installed."""
    found = argparse.ArgumentParser(prog="greenroom", description="Memory for agents, reviewed.")
    add(found.add_subparsers(title="commands", required=True, metavar="COMMAND"))
    return terminal.ran(found.parse_args(arguments), ERRORS)


def _add_pull(commands: terminal.Commands) -> None:
    pull = terminal.parser(commands, "pull", "print a released playbook, or put it into a file")
    pull.add_argument("playbook", help="its slug")
    pull.add_argument("--label", default="", help="default: production")
    pull.add_argument("--version", type=int, help="a release number instead of a label")
    pull.add_argument("--format", default="md", help="md, json, ace, preping, agents-md, …")
    pull.add_argument("--max-tokens", type=int, default=0, help="only what fits; 0 is all")
    pull.add_argument("--follow", action="store_true", help="take what replaces a withdrawn one")
    where = pull.add_mutually_exclusive_group()
    where.add_argument("--output", type=Path, help="write it to this file")
    where.add_argument(
        "--into", type=Path, help="replace its marked block in this file (AGENTS.md), no more"
    )
    pull.set_defaults(run=_pull)


def _pull(asked: argparse.Namespace) -> int:
    form = BLOCKS[0] if asked.into and asked.format == "md" else asked.format
    if asked.into and form not in BLOCKS:
        raise Refused(
            f"Only {' and '.join(BLOCKS)} have a block to put into a file. Use --output for {form}."
        )
    if form == ARCHIVE:
        return _archive(asked)
    client = terminal.client(asked)
    pulled = client.pull(
        asked.playbook,
        label=asked.label,
        version=asked.version,
        form=form,
        max_tokens=asked.max_tokens,
        follow=asked.follow,
        fresh=True,  # what is so now; copies are for when the server is away
    )
    if asked.into:
        terminal.rewrite(asked.into, place_block(terminal.text(asked.into), pulled.text))
    elif asked.output:
        terminal.write(asked.output, pulled.text)
    else:
        sys.stdout.write(pulled.text)
    if pulled.receipt:
        sys.stderr.write(f"v{pulled.receipt.version}, from the {pulled.source}\n")
    return 0


def _archive(asked: argparse.Namespace) -> int:
    if not asked.output:
        raise Refused("A skill is a zip: name a file with --output.")
    body = terminal.client(asked).archive(
        asked.playbook,
        label=asked.label,
        version=asked.version,
        max_tokens=asked.max_tokens,
        follow=asked.follow,
    )
    terminal.write(asked.output, body)
    return 0


def place_block(text: str, block: str) -> str:
    """``text`` with ``block`` in place of the block of the same playbook, or at its end.

    The block ends its lines as the text does.
    """
    begin = block.partition("\n")[0]
    end = begin.replace("greenroom:begin", "greenroom:end")
    line = "\r\n" if text.partition("\n")[0].endswith("\r") else "\n"
    block = block.replace("\n", line)
    held = re.compile(
        rf"^{re.escape(begin)}\r?$.*?^{re.escape(end)}\r?$\n?", re.DOTALL | re.MULTILINE
    )
    if held.search(text):
        return held.sub(lambda _: block, text, count=1)
    gap = "" if not text or text.endswith(line * 2) else line if text.endswith(line) else line * 2
    return text + gap + block


def _add_push(commands: terminal.Commands) -> None:
    push = terminal.parser(
        commands, "push", "send what agents did: trajectories, sessions, exports"
    )
    push.add_argument("files", nargs="+", type=Path, help="files, plain or gzip")
    push.add_argument("--format", choices=FORMATS, default="jsonl")
    push.add_argument("--playbook", default="", help="slug; may be left out where there is one")
    push.add_argument("--environment", default="", help="slug; may be left out where there is one")
    push.set_defaults(run=_push)


def _push(asked: argparse.Namespace) -> int:
    client = terminal.client(asked, timeout=300.0)
    refused = 0
    for number, path in enumerate(asked.files):
        terminal.bar(number, len(asked.files), path.name)
        with terminal.opened(path) as file:
            packed = file.read(2) == GZIP
            said = _sent(client, asked, path, file, packed=packed)
        refused += said["refused_count"]
        terminal.bar_end()
        sys.stdout.write(
            f"{path}: {said['accepted']} taken, {said['known']} known, "
            f"{said['refused_count']} refused\n"
        )
        for row in [*said["refused"], *said["remarks"]]:
            name = f" {row['id']}" if row["id"] else ""
            sys.stderr.write(f"{path}:{row['place'] + 1}:{name} {row['message']}\n")
    return 1 if refused else 0


def _sent(
    client: Greenroom, asked: argparse.Namespace, path: Path, file: IO[bytes], *, packed: bool
) -> Mapping[str, Any]:
    """Send one file, and behind a session what its subagents did, where all of that is read."""
    beside = subagents_of(path) if asked.format == "claude-code" else []
    where = {"playbook": asked.playbook, "environment": asked.environment}

    def push(*pieces: Iterable[bytes]) -> Mapping[str, Any]:
        file.seek(0)
        whole = chain(_pieces(file), *pieces)
        return client.push(whole, form=asked.format, packed=packed, **where)

    try:
        return push(_behind(beside, packed=packed))
    except Refused as error:
        if not beside or error.problem.get("status") != TOO_LARGE:
            raise
    terminal.bar_end()
    sys.stderr.write(
        f"{path}: With the files of its subagents ({len(beside)}) it is larger than the server "
        "reads. It is sent without them.\n"
    )
    return push()


def subagents_of(session: Path) -> list[Path]:
    """The files that Claude Code keeps of a session's subagents, in either of its layouts."""
    name = session.name.removesuffix(".gz").removesuffix(".jsonl")
    if name.startswith("agent-"):
        return []
    own = (session.parent / name / "subagents").rglob("agent-*.jsonl")
    older = (one for one in session.parent.glob("agent-*.jsonl") if _session_of(one) == name)
    return sorted([*own, *older])


def _session_of(path: Path) -> str:
    """The session that the first line of a file names; empty where it names none."""
    try:
        with path.open("rb") as file:
            row = json.loads(file.readline(PIECE))
        return str(row.get("sessionId", ""))
    except (OSError, ValueError, AttributeError):
        return ""


def _behind(files: Sequence[Path], *, packed: bool) -> Iterator[bytes]:
    """The files, each on lines of its own, packed where what they stand behind is."""
    for path in files:
        with terminal.opened(path) as file:
            for piece in chain([b"\n"], _pieces(file)):
                yield gzip.compress(piece) if packed else piece


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    while piece := file.read(PIECE):
        yield piece


def _add_runs(commands: terminal.Commands) -> None:
    run = terminal.parser(commands, "run", "start a practice run")
    run.add_argument("--environment", required=True)
    run.add_argument("--playbook", required=True)
    run.add_argument("--engine", default="rules", help="rules or model")
    run.add_argument("--rounds", type=int, default=3)
    run.add_argument("--tasks", type=int, default=4)
    run.add_argument("--budget", help="US dollars; a run without one has no limit")
    run.add_argument("--no-watch", action="store_true", help="do not wait for it to end")
    run.set_defaults(run=_run)
    watch = terminal.parser(commands, "watch", "follow a run until it ends")
    watch.add_argument("number", type=int)
    watch.set_defaults(run=_watch)


def _run(asked: argparse.Namespace) -> int:
    client = terminal.client(asked)
    plan = {"engine": asked.engine, "rounds": asked.rounds, "tasks": asked.tasks}
    if asked.budget:
        plan["budget"] = asked.budget
    started = client.run_start(environment=asked.environment, playbook=asked.playbook, **plan)
    sys.stdout.write(f"Run {started['number']} has started.\n")
    return 0 if asked.no_watch else _follow(client, started["number"])


def _watch(asked: argparse.Namespace) -> int:
    return _follow(terminal.client(asked), asked.number)


def _follow(client: Greenroom, number: int) -> int:
    found: Mapping[str, Any] = {}
    for found in client.watch(number):
        at = found.get("progress") or {}
        terminal.bar(at.get("done", 0), at.get("total", 0), f"run {number} {found['status']}")
    terminal.bar_end()
    said = f"Run {number} {found['status']}."
    if found.get("message"):
        said += f" {found['message']}"
    sys.stdout.write(said + "\n")
    return 0 if found["status"] == "finished" else 1


if __name__ == "__main__":
    sys.exit(main())
