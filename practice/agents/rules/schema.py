"""Parameters as an agent can understand them: what they are for and which values they take.

Everything is read from the tool's own schema and words. Nothing here knows any environment.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

from practice.agents.rules.doing import VERBS
from practice.agents.rules.words import NEW_VERBS, content, parts, reads, vocabulary
from practice.domain.types import Effect, Json, ToolSpec

CREDENTIAL = vocabulary(
    "password token secret passcode pin credential apikey otp refresh username client grant cvv"
)
TEXT = vocabulary(
    "title description content message comment body subject reason note text summary caption "
    "feedback resolution explanation remark memo pattern query keyword tag"
)
MONEY = vocabulary("amount price sum fee budget total")
PAGING = vocabulary("cursor page offset limit size per token start skip after before")
#: words of parameters that describe a thing instead of naming one.
DESCRIBING = vocabulary("type status mode class category unit currency city location priority")
#: words of parameters that name what a new thing is made from.
_EARLIER = vocabulary("base source parent origin")
_STORED = vocabulary("file folder dir directory")
#: words of numbers that people have of their own.
OWN = vocabulary("card verification security phone mobile fax tax passport pin account iban")
#: words of keys that a caller makes up so that a call that is sent twice counts once.
ONCE = vocabulary("idempotency nonce dedupe deduplication")
#: bounds beyond this are ignored: what is drawn between them must be a number that can be sent.
FARTHEST = 2.0**64
PLACES = ("San Francisco", "Oakland", "London", "Paris", "Chicago", "Boston")
#: values anyone would try, by the noun of the parameter; ids and credentials are never here.
COMMON: Mapping[str, tuple[Any, ...]] = {
    "city": PLACES,
    "location": PLACES,
    "place": PLACES,
    "country": ("United States", "Germany", "Japan"),
    "currency": ("USD", "EUR", "GBP"),
    "unit": ("km", "m"),
    "language": ("en", "de", "fr"),
    "sector": ("Technology", "Automobile"),
    "color": ("blue", "green"),
    "timezone": ("UTC", "Europe/London"),
    "class": ("economy", "business"),
    "destination": PLACES,
    "type": ("standard", "basic"),
    "path": (".",),
    "status": ("open", "closed", "pending"),
    "category": ("general", "other"),
    "priority": ("high", "low", "medium"),
    "first": ("Robin", "Noor"),
    "last": ("Marsh", "Lindqvist"),
}
_SENTENCES = {
    "title": ("Quarterly review", "Delivery question", "Team update"),
    "subject": ("Quarterly review", "Delivery question", "Team update"),
    "reason": ("The item arrived damaged", "The customer changed their mind"),
    "resolution": ("Fixed and confirmed with the requester",),
    "tag": ("#update",),
    "pattern": ("the", "and"),
    "query": ("report", "update"),
    "keyword": ("report", "update"),
}
_PLAIN = (
    "Following up on the request from this morning",
    "Thanks for the quick help with this",
    "Summary of the work finished this week",
    "Checking in before the end of the day",
)
_HINTED = (
    re.compile(r"\[?\benum\]?\s*:?\s*\[?([^\].]+)", re.IGNORECASE),
    re.compile(
        r"\b(?:one of|options are|options|allowed values(?: are)?|possible values(?: are)?|"
        r"valid values(?: are)?|choose from|must be|either)\b:?\s*(?:here are the options:)?"
        r"\s*\[?([^\].;]+)",
        re.IGNORECASE,
    ),
)
#: a description that is nothing but a choice: "card, cash or transfer".
_CHOICE = re.compile(
    r"\(?((?:['\"`]?[\w-]+['\"`]?, ){0,20}['\"`]?[\w-]+['\"`]?,? or ['\"`]?[\w-]+['\"`]?)\)?\.?\Z"
)
_RANGES = (
    re.compile(r"\bbetween\s+(-?\d+(?:\.\d+)?)[^\d-]{1,24}(-?\d+(?:\.\d+)?)", re.IGNORECASE),
    re.compile(r"\bfrom\s+(-?\d+(?:\.\d+)?)\s*(?:to|-)\s*(-?\d+(?:\.\d+)?)", re.IGNORECASE),
    re.compile(r"(?<![\w-])(-?\d+(?:\.\d+)?)\s*(?:to|-|–)\s*(-?\d+(?:\.\d+)?)(?![\w-])"),
)


class Role(StrEnum):
    """What a parameter asks for, which decides where a value may come from."""

    CHOICE = "choice"
    FLAG = "flag"
    CREDENTIAL = "credential"
    ENTITY = "entity"
    NEW = "new"
    TEXT = "text"
    AMOUNT = "amount"
    NUMBER = "number"
    DATE = "date"
    LIST = "list"
    OBJECT = "object"
    PAGING = "paging"


def kind(schema: Json) -> str:
    """Return the JSON type of a parameter; the first real one where there are several."""
    told = (schema, *alternatives(schema))
    options = [
        t for o in told for t in (o["type"] if isinstance(o.get("type"), list) else [o.get("type")])
    ]
    return next((str(o) for o in options if o and o != "null"), "string")


def alternatives(schema: Json) -> list[Json]:
    """Return what a value may be instead, where a schema names several forms."""
    told = (*_several(schema, "anyOf"), *_several(schema, "oneOf"))
    return [one for one in told if isinstance(one, Mapping)]


def items_of(wanted: Json) -> Json:
    """Return the schema of a list's items; empty where each place has one of its own (a tuple)."""
    found = wanted.get("items")
    return found if isinstance(found, Mapping) else {}


def fields(wanted: Json) -> Json:
    """Return the object schema to fill: of several forms the first that names its fields."""
    forms = (wanted, *alternatives(wanted))
    return next((one for one in forms if isinstance(one.get("properties"), Mapping)), {})


def _several(schema: Json, name: str) -> Sequence[Any]:
    """A list of a schema: some dialects check less of one than what is read here."""
    found = schema.get(name)
    return found if isinstance(found, list | tuple) else ()


def _finite(value: Any) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return value if is_number and abs(value) <= FARTHEST else None


def choices(schema: Json) -> list[Any]:
    """Return the values a parameter is limited to, from its enum or from its description."""
    for source in (schema, items_of(schema), *alternatives(schema)):
        if known := _several(source, "enum"):
            return [v for v in known if v is not None]
    text = str(schema.get("description", ""))
    if quoted := re.findall(r"'(\w+)' (?:for|to|=)", text):
        return list(quoted)
    if kind(schema) not in ("string", "array"):
        return []
    if slashed := re.search(r"\(([A-Za-z]+(?:/[A-Za-z]+)+)\)", text):
        return slashed.group(1).split("/")
    if plain := _CHOICE.match(text.strip()):
        return _listed(plain.group(1))
    for pattern in _HINTED:
        if match := pattern.search(text):
            return _listed(match.group(1))
    return []


def _listed(text: str) -> list[Any]:
    text = re.split(r"\b(?:are the options|e\.g\.|default)\b", text)[-1]
    items = [i.strip(" \"'`()") for i in re.split(r",|/|\bor\b|\band\b|\|", text)]
    items = [i for i in items if i]
    short = all(len(i.split()) <= 3 for i in items)
    return items if len(items) >= 2 and short else []


def bounds(schema: Json) -> tuple[float | None, float | None]:
    """Return (lowest, highest) a number may be, from the schema or its description."""
    low, high = _finite(schema.get("minimum")), _finite(schema.get("maximum"))
    if low is not None or high is not None:
        return low, high
    for pattern in _RANGES:
        if match := pattern.search(str(schema.get("description", ""))):
            first, second = float(match.group(1)), float(match.group(2))
            if first < second:
                return first, second
    return None, None


def role(tool: ToolSpec, name: str) -> Role:
    """Return what parameter ``name`` of ``tool`` asks for."""
    schema = tool.parameters.get(name, {})
    words = set(parts(name))
    type_ = kind(schema)
    text = str(schema.get("description", "")).lower()
    if name not in tool.required and words & PAGING and len(words) <= 2 and not TEXT & words:
        return Role.PAGING
    if type_ == "boolean":
        return Role.FLAG
    if type_ == "array":
        return Role.LIST
    if type_ == "object":
        return Role.OBJECT
    if choices(schema):
        return Role.CHOICE
    if _credential(words, tool):
        return Role.CREDENTIAL
    if type_ in ("number", "integer"):
        # A room_number names a room; the number of a card is brought by whoever has it.
        numbered = len(words) > 1 and parts(name)[-1] == "number" and not words & OWN
        named = "id" in words or numbered or " id " in f" {text} "
        return Role.ENTITY if named else Role.NUMBER
    if date_format(name, schema):
        return Role.DATE
    if words & ONCE:
        return Role.NEW
    if words & MONEY and "id" not in words:
        return Role.AMOUNT
    if (words & TEXT and "id" not in words) or schema.get("format") == "textarea":
        return Role.TEXT
    if _is_new(tool, name, text):
        return Role.NEW
    if "path" in words and type_ == "string":
        # Where a file is written nothing need be; elsewhere something is there or nothing works.
        return Role.NEW if _creates(tool) and _STORED & set(parts(tool.name)) else Role.ENTITY
    if _creates(tool) and "id" not in words and not words & (DESCRIBING | _EARLIER):
        return Role.TEXT  # what a new thing says is its maker's to choose
    return Role.ENTITY


def signs_in(tool: ToolSpec) -> bool:
    """Whether a tool takes a secret to open a session."""
    return any("password" in n or "secret" in n for n in tool.parameters)


def _credential(words: set[str], tool: ToolSpec) -> bool:
    if words & {"password", "secret", "token", "credential", "passcode", "otp", "apikey"}:
        return True
    signing_in = {"login", "authenticate", "auth", "signin"} & set(parts(tool.name))
    return (bool(signing_in) and "password" in str(tool.parameters)) or (
        bool(signing_in) and bool(words & CREDENTIAL)
    )


def _creates(tool: ToolSpec) -> bool:
    """Whether a tool makes a thing of its own, by the first word of its description."""
    verb, _, rest = tool.description.strip().lower().partition(" ")
    return verb.rstrip("s") in ("create", "register") and bool(re.match(r"(?:an? )?new\b", rest))


def _is_new(tool: ToolSpec, name: str, text: str) -> bool:
    """Whether the caller makes the value up: the name of something that does not exist yet."""
    words = set(parts(name))
    if "id" in words or words & {"email"} or words & DESCRIBING:
        return False
    if {"add", "to"} <= set(re.findall(r"[a-z]+", tool.name.lower())):
        return False  # what is put on a list or into a cart is there already
    if "rename" in parts(tool.name) and words & {"name", "title"}:
        return True
    if re.search(r"\bnew\b|\bto be added\b|\bto (?:add|create|register)\b", text):
        return True
    if words & {"destination", "target"} and any("source" in parts(n) for n in tool.parameters):
        return True
    if re.search(r"\bexisting\b|\bcurrent\b", text):
        return False
    making = {"create", "make", "register", "new", "mkdir", "touch"} & set(parts(tool.name))
    return bool(making) and bool(words & {"name", "title", "label", "number"})


def date_format(name: str, schema: Json) -> str:
    """Return the strftime pattern a date parameter asks for, or an empty string."""
    text = str(schema.get("description", ""))
    if schema.get("format") == "date-time":
        # RFC 3339, which the format means, has no time without an offset.
        return "%Y-%m-%dT%H:%M:%SZ"
    if "THH:MM" in text:
        return "%Y-%m-%dT%H:%M:%S"
    for written, pattern in (
        ("YYYY-MM-DD", "%Y-%m-%d"),
        ("DD/MM/YYYY", "%d/%m/%Y"),
        ("MM/DD/YYYY", "%m/%d/%Y"),
        ("MM/YYYY", "%m/%Y"),
        ("DD.MM.YYYY", "%d.%m.%Y"),
    ):
        if written.lower() in text.lower():
            return pattern
    if schema.get("format") == "date" or {"date", "since", "until"} & set(parts(name)):
        return "%Y-%m-%d"
    return ""


def states_date_format(schema: Json) -> bool:
    """Whether a schema itself says how a date is written."""
    return date_format("", schema) != ""


def examples(schema: Json) -> list[Any]:
    """Return values the schema itself offers: examples, then ``e.g.`` in the description."""
    given = [*_several(schema, "examples")]
    if "example" in schema:
        given.append(schema["example"])
    if not given:
        text = str(schema.get("description", ""))
        pattern = r"(?:e\.g\.,?|for example,?|such as|like)\s*[`'\"]([^`'\"]{1,60})[`'\"]"
        given += re.findall(pattern, text)
        given += re.findall(r"(?:e\.g\.,?|for example:?|like)\s+([A-Z]{2,}-[\w-]+)", text)
    return given


def number(name: str, schema: Json, rng: random.Random, *, modest: bool = False) -> int | float:
    """Return a plausible number within the schema's bounds.

    A ``modest`` one is small where nothing bounds it: capacities and balances are not known yet.
    """
    low, high = bounds(schema)
    if low is None and high is None:
        words = set(parts(name))
        if words == {"quantity"}:
            return 1
        if words & {"precision", "line", "quantity", "count", "exponent", "power", "base"}:
            low, high = 2, 9
        elif words & {"year"}:
            low, high = 2024, 2026
        else:
            # Round and modest: what a person says, and what capacities and balances allow.
            return 5 if modest else rng.choice((5, 10, 15, 20, 25, 30))
    low = low if low is not None else min(1, (high or 0) - 10)
    high = high if high is not None else max(low + 10, 20)
    if high - low <= 1:
        return high
    value = rng.randint(int(low), int(high))
    step = 5 if high - low > 20 else 1
    return max(int(low), value - value % step)


def commons(name: str) -> tuple[Any, ...]:
    """Return values anyone would try for a parameter of this name; nothing for most."""
    return next((COMMON[word] for word in reversed(parts(name)) if word in COMMON), ())


def common(name: str, rng: random.Random) -> Any | None:
    """Return one value anyone would try for a parameter of this name, or ``None``."""
    options = commons(name)
    return rng.choice(options) if options else None


def text_value(name: str, rng: random.Random) -> str:
    """Return a short natural text for a free-text parameter."""
    for word in parts(name):
        if word in _SENTENCES:
            return rng.choice(_SENTENCES[word])
    return rng.choice(_PLAIN)


def texts(wanted: Json, rng: random.Random) -> Any | None:
    """Return an object, or a list of one, that asks for nothing but free text; else ``None``."""
    if kind(wanted) == "array":
        item = texts(items_of(wanted), rng)
        return None if item is None else [item]
    spec = ToolSpec(name="", input_schema=fields(wanted))
    needed = list(spec.required) or list(spec.parameters)[:1]
    if not needed or any(role(spec, name) is not Role.TEXT for name in needed):
        return None
    return {name: text_value(name, rng) for name in needed}


def kind_of_path(name: str, value: Any) -> bool:
    """Whether a name looks like what a parameter asks for: a file has an ending, a folder none."""
    words = set(parts(name))
    if not words & {"file", "filename", "folder", "dir", "directory"}:
        return True
    return ("." in str(value).lstrip(".")) == bool(words & {"file", "filename"})


def is_read(tool: ToolSpec) -> bool:
    """Whether a tool only reads, by its annotation or, without one, by its name and words."""
    if tool.effect is not Effect.UNKNOWN:
        return tool.effect is Effect.READ
    words = parts(tool.name)
    if words and words[0] in NEW_VERBS:
        return False
    reading = {"get", "list", "search", "find", "show", "view", "display", "check", "estimate"}
    # Of other verbs that read the place tells: ``events_query`` does, ``query_reset`` does not.
    ends = {*words[:1], *words[-1:]} & vocabulary("query fetch lookup browse history scan")
    lead = content(tool.description.split(".")[0])
    if _names_itself(tool, words):
        return True
    if re.match(r"(?:all|every|which|who|whose|what|how|where|whether)\b", tool.description, re.I):
        return True
    return bool((reading & set(words) and reads(words)) or ends) or bool(
        lead & {"display", "retriev", "calcul", "get", "list", "show", "view", "estim", "convert"}
    )


def _names_itself(tool: ToolSpec, words: tuple[str, ...]) -> bool:
    """Whether a tool says no more than what it answers with: "Balance" of ``account_balance``."""
    told = parts(tool.description)
    return 0 < len(told) < len(words) and words[-len(told) :] == told and words[0] not in VERBS


def by_name(tools: Sequence[ToolSpec]) -> dict[str, ToolSpec]:
    return {tool.name: tool for tool in tools}
