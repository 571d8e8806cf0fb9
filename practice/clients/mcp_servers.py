"""How to reach an MCP server, as values."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from memoryapp.domain.addresses import Private
from practice.clients.answers import long_enough
from practice.clients.cage import Cage
from practice.clients.seeds import Workplace

WORKDIR = "{workdir}"


@dataclass(frozen=True, slots=True)
class StdioServer:
    """A server started as a process of its own for every session.

    ``command`` is an argv prefix the operator's allow-list resolved to; ``args`` and the values of
    ``env`` may hold ``{workdir}``, the path of the fresh copy of ``seed_folder`` (an empty folder
    without one), which is the working directory too. ``name`` is what people call it.
    """

    command: tuple[str, ...]
    args: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    seed_folder: Path | None = None
    name: str = ""
    cage: Cage = field(default_factory=Cage)

    @property
    def label(self) -> str:
        """What to call the server in a sentence; never its arguments, which may hold secrets."""
        return self.name or (Path(self.command[0]).name if self.command else "(no command)")

    @property
    def secrets(self) -> Mapping[str, str]:
        """Values that must never appear in what is stored, by name."""
        given = {name: value for name, value in self.env.items() if WORKDIR not in value}
        return long_enough(given)

    def argv(self, place: Workplace) -> list[str]:
        filled = [part.replace(WORKDIR, str(place.work)) for part in self.args]
        return self.cage.argv(self.command, place, filled)

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
    #: whether it may live on this machine or in the local network.
    private_allowed: Private = True

    @property
    def secrets(self) -> Mapping[str, str]:
        """Values that must never appear in what is stored, by name."""
        bare = {
            name: value.removeprefix("Bearer ").removeprefix("Basic ").strip()
            for name, value in self.headers.items()
        }
        return long_enough(bare)

    @property
    def label(self) -> str:
        """Scheme, host and path; user names and queries may hold secrets."""
        return address_label(self.url)


def address_label(url: str) -> str:
    """An address without its user name and query."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


Server = StdioServer | HttpServer
