"""Which tool makes what another tool takes away."""

from __future__ import annotations

from collections.abc import Sequence

from practice.agents.rules import schema
from practice.agents.rules.documents import schema_fields
from practice.agents.rules.errors import UNDOING
from practice.agents.rules.linking import STRONG, kinship, match
from practice.agents.rules.words import parts
from practice.domain.types import ToolSpec


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
        signs_in = {"login", "authenticate"} & set(parts(other.name))
        if "logout" in parts(tool.name):
            score += 1.0 if signs_in else -1.0
        if score > best[0]:
            best = (score, other)
    return best[1]


def shown(source: ToolSpec, tool: ToolSpec, name: str) -> str:
    """Return the result field of ``source`` that fills a parameter of ``tool``, or nothing."""
    fields = [f for f, _ in schema_fields(source.output_schema, source.name)]
    best = max(fields, key=lambda f: match(tool, name, f), default="")
    return best if best and match(tool, name, best) >= STRONG else ""


def same_parameter(tool: ToolSpec, name: str, maker: ToolSpec) -> str:
    """Return the parameter of ``maker`` that means the same as ``name`` of ``tool``."""
    if name in maker.parameters:
        return name
    words = set(parts(name))
    for other in maker.required:
        shared = words & set(parts(other))
        if len(shared) >= 2 or (shared and len(words) == 1):
            return other
    return ""
