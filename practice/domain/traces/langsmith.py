"""LangSmith exports: rows of runs, a tree by ``parent_run_id`` or by ``dotted_order``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from practice.domain.deployment import NotATrajectory
from practice.domain.traces.rows import Row, by_trace, read, span

FAMILIES = {"tool": "TOOL", "retriever": "TOOL", "llm": "LLM"}
UUID_CHARS = 36


def trajectories(rows: Iterable[Any]) -> Iterator[Mapping[str, Any] | NotATrajectory]:
    """Yield each trace as a native trajectory, or why it is none."""
    for found in by_trace(rows, "trace_id", "session_trace_id", "id"):
        if isinstance(found, NotATrajectory):
            yield found
        else:
            trace, runs = found
            yield read(trace, [_span(trace, run) for run in runs])


def _span(trace: str, run: Row) -> Any:
    kind = str(run.get("run_type", "")).lower()
    given, made, error = run.get("inputs"), run.get("outputs"), run.get("error")
    family = FAMILIES.get(kind, "CHAIN")
    said = {
        "openinference.span.kind": family,
        "input.value": _inner(given, "input"),
        "output.value": _inner(made, "output") or error,
        "error.type": str(error)[:300] if error else None,
    }
    if family == "LLM":
        said |= {"gen_ai.prompt": _talk(given), "gen_ai.completion": _talk(made)}
    ids = (trace, str(run.get("id") or ""), _parent(run))
    failed = bool(error) or run.get("status") == "error"
    return span(run, ids=ids, name=str(run.get("name") or kind), failed=failed, said=said)


def _parent(run: Row) -> str:
    """The parent's id; older exports have only the dotted order, ids after their start times."""
    if run.get("parent_run_id"):
        return str(run["parent_run_id"])
    order = str(run.get("dotted_order") or "").split(".")
    return order[-2][-UUID_CHARS:] if len(order) > 1 else ""


def _inner(value: Any, name: str) -> Any:
    """What a run was given or made, without the wrapper of one field that tools have."""
    if isinstance(value, Mapping):
        if set(value) <= {name, "type"} and name in value:
            value = value[name]
        if isinstance(value, Mapping) and isinstance(value.get("kwargs"), Mapping):
            value = value["kwargs"].get("content", value["kwargs"])
        elif isinstance(value, Mapping) and {"content", "type"} <= set(value):
            value = value["content"]
    return value


def _talk(value: Any) -> Any:
    """The messages of a model run, out of the lists LangChain nests them in."""
    found = value.get("messages", value.get("generations")) if isinstance(value, Mapping) else value
    while isinstance(found, list) and len(found) == 1 and isinstance(found[0], list):
        found = found[0]
    if not isinstance(found, list):
        return value
    return [_message(one) for one in found if isinstance(one, Mapping)]


def _message(one: Row) -> Row:
    inner = one.get("message") if isinstance(one.get("message"), Mapping) else one
    body = inner.get("kwargs") if isinstance(inner, Mapping) else None
    found = body if isinstance(body, Mapping) else inner
    if not isinstance(found, Mapping):
        return {}
    who = {"human": "user", "ai": "assistant"}.get(str(found.get("type")), found.get("role"))
    return {**found, "role": who or found.get("type") or "assistant"}
