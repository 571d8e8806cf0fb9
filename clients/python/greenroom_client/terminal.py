"""What the commands share: options, files, and one line that is drawn in place."""

from __future__ import annotations

import argparse
import io
import os
import shutil
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from greenroom_client.client import Greenroom
from greenroom_client.errors import Refused

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]

BAR = 24


def parser(commands: Commands, name: str, help: str) -> argparse.ArgumentParser:
    found = commands.add_parser(name, help=help, description=help)
    found.add_argument("--url", help="the server; default: GREENROOM_URL, then localhost:8000")
    found.add_argument("--key", help="an API key; default: GREENROOM_KEY")
    return found


def ran(asked: argparse.Namespace, errors: tuple[type[Exception], ...]) -> int:
    """Run a parsed command; one of ``errors`` is a line for the user.

    Returns the exit code: 0 went well, 1 could not be done, 130 was broken off.
    """
    _speak_plainly()
    try:
        code: int = asked.run(asked)
        sys.stdout.flush()
    except errors as error:
        sys.stderr.write(f"greenroom: {error}\n")
        return 1
    except BrokenPipeError:
        # Whoever read has gone. Python would say so once more when it writes the rest at its end.
        with suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        return 130
    return code


def _speak_plainly() -> None:
    """Write UTF-8 into files and pipes, with the ends of lines as they are, wherever this runs.

    A terminal shows what it can: a sign it does not know must not break a command off.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            if stream.isatty():
                stream.reconfigure(errors="replace")
            else:
                stream.reconfigure(encoding="utf-8", newline="\n")


def client(asked: argparse.Namespace, **more: Any) -> Greenroom:
    return Greenroom(asked.url, asked.key, **more)


def opened(path: Path) -> IO[bytes]:
    try:
        return path.open("rb")
    except OSError as error:
        raise Refused(f"{path} cannot be read: {error.strerror}.") from error


def text(path: Path) -> str:
    """What a file says with its own ends of lines; nothing where there is no file."""
    try:
        return path.read_bytes().decode("utf-8")
    except FileNotFoundError:
        return ""
    except UnicodeDecodeError as error:
        raise Refused(f"{path} is not UTF-8 text. It was left unchanged.") from error
    except OSError as error:
        raise Refused(f"{path} cannot be read: {error.strerror}.") from error


def write(path: Path, what: str | bytes) -> None:
    """Write ``what`` as it is: no end of a line becomes another."""
    try:
        path.write_bytes(what.encode("utf-8") if isinstance(what, str) else what)
    except OSError as error:
        raise Refused(f"{path} cannot be written: {error.strerror}.") from error


def rewrite(path: Path, what: str) -> None:
    """Write a file anew that people write too: whole, or not at all on a full disk."""
    there = path.resolve()  # where a link leads, so that it stays one
    part = there.with_name(f"{there.name}.part")
    try:
        part.write_bytes(what.encode("utf-8"))
        if there.exists():
            shutil.copymode(there, part)
        part.replace(there)
    except OSError as error:
        raise Refused(f"{path} cannot be written: {error.strerror}.") from error
    finally:
        with suppress(OSError):
            part.unlink()


def bar(done: int, total: int, said: str, out: IO[str] | None = None) -> None:
    """Draw one line in place on a terminal; elsewhere nothing, so that logs stay readable."""
    out = out or sys.stderr
    if not out.isatty():
        return
    share = done / total if total else 0.0
    full = int(BAR * share)
    count = f" {done}/{total}" if total else ""
    out.write(f"\r\x1b[K[{'#' * full}{'.' * (BAR - full)}]{count} {said} {time.strftime('%X')}")
    out.flush()


def bar_end(out: IO[str] | None = None) -> None:
    out = out or sys.stderr
    if out.isatty():
        out.write("\r\x1b[K")
        out.flush()
