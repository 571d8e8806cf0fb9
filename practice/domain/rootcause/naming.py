"""Node ids of the causal graph, and the names the engine reasons with.

A service goes by its own name, a host by its node id, so that a machine may be called like what
runs on it.
"""

from __future__ import annotations

from practice.domain.rootcause.types import NodeKind

_SERVICE, _HOST = f"{NodeKind.SERVICE}:", f"{NodeKind.HOST}:"


def service_id(name: str) -> str:
    return f"{_SERVICE}{name}"


def host_id(name: str) -> str:
    return f"{_HOST}{name}"


def is_host(name: str) -> bool:
    return name.startswith(_HOST)


def node_id(name: str) -> str:
    """The node of a name: the service of that name, or the host it already is the id of."""
    return name if is_host(name) else service_id(name)


def name_of(node: str) -> str:
    """What ``node_id`` was given."""
    return node.removeprefix(_SERVICE)


def shown(name: str) -> str:
    """A name in a sentence."""
    return f"host {name.removeprefix(_HOST)}" if is_host(name) else name
