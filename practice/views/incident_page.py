"""What the page of one incident shows, put together from its newest analysis."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from memoryapp.access import membership_of
from memoryapp.queries.origins import candidates_from
from memoryapp.views.links import changed, parameter, with_query
from practice.domain.alerts import explained
from practice.domain.causal_layout import KIND_WORDS, Drawing, layout, path_of, short, verdicts
from practice.domain.incident_lessons import OUTCOME_WORDS, open_nodes
from practice.domain.recollection import bullet_of
from practice.domain.rootcause.telemetry import Modality
from practice.domain.rootcause.types import Analysis as Found
from practice.domain.rootcause.types import Cause, EdgeKind, Evidence, Outcome, Verdict, Visit
from practice.models import Analysis, Incident
from practice.queries.incidents import FILTERS, beside, calibrated_on, similar
from practice.services.analysis_asked import LIMITS
from practice.services.causes import decision_seen
from practice.services.leading import notes_of
from practice.templatetags.rootcause import sentence

CAUSES_SHOWN = 5
#: Any step of an attempt may be the one to test.
STEPS_SHOWN = 40
EDGES_SHOWN = 200
#: The strongest claims; the others are folded.
EVIDENCE_SHOWN = 12
SPARK = (192, 36)
#: A recursion is drawn this deep; what lies below is in the report.
TREE_DEPTH = 40


@dataclass(frozen=True, slots=True)
class Ranked:
    cause: Cause
    name: str
    said: str
    kind: str
    explains: int
    path: tuple[str, ...]
    evidence: tuple[Evidence, ...]
    #: of a step that can be run again: its number and the arguments it was made with, as JSON.
    step: int = 0
    arguments: str = ""


@dataclass(frozen=True, slots=True)
class Branch:
    """A visit with what was visited from it."""

    visit: Visit
    name: str
    look: str
    inherited: tuple[str, ...]
    below: tuple[Branch, ...]


def asked_of(request: HttpRequest) -> dict[str, str]:
    """The filter of the list that an incident is opened in."""
    return {name: parameter(request, name) for name in FILTERS}


def query_of(asked: Mapping[str, str]) -> str:
    """``?status=open&q=refund``, or an empty text when nothing is asked for."""
    return with_query("", asked)


def incident_context(request: HttpRequest, incident: Incident) -> dict[str, Any]:
    """Everything ``incident_detail.html`` shows; the same for the page and for its refresh."""
    analyses = list(incident.analyses.light().select_related("started_by"))
    analysis = shown(request, incident)
    newest = analyses[0] if analyses else None
    ended = [row for row in analyses if row.status == Analysis.Status.DONE]
    alerts = list(incident.alerts.all())
    membership = membership_of(request)
    page = incident.get_absolute_url()
    asked = asked_of(request)
    previous, following = beside(incident, incident.workspace, asked)
    context: dict[str, Any] = {
        "incident": incident,
        "analyses": analyses,
        "newest": newest,
        "analysis": analysis,
        "answer": next((row for row in ended if not row.is_aside), None),
        # The newest look, where it was at a window in which nothing is, is not what is shown.
        "aside": ended[0] if ended and ended[0].is_aside and ended[0] != analysis else None,
        "is_live": bool(newest and newest.is_open),
        "seen": fingerprint(incident, newest),
        "decision_seen": decision_seen(incident),
        "refresh_url": changed(request),
        "query": query_of(asked),
        "previous": previous,
        "next": following,
        "alerts": alerts,
        "alerts_since": len(alerts) - analysis.alerts_seen if analysis else 0,
        "similar": similar(incident),
        "lessons": candidates_from(incident.workspace, page),
        "decided": calibrated_on(incident.workspace),
        "playbooks": incident.workspace.playbooks.order_by("name"),
        "may_review": membership.may_review,
        "limits": LIMITS,
        "budget": dict(analysis.budget) if analysis else {},
    }
    found = analysis.as_value() if analysis else None
    if analysis is not None and found is not None:
        entries = [alert.entry for alert in alerts]
        most = STEPS_SHOWN if incident.attempt else CAUSES_SHOWN
        context |= found_context(found, analysis.panels, entries, most)
        context["notes"] = notes_of(analysis)
        if membership.may_review and incident.is_open:
            context["ranked"] = _testable(incident, context["ranked"])
    return context


def _testable(incident: Incident, ranked: list[Ranked]) -> list[Ranked]:
    """The ranked steps with what they were made with, where the environment lets them be tested."""
    attempt = incident.attempt
    if attempt is None or not attempt.run.environment.has_own_state:
        return ranked
    made = attempt.steps.filter(try_number=attempt.current_try)
    calls = {
        f"step:{number} {tool}": (number, given)
        for number, tool, given in made.values_list("number", "tool", "arguments")
    }
    return [
        replace(
            row,
            step=calls[row.cause.node][0],
            arguments=json.dumps(calls[row.cause.node][1], indent=2, ensure_ascii=False),
        )
        if row.cause.node in calls
        else row
        for row in ranked
    ]


def shown(request: HttpRequest, incident: Incident) -> Analysis | None:
    """The analysis that was asked for, else the one that answers the incident."""
    answers = incident.analyses.answers()
    asked = parameter(request, "analysis")
    if asked.isdecimal() and len(asked) < 9:
        done = incident.analyses.filter(status=Analysis.Status.DONE, number=int(asked))
        return done.first() or answers.first()
    return answers.first()


def fingerprint(incident: Incident, newest: Analysis | None) -> str:
    """What a live page compares: nothing has moved while it stays."""
    if newest is None:
        return f"{incident.status}-0"
    progress = newest.progress
    return (
        f"{incident.status}-{newest.number}-{newest.status}-{progress.get('stage', '')}"
        f"-{progress.get('visits', 0)}"
    )


def found_context(
    found: Found, panels: dict[str, Any], entries: list[str], shown: int
) -> dict[str, Any]:
    """What was found, in the order a reader wants it: answer, graph, path, evidence."""
    drawing = layout(found)
    decided = verdicts(found)
    top = found.causes[0] if found.causes else None
    claims = [
        (item, short(item.node), KIND_WORDS[item.kind])
        for item in sorted(found.evidence, key=lambda item: -item.deviation)
    ]
    return {
        "found": found,
        "outcome_words": OUTCOME_WORDS[found.outcome],
        "is_found": found.outcome is Outcome.FOUND,
        "has_own": any(visit.verdict is Verdict.OWN for visit in decided.values()),
        "top": top,
        "top_name": short(top.node) if top else "",
        "top_said": _unnamed(found.statement, top.node if top else ""),
        "ranked": _ranked(found, entries, shown),
        "ranked_more": len(found.causes) - len(listed(found)[:shown]),
        "drawing": drawing,
        "graph_label": f"{graph_label(drawing)} The table below has the same.",
        "edges": _edges(found)[:EDGES_SHOWN],
        "edges_total": len(found.edges),
        "tree": _tree(found),
        "deepest": max((visit.depth for visit in found.visits), default=0),
        "components": len(decided),
        "from_memory": sum(bool(visit.hit) for visit in decided.values()),
        "open_nodes": [short(node) for node in open_nodes(found)],
        "hits": [(hit, short(hit.node), memory_link(hit.entry_id)) for hit in found.hits],
        "led": panels.get("led", ""),
        "recalled": [
            one | {"name": short(one["node"]), "url": memory_link(one["bullet"])}
            for one in panels.get("lessons", ())
        ],
        "evidence": claims[:EVIDENCE_SHOWN],
        "evidence_rest": claims[EVIDENCE_SHOWN:],
        "evidence_total": len(claims),
        "choices": sorted((node.name or short(node.node_id), node.node_id) for node in found.nodes),
        "series": [_spark(series) for series in panels.get("metrics", ())],
        "logs": panels.get("logs", ()),
        "trace": panels.get("trace") or {},
        "test": panels.get("test"),
        "words": panels.get("words", ()),
        "rows": panels.get("rows", {}),
        "reach": _reach(panels),
        # Few systems measure a call at both its ends; that alone is nothing to warn of.
        "missing": [one.value for one in found.missing if one is not Modality.EDGES],
    }


def memory_link(entry_id: str) -> str:
    """The page of a bullet that answered; empty for a verdict of the window before."""
    bullet = bullet_of(entry_id)
    return reverse("bullet-detail", args=bullet) if bullet else ""


def _ranked(found: Found, entries: list[str], shown: int) -> list[Ranked]:
    calls = {
        (short(edge.source), short(edge.target))
        for edge in found.edges
        if edge.kind is EdgeKind.CALLS
    }
    by_id = {item.evidence_id: item for item in found.evidence}
    return [
        Ranked(
            cause=cause,
            name=short(cause.node),
            said=_unnamed(cause.statement, cause.node),
            kind=KIND_WORDS[cause.kind],
            explains=explained(cause.service or short(cause.node), entries, calls),
            path=tuple(short(node) for node in path_of(cause)),
            evidence=tuple(by_id[e] for e in cause.evidence if e in by_id)[:6],
        )
        for cause in listed(found)[:shown]
    ]


def listed(found: Found) -> list[Cause]:
    """The causes something is held against; all of a trajectory, for any step may be tested."""
    is_attempt = found.causes and found.causes[0].node.startswith("step:")
    return [one for one in found.causes if one.evidence or one.rank == 1 or is_attempt]


def _unnamed(statement: str, node: str) -> str:
    """A statement that stands beside the name it begins with, as a sentence of its own."""
    return sentence(statement.removeprefix("host ").removeprefix(f"{short(node)}: "))


def graph_label(drawing: Drawing) -> str:
    """The drawing in one sentence, for those who cannot see it."""
    counts = dict.fromkeys(Verdict, 0)
    for node in drawing.nodes:
        counts[node.verdict] += 1
    said = ", ".join(f"{count} {verdict.value}" for verdict, count in counts.items() if count)
    return f"Causal graph of {len(drawing.nodes)} components: {said}."


def _edges(found: Found) -> list[dict[str, Any]]:
    decided = verdicts(found)
    return [
        {
            "edge": edge,
            "source": short(edge.source),
            "target": short(edge.target),
            "kind": edge.kind.value.replace("_", " "),
            "verdict": decided[edge.target].verdict.value if edge.target in decided else "",
            "caller_ms": _milliseconds(edge.caller_p95),
            "callee_ms": _milliseconds(edge.callee_p95),
            "gap_ms": _milliseconds(edge.gap),
        }
        for edge in sorted(found.edges, key=lambda e: (e.target not in decided, e.source, e.target))
    ]


def _milliseconds(seconds: float | None) -> float | None:
    return None if seconds is None else seconds * 1000


_LOOKS = {
    Verdict.OWN: "own",
    Verdict.INHERITED: "inh",
    Verdict.NORMAL: "ok",
    Verdict.OPEN: "open",
}


def _tree(found: Found) -> tuple[Branch, ...]:
    by_id = {visit.visit_id for visit in found.visits}
    below: dict[str | None, list[Visit]] = {}
    for visit in found.visits:
        below.setdefault(visit.parent if visit.parent in by_id else None, []).append(visit)

    def grown(parent: str | None, depth: int) -> tuple[Branch, ...]:
        if depth > TREE_DEPTH:
            return ()
        return tuple(
            Branch(
                visit=visit,
                name=short(visit.node),
                look=_LOOKS[visit.verdict],
                inherited=tuple(short(node) for node in visit.inherited_from),
                below=grown(visit.visit_id, depth + 1),
            )
            for visit in below.get(parent, ())
        )

    return grown(None, 0)


def _reach(panels: dict[str, Any]) -> tuple[datetime, datetime] | None:
    if not panels.get("begin") or not panels.get("end"):
        return None
    return (
        datetime.fromtimestamp(panels["begin"], UTC),
        datetime.fromtimestamp(panels["end"], UTC),
    )


#: How the name of a metric ends, and the unit that says; the longest first.
UNITS = (
    (r"bytes_(per_)?s(ec|econd)?", " B/s"),
    (r"bytes", " B"),
    (r"(ms|millis|milliseconds)", " ms"),
    (r"(per_s|per_second|rps|qps)", " /s"),
    (r"(s|sec|seconds)", " s"),
    (r"(percent|pct)", " %"),
    (r"millicores", " mcores"),
)


def unit_of(metric: str) -> str:
    """The unit that the name of a metric ends with, after a space; empty where it has none.

    As Prometheus and OpenTelemetry write names: ``client_p99_s``, ``node_net_rx_bytes_s``.
    """
    for ending, unit in UNITS:
        if re.search(rf"(^|[._]){ending}(_total)?$", metric.lower()):
            return unit
    return ""


def _per_second(unit: str) -> str:
    return f"{unit}/s" if unit else " /s"


def _spark(series: dict[str, Any]) -> dict[str, Any]:
    """A series as points of a small drawing with its usual band and first change."""
    points: list[list[float]] = series["points"]
    times = [t for t, _ in points]
    values = [v for _, v in points]
    low: float = min(*values, series["low"])
    high: float = max(*values, series["high"])
    width, height = SPARK
    across, up = (times[-1] - times[0]) or 1.0, (high - low) or 1.0

    def x(at: float) -> float:
        return round(2.0 + (width - 4) * (at - times[0]) / across, 1)

    def y(value: float) -> float:
        return round(height - 4 - (height - 8) * (value - low) / up, 1)

    unit = unit_of(series["metric"])
    onset = series.get("onset")
    inside = onset is not None and times[0] <= onset <= times[-1]
    return series | {
        "line": " ".join(f"{x(t)},{y(v)}" for t, v in points),
        "band_y": y(series["high"]),
        "band_height": max(1.0, round(y(series["low"]) - y(series["high"]), 1)),
        "onset_x": x(onset) if inside and onset is not None else None,
        "onset_at": datetime.fromtimestamp(onset, UTC) if onset is not None else None,
        "unit": _per_second(unit) if series.get("is_rate") else unit,
        "look": {"own": "own", "inherited": "inh"}.get(series.get("verdict", ""), "n"),
    }
