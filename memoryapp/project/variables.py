"""Environment variables, read strictly: what means nothing is refused at start.

Loads no Django and imports nothing heavy, so that ``make up`` can refuse before it starts anything.
A reader collects what is wrong and goes on with the default; ``refuse`` ends the process with one
line for each wrong variable, saying what to write instead.
"""

from __future__ import annotations

import json
import math
import os
import re
import shlex
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from email.utils import getaddresses
from importlib.util import find_spec
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import SplitResult, urlsplit

Value = TypeVar("Value")

TRUE = frozenset({"1", "true", "yes", "on"})
FALSE = frozenset({"0", "false", "no", "off"})
#: The longest part of a wrong value that is said back; secrets are never said back at all.
SHOWN = 60
#: What stands behind the hosts of Sentinels: nothing, or the number of a database.
_DATABASE = re.compile(r"/*[0-9]{0,4}/*")
_SIGNS = "in a name or password, # is %23, / is %2F, ? is %3F and @ is %40"
_LABEL = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9])?")


class Wrong(ValueError):
    """A value that means nothing; ``str(error)`` goes on after the variable's name."""


class Variables:
    """Read variables of ``source`` by kind; ``problems`` holds a line for each wrong one.

    ``known`` are the names that were asked for.
    """

    def __init__(self, source: Mapping[str, str] | None = None) -> None:
        self.source: Mapping[str, str] = os.environ if source is None else source
        self.problems: list[str] = []
        self.known: set[str] = set()

    def wrong(self, name: str, must: str) -> None:
        """Note that ``name`` ``must`` be otherwise, e.g. ``"must be a number"``."""
        self.problems.append(f"{name} {must}")

    def refuse(self) -> None:
        """Raise ``SystemExit`` with all problems, one a line, if there are any."""
        if self.problems:
            raise SystemExit("\n".join(f"Greenroom cannot start. {line}" for line in self.problems))

    def read(self, name: str, parse: Callable[[str], Value], default: Value) -> Value:
        """The parsed value; ``default`` when the variable is unset, empty or wrong."""
        self.known.add(name)
        text = self.source.get(name, "").strip()
        if not text:
            return default
        try:
            return parse(text)
        except Wrong as error:
            self.wrong(name, str(error))
            return default

    def text(self, name: str, default: str = "") -> str:
        return self.read(name, str, default)

    def flag(self, name: str, *, default: bool) -> bool:
        return self.read(name, _truth, default)

    def whole(self, name: str, default: int, *, least: int, most: int | None = None) -> int:
        return self.read(name, lambda text: int(_number(text, int, least, most)), default)

    def limit(self, name: str, default: int, *, least: int, most: int) -> int:
        """A whole number from ``least`` to ``most``, or 0 where nothing shall be limited."""

        def parse(text: str) -> int:
            try:
                return 0 if text == "0" else int(_number(text, int, least, most))
            except Wrong as error:
                otherwise = str(error).removeprefix("must be ")
                raise Wrong(f"must be 0 for no limit, or {otherwise}") from error

        return self.read(name, parse, default)

    def number(
        self, name: str, default: float, *, least: float = 0.0, most: float | None = None
    ) -> float:
        return self.read(name, lambda text: _number(text, float, least, most), default)

    def choice(self, name: str, default: str, *, among: Sequence[str]) -> str:
        """One of ``among``; letters may be written large or small."""
        by_name = {value.lower(): value for value in among}

        def parse(text: str) -> str:
            if text.lower() not in by_name:
                raise Wrong(f"must be one of {', '.join(among)}, not {_shown(text)}.")
            return by_name[text.lower()]

        return self.read(name, parse, default)

    def several(
        self, name: str, default: Sequence[str] = (), *, each: Callable[[str], str] = str
    ) -> list[str]:
        """Comma-separated values, each put through ``each``, which may raise ``Wrong``."""

        def parse(text: str) -> list[str]:
            return [each(part.strip()) for part in text.split(",") if part.strip()]

        return self.read(name, parse, [*default])

    def secret(self, name: str, *, least: int = 1) -> str:
        """A key of at least ``least`` characters that can travel in a header; never said back."""

        def parse(text: str) -> str:
            return key(text, least)

        return self.read(name, parse, "")

    def address(
        self,
        name: str,
        default: str = "",
        *,
        schemes: Sequence[str],
        example: str,
        bare: bool = False,
        check: Callable[[str], object] | None = None,
    ) -> str:
        """An address with one of ``schemes`` and a host; without a trailing slash.

        A ``bare`` one has nothing behind its host. ``check`` raises ``ValueError`` on an address
        that is wrong otherwise, with text that says no password back.
        """

        def parse(text: str) -> str:
            found = _address(text, schemes, example, bare=bare)
            if check is not None:
                try:
                    check(found)
                except ValueError as error:
                    raise Wrong(str(error)) from error
            return found

        return self.read(name, parse, default)

    def by_name(
        self,
        name: str,
        value: Callable[[Any], Value],
        *,
        example: str,
        names: Collection[str] = (),
    ) -> dict[str, Value]:
        """A JSON object; ``value`` turns each member or raises ``ValueError`` or ``TypeError``."""

        def parse(text: str) -> dict[str, Value]:
            try:
                found = json.loads(text)
                parsed = {key: value(member) for key, member in found.items()}
            except (ValueError, TypeError, AttributeError) as error:
                raise Wrong(f"must be a JSON object such as {example}") from error
            unknown = sorted(parsed.keys() - set(names)) if names else []
            if unknown:
                raise Wrong(f"names {unknown[0]!r}, and there is only {', '.join(sorted(names))}.")
            return parsed

        return self.read(name, parse, {})

    def folder(self, name: str, default: str = "") -> str:
        """A folder that is there."""

        def parse(text: str) -> str:
            if not Path(text).is_dir():
                raise Wrong(f"must be a folder on this machine; {_shown(text)} is not.")
            return text

        return self.read(name, parse, default)


def command_line(given: Any) -> tuple[str, ...]:
    """Split a command given as one string or as a list of words; raises ``ValueError``."""
    if isinstance(given, str):
        words = tuple(shlex.split(given))
    elif isinstance(given, list) and all(isinstance(word, str) for word in given):
        words = tuple(given)
    else:
        raise TypeError("neither a string nor a list of strings")
    if not words:
        raise ValueError("an empty command line")
    return words


def service(address: str) -> None:
    """Refuse an address with a password, or one to which no path can be added; raises ``Wrong``."""
    parts = urlsplit(address)
    if parts.query or parts.fragment or "@" in parts.netloc:
        raise Wrong("must be an address that ends with its path, with no ?, # or password in it.")


def collector(address: str) -> None:
    """Refuse an OTLP address that already ends with the path we add to it; raises ``Wrong``."""
    parts = urlsplit(address)
    if parts.query or parts.fragment or parts.path.endswith("/v1/traces"):
        raise Wrong("must be an address without /v1/traces or ? behind it: that is added to it.")


def sentry(address: str) -> None:
    """Refuse a DSN without a public key or the number of a project; raises ``Wrong``."""
    parts = urlsplit(address)
    project = parts.path.rpartition("/")[2]
    if not parts.username or not (project.isascii() and project.isdecimal()):
        raise Wrong(
            "must hold a key before its host and the number of a project behind it, such as "
            "https://key@sentry.example.com/1; copy it again."
        )


def server(address: str) -> None:
    """Refuse an address whose password ends early for want of escaping; raises ``Wrong``."""
    parts = urlsplit(address)
    if parts.fragment or "@" in parts.path:
        raise Wrong(f"must be escaped: {_SIGNS}.")


def listened(text: str) -> str:
    """A host to listen at: a name or an IP address, no port and no brackets."""
    with suppress(ValueError):
        return str(ip_address(text))
    if text.startswith("["):
        raise Wrong(f"must be an address without brackets, such as ::1, not {_shown(text)}.")
    is_number = set(text) <= set("0123456789.")
    if is_number or not all(_LABEL.fullmatch(label) for label in text.rstrip(".").split(".")):
        raise Wrong(
            "must be an address of this machine such as 127.0.0.1, 0.0.0.0 for all of them, or its "
            f"name, without a port, not {_shown(text)}."
        )
    return text


def region(text: str) -> str:
    """A region of an object store, which becomes part of host names."""
    if not _LABEL.fullmatch(text):
        raise Wrong(f"must be a region such as eu-central-1, not {_shown(text)}.")
    return text


def is_installed(module: str) -> bool:
    """Whether a module of an optional library can be imported."""
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # what it is part of
        return False


def words(given: Any) -> str:
    """A string that is not empty; raises ``TypeError``."""
    if not isinstance(given, str) or not given.strip():
        raise TypeError("no string")
    return given


def temperature(given: Any) -> float:
    """A number from 0 to 2; raises ``ValueError`` or ``TypeError``."""
    if isinstance(given, bool) or not isinstance(given, int | float):
        raise TypeError("no number")
    if not 0 <= given <= 2:
        raise ValueError("out of range")
    return float(given)


def key(text: str, least: int = 32) -> str:
    """A secret of at least ``least`` characters that can travel in a header; never said back."""
    if not (text.isascii() and text.isprintable() and " " not in text):
        raise Wrong("must be letters, digits and punctuation without spaces; copy it again.")
    if len(text) < least:
        raise Wrong(
            f"must be at least {least} characters long, not {len(text)}: python3 -c "
            "'import secrets; print(secrets.token_urlsafe(50))' makes a good one."
        )
    return text


def is_guessable(key: str) -> bool:
    """Whether a key is weak however long: one part repeated, or fewer than 8 characters."""
    repeats = any(key[n:] == key[:-n] for n in range(1, len(key) // 2 + 1))
    return repeats or len(set(key)) < 8


def one_of(*known: str) -> Callable[[str], str]:
    """A check that a name, in large or small letters, is one of ``known``, which are small."""

    def check(name: str) -> str:
        if name.lower() not in known:
            raise Wrong(
                f"must be one or more of {', '.join(known)}, separated by commas, not "
                f"{_shown(name)}."
            )
        return name.lower()

    return check


def host(name: str) -> str:
    """A host name for ``ALLOWED_HOSTS``: no scheme, no port, no path."""
    bare = name.removeprefix("[").removesuffix("]")
    is_open = name.startswith("[") != name.endswith("]")
    if name != "*" and (
        is_open or set(bare) & set("/ @?#") or (":" in name and not name.startswith("["))
    ):
        raise Wrong(
            f"must be bare host names such as greenroom.example.com, without https:// and "
            f"without a port, not {_shown(name)}."
        )
    return name


def mailbox(written: str) -> str:
    """A sender of mail: an address, or a name and an address in pointed brackets."""
    found = getaddresses([written])
    name, at, host = found[0][1].rpartition("@")
    if len(found) != 1 or not (at and name and host and written.isprintable()):
        raise Wrong(
            "must be an address such as greenroom@example.com or Greenroom <greenroom@example.com>,"
            f" not {_shown(written)}."
        )
    return written


def network(written: str) -> str:
    """An address or a network, such as ``10.1.0.0/16``."""
    try:
        return str(ip_network(written))
    except ValueError as error:
        raise Wrong(
            f"must be addresses or networks such as 10.1.0.5,192.168.7.0/24: {error}."
        ) from error


def origin(name: str) -> str:
    """A scheme and a host for ``CSRF_TRUSTED_ORIGINS``."""
    return _address(name, ("http", "https"), "https://greenroom.example.com", bare=True)


def _truth(text: str) -> bool:
    if text.lower() in TRUE | FALSE:
        return text.lower() in TRUE
    raise Wrong(f"must be true or false, not {_shown(text)}.")


def _number(text: str, kind: Callable[[str], float], least: float, most: float | None) -> float:
    span = f"{least} or more" if most is None else f"from {least} to {most}"
    must = f"must be a {'whole ' if kind is int else ''}number, {span}, not {_shown(text)}."
    try:
        # Python reads digits of any script, and 80_80.
        found = kind(text if text.isascii() and "_" not in text else "")
        is_wrong = not math.isfinite(found) or found < least or (most is not None and found > most)
    except (ValueError, OverflowError) as error:  # a whole number may be larger than any other
        raise Wrong(must) from error
    if is_wrong:
        raise Wrong(must)
    return found


def _address(text: str, schemes: Sequence[str], example: str, *, bare: bool = False) -> str:
    # Addresses of servers carry passwords, so a wrong one is never said back.
    must = f"must be an address such as {example}"
    if set(text.partition("://")[2].rpartition("@")[0]) & set("#/?"):
        must += f"; {_SIGNS}"
    try:
        parts = urlsplit(text)
        hosts = parts.netloc.rpartition("@")[2].split(",")  # sentinels are several
        port_is_wrong = any(urlsplit(f"//{name}").port == 0 for name in hosts)
        is_readable = parts.scheme != "sentinel" or _DATABASE.fullmatch(parts.path)
    except ValueError as error:
        raise Wrong(must) from error
    if parts.scheme not in schemes or not is_readable or port_is_wrong:
        raise Wrong(must)
    if not _names_a_place(parts):
        raise Wrong(must)
    if bare and (parts.path.strip("/") or parts.query or parts.fragment or "@" in parts.netloc):
        raise Wrong(f"{must}, without anything after the host")
    return text.rstrip("/")


def _names_a_place(parts: SplitResult) -> bool:
    """Whether there is a host, or a path to a Unix socket, or a host in the query."""
    if any(character.isspace() for character in parts.geturl()):
        return False
    is_socket = parts.scheme.endswith("socket")
    return bool(parts.hostname or is_socket or "host=" in parts.query)


def _shown(value: str) -> str:
    return repr(value if len(value) <= SHOWN else value[: SHOWN - 1] + "…")
