"""LangSmith exports: rows of runs, a tree by ``parent_run_id`` or by ``dotted_order``.

LangSmith's SDK nests runs under ``child_runs`` and calls them ``id``; its command line writes
``run_id``, and puts those of one trace under ``runs``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from practice.domain.deployment import NotATrajectory
from practice.domain.traces.counts import WHOLE, cost_of, sum_of_kinds, tokens
from practice.domain.traces.rows import USAGE, Row, by_trace, read, span

FAMILIES = {"tool": "TOOL", "retriever": "TOOL", "llm": "LLM"}
UUID_CHARS = 36
#: what holds the runs under a run, or all those of a trace.
NESTED = ("child_runs", "runs")


def trajectories(
    rows: Iterable[tuple[int, Any]],
) -> Iterator[Mapping[str, Any] | NotATrajectory]:
    """Yield each trace of rows, which come with their places, as a trajectory, or why not."""
    for found in by_trace(_runs(rows), "trace_id", "session_trace_id", "id", "run_id"):
        if isinstance(found, NotATrajectory):
            yield found
        else:
            trace, runs, place = found
            spans = [_span(trace, run) for run in runs]
            yield read(trace, spans, place=place, cost=_whole_cost(runs))


def _runs(rows: Iterable[tuple[int, Any]]) -> Iterator[tuple[int, Any]]:
    """Every run with the place of the row it came in, also those under another."""
    for place, row in rows:
        waiting = [row]
        while waiting:
            run = waiting.pop()
            held = run if isinstance(run, Mapping) else {}
            lists = (held[name] for name in NESTED if isinstance(held.get(name), list))
            under: list[Any] = next(lists, [])
            about = {"trace_id": held["trace_id"]} if "trace_id" in held else {}
            inner = [about | one for one in reversed(under) if isinstance(one, dict)]
            waiting.extend(inner)
            if not inner or "run_type" in held:
                yield place, run


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
        said |= {"gen_ai.prompt": given, "gen_ai.completion": made}
        said |= dict(zip(USAGE, (*_tokens(run), _cost(run)), strict=True))
    ids = (trace, str(run.get("id") or run.get("run_id") or ""), _parent(run))
    failed = bool(error) or run.get("status") == "error" or _says_error(made)
    return span(run, ids=ids, name=str(run.get("name") or kind), failed=failed, said=said)


def _tokens(run: Row) -> tuple[int, int]:
    """The tokens of a call of a model: of the run, or of what the model itself says of it."""
    made = run.get("outputs")
    held = (
        run,
        run.get("token_usage"),
        made.get("usage_metadata") if isinstance(made, Mapping) else None,
    )
    for about in (one for one in held if isinstance(one, Mapping)):
        for names in (("prompt_tokens", "completion_tokens"), ("input_tokens", "output_tokens")):
            given, wrote = (tokens(about, name) for name in names)
            if given or wrote:
                return given, wrote
    return 0, 0


def _cost(run: Row) -> Any:
    """What stands where the cost of a call of a model should, whoever says it."""
    made = run.get("outputs")
    held = (run, made.get("usage_metadata") if isinstance(made, Mapping) else None)
    for about in (one for one in held if isinstance(one, Mapping)):
        if about.get("total_cost") is not None:
            return about["total_cost"]
        for names in (("prompt_cost", "completion_cost"), ("input_cost", "output_cost")):
            parts = {name: about[name] for name in names if about.get(name) is not None}
            if parts:
                return sum_of_kinds(parts)
    return None


def _whole_cost(runs: Iterable[Row]) -> Decimal | None:
    """What the one run above all others says that they cost together."""
    tops = [run for run in runs if not _parent(run)]
    return cost_of(tops[0].get("total_cost"), most=WHOLE) if len(tops) == 1 else None


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


def _says_error(made: Any) -> bool:
    """A tool that answers with a message may say there that it failed."""
    said = made.get("output") if isinstance(made, Mapping) else None
    if isinstance(said, Mapping) and isinstance(said.get("kwargs"), Mapping):
        said = said["kwargs"]
    return isinstance(said, Mapping) and said.get("status") == "error"
