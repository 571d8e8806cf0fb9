"""Tool worlds that come as Python packages: practice without a server, with an instant reset.

A pack needs an optional dependency, so its module is imported only when somebody practises in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Protocol, cast

from practice.agents.ports import EnvironmentSession, EnvironmentUnavailable
from practice.clients.answers import refusal
from practice.clients.discovery import Discovery, Drift, compare
from practice.domain.types import Json, Observation, TaskSpec, ToolSpec


class PackSession(EnvironmentSession, Protocol):
    """A fresh copy of the pack's world, which knows what carrying out a goal looks like."""

    def truth(self, task: TaskSpec) -> bool | None: ...


class PackWorld(Protocol):
    """What a pack's module builds for one scenario."""

    tools: tuple[ToolSpec, ...]

    def open(self) -> AbstractContextManager[PackSession]: ...


@dataclass(frozen=True, slots=True)
class Pack:
    """One pack. ``module`` offers ``build(options) -> PackWorld``; ``needs`` is what it imports."""

    name: str
    title: str
    description: str
    module: str
    needs: str
    extra: str

    @property
    def is_installed(self) -> bool:
        return find_spec(self.needs) is not None

    @property
    def how_to_install(self) -> str:
        return (
            f"{self.title} is not installed. Run uv sync --extra {self.extra} in Greenroom's "
            "folder and restart."
        )


PACKS = (
    Pack(
        name="bfcl",
        title="BFCL v3 multi-turn",
        description="Eight backends with 128 functions (files, messages, posts, tickets, trading, "
        "travel, a vehicle, mathematics), each in a scenario chosen by number.",
        module="practice.clients.packs_bfcl",
        needs="bfcl_eval",
        extra="bfcl",
    ),
)
_BY_NAME: Mapping[str, Pack] = {pack.name: pack for pack in PACKS}


class PackEnvironment:
    """Implements ``practice.clients.discovery.World``.

    What a pack's world answers is made up and holds nobody's secrets, so nothing is masked: tasks
    that sign in with a practice account need what the world says.
    """

    def __init__(
        self,
        name: str,
        scenario: int,
        *,
        allowed_tools: frozenset[str] | None = None,
        expected_hashes: Mapping[str, str] | None = None,
    ) -> None:
        self._name = name
        self._scenario = scenario
        self._allowed = allowed_tools
        self._expected = expected_hashes

    def discover(self) -> Discovery:
        """Raises ``EnvironmentUnavailable`` when the pack is not installed."""
        pack, world = _opened(self._name, self._scenario)
        return Discovery(pack.title, f"scenario {self._scenario}", world.tools, {})

    def open(self) -> AbstractContextManager[OpenedPack]:
        """Raises ``EnvironmentUnavailable`` when the pack is not installed."""
        _, world = _opened(self._name, self._scenario)
        return OpenedPack(world, self.discover(), self._allowed, self._expected)


class OpenedPack(AbstractContextManager["OpenedPack"]):
    """One attempt in a pack. Implements ``LiveSession`` and ``practice.agents.ports.Oracle``."""

    def __init__(
        self,
        world: PackWorld,
        found: Discovery,
        allowed: frozenset[str] | None,
        expected: Mapping[str, str] | None,
    ) -> None:
        self._found = found
        self._allowed = allowed
        self._expected = expected or {tool.name: tool.schema_hash for tool in found.tools}
        self._opened = world.open()
        self._session: PackSession

    def __enter__(self) -> OpenedPack:
        self._session = self._opened.__enter__()
        return self

    def __exit__(self, *raised: Any) -> None:
        self._opened.__exit__(*raised)

    def tools(self) -> tuple[ToolSpec, ...]:
        return tuple(tool for tool in self._found.tools if self._allows(tool.name))

    def call(self, tool: str, arguments: Json) -> Observation:
        if not self._allows(tool):
            return refusal(f"{tool} is not allowed by the operator.")
        return self._session.call(tool, arguments)

    def truth(self, task: TaskSpec) -> bool | None:
        """Whether the world is as the task's goal would have it; ``None`` if nobody knows."""
        return self._session.truth(task)

    def drift(self) -> Drift:
        known = (t for t in self._found.tools if t.name in self._expected or self._allows(t.name))
        return compare(self._expected, known)

    def discovery(self) -> Discovery:
        return self._found

    def remarks(self) -> tuple[str, ...]:
        return ()

    def _allows(self, tool: str) -> bool:
        return self._allowed is None or tool in self._allowed


def _opened(name: str, scenario: int) -> tuple[Pack, PackWorld]:
    pack = _BY_NAME.get(name)
    if pack is None:
        raise EnvironmentUnavailable(
            f"There is no pack named {name!r} in this version. Connect another environment."
        )
    if not pack.is_installed:
        raise EnvironmentUnavailable(pack.how_to_install)
    return pack, _world(pack.module, scenario)


@lru_cache(maxsize=4)
def _world(module: str, scenario: int) -> PackWorld:
    """Read once per process and scenario; every session copies it."""
    return cast("PackWorld", import_module(module).build(scenario))
