"""Which tool makes what another tool takes away."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from practice.agents.rules import schema
from practice.agents.rules.documents import schema_fields
from practice.agents.rules.errors import UNDOING
from practice.agents.rules.linking import STRONG, Producer, kinship, match
from practice.agents.rules.schema import Role
from practice.agents.rules.words import GENERIC, content, first_sentence, parts, stem
from practice.domain.types import ToolSpec

#: two words for one thing, wherever files are kept.
_SAME = {"dir": "folder", "directory": "folder", "filename": "file", "document": "file"}
_MOVING = frozenset({"move", "rename", "change", "transfer"})
_STORED = frozenset({"file", "folder"})


def maker(tool: ToolSpec, tools: Sequence[ToolSpec]) -> ToolSpec | None:
    """Return the tool that makes what ``tool`` takes away: same subject, opposite verb."""
    best: tuple[float, ToolSpec | None] = (1.0, None)
    kin = kinship(tools)
    for other in tools:
        if schema.is_read(other) or UNDOING & set(parts(other.name)):
            continue
        score = 2 * kin(tool.name, other.name)
        score += 0.7 * len(set(parts(tool.name)) & set(parts(other.name)))
        score += sum(bool(shown(other, tool, n)) for n in tool.required)
        score += sum(bool(same_parameter(tool, n, other)) for n in tool.required)
        score += any(bool(named_by(other, tool, n)) for n in tool.required)
        signs_in = {"login", "authenticate"} & set(parts(other.name))
        if "logout" in parts(tool.name):
            score += 1.0 if signs_in else -1.0
        if score > best[0]:
            best = (score, other)
    return best[1]


def takes_away(tool: ToolSpec) -> bool:
    """Whether what a tool was used on is gone, or somewhere else, afterwards."""
    does = tool.description.lower().split()[:1]
    return bool(UNDOING & set(parts(tool.name)) or _MOVING & {*does, *parts(tool.name)[:1]})


def makes(source: Producer) -> bool:
    """Whether a source of values makes a new thing, rather than showing what there is."""
    changes = not schema.is_read(source.tool) and not UNDOING & set(parts(source.tool.name))
    return changes and source.score >= STRONG and "id" in parts(source.field)


def lists_what_it_adds(tool: ToolSpec, listing: ToolSpec) -> bool:
    """Whether ``listing`` shows what ``tool`` was used on or made: ``following`` for ``follow``."""
    verb, *_ = parts(tool.name) or ("",)
    if schema.is_read(tool) or not schema.is_read(listing) or UNDOING & {verb}:
        return False
    asks_for_result = any("id" in parts(n) and shown(tool, listing, n) for n in listing.parameters)
    return asks_for_result or stem(verb) in {stem(w) for w in parts(listing.name)}


def named_by(other: ToolSpec, tool: ToolSpec, name: str) -> str:
    """Return the parameter of ``other`` that names a new thing ``name`` of ``tool`` may stand for.

    The words of the parameter decide; where they name no thing ("source"), its description does.
    Nothing where ``other`` makes no such thing.
    """
    moves = any("source" in parts(n) for n in other.parameters)
    if schema.is_read(other) or moves or other.name == tool.name or "id" in parts(name):
        return ""
    if "path" in parts(name) and _kept(tool) and _kept(other) and _kept(tool) != _kept(other):
        return ""  # nothing is listed in a file
    about = _things(parts(name))
    text = str(tool.parameters.get(name, {}).get("description", ""))
    told = _things(re.findall(r"[a-z]+", first_sentence(text).lower()))
    for new in other.parameters:
        if schema.role(other, new) is not Role.NEW:
            continue
        made = _things(parts(new))
        described = not about & _STORED and made <= _STORED and made & told
        if new == name or made & about or described:
            return new
    return ""


def _kept(tool: ToolSpec) -> str:
    """Whether a tool is named after files or folders; empty where after neither or both."""
    found = _things(parts(tool.name)) & _STORED
    return next(iter(found)) if len(found) == 1 else ""


def _things(words: Iterable[str]) -> frozenset[str]:
    plain = (_SAME.get(w, w) for w in words if not w.isdigit())
    return frozenset(plain) - GENERIC


def shown(source: ToolSpec, tool: ToolSpec, name: str) -> str:
    """Return the result field of ``source`` that fills a parameter of ``tool``, or nothing."""
    fields = [f for f, _ in schema_fields(source.promised, source.name)]
    best = max(fields, key=lambda f: match(tool, name, f), default="")
    return best if best and match(tool, name, best) >= STRONG else ""


def same_parameter(tool: ToolSpec, name: str, maker: ToolSpec) -> str:
    """Return the parameter of ``maker`` that means the same as ``name`` of ``tool``."""
    if name in maker.parameters:
        return name
    text = str(tool.parameters.get(name, {}).get("description", ""))
    if len(maker.required) == 1 and content(maker.required[0]) <= content(first_sentence(text)):
        return maker.required[0]
    words = set(parts(name))
    for other in maker.required:
        shared = words & set(parts(other))
        if len(shared) >= 2 or (shared and len(words) == 1):
            return other
    return ""
