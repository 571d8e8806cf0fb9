"""What practice adds to the design page: a causal graph of a few services that nobody runs."""

from __future__ import annotations

from typing import Any

from practice.domain.causal_layout import layout
from practice.domain.rootcause.types import (
    Alert,
    Analysis,
    Cause,
    Closing,
    Edge,
    EdgeKind,
    EvidenceKind,
    Hop,
    Outcome,
    Phase,
    Verdict,
    Visit,
)
from practice.views.incident_page import graph_label

TEMPLATE = "practice/parts/design.html"

#: caller, callee, the caller's 95th percentile in seconds.
_CALLS = (
    ("gateway", "orders", 2.4),
    ("gateway", "catalog", 0.04),
    ("orders", "payments", 2.1),
    ("orders", "stock", None),
)
#: the visit, the one it came from, hops from the alert, its service; one of each verdict.
_VISITS = (
    ("1", None, 0, "gateway", Verdict.INHERITED, Closing.RECURSED),
    ("2", "1", 1, "orders", Verdict.INHERITED, Closing.RECURSED),
    ("3", "1", 1, "catalog", Verdict.NORMAL, Closing.NORMAL),
    ("4", "2", 2, "payments", Verdict.OWN, Closing.LEAF),
    ("5", "2", 2, "stock", Verdict.OPEN, Closing.BUDGET),
)
_PATH = (("gateway", "orders"), ("orders", "payments"))


def design_part() -> tuple[str, dict[str, Any]]:
    """The template of the part, and what it is drawn from."""
    drawing = layout(_example())
    return TEMPLATE, {"drawing": drawing, "graph_label": graph_label(drawing)}


def _node(service: str) -> str:
    return f"service:{service}"


def _example() -> Analysis:
    path = tuple(
        Hop(_node(source), _node(target), structure=True, deviation=True, order=True)
        for source, target in _PATH
    )
    top = Cause(
        rank=1,
        node=_node("payments"),
        service="payments",
        pod="",
        kind=EvidenceKind.SELF_TIME,
        score=0.9,
        strength=1.0,
        verified=True,
        path=path,
        evidence=(),
        statement="",
    )
    return Analysis(
        alert=Alert("example", at=0.0, entry="gateway"),
        outcome=Outcome.FOUND,
        statement="",
        causes=(top,),
        nodes=(),
        edges=tuple(
            Edge(f"{source}-{target}", EdgeKind.CALLS, _node(source), _node(target), caller_p95=p95)
            for source, target, p95 in _CALLS
        ),
        evidence=(),
        visits=tuple(
            Visit(number, parent, depth, _node(service), Phase.DEPTH, verdict, closing, 0.9, "")
            for number, parent, depth, service, verdict, closing in _VISITS
        ),
    )
