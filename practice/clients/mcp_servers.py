"""How to reach an MCP server, as values."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from practice.clients.seeds import Workplace

WORKDIR = "{workdir}"
#: A shorter value is too likely to be part of ordinary words.
SECRET_CHARS = 6


def _long_enough(values: Mapping[str, str]) -> dict[str, str]:
    return {
        name: value
        for name, value in values.items()
        if len(value) >= SECRET_CHARS and WORKDIR not in value
    }


@dataclass(frozen=True, slots=True)
class StdioServer:
    """A server started as a process of its own for every session.

    ``command`` is an argv prefix the operator's allow-list resolved to; ``args`` and the values of
    ``env`` may hold ``{workdir}``, the path of the fresh copy of ``seed_folder`` (an empty folder
    without one), which is the working directory too.
    """

    command: tuple[str, ...]
    args: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    seed_folder: Path | None = None

    @property
    def label(self) -> str:
        """What to call the server in a sentence; never its arguments, which may hold secrets."""
        return Path(self.command[0]).name if self.command else "(no command)"

    @property
    def secrets(self) -> Mapping[str, str]:
        """Values that must never appear in what is stored, by name."""
        return _long_enough(self.env)

    def argv(self, place: Workplace) -> list[str]:
        filled = (part.replace(WORKDIR, str(place.work)) for part in self.args)
        return [*self.command, *filled]

    def environment(self, place: Workplace) -> dict[str, str]:
        """The whole environment of the process: nothing is inherited but ``PATH``."""
        given = {name: value.replace(WORKDIR, str(place.work)) for name, value in self.env.items()}
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(place.home),
            "TMPDIR": str(place.scratch),
            "LANG": "C.UTF-8",
            **given,
        }


@dataclass(frozen=True, slots=True)
class HttpServer:
    """A running server that speaks streamable HTTP. It has no reset: its state is its own."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def secrets(self) -> Mapping[str, str]:
        """Values that must never appear in what is stored, by name."""
        bare = {
            name: value.removeprefix("Bearer ").removeprefix("Basic ").strip()
            for name, value in self.headers.items()
        }
        return _long_enough(bare)

    @property
    def label(self) -> str:
        """Scheme, host and path; user names and queries may hold secrets."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


Server = StdioServer | HttpServer
