"""Where the nodes and edges of a causal graph are drawn. Pure; coordinates are SVG units.

Columns are hops from the alert, the path to the first cause runs along the middle row. What does
not fit is counted per column, and stands in the table beside the drawing.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from itertools import pairwise

from practice.domain.rootcause.types import (
    Analysis,
    Cause,
    Edge,
    EdgeKind,
    EvidenceKind,
    Verdict,
    Visit,
)

WIDTH, HEIGHT = 154, 52
STEP_X, STEP_Y = 202, 76
MARGIN = 8
MAX_ROWS = 7
MAX_COLUMNS = 12
_ORDER = {Verdict.OWN: 0, Verdict.INHERITED: 1, Verdict.OPEN: 2, Verdict.NORMAL: 3}
_CORNER = 6
#: Characters of a name, and of what was decided, that fit into a node.
FITS = 19
NOTE_FITS = 18
_ICONS = {
    Verdict.OWN: "target",
    Verdict.INHERITED: "arrow-down-right",
    Verdict.NORMAL: "check",
    Verdict.OPEN: "circle-dashed",
}

KIND_WORDS = {
    EvidenceKind.RESOURCE: "resources",
    EvidenceKind.NETWORK_GAP: "network",
    EvidenceKind.SELF_TIME: "own time",
    EvidenceKind.LATENCY: "latency",
    EvidenceKind.OWN_ERROR: "own errors",
    EvidenceKind.ERROR: "errors",
    EvidenceKind.MISSING_STEP: "missing step",
    EvidenceKind.MISSING_CALL: "missing calls",
    EvidenceKind.WORKLOAD: "workload",
    EvidenceKind.CHANGE: "change",
    EvidenceKind.SILENCE: "silence",
    EvidenceKind.METRIC: "metrics",
    EvidenceKind.MODEL: "model",
}


@dataclass(frozen=True, slots=True)
class DrawnNode:
    """A component as a box with its upper left corner at ``x`` and ``y``, in pixels."""

    node: str
    name: str
    x: int
    y: int
    verdict: Verdict
    detail: str
    is_entry: bool
    on_path: bool

    @property
    def look(self) -> str:
        return {"own": "own", "inherited": "inh", "normal": "ok"}.get(self.verdict.value, "open")

    @property
    def icon(self) -> str:
        return _ICONS[self.verdict]

    @property
    def label(self) -> str:
        """The name where it fits; the drawing's title and the table have it whole."""
        return self.name if len(self.name) <= FITS else f"{self.name[: FITS - 1]}…"

    @property
    def note(self) -> str:
        """What was decided of it, where it fits; title and table have it whole."""
        said = f"Entry · {self.detail}" if self.is_entry else self.detail
        return said if len(said) <= NOTE_FITS else f"{said[: NOTE_FITS - 1].rstrip(' ·')}…"

    @property
    def text_x(self) -> int:
        return self.x + 12

    @property
    def detail_x(self) -> int:
        return self.x + 30

    @property
    def name_y(self) -> int:
        return self.y + 22

    @property
    def icon_y(self) -> int:
        return self.y + 30

    @property
    def detail_y(self) -> int:
        return self.y + 41


@dataclass(frozen=True, slots=True)
class DrawnEdge:
    """``look`` is ``path``, ``open``, ``host`` or empty; ``label`` stands above its start."""

    d: str
    look: str
    label: str
    label_x: int
    label_y: int


@dataclass(frozen=True, slots=True)
class Drawing:
    """What is drawn of a graph; ``left_out`` is how many components are not."""

    nodes: tuple[DrawnNode, ...]
    edges: tuple[DrawnEdge, ...]
    width: int
    height: int
    left_out: int


def short(node: str) -> str:
    """The name of a node without its kind."""
    return node.partition(":")[2] or node


def verdicts(analysis: Analysis) -> dict[str, Visit]:
    """The visit that decided each node: the last one that did not merely meet it again."""
    found: dict[str, Visit] = {}
    for visit in analysis.visits:
        before = found.get(visit.node)
        if before is None or _ORDER[visit.verdict] <= _ORDER[before.verdict]:
            found[visit.node] = visit
    return found


def path_of(cause: Cause | None) -> tuple[str, ...]:
    """The nodes from the alert to a cause, both included."""
    if cause is None:
        return ()
    if not cause.path:
        return (cause.node,)
    return (cause.path[0].source, *(hop.target for hop in cause.path))


def layout(analysis: Analysis) -> Drawing:
    """Place what the recursion visited, and the path to the first cause."""
    decided = verdicts(analysis)
    top = analysis.causes[0] if analysis.causes else None
    path = path_of(top) if analysis.outcome.value == "found" else ()
    columns = _columns(analysis, decided, path)
    kept, left_out = _fitted(columns, decided, path)
    rows = max((len(column) for column in kept), default=1)
    middle = MARGIN + (rows - 1) * STEP_Y // 2
    places = {
        node: (MARGIN + STEP_X * x, middle + STEP_Y * offset)
        for x, column in enumerate(kept)
        for node, offset in zip(column, _offsets(column, path), strict=True)
    }
    lowest = min((y for _, y in places.values()), default=MARGIN)
    places = {node: (x, y - lowest + MARGIN + 14) for node, (x, y) in places.items()}
    height = max((y for _, y in places.values()), default=0) + HEIGHT + MARGIN
    nodes = tuple(
        DrawnNode(
            node=node,
            name=short(node),
            x=x,
            y=y,
            verdict=decided[node].verdict if node in decided else Verdict.OPEN,
            detail=_detail(node, decided.get(node), top),
            is_entry=bool(analysis.alert.entry) and short(node) == analysis.alert.entry,
            on_path=node in path,
        )
        for node, (x, y) in places.items()
    )
    edges = _edges(analysis, places, decided, path)
    width = MARGIN * 2 + STEP_X * max(len(kept) - 1, 0) + WIDTH
    return Drawing(nodes, edges, width, height, left_out)


def _columns(
    analysis: Analysis, decided: dict[str, Visit], path: tuple[str, ...]
) -> list[list[str]]:
    """Hops from the alert to node; the path is as deep as it is long."""
    depth = {node: visit.depth for node, visit in decided.items()}
    callees: dict[str, list[str]] = {}
    for edge in analysis.edges:
        callees.setdefault(edge.source, []).append(edge.target)
    if path:
        depth.setdefault(path[0], 0)
        for before, node in pairwise(path):
            depth[node] = max(depth.get(node, 0), depth[before] + 1)
        waiting = deque(path)
        while waiting:
            node = waiting.popleft()
            for callee in callees.get(node, ()):
                if callee in decided and callee not in path and depth[callee] <= depth[node]:
                    depth[callee] = min(depth[node] + 1, MAX_COLUMNS - 1)
    deepest = min(max(depth.values(), default=0), MAX_COLUMNS - 1)
    columns: list[list[str]] = [[] for _ in range(deepest + 1)]
    for node, place in depth.items():
        columns[min(place, deepest)].append(node)
    return [column for column in columns if column]


def _fitted(
    columns: list[list[str]], decided: dict[str, Visit], path: tuple[str, ...]
) -> tuple[list[list[str]], int]:
    """The path and what deviates first, up to ``MAX_ROWS`` per column."""
    left_out, kept = 0, []
    for column in columns:
        order = sorted(
            column,
            key=lambda n: (
                n not in path,
                _ORDER[decided[n].verdict] if n in decided else 2,
                n,
            ),
        )
        kept.append(order[:MAX_ROWS])
        left_out += len(order) - len(order[:MAX_ROWS])
    return kept, left_out


def _offsets(column: list[str], path: tuple[str, ...]) -> list[int]:
    """Rows of a column from the middle outwards: 0, -1, 1, -2, 2; the path takes 0."""
    start = 0 if not path or column[0] in path else 1
    return [(-1) ** place * ((place + 1) // 2) for place in range(start, start + len(column))]


def _detail(node: str, visit: Visit | None, top: Cause | None) -> str:
    if visit is None:
        return "Not visited"
    memory = " · memory" if visit.hit else ""
    match visit.verdict:
        case Verdict.OWN:
            kind = f" · {KIND_WORDS[top.kind]}" if top and top.node == node else ""
            return f"Own{kind}{memory}"
        case Verdict.INHERITED:
            return f"Inherited{memory}"
        case Verdict.OPEN:
            return f"Open · {visit.closing.value}" if visit.closing.value == "budget" else "Open"
        case _:
            return f"Normal{memory}"


def _edges(
    analysis: Analysis,
    places: dict[str, tuple[int, int]],
    decided: dict[str, Visit],
    path: tuple[str, ...],
) -> tuple[DrawnEdge, ...]:
    hops = set(pairwise(path))
    known = {(edge.source, edge.target): edge for edge in analysis.edges}
    wanted = dict.fromkeys([*known, *sorted(hops)])
    by_id = {visit.visit_id: visit for visit in analysis.visits}
    tree = {
        (by_id[visit.parent].node, visit.node)
        for visit in decided.values()
        if visit.parent in by_id
    }
    drawn = []
    for source, target in wanted:
        if source not in places or target not in places or source == target:
            continue
        is_path = (source, target) in hops
        begin, end = places[source], places[target]
        if not is_path and end[0] - begin[0] != STEP_X and (source, target) not in tree:
            continue
        edge = known.get((source, target))
        visit = decided.get(target)
        look = "path" if is_path else ""
        if edge is not None and edge.kind is not EdgeKind.CALLS and not is_path:
            look = "host"
        elif visit is not None and visit.verdict is Verdict.OPEN and not is_path:
            look = "open"
        label = _label(edge) if is_path else ""
        drawn.append(
            DrawnEdge(
                _curve(begin, end), look, label, begin[0] + WIDTH + 4, begin[1] + HEIGHT // 2 - 8
            )
        )
    return tuple(sorted(drawn, key=lambda edge: edge.look == "path"))


def _label(edge: Edge | None) -> str:
    if edge is None or edge.caller_p95 is None:
        return ""
    seconds = edge.caller_p95
    return f"{seconds:.1f} s" if seconds >= 1 else f"{seconds * 1000:.0f} ms"


def _curve(begin: tuple[int, int], end: tuple[int, int]) -> str:
    """A line with two rounded corners; a call back or within a column runs around."""
    x1, y1 = begin[0] + WIDTH, begin[1] + HEIGHT // 2
    x2, y2 = end[0] - 3, end[1] + HEIGHT // 2
    if x2 <= x1:
        down = y2 >= y1
        x1, x2 = begin[0] + WIDTH // 2, end[0] + WIDTH // 2
        y1, y2 = begin[1] + (HEIGHT if down else 0), end[1] + (-3 if down else HEIGHT + 3)
        if x1 == x2:
            return f"M{x1} {y1}V{y2}"
        return f"M{x1} {y1}C{x1} {(y1 + y2) // 2} {x2} {(y1 + y2) // 2} {x2} {y2}"
    if y1 == y2:
        return f"M{x1} {y1}H{x2}"
    bend, turn = x2 - 30, _CORNER if y2 > y1 else -_CORNER
    return (
        f"M{x1} {y1}H{bend - _CORNER}Q{bend} {y1} {bend} {y1 + turn}"
        f"V{y2 - turn}Q{bend} {y2} {bend + _CORNER} {y2}H{x2}"
    )
