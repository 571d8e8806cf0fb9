"""Langfuse exports: traces with ``observations``, or rows of observations with a ``traceId``.

Observation types are SPAN, GENERATION and EVENT, and since 2025 also TOOL, AGENT and others. An
export without TOOL names its tools by spans that hold nothing: those are read as tool calls.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from practice.domain.deployment import NotATrajectory
from practice.domain.traces import called
from practice.domain.traces.counts import WHOLE, cost_of, sum_of_kinds, tokens, tokens_of_kinds
from practice.domain.traces.messages import parsed
from practice.domain.traces.rows import USAGE, Row, by_trace, identity, read, span

#: An EMBEDDING puts out numbers, which nobody says.
MODELS = {"GENERATION"}
TOOLS = {"TOOL", "RETRIEVER"}
#: attributes of a tool's span that name the tool.
SPAN_NAMES = ("gen_ai.tool.name", "ai.toolCall.name")
#: What a score says, by the word it says it with; scores of yes and no say True and False.
OUTCOMES = {"success": "success", "failure": "failure", "true": "success", "false": "failure"}


def trajectories(
    rows: Iterable[tuple[int, Any]],
) -> Iterator[Mapping[str, Any] | NotATrajectory]:
    """Yield each trace of rows, which come with their places, as a trajectory, or why not."""
    loose = []
    for place, row in rows:
        if isinstance(row, Mapping) and isinstance(row.get("observations"), list):
            observations = [one for one in row["observations"] if isinstance(one, Mapping)]
            yield _trace(identity(row.get("id")), observations, place, row)
        else:
            loose.append((place, row))
    for found in by_trace(loose, "traceId", "trace_id"):
        yield found if isinstance(found, NotATrajectory) else _trace(*found)


def _trace(
    trace: str, rows: list[Row], place: int, top: Row | None = None
) -> Mapping[str, Any] | NotATrajectory:
    """One trace, whose first row is at ``place``; ``top`` is the trace itself where it is there."""
    if not trace:
        return NotATrajectory(f"The trace in row {place + 1} has no id.", place=place)
    kinds = [str(row.get("type", "")).upper() for row in rows]
    parents = {_parent(row) for row in rows}
    bare = not TOOLS & set(kinds)
    spans = []
    for number, (row, kind) in enumerate(zip(rows, kinds, strict=True)):
        own = str(row.get("id") or number)
        is_tool = kind in TOOLS or (bare and kind == "SPAN" and own not in parents)
        family = "TOOL" if is_tool else "LLM" if kind in MODELS else "CHAIN"
        ids = (trace, own, _parent(row))
        failed = str(row.get("level", "")).upper() == "ERROR"
        given = called.values(row.get("input"))
        said = {
            "openinference.span.kind": family,
            "input.value": given,
            "output.value": _made(row, failed=failed),
        }
        if family == "LLM":
            said |= {"gen_ai.prompt": given, "gen_ai.completion": row.get("output")}
            said |= dict(zip(USAGE, (*_tokens(row), _cost(row)), strict=True))
        elif is_tool:
            said |= _named(row)
        name = str(row.get("name") or kind.lower())
        spans.append(span(row, ids=ids, name=name, failed=failed, said=said))
    if not spans:
        return NotATrajectory(
            f"{trace[:80]}: The trace has no observations.", place=place, id=trace
        )
    if top:
        # The trace itself says what was asked and answered.
        said = {"input.value": called.values(top.get("input")), "output.value": top.get("output")}
        spans.insert(0, span(top, ids=(trace, "trace", ""), name="", failed=False, said=said))
    about = top or {}
    whole = about.get("totalCost", about.get("total_cost"))
    return read(trace, spans, place=place, outcome=_outcome(about), cost=cost_of(whole, most=WHOLE))


def _parent(row: Row) -> str:
    return str(row.get("parentObservationId") or row.get("parent_observation_id") or "")


def _tokens(row: Row) -> tuple[int, int]:
    """The tokens that a call of a model read and wrote, as newer and older exports say it."""
    for name in ("usageDetails", "usage_details"):
        held = row.get(name)
        if isinstance(held, Mapping) and held:
            return tokens_of_kinds(held)
    usage = row.get("usage")
    older = usage if isinstance(usage, Mapping) else {}
    return (
        tokens(older, "input") or tokens(row, "promptTokens"),
        tokens(older, "output") or tokens(row, "completionTokens"),
    )


def _cost(row: Row) -> Any:
    """What stands where the cost of a call of a model should, in newer and older exports."""
    for name in ("calculatedTotalCost", "calculated_total_cost", "totalCost", "total_cost"):
        if row.get(name) is not None:
            return row[name]
    for name in ("costDetails", "cost_details"):
        held = row.get(name)
        if isinstance(held, Mapping) and held:
            return sum_of_kinds(held)
    return None


def _named(row: Row) -> Row:
    """The name of a tool where its span has another one, out of what OpenTelemetry said of it."""
    about = parsed(row.get("metadata"))
    inner = parsed(about.get("attributes")) if isinstance(about, Mapping) else None
    held = inner if isinstance(inner, Mapping) else {}
    return {name: held[name] for name in SPAN_NAMES if isinstance(held.get(name), str)}


def _made(row: Row, *, failed: bool) -> Any:
    """What an observation put out; one that failed may only say why."""
    made = row.get("output")
    if failed and made in (None, ""):
        return row.get("statusMessage") or row.get("status_message")
    return made


def _outcome(top: Row) -> str:
    """A score named success or outcome, as a word; other scores say other things.

    A score of categories says its word in ``stringValue``; the number beside it only numbers it.
    """
    scores = top.get("scores")
    for score in scores if isinstance(scores, list) else []:
        if isinstance(score, Mapping) and score.get("name") in ("success", "outcome"):
            words = (score.get("stringValue"), score.get("value"))
            word = next((one.lower() for one in words if isinstance(one, str) and one), "")
            if word in OUTCOMES:
                return OUTCOMES[word]
            value = score.get("value")
            if not word and value in (0, 1):
                return "success" if value == 1 else "failure"
    return ""
