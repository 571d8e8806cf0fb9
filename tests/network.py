"""No test may reach a real provider: sockets to anywhere but this machine are refused."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

LOCAL_NAMES = frozenset({"", "localhost", "localhost.localdomain", "ip6-localhost"})


class NetworkForbidden(OSError):
    """A test tried to leave the machine. An ``OSError``, as from a host without a network."""


def is_local(host: object) -> bool:
    """Return whether ``host`` (name, address, or ``None`` for any interface) is this machine."""
    if host is None:
        return True
    name = host.decode() if isinstance(host, bytes) else str(host)
    if name.lower() in LOCAL_NAMES:
        return True
    try:
        address = ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


@contextmanager
def only_loopback() -> Iterator[list[str]]:
    """Refuse to resolve or connect to anything but this machine, in every thread.

    Yields the places that were refused so far: a library may swallow the ``NetworkForbidden`` that
    the call itself raised. Sockets of C libraries (libpq) are not seen.
    """
    refused: list[str] = []
    with (
        mock.patch.object(socket.socket, "connect", _guarded(socket.socket.connect, refused)),
        mock.patch.object(socket.socket, "connect_ex", _guarded(socket.socket.connect_ex, refused)),
        mock.patch.object(socket, "getaddrinfo", _resolving(socket.getaddrinfo, refused)),
    ):
        yield refused


def _guarded(connect: Callable[..., Any], refused: list[str]) -> Callable[..., Any]:
    def guarded(self: socket.socket, address: Any) -> Any:
        if self.family in (socket.AF_INET, socket.AF_INET6) and not is_local(address[0]):
            refused.append(f"{address[0]}:{address[1]}")
            raise NetworkForbidden(f"A test tried to connect to {address[0]}:{address[1]}.")
        return connect(self, address)

    return guarded


def _resolving(getaddrinfo: Callable[..., Any], refused: list[str]) -> Callable[..., Any]:
    def guarded(host: Any, *args: Any, **kwargs: Any) -> Any:
        if not is_local(host):
            refused.append(str(host))
            raise NetworkForbidden(f"A test tried to look up {host}.")
        return getaddrinfo(host, *args, **kwargs)

    return guarded
