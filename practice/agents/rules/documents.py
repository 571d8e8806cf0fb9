"""Observations as data: records, leaves, pages and failures, whatever the tool's own shape.

An observation is text. Where it is JSON its leaves are named after the field, and a field that says
nothing by itself ("id", "name") takes the noun of its parent or of the tool.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from practice.agents.rules import tables
from practice.agents.rules.schema import kind
from practice.agents.rules.words import (
    GENERIC,
    nouns,
    parts,
    plural,
    reads,
    singular,
    vocabulary,
)
from practice.domain.reading import read_cut, read_json
from practice.domain.types import Step

MAX_LEAVES = 2_000
_CONTAINER = vocabulary(
    "list history result record data item entry content detail info current all value row"
)
_FAILED = re.compile(
    r"\b(not found|no such|does(?: not|n't) exist|cannot|can't|unable|invalid|failed|error|denied|"
    r"not allowed|not (?:logged in|authenticated|authorized)|unknown|missing|already|refused)\b",
    re.IGNORECASE,
)
#: how people, and servers that write like them, begin to say that something did not work.
_APOLOGY = re.compile(
    r"(?:(?:oh no|oops|hmm+|uh|ah|well)[,.!:…]* )?(?:error\b(?! rate)|errors? occurred|sorry\b|"
    r"failed\b(?! \w+:)|failure\b:|unfortunately\b|unable to\b|could ?n[o']t\b|cannot\b|can't\b|"
    r"i (?:can(?:no|')t|could ?n[o']t|am unable|was unable)|"
    r"invalid\b|access denied\b|permission denied\b)",
    re.IGNORECASE,
)
#: how they say that what was to be changed is not there, or is not as it would have to be.
_NOTHING = re.compile(
    r"(?:oh no|oops)\b|there (?:is|are) (?:no|only)\b|no such\b|no \w+ (?:called|named|with)\b|"
    r"[^.:]{1,80} (?:not found|does ?n[o']t exist)\b",
    re.IGNORECASE,
)
LONGEST_REFUSAL = 300
#: the wanted state already holds, which is not a failure.
_HOLDS = re.compile(r"already (?:logged|signed) in", re.IGNORECASE)
#: a status by which an answer that holds nothing but a message says that the call failed.
_BAD = frozenset({"error", "failed", "failure"})
_TELLING = frozenset({"error", "message", "result", "detail", "reason", "status", "errors"})


Path = tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class _Place:
    """Where in a document a walk is."""

    path: Path = ()
    under: str = ""
    drawn: bool = False

    def item(self, number: int) -> _Place:
        return _Place((*self.path, (self.under, number)), self.under, self.drawn)


@dataclass(frozen=True, slots=True)
class Leaf:
    """One scalar of an observation. ``record`` numbers the record it belongs to.

    ``path`` is the list items it lies in, outermost first, as (key, place); ``under`` the key of
    the mapping or list it stands in, empty at the top. ``drawn`` is what stands in a table in text,
    which tells how things are and not what the call did.
    """

    field: str
    value: Any
    record: int
    raw: str = ""
    path: Path = ()
    under: str = ""
    drawn: bool = False

    @property
    def words(self) -> frozenset[str]:
        return frozenset(parts(self.field))

    def beside(self, path: Path) -> bool:
        """Whether this leaf and one at ``path`` tell of the same thing: one contains the other."""
        shorter = min(len(path), len(self.path))
        return path[:shorter] == self.path[:shorter]


#: as many answers as a session has steps at most: one less, and each look would find none of them.
KEPT_ANSWERS = 512


@lru_cache(maxsize=KEPT_ANSWERS)
def parse(text: str) -> Any:
    """Return the JSON of an observation: ``None`` for prose, what is whole of a cut list."""
    stripped = text.strip()
    if not stripped or stripped[0] not in "[{":
        return None
    try:
        return read_json(stripped)
    except ValueError:
        pass
    try:
        return read_cut(stripped)
    except ValueError:
        return None


@lru_cache(maxsize=KEPT_ANSWERS)
def leaves(text: str, tool: str) -> tuple[Leaf, ...]:
    """Return the scalars of an observation of ``tool``, in document order, at most 2,000."""
    value = parse(text)
    if value is None:
        value = tables.rows(text)
    found: list[Leaf] = []
    counter = [0]
    drawn = parse(text) is None
    for leaf in _walk(value, _subject(tool), "", counter, _Place(drawn=drawn)):
        found.append(leaf)
        if len(found) >= MAX_LEAVES:
            break
    return tuple(found)


def _subject(tool: str) -> str:
    """The thing a tool is about, each word once: names made of a path say it again and again."""
    words = dict.fromkeys(word for word in nouns(tool) if word != "id")
    return "_".join(words) or "_".join(nouns(tool))


def records(text: str, tool: str) -> list[dict[str, Any]]:
    """Return the records of an observation as flat mappings of named scalars."""
    grouped: dict[int, dict[str, Any]] = {}
    for leaf in leaves(text, tool):
        grouped.setdefault(leaf.record, {}).setdefault(leaf.field, leaf.value)
    return [record for record in grouped.values() if record]


def owned_records(text: str, tool: str) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Return each record with the identifier of what contains it: an address with its order's."""
    found = leaves(text, tool)
    grouped: dict[int, list[Leaf]] = {}
    for leaf in found:
        grouped.setdefault(leaf.record, []).append(leaf)
    answer = []
    for same in grouped.values():
        first = same[0]
        own = {leaf.field: leaf.value for leaf in reversed(same)}
        above = [
            leaf
            for leaf in found
            if leaf.record < first.record
            and leaf.path == first.path[: len(leaf.path)]
            and "id" in leaf.words
            and leaf.value not in (None, "")
        ]
        outer = next((leaf for leaf in above if leaf.field not in own), None)
        answer.append((own, {outer.field: outer.value} if outer else {}))
    return answer


def _walk(value: Any, noun: str, field: str, counter: list[int], at: _Place) -> Iterator[Leaf]:
    if isinstance(value, Mapping):
        if _keyed(value, at.under):
            for place, (key, item) in enumerate(value.items()):
                counter[0] += 1
                inner = at.item(place)
                yield Leaf(f"{noun}_id", key, counter[0], "key", inner.path, inner.under, at.drawn)
                yield from _walk_fields(item, noun, counter, inner)
            return
        if field:
            counter[0] += 1
        yield from _walk_fields(value, noun, counter, at)
    elif isinstance(value, list):
        for place, item in enumerate(value):
            counter[0] += 1
            if isinstance(item, Mapping):
                yield from _walk_fields(item, noun, counter, at.item(place))
            else:
                yield from _walk(item, noun, noun, counter, at.item(place))
    else:
        yield Leaf(field or noun, value, counter[0], field, at.path, at.under, at.drawn)


def _walk_fields(value: Any, noun: str, counter: list[int], at: _Place) -> Iterator[Leaf]:
    """Yield a record's own scalars first, so that they share its number, then what it contains."""
    if not isinstance(value, Mapping):
        yield from _walk(value, noun, noun, counter, at)
        return
    own = counter[0]
    nested = []
    drawn: list[tuple[str, list[dict[str, str]]]] = []
    for key, item in value.items():
        if isinstance(item, (Mapping, list)):
            nested.append((str(key), item))
        else:
            yield Leaf(_named(str(key), noun), item, own, str(key), at.path, at.under, at.drawn)
            if isinstance(item, str) and (rows := tables.rows(item)):
                drawn.append((str(key), rows))
    for key, item in nested:
        yield from _walk(item, _noun(key, noun), key, counter, _Place(at.path, key, at.drawn))
    for key, rows in drawn:
        yield from _walk(rows, noun, key, counter, _Place(at.path, key, drawn=True))


def _keyed(value: Mapping[str, Any], under: str) -> bool:
    """Whether a mapping is a table keyed by identifier: records of one shape under unlike keys.

    A single record is one where its key has a digit, or where it stands ``under`` a name for many:
    ``credit_card_list``, ``orders``.
    """
    items = list(value.values())
    if not items or not all(isinstance(i, Mapping) and i for i in items):
        return False
    if len(items) == 1:
        return _names_many(under) or bool(re.search(r"\d", next(iter(value))))
    shapes = {frozenset(i) for i in items}
    return len(shapes) == 1 or all(re.search(r"\d", key) for key in value)


def _names_many(key: str) -> bool:
    words = parts(key)
    telling = [w for w in words if w not in _CONTAINER]
    listed = {"list", "history"} & set(words)
    return bool(telling and (listed or (plural(key) and words[-1] == telling[-1])))


def _noun(key: str, parent: str) -> str:
    words = [w for w in parts(key) if w not in _CONTAINER]
    return "_".join(words) or parent


def _named(key: str, noun: str) -> str:
    words = parts(key)
    if len(words) == 1 and words[0] in GENERIC and noun:
        return f"{noun}_{words[0]}"
    return key


def schema_fields(schema: Mapping[str, Any] | None, tool: str) -> list[tuple[str, str]]:
    """Return (field, JSON type) of the scalars an output schema promises."""
    if not schema:
        return []
    return list(_schema_walk(schema, _subject(tool), 0))


def _schema_walk(schema: Mapping[str, Any], noun: str, depth: int) -> Iterator[tuple[str, str]]:
    if depth > 5:
        return
    items = schema.get("items")
    if isinstance(items, Mapping):
        if items.get("properties"):
            yield from _schema_walk(items, noun, depth + 1)
        else:
            yield noun, kind(items)
    for key, inner in _promised(schema):
        type_ = kind(inner)
        if type_ in ("object", "array"):
            child = _noun(key, noun)
            if type_ == "object":
                yield f"{child}_id", "string"
            yield from _schema_walk(inner, child, depth + 1)
        else:
            yield _named(key, noun), type_


def listed_fields(schema: Mapping[str, Any] | None) -> list[tuple[str, str]]:
    """Return (property, field) of the lists of plain values an output schema promises."""
    return [
        (key, _noun(key, key))
        for key, inner in _promised(schema or {})
        if isinstance(inner.get("items"), Mapping) and inner["items"].get("type") == "string"
    ]


def _promised(schema: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    """The properties of a schema nobody checked, without what is no schema."""
    found = schema.get("properties")
    pairs = found.items() if isinstance(found, Mapping) else ()
    return [(str(key), inner) for key, inner in pairs if isinstance(inner, Mapping)]


def failure(step: Step) -> str:
    """Return what went wrong in a step, or an empty string.

    A tool can fail without saying so in the protocol: an ``error`` field, or a status of false or a
    telling message from a tool that was asked to change something.
    """
    if step.is_error:
        return step.observation.strip() or "the call failed without a message"
    value = parse(step.observation)
    if value is None:
        return _prose(step)
    scopes = value if isinstance(value, list) else [value]
    for scope in scopes[:1]:
        if isinstance(scope, str) and scope.lower().startswith("error"):
            return scope
        if not isinstance(scope, Mapping):
            continue
        for key, item in scope.items():
            name = parts(str(key))
            if "error" in name and item:
                return item if isinstance(item, str) else json.dumps(item, ensure_ascii=False)
        if reason := _soft(step.tool, scope):
            return reason
    return ""


def _prose(step: Step) -> str:
    """Return what an answer in plain words says went wrong, or an empty string.

    An apology or an error in its first words is one from any tool. That something is not there, or
    cannot be, is one only from a tool that was asked to change something, and said in a line.
    """
    said = " ".join(step.observation.split())
    if _APOLOGY.match(said):
        return said
    changes = not reads(parts(step.tool))
    short = changes and len(said) <= LONGEST_REFUSAL and "\n" not in step.observation.strip()
    return said if short and _NOTHING.match(said) else ""


def _soft(tool: str, scope: Mapping[str, Any]) -> str:
    reading = reads(parts(tool))
    if str(scope.get("status")).lower() in _BAD and set(scope) <= _TELLING | {"code"}:
        # A record of something that failed says more than that; this is the call's own answer.
        texts = [v for k, v in scope.items() if isinstance(v, str) and k not in ("status", "code")]
        return texts[0] if texts else str(scope["status"])
    for key, item in scope.items():
        name = parts(str(key))
        # Looked into last: a session asks this of each of its answers again and again.
        may_tell = not reading and isinstance(item, str) and len(item) < 300
        if may_tell and _TELLING & set(name) and _FAILED.search(item) and not _HOLDS.search(item):
            return str(item)
        if item is False and not reading and {"status", "success", "ok"} & set(name):
            telling = [v for k, v in scope.items() if isinstance(v, str) and k != key]
            return telling[0] if telling else f"{key} is false"
    return ""


def is_empty(text: str) -> bool:
    """Whether an observation holds nothing: no text, or only empty lists and nulls.

    An empty string in a named field is an answer (an empty file), not an absence.
    """
    value = parse(text)
    if value is None:
        return not text.strip() or text.strip() in ("[]", "{}", "null")
    return not _anything(value)


def _anything(value: Any) -> bool:
    if isinstance(value, Mapping):
        told = [v for v in value.values() if not isinstance(v, (bool, int, float))]
        return any(_anything(v) for v in told) if told else bool(value)
    if isinstance(value, list):
        return bool(value)
    return value is not None


def noun_of(field: str) -> str:
    """Return the noun a field name is about: ``order_id`` gives ``order``."""
    words = [w for w in parts(field) if w not in GENERIC]
    return " ".join(singular(w) for w in words)
