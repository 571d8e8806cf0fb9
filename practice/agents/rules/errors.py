"""What an error text says, and what it asks for.

Errors are the environment's own teaching: they name the missing parameter, the allowed values, the
format, the step that has to come first. Everything here is read from the text.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from practice.agents.rules import schema
from practice.agents.rules.linking import RELATED, kinship
from practice.agents.rules.words import (
    NEW_VERBS,
    content,
    first_sentence,
    parts,
    stem,
    takes_back,
)
from practice.domain.reading import read_json
from practice.domain.types import Json, ToolSpec

_AUTH = re.compile(
    r"not (?:currently )?(?:logged|signed) in|no user is (?:currently )?logged in|"
    r"not authenticated|unauthenticated|please (?:log|sign) ?in|log ?in (?:first|to|before)|"
    r"session (?:has )?expired|token (?:has )?expired|unauthori[sz]ed|"
    r"authenticate (?:first|before)",
    re.IGNORECASE,
)
_MISSING_THING = re.compile(
    r"not found|no such|does(?: not|n't) exist|no \w+ (?:with|found|matches)|unknown \w+|"
    r"\bno [a-z]+ [\w.'\"-]+$|"
    r"could(?: not|n't) (?:be found|find)|invalid \w*[ _]?id\b|not (?:in|on) the|no matching",
    re.IGNORECASE,
)
_ONE_OF = re.compile(
    r"(?:must be (?:one of|either)|one of|allowed(?: values)?(?: are)?|valid \w+ are|expected|"
    r"available \w+|choose from|supported \w+(?: are)?|options(?: are)?)\s*:?\s*"
    r"(\[[^\]]*\]|\{[^}:]*\}|[\w'\"`-]+(?:\s*(?:,|\||/|\bor\b|\band\b)\s*[\w'\"`-]+)+)",
    re.IGNORECASE,
)
#: what a schema says of a value of another type; the types are no values.
_TYPES = re.compile(r"\bexpected \w+, (?:but )?(?:received|got) \w+", re.IGNORECASE)
_REQUIRED = re.compile(
    r"(?:missing|required|requires?|needs?|provide)[^.;]*?[`'\"]?\b([a-z][a-z0-9]*_[a-z0-9_]+)\b|"
    r"[`'\"](\w+)[`'\"] is (?:a )?(?:required|missing)|"
    r"missing (?:\d+ )?(?:required )?(?:positional )?(?:argument|parameter|field)s?:?\s*"
    r"[`'\"]?(\w+)",
    re.IGNORECASE,
)
_FORMAT = re.compile(
    r"(?:format|formatted|written|expected|pattern|like|such as|e\.g\.,?|example:?|as)\s*:?\s*"
    r"(?:in |as )?[`'\"(]?([A-Z0-9][\w:/.+-]*[-/:][\w:/.+-]*|\d+\.\d+)"
)
_RANGE = re.compile(
    r"between\s+(-?\d+(?:\.\d+)?)\s+and\s+(-?\d+(?:\.\d+)?)|"
    r"(?:at most|maximum(?: of| is)?|no more than|up to|<=|less than or equal to)\s+"
    r"(\d+(?:\.\d+)?)|"
    r"(?:at least|minimum(?: of| is)?|>=|greater than or equal to)\s+(\d+(?:\.\d+)?)",
    re.IGNORECASE,
)
_SPAN = re.compile(
    r"(?:at most|no more than|up to|maximum(?: of| is)?|within)\s+(\d+)\s+days", re.IGNORECASE
)
_WANTED = re.compile(r"\b(?:need(?:s|ed)?|requires?d?|missing|provide)\b", re.IGNORECASE)
_FIRST = re.compile(
    r"\b(first|before|requires?|must be|must have|needs? to be|should be|prior to|not yet|until|"
    r"without|nobody|no one|\w+_missing|missing_\w+|un\w+ed|"
    r"\w*not_(?:yet_)?\w+ed|not \w+ yet|not all|"
    r"(?:is|are) not (?:running|open|active)|"
    r"(?:(?:is|are|was|were|been) )?not (?:been )?\w+ed|"
    r"(?:is|are) (?:still )?(?:closed|stopped|paused|locked|disabled|inactive|offline|"
    r"switched off|off|down))\b",
    re.IGNORECASE,
)
_STRANGE_NAME = re.compile(
    r"(?:unknown|unexpected|unrecogni[sz]ed|undeclared|extra|additional|invalid|no such) "
    r"(?:\w+ )?(?:argument|parameter|field|property|properties|keyword|key|input|option)s?\b",
    re.IGNORECASE,
)
_UNSUPPORTED = re.compile(
    r"unknown tool|not implemented|not supported|unsupported operation", re.IGNORECASE
)
_BAD_CREDENTIAL = re.compile(
    r"(?:invalid|wrong|incorrect|expired) (?:\w+ )?(?:token|password|credential)", re.IGNORECASE
)
_CODE = re.compile(r"\b([A-Z][A-Z0-9]+(?:_[A-Z0-9]+)+|[A-Z]{4,})\b")


UNDOING = frozenset({"logout", "delete", "cancel", "remove", "close", "unfollow", "rm", "rmdir"})
MIN_KINSHIP = 0.05
#: characters of an error that are read: a page of it is no sentence, and patterns take their time.
LONGEST = 2_000


#: what servers put before what a tool said went wrong, which tells nothing of it.
_WRAPPED = re.compile(
    r"\Aerror (?:executing|calling|running|in) tool [`'\"]?[\w.-]+[`'\"]?: ", re.I
)
_PREFIX = re.compile(r"\Aerror: +(?=\S)", re.I)


class Trouble(StrEnum):
    """What kind of no an error is."""

    SIGN_IN = "sign_in"
    ARGUMENT = "argument"
    MISSING_THING = "missing_thing"
    PREREQUISITE = "prerequisite"
    CREDENTIAL = "credential"
    UNSUPPORTED = "unsupported"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """An error read: its kind, its code, and what it names."""

    trouble: Trouble
    text: str
    code: str = ""
    parameter: str = ""
    allowed: tuple[Any, ...] = ()
    format: str = ""
    low: float | None = None
    high: float | None = None
    tools: tuple[str, ...] = ()
    #: the longest period in days, and the (first, last) date parameters it is between.
    days: int = 0
    period: tuple[str, str] = ("", "")
    #: whether the text names its parameter itself; a limit that does not may be the record's own.
    spelled: bool = True


def diagnose(text: str, tool: ToolSpec, arguments: Json, tools: Sequence[ToolSpec]) -> Diagnosis:
    """Return what ``text`` says about a failed call of ``tool``."""
    said = message(text)
    code = _code(text)
    parameter = _parameter(said, tool, arguments)
    if _AUTH.search(said):
        return Diagnosis(Trouble.SIGN_IN, said, code, tools=sign_in_tools(tool, tools))
    named = tuple(t.name for t in tools if t.name != tool.name and _mentions(said, t.name))
    if named and not _MISSING_THING.search(said):
        return Diagnosis(Trouble.PREREQUISITE, said, code, parameter, tools=named)
    if _UNSUPPORTED.search(said):
        return Diagnosis(Trouble.UNSUPPORTED, said, code)
    if _BAD_CREDENTIAL.search(said):
        return Diagnosis(Trouble.CREDENTIAL, said, code, parameter)
    if found := _argument(said, tool, arguments, code, parameter):
        return found
    if _MISSING_THING.search(said):
        return Diagnosis(Trouble.MISSING_THING, said, code, parameter, tools=named)
    helpers = related_tools(said, tool, tools)
    if _FIRST.search(said) and helpers:
        return Diagnosis(Trouble.PREREQUISITE, said, code, parameter, tools=helpers)
    return Diagnosis(Trouble.REFUSED, said, code, parameter)


def message(text: str) -> str:
    """Return the sentence inside an error, however it is wrapped, in at most 2,000 characters."""
    return _sentence(text.strip())[:LONGEST]


def _sentence(stripped: str) -> str:
    stripped = _WRAPPED.sub("", stripped)
    stripped = _PREFIX.sub("", stripped) or stripped
    start = stripped.find("{")
    if start >= 0:
        try:
            value = read_json(stripped[start:])
        except ValueError:
            value = None
        while isinstance(value, dict):
            inner = value.get("error", value.get("message", value.get("detail")))
            if isinstance(inner, dict):
                value = inner
                continue
            said = [str(v) for k, v in value.items() if k != "code" and isinstance(v, (str, list))]
            return ". ".join(s.rstrip(".") for s in said) or str(value.get("code") or stripped)
    return stripped


def _code(text: str) -> str:
    if snake := re.match(r"([a-z]+(?:_[a-z]+)+):", text.strip()):
        return snake.group(1)
    found = _CODE.search(text)
    return found.group(1) if found and found.group(1) not in ("JSON", "HTTP", "YYYY") else ""


def _mentions(text: str, name: str) -> bool:
    plain = len(parts(name)) == 1
    pattern = rf"[`'\"]{re.escape(name)}[`'\"]" if plain else rf"\b{re.escape(name)}\b"
    return bool(re.search(pattern, text))


def _parameter(text: str, tool: ToolSpec, arguments: Json) -> str:
    """Return the parameter an error is about: named, quoted by value, or spelled as words."""
    lowered = text.lower()
    names = sorted(tool.parameters, key=len, reverse=True)
    for name in names:
        if re.search(rf"\b{re.escape(name.lower())}\b", lowered) and ("_" in name or len(name) > 3):
            return name
    for name in names:
        value = arguments.get(name)
        if (
            isinstance(value, (str, int, float))
            and not isinstance(value, bool)
            and (len(str(value)) > 2 and str(value).lower() in lowered)
        ):
            return name
    return next((n for n in names if " ".join(parts(n)) in lowered), "")


def _argument(
    said: str, tool: ToolSpec, arguments: Json, code: str, parameter: str
) -> Diagnosis | None:
    if (one_of := _ONE_OF.search(said)) and not _TYPES.search(said):
        allowed = tuple(_values(one_of.group(1)))
        target = parameter or _only_choice(tool, arguments)
        # Names of parameters, listed to who gave another, are no values of one of them.
        names = bool(_STRANGE_NAME.search(said)) and {*allowed} <= {*tool.parameters}
        if len(allowed) >= 2 and target and not names:
            return Diagnosis(Trouble.ARGUMENT, said, code, target, allowed=allowed)
    dates = [n for n in arguments if n in tool.parameters and _is_date(tool, n)]
    if (span := _SPAN.search(said)) and len(dates) == 2:
        # By value: arguments that were stored as JSONB have lost their order.
        dates.sort(key=lambda name: str(arguments[name]))
        return Diagnosis(
            Trouble.ARGUMENT,
            said,
            code,
            dates[1],
            days=int(span.group(1)),
            period=(dates[0], dates[1]),
        )
    if limits := _RANGE.search(said):
        low, high, most, least = limits.groups()
        target = parameter or _only_number(tool, arguments)
        if target and not (most and float(most) == 0):
            return Diagnosis(
                Trouble.ARGUMENT,
                said,
                code,
                target,
                low=float(low or least) if low or least else None,
                high=float(high or most) if high or most else None,
                spelled=bool(re.search(rf"\b{re.escape(target)}\b", said)),
            )
    if missing := _REQUIRED.search(said):
        named = [g for g in missing.groups() if g in tool.parameters]
        name = named[0] if named else parameter
        if name and name not in arguments:
            return Diagnosis(Trouble.ARGUMENT, said, code, name)
    if parameter and parameter not in arguments and _WANTED.search(said):
        return Diagnosis(Trouble.ARGUMENT, said, code, parameter)
    if (shown := _FORMAT.search(said)) and parameter:
        return Diagnosis(Trouble.ARGUMENT, said, code, parameter, format=shown.group(1).rstrip("."))
    return None


def _is_date(tool: ToolSpec, name: str) -> bool:
    return schema.role(tool, name) is schema.Role.DATE


def _values(text: str) -> Iterable[str]:
    text = text.strip("[]{}")
    for item in re.split(r",|\||/|\bor\b|\band\b", text):
        if cleaned := item.strip(" '\"`."):
            yield cleaned


def _only_choice(tool: ToolSpec, arguments: Json) -> str:
    strings = [n for n, v in arguments.items() if isinstance(v, str) and n in tool.parameters]
    return strings[0] if len(strings) == 1 else ""


def _only_number(tool: ToolSpec, arguments: Json) -> str:
    numeric = [
        n for n in arguments if schema.kind(tool.parameters.get(n, {})) in ("integer", "number")
    ]
    return numeric[0] if len(numeric) == 1 else ""


def sign_in_tools(tool: ToolSpec, tools: Sequence[ToolSpec]) -> tuple[str, ...]:
    """Return the tools that sign in, the failed tool's closest relative first."""
    kin = kinship(tools)
    found = []
    for other in tools:
        words = set(parts(other.name))
        asks = {"status", "logout", "check"} & words
        signs = {"login", "authenticate", "auth", "signin", "connect"} & words
        if (signs or {"log", "in"} <= words or {"sign", "in"} <= words) and not asks:
            found.append(other)
    closest = max((kin(tool.name, t.name) for t in found), default=0.0)
    near = [t for t in found if kin(tool.name, t.name) >= 0.6 * closest]
    return tuple(t.name for t in sorted(near, key=lambda t: (-kin(tool.name, t.name), t.name)))


def session_status(tool: ToolSpec, tools: Sequence[ToolSpec]) -> ToolSpec | None:
    """Return the closest relative of ``tool`` that tells, without arguments, who is signed in."""
    kin = kinship(tools)
    found = [
        other
        for other in tools
        if "status" in parts(other.name)
        and {"login", "auth", "session"} & set(parts(other.name))
        and not other.parameters
        and schema.is_read(other)
        and kin(tool.name, other.name) >= RELATED
    ]
    return max(found, key=lambda other: kin(tool.name, other.name), default=None)


def related_tools(said: str, tool: ToolSpec, tools: Sequence[ToolSpec]) -> tuple[str, ...]:
    """Return tools an error speaks of without naming them, best first, at most three.

    The words must be in the other tool's *name* and not in the failed tool's own.
    """
    words = content(said) - content(tool.name.replace("_", " "))
    kin = kinship(tools)
    scored = []
    for other in tools:
        if other.name == tool.name or (schema.is_read(other) and not _checks(other)):
            continue
        own = content(other.name.replace("_", " "))
        shared = words & own
        # Nobody blocks a bed in order to unblock it.
        undoes = UNDOING & set(parts(other.name)) or takes_back(tool.name, other.name)
        akin = kin(tool.name, other.name) >= MIN_KINSHIP or _meant(shared, own, tool, other)
        if not shared or undoes or not akin:
            continue
        weight = math.fsum(kin.weight(w) for w in shared) * len(shared) / len(own)
        scored.append((weight + 2 * kin(tool.name, other.name), other.name))
    found = [name for _, name in sorted(scored, key=lambda s: (-s[0], s[1]))[:3]]
    return tuple(found) or _described(said, tool, tools)


def _meant(shared: Set[str], own: Set[str], tool: ToolSpec, other: ToolSpec) -> bool:
    """Whether an error says all that a tool is named after, or what to do with the same thing.

    "It has no estimate" speaks of ``set_estimate``; "Assign it first" of a tool that assigns what
    the failed one was given.
    """
    plain = own - {stem(word) for word in NEW_VERBS}
    verb = stem((parts(other.name) or ("",))[0])
    return bool(plain and plain <= shared) or (
        verb in shared and bool(set(other.required) & set(tool.required))
    )


def _described(said: str, tool: ToolSpec, tools: Sequence[ToolSpec]) -> tuple[str, ...]:
    """Return the one tool whose description says that it ends the state an error speaks of.

    "Switch the motors on" ends that the motors are off; what switches them off does not.
    """
    states = [w for w in re.findall(r"[a-z]+", said.lower()) if w in _OPPOSITES]
    if not states:
        return ()
    words = content(said) - {stem(w) for w in states}
    found = []
    for other in tools:
        text = first_sentence(other.description)
        told = re.findall(r"[a-z]+", f"{other.name} {text}".lower().replace("_", " "))
        ends = any(_OPPOSITES[s] in told and s not in told for s in states)
        if other.name != tool.name and not schema.is_read(other) and ends and words & content(text):
            found.append(other.name)
    return tuple(found) if len(found) == 1 else ()


#: a state that is in the way, and the word for the one that is wanted.
_OPPOSITES = {
    "off": "on",
    "closed": "open",
    "stopped": "start",
    "down": "up",
    "offline": "online",
    "inactive": "activate",
    "disabled": "enable",
    "locked": "unlock",
    "paused": "resume",
    "disconnected": "connect",
}


def _checks(tool: ToolSpec) -> bool:
    return bool({"verify", "validate", "check", "confirm"} & set(parts(tool.name)))
