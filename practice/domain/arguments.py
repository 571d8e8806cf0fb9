"""Secrets among the arguments of a local tool server. Pure.

Arguments are no place for them: every member reads them, an export holds them, and every user of
the machine sees them in the list of processes. Variables are stored encrypted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from memoryapp.domain.masking import redact, redact_value

#: ``--name=value``, ``NAME=value``, and a header: ``Name: value``.
_NAMED = re.compile(r"(-{0,2})([A-Za-z][\w.-]*)\s*[=:]\s*(?!//)(.+)", re.DOTALL)
#: In texts these are words like others; what an argument of the name gives is always a credential.
_ALWAYS = {"authorization", "bearer", "credential", "credentials", "pass", "pat", "token"}
#: What says how something is done, whatever it is called.
_NO_SECRETS = {"true", "false", "yes", "no", "on", "off", "none", "0", "1"}
#: becomes the path of a folder
_PLACE = "{workdir}"


def problem(arguments: Sequence[str]) -> str:
    """Say which arguments look like secrets and what to do instead; empty if none does."""
    found = [_called(arguments, place) for place in _places(arguments)]
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
    return _gives_one(argument.lstrip("-"), following) and not _is_secret(following)


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
    if named and (_PLACE in named[3] or named[3].lower() in _NO_SECRETS):
        return False
    if redact(argument) != argument:
        return True
    return named is not None and (_gives_one(named[2], named[3]) or _is_secret(named[3]))


def _gives_one(name: str, value: str) -> bool:
    if not value or _PLACE in value or value.lower() in _NO_SECRETS:
        return False
    if name.lower() in _ALWAYS:
        return True
    return bool(redact_value({name: value}) != {name: value})
