"""Langfuse exports: traces with ``observations``, or rows of observations with a ``traceId``.

Observation types are SPAN, GENERATION and EVENT, and since 2025 also TOOL, AGENT and others. An
export without TOOL names its tools by spans that hold nothing: those are read as tool calls.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from practice.domain.deployment import NotATrajectory
from practice.domain.traces.rows import Row, by_trace, read, span

MODELS = {"GENERATION", "EMBEDDING"}
TOOLS = {"TOOL", "RETRIEVER"}


def trajectories(rows: Iterable[Any]) -> Iterator[Mapping[str, Any] | NotATrajectory]:
    """Yield each trace as a native trajectory, or why it is none."""
    loose = []
    for row in rows:
        if isinstance(row, Mapping) and isinstance(row.get("observations"), list):
            observations = [one for one in row["observations"] if isinstance(one, Mapping)]
            yield _trace(str(row.get("id") or ""), observations, row)
        else:
            loose.append(row)
    for found in by_trace(loose, "traceId", "trace_id"):
        yield found if isinstance(found, NotATrajectory) else _trace(*found, {})


def _trace(trace: str, rows: list[Row], top: Row) -> Mapping[str, Any] | NotATrajectory:
    if not trace:
        return NotATrajectory("A trace has no id.")
    kinds = [str(row.get("type", "")).upper() for row in rows]
    parents = {_parent(row) for row in rows}
    bare = not TOOLS & set(kinds)
    spans = []
    for place, (row, kind) in enumerate(zip(rows, kinds, strict=True)):
        own = str(row.get("id") or place)
        is_tool = kind in TOOLS or (bare and kind == "SPAN" and own not in parents)
        family = "TOOL" if is_tool else "LLM" if kind in MODELS else "CHAIN"
        ids = (trace, own, _parent(row))
        failed = str(row.get("level", "")).upper() == "ERROR"
        said = {
            "openinference.span.kind": family,
            "input.value": row.get("input"),
            "output.value": row.get("output", row.get("statusMessage") if failed else None),
        }
        if family == "LLM":
            said |= {"gen_ai.prompt": row.get("input"), "gen_ai.completion": row.get("output")}
        name = str(row.get("name") or kind.lower())
        spans.append(span(row, ids=ids, name=name, failed=failed, said=said))
    if not spans:
        return NotATrajectory(f"{trace[:80]}: The trace has no observations.")
    if top:
        # The trace itself says what was asked and answered.
        said = {"input.value": top.get("input"), "output.value": top.get("output")}
        spans.insert(0, span(top, ids=(trace, "trace", ""), name="", failed=False, said=said))
    return read(trace, spans, outcome=_outcome(top))


def _parent(row: Row) -> str:
    return str(row.get("parentObservationId") or row.get("parent_observation_id") or "")


def _outcome(top: Row) -> str:
    """A score named success or outcome, as a word; other scores say other things."""
    scores = top.get("scores")
    for score in scores if isinstance(scores, list) else []:
        if isinstance(score, Mapping) and score.get("name") in ("success", "outcome"):
            value = score.get("value", score.get("stringValue"))
            if value in (1, 1.0, True, "success"):
                return "success"
            if value in (0, 0.0, False, "failure"):
                return "failure"
    return ""
