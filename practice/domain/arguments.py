"""Secrets among the arguments of a local tool server. Pure.

Arguments are no place for them: every member reads them, an export holds them, and every user of
the machine sees them in the list of processes. Variables are stored encrypted.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from memoryapp.domain.masking import redact, redact_value

#: ``--name=value``, ``NAME=value``, and a header: ``Name: value``.
_NAMED = re.compile(r"(-{0,2})([A-Za-z][\w.-]*)\s*[=:]\s*(?!//)(.+)", re.DOTALL)
#: In texts these are words like others; what an argument of the name gives is always a credential.
_ALWAYS = {"authorization", "bearer", "credential", "credentials", "pass", "pat", "token"}
#: What says how something is done, whatever it is called.
_NO_SECRETS = {"true", "false", "yes", "no", "on", "off", "none", "0", "1"}
#: becomes the path of a folder
_PLACE = "{workdir}"
#: Names a variable, and holds nothing: ``$API_KEY``, ``${api_key}``.
_REFERENCE = re.compile(r"\$(?:\{\w+\}|[A-Z_][A-Z0-9_]*(?![a-z0-9]))")
#: What stands before a credential in a header, and is no credential by itself.
_SCHEMES = {"basic", "bearer", "token"}
#: Where a file is that holds one.
_PATH = re.compile(r"(?:~|\.{1,2})?(?:/[\w.-]+){2,}|(?:~|\.{1,2})/[\w.-]+|[A-Za-z]:\\[^\n]+")
#: A count, or a number of a page.
_COUNT = re.compile(r"\d{1,6}")
#: ``--pat`` is a pattern where what it gives looks like one.
_PATTERN = re.compile(r".*[*?/\[].*", re.DOTALL)
#: Whose password it is, without anything between: ``PGPASSWORD``.
_GLUED = re.compile(r"(?i)[\w.-]*[a-z](?:password|passwd|passphrase|pwd)")
#: A password in an address, with a user name or without.
_IN_ADDRESS = re.compile(r"://[^\s/:@]{0,64}:[^\s/@]{1,256}@")
#: ``-pS3cretPw``, as database clients take it. Other options begin with a p too, so it has to mix
#: what a word or a port does not.
_ATTACHED = re.compile(r"-p(?=\S*[a-z])(?=\S*[A-Z])(?=\S*\d)[^\s/:=,.-]{8,}")
#: What follows ``-p`` alone is a password where digits or signs stand amid letters.
_AFTER_P = re.compile(r"(?=\S*(?:\d[A-Za-z]|[!#$%^&*@+~]))(?=\S*[A-Za-z])[^\s/:=,.-]{8,}")


def problem(arguments: Sequence[str]) -> str:
    """Say which arguments look like secrets and what to do instead; empty if none does."""
    read = [_REFERENCE.sub("", argument) for argument in arguments]
    found = [_called(read, place) for place in _places(read)]
    if not found:
        return ""
    one = len(found) == 1
    return (
        f"{', '.join(found)} {'looks like a secret' if one else 'look like secrets'}. Arguments "
        "are shown to every member and to every user of the machine, and stand in exports. Put "
        f"{'it' if one else 'them'} into a variable, which is stored encrypted. A program that "
        "takes arguments only can get them in a script that MCP_COMMANDS names."
    )


def _places(arguments: Sequence[str]) -> Iterator[int]:
    for place, argument in enumerate(arguments):
        following = arguments[place + 1] if place + 1 < len(arguments) else ""
        if _is_secret(argument) or _announces(argument, following):
            yield place


def _announces(argument: str, following: str) -> bool:
    """Whether a secret follows that only this makes one; any other is found in its own turn."""
    if not argument.startswith("-") or following.startswith("-"):
        return False
    if _is_secret(following):
        return False
    if argument == "-p":
        return _AFTER_P.fullmatch(following) is not None
    return _gives_one(argument.lstrip("-"), following)


def _called(arguments: Sequence[str], place: int) -> str:
    """The argument by its number, and its name where it has one; never by what it gives."""
    named = _NAMED.fullmatch(arguments[place])
    name = f"{named[1]}{named[2]}" if named else ""
    if not named and arguments[place].startswith("-") and not _is_secret(arguments[place]):
        name = arguments[place]
    shown = name if name and redact(name) == name and len(name) <= 40 else ""
    return f"Argument {place + 1}{f' ({shown})' if shown else ''}"


def _is_secret(argument: str) -> bool:
    named = _NAMED.fullmatch(argument)
    if named and _holds_none(named[3]):
        return False
    if (
        redact(argument) != argument
        or _IN_ADDRESS.search(argument)
        or _ATTACHED.fullmatch(argument)
    ):
        return True
    if any(_gives_one(name, value) for name, value in _fields(_document(argument))):
        return True
    return named is not None and (_gives_one(named[2], named[3]) or _is_secret(named[3]))


def _holds_none(value: str) -> bool:
    """Whether a value is no secret, whatever it is called."""
    said = value.strip().lower()
    return (
        not said
        or _PLACE in value
        or said in _NO_SECRETS
        or said in _SCHEMES
        or _PATH.fullmatch(value) is not None
    )


def _gives_one(name: str, value: str) -> bool:
    if _holds_none(value):
        return False
    if name.lower() in _ALWAYS:
        is_pattern = name.lower() == "pat" and _PATTERN.fullmatch(value) is not None
        return not is_pattern and _COUNT.fullmatch(value) is None
    if _GLUED.fullmatch(name):
        return True
    return bool(redact_value({name: value}) != {name: value})


def _document(argument: str) -> Any:
    """The JSON that an argument is; nothing where it is none."""
    if not argument.lstrip().startswith(("{", "[")):
        return None
    try:
        return json.loads(argument)
    except (ValueError, RecursionError):
        return None


def _fields(value: Any) -> Iterator[tuple[str, str]]:
    """Every field with a text, however deep: JSON that was read is no deeper than Python goes."""
    waiting = [value]
    while waiting:
        held = waiting.pop()
        if isinstance(held, Mapping):
            yield from ((str(key), item) for key, item in held.items() if isinstance(item, str))
            waiting += held.values()
        elif isinstance(held, list):
            waiting += held
