"""Which observed values and which tools can fill a parameter.

A parameter and a field belong together when their words do: ``order_id`` and the ``id`` of an
``orders`` record, ``receiver_id`` described as "User ID of …" and ``user_id``.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from practice.agents.rules import schema
from practice.agents.rules.documents import listed_fields, schema_fields
from practice.agents.rules.words import (
    GENERIC,
    LIST_VERBS,
    content,
    first_sentence,
    many,
    nouns,
    parts,
)
from practice.domain.types import ToolSpec

STRONG = 0.7
WEAK = 0.45
#: tools at least this much alike work on the same things.
RELATED = 0.12
#: how tools that make a thing say which one: "Register a new user request and …".
_MAKES = re.compile(
    r"(?:create|register|add|open|make)s? (?:an? )?new ((?:\w+ ){0,2}?\w+)"
    r"(?= (?:to|for|in|of|and|with|under|from)\b|[,.;]|$)",
    re.IGNORECASE,
)
_KEYS = frozenset({"id", "name", "key", "code", "number", "symbol"})


@dataclass(frozen=True, slots=True)
class Producer:
    """A tool whose result can fill a parameter, through ``field``; ``score`` is 0..1."""

    tool: ToolSpec
    field: str
    score: float


def match(tool: ToolSpec, parameter: str, field: str) -> float:
    """Return how well a result field fills ``parameter`` of ``tool``, 0 (not at all) to 1."""
    vague = set(parts(parameter)) <= GENERIC
    about = abouts(tool, parameter) if vague else frozenset()
    wanted = _meanings(tool.name, parameter, str(_text(tool, parameter)), about)
    have = frozenset(parts(field))
    # The last telling word says what a field is: a file_content is no file.
    head = [w for w in parts(field) if w not in GENERIC][-1:]
    return max(
        (_alike(words, have) * weight for words, weight in wanted if set(head) <= words),
        default=0.0,
    )


def abouts(tool: ToolSpec, parameter: str) -> frozenset[str]:
    """Return the things a ``key`` or an ``id`` may be of: what its tool is named after, or handles.

    Not what another parameter names: the key of "put a label on an issue", which takes a label as
    well, is the issue's.
    """
    does = first_sentence(tool.description).lower()
    told = re.findall(r"\b(?:an?|the|one) (?:\w+ing |\w+ed )?([a-z]+)\b", does)
    others = {w for n in tool.parameters if n != parameter for w in parts(n)}
    found = frozenset([*nouns(tool.name), *(w for noun in told for w in parts(noun))])
    return found - others or frozenset(nouns(tool.name))


def _text(tool: ToolSpec, parameter: str) -> str:
    return str(tool.parameters.get(parameter, {}).get("description", ""))


@lru_cache(maxsize=8192)
def _meanings(
    tool: str, parameter: str, description: str, about: frozenset[str]
) -> tuple[tuple[frozenset[str], float], ...]:
    """Return the word sets a parameter may be about, the literal one first, with weights."""
    own = [w for w in parts(parameter) if not w.isdigit()]
    found: list[tuple[frozenset[str], float]] = []
    if not set(own) <= GENERIC:
        found.append((frozenset(own), 1.0))
    if set(own) <= GENERIC:
        named = nouns(tool)
        found += [(frozenset([w, *own]), 0.95 if w in named else 0.85) for w in sorted(about)]
        found.append((frozenset([*about, *own]), 0.95))
    text = description.lower()
    keys = "|".join(_KEYS)
    for noun, key in re.findall(rf"\b([a-z]+)[ -]({keys})\b", text):
        found.append((frozenset([*parts(noun), key]), 0.9))
    owned = rf"\b({keys}|username)s? of (?:the |a |an )?(?:[a-z]+ing )?([a-z]+)"
    for key, noun in re.findall(owned, text):
        if key == "id" or "id" not in own:
            found.append((frozenset([*parts(noun), key]), 0.9))
    for noun in re.findall(r"\bidentif\w+ (?:the |a |an )?([a-z]+)", text):
        found += [(frozenset(parts(noun)), 0.8)]
    if head := re.match(r"(?:the |a |an )?([a-z]+) of\b", text):
        found.append((frozenset(parts(head.group(1))), 0.85))
    if "id" not in own:
        told = content(first_sentence(description)) & content(" ".join(own))
        found.extend((frozenset([word]), 0.8) for word in told)
    return tuple(found)


def _alike(wanted: frozenset[str], have: frozenset[str]) -> float:
    if not wanted or not have:
        return 0.0
    if wanted == have:
        return 1.0
    if ("id" in wanted) != ("id" in have) and ("id" in wanted or "name" in wanted):
        return 0.0
    core, offered = wanted - GENERIC, have - GENERIC
    # The status of an order is no order ID: what a word qualifies has to be the same.
    special = (wanted & GENERIC) - _KEYS
    if special and not special & have:
        return 0.0
    if core and core == offered:
        if not wanted & _KEYS:
            if have & GENERIC - _KEYS and not wanted & GENERIC:
                return 0.5  # the status of a parcel is no parcel
            # The key of a project says which one it is, its name how it is called.
            return 0.85 if not have & GENERIC or have & _KEYS - {"name"} else 0.82
        return 0.85 if wanted & have & _KEYS else 0.5
    if core and offered and (core < offered or offered < core):
        return 0.72 if wanted & have & _KEYS else 0.5
    return 0.0


def producers(tool: ToolSpec, parameter: str, tools: Sequence[ToolSpec]) -> list[Producer]:
    """Return tools whose results can fill ``parameter``, best first.

    Output schemas are read where there are any; otherwise a list, search or create tool named after
    the same noun counts. A tool that itself needs the parameter cannot produce it. Found once per
    list of tools.
    """
    kin = kinship(tools)
    asked = (tool.name, parameter)
    if asked not in kin.producers:
        kin.producers[asked] = _producers(tool, parameter, tools, kin)
    return list(kin.producers[asked])


def _producers(
    tool: ToolSpec, parameter: str, tools: Sequence[ToolSpec], kin: _Kinship
) -> list[Producer]:
    wanted = tool.parameters.get(parameter, {})
    found: list[Producer] = []
    for other in tools:
        if other.name == tool.name or parameter in other.required:
            continue
        best = ("", 0.0)
        told = schema_fields(other.promised, other.name)
        for field, type_ in told:
            if type_ == "boolean" or not _types_meet(schema.kind(wanted), type_):
                continue
            score = match(tool, parameter, field)
            if score > best[1]:
                best = (field, score)
        if not best[1]:
            best = _by_description(tool, parameter, other)
        if not best[1] and _is_open(other.promised, told):
            best = _by_filter(parameter, other) or _by_noun(tool, parameter, other)
        if best[1] >= WEAK:
            found.append(Producer(other, best[0], best[1]))
    return sorted(
        found,
        key=lambda p: (
            -round(p.score + 0.15 * kin(tool.name, p.tool.name) + _ease(p.tool), 3),
            p.tool.name,
        ),
    )


def _is_open(promised: Mapping[str, Any] | None, told: Sequence[tuple[str, str]]) -> bool:
    """Whether a tool may answer with more than its output schema says.

    It has none, or one with a list or an object of which nothing is said.
    """
    if not promised or not told:
        return True
    fields = promised.get("properties")
    inner = fields.values() if isinstance(fields, Mapping) else ()
    if isinstance(fields, Mapping) and [*fields] == ["result"] and schema.kind(*inner) == "string":
        return True  # words of which nothing is said
    return any(isinstance(one, Mapping) and _says_nothing(one) for one in inner)


def _says_nothing(one: Mapping[str, Any]) -> bool:
    kind = schema.kind(one)
    if kind not in ("array", "object"):
        return False
    of = schema.items_of(one) if kind == "array" else one
    return not of.get("properties") and ("type" not in of or schema.kind(of) == "object")


def _ease(tool: ToolSpec) -> float:
    """Prefer a tool that asks for little and changes nothing."""
    reads = 0.2 if schema.is_read(tool) else 0.0
    lists = 0.1 if LIST_VERBS & set(parts(tool.name)) else 0.0
    guessed = [n for n in tool.required if schema.role(tool, n) is schema.Role.TEXT]
    return reads + lists - 0.08 * len(tool.required) - 0.4 * len(guessed)


def _by_description(tool: ToolSpec, parameter: str, other: ToolSpec) -> tuple[str, float]:
    """A tool that lists the place a parameter's description names ("in the current directory")."""
    if not schema.is_read(other) or other.required or not other.output_schema:
        return "", 0.0
    about = content(_text(tool, parameter))
    for key, field in listed_fields(other.promised):
        words = content(key.replace("_", " ")) - {"content", "list"}
        if len(words) >= 2 and words <= about:
            return field, 0.6
        if words & about and LIST_VERBS & set(parts(first_sentence(other.description))):
            return field, WEAK + 0.01
    return "", 0.0


def _by_filter(parameter: str, other: ToolSpec) -> tuple[str, float] | None:
    """A listing that may be narrowed by an identifier shows it, where it can be called without."""
    filters = parameter in other.parameters and parameter not in other.required
    lists = LIST_VERBS & set(parts(other.name)) and schema.is_read(other)
    names = {"id", "number", "key"} & set(parts(parameter))
    return (parameter, 0.75) if filters and lists and names and not other.required else None


def _by_noun(tool: ToolSpec, parameter: str, other: ToolSpec) -> tuple[str, float]:
    keyed = {"id", "number", "key", "name"} & set(parts(parameter))
    if not keyed and schema.role(tool, parameter) is not schema.Role.ENTITY:
        return "", 0.0
    about = set(parts(parameter)) - GENERIC or abouts(tool, parameter)
    named = LIST_VERBS & set(parts(other.name)) and about & set(nouns(other.name))
    # "beds_page" and "wards" list beds and wards.
    plain = schema.is_read(other) and not other.required
    lists = bool(named or (plain and about & many(other.name)))
    made = _MAKES.match(other.description.strip())
    makes = made and "id" in parts(parameter) and about & set(parts(made.group(1))[-1:])
    return (parameter, 0.75) if lists or makes else ("", 0.0)


def _types_meet(wanted: str, have: str) -> bool:
    numbers = {"integer", "number"}
    if wanted in numbers:
        return have in numbers
    if wanted in ("string", "array"):
        return have in ("string", "integer", "")
    return have == wanted


def cursor_parameter(tool: ToolSpec, field: str) -> str:
    """Return the parameter that takes the value of a next-page field, or an empty string."""
    words = set(parts(field)) - {"next"}
    names = [n for n in tool.parameters if words and words <= set(parts(n))]
    if names:
        # ``page`` rather than ``page_size``
        return min(names, key=lambda n: len(parts(n)))
    paging = {"cursor", "page", "offset", "token", "start", "after"}
    return next((n for n in tool.parameters if paging & set(parts(n))), "")


class _Kinship:
    """How alike two tools are: shared words of names, parameters and descriptions, weighted."""

    def __init__(self, tools: Sequence[ToolSpec]) -> None:
        self._words = {t.name: _vocabulary(t) for t in tools}
        counts = Counter(w for words in self._words.values() for w in words)
        total = len(tools) + 1
        self._weights = {w: math.log(total / n) for w, n in counts.items()}
        self._scores: dict[tuple[str, str], float] = {}
        #: (tool, parameter) → what can fill it; filled by ``producers``.
        self.producers: dict[tuple[str, str], list[Producer]] = {}

    def __call__(self, first: str, second: str) -> float:
        """Return 0..1; 1 for a tool and itself."""
        pair = (first, second)
        if pair not in self._scores:
            a, b = self._words.get(first, frozenset()), self._words.get(second, frozenset())
            union = self._weigh(a | b)
            self._scores[pair] = self._weigh(a & b) / union if union else 0.0
        return self._scores[pair]

    def about(self, text: Iterable[str], tool: str) -> float:
        """Return the weight of the words of ``text`` (stems) that ``tool`` is named after."""
        return self._weigh(frozenset(text) & self._words.get(tool, frozenset()))

    def weight(self, word: str) -> float:
        return self._weights.get(word, 0.0)

    def _weigh(self, words: frozenset[str]) -> float:
        # fsum: a set has no order, and a plain sum would differ between processes.
        return math.fsum(self._weights.get(w, 0.0) for w in words)


def _vocabulary(tool: ToolSpec) -> frozenset[str]:
    names = " ".join(tool.parameters)
    return content(f"{tool.name} {tool.description} {names}".replace("_", " "))


_KIN: dict[tuple[int, ...], tuple[tuple[ToolSpec, ...], _Kinship]] = {}


def kinship(tools: Sequence[ToolSpec]) -> _Kinship:
    """Return the kinship of a tool list, computed once per list."""
    # The very tools are kept with the answer, so that their addresses name them for good.
    key = tuple(map(id, tools))
    if key not in _KIN:
        if len(_KIN) > 8:
            _KIN.clear()
        _KIN[key] = (tuple(tools), _Kinship(tools))
    return _KIN[key][1]
