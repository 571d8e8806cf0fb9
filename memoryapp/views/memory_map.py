"""Duplicates as clusters, a bullet's graph, and why a search recalled what it did."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from memoryapp.access import Right, gate, membership_of, object_or_404, workspace_of
from memoryapp.domain.clusters import clusters
from memoryapp.models import Bullet, RecallTrace
from memoryapp.queries.graph import BULLET, Graph, Node, entry_graph
from memoryapp.queries.releases import heavy
from memoryapp.views.bullets import bullet_or_404
from memoryapp.views.curation import MERGED_MOST
from memoryapp.views.links import page_of, parameter, uuid_or_404, with_query
from memoryapp.views.snippets import search_command

PLAYBOOKS_OFFERED = 200
#: whether the memory knows an answer, as the API says it and in words.
KNOWN = {
    "known": "knows an answer",
    "weak": "may know an answer",
    "unknown": "does not seem to know one",
}
#: why a search did not go by meaning, where it did not.
WITHOUT_MEANING = {
    "off": "Searched by words alone: no embedding model was set up.",
    "building": "Searched by words alone: vectors were still being made.",
    "unavailable": "Searched by words alone: the embedding model did not answer.",
}


@require_safe
@gate(Right.READ)
def duplicate_list(request: HttpRequest) -> HttpResponse:
    """Live bullets of one playbook that say nearly the same, as groups one can merge."""
    workspace = workspace_of(request)
    offered = list(workspace.playbooks.order_by("name")[:PLAYBOOKS_OFFERED])
    slug = parameter(request, "playbook")
    chosen = offered[0] if offered else None
    if slug:
        chosen = object_or_404(workspace.playbooks.all(), slug=slug)
    live = chosen.bullets.live() if chosen else Bullet.objects.none()
    texts = live.in_delivery_order().values_list("pk", "content")
    found = clusters(texts)
    # Few bullets are in a group: the rest is read as far as it is compared.
    rows = live.in_bulk([pk for group in found for pk in group.members])
    context = {
        "playbook": chosen,
        "playbooks": [(each.slug, each.name) for each in offered],
        "clusters": [
            {
                "members": members,
                "likeness": group.likeness,
                "merge_url": _merge_url(members),
                "spare": sum(bullet.tokens for bullet in members[1:]),
            }
            for group in found
            # One that was retired in between is in a group no longer.
            if len(members := [rows[pk] for pk in group.members if pk in rows]) > 1
        ],
        "bullet_count": len(texts),
        "may_decide": membership_of(request).may_review,
    }
    return render(request, "memoryapp/duplicate_list.html", context)


def _merge_url(members: Sequence[Bullet]) -> str:
    # Longer addresses than servers read come to nothing.
    labels = "&".join(f"bullet={bullet.label}" for bullet in members[:MERGED_MOST])
    return f"{reverse('bullets-merge', args=[members[0].playbook.slug])}?{labels}"


@dataclass(frozen=True, slots=True)
class Drawn:
    """A node with the place of its box in the picture."""

    node: Node
    x: int
    y: int


#: the picture's columns, left to right, and the size of its boxes.
COLUMNS = {"source": 0, BULLET: 1, "release": 1, "task": 2, "tool": 3}
WIDTH, HEIGHT, GAP, STEP = 176, 40, 16, 236


@require_safe
@gate(Right.READ)
def bullet_graph(request: HttpRequest, slug: str, label: str) -> HttpResponse:
    """What one bullet hangs together with, as a picture and as a table."""
    bullet = bullet_or_404(request, slug, label)
    graph = entry_graph(bullet)
    center = Node(BULLET, BULLET, bullet.label, bullet.get_absolute_url(), bullet.section)
    drawn = _placed([center, *graph.nodes])
    context = {
        "bullet": bullet,
        "playbook": bullet.playbook,
        "nodes": list(drawn.values()),
        "edges": [_edge(drawn[one], drawn[other]) for one, other in graph.edges],
        "width": STEP * 3 + WIDTH + 4,
        "height": max(each.y for each in drawn.values()) + HEIGHT + 4,
        "box": (WIDTH, HEIGHT),
        "table": _table(graph),
        "hidden": [(kind, count) for kind, count in graph.hidden.items() if count],
    }
    return render(request, "memoryapp/bullet_graph.html", context)


def _placed(nodes: Sequence[Node]) -> dict[str, Drawn]:
    """Stack each column's boxes; the bullet stands above its releases."""
    heights: dict[int, int] = {}
    drawn = {}
    for node in nodes:
        column = COLUMNS[node.kind]
        y = heights.get(column, 2)
        heights[column] = y + HEIGHT + GAP
        drawn[node.key] = Drawn(node, 2 + STEP * column, y)
    return drawn


def _edge(one: Drawn, other: Drawn) -> str:
    """The path of a line from one box to another: sideways, or down within a column."""
    if one.x == other.x:
        x = one.x + 12
        return f"M{x} {one.y + HEIGHT}V{other.y}"
    start, end = one.x + WIDTH, other.x
    middle = (start + end) // 2
    y1, y2 = one.y + HEIGHT // 2, other.y + HEIGHT // 2
    return f"M{start} {y1}C{middle} {y1} {middle} {y2} {end} {y2}"


def _table(graph: Graph) -> list[dict[str, Any]]:
    """The same as rows: each thing with what it is linked to."""
    names = {node.key: node.name for node in graph.nodes} | {BULLET: "the bullet"}
    linked: dict[str, list[str]] = {node.key: [] for node in graph.nodes}
    for one, other in graph.edges:
        if one in linked:
            linked[one].append(names[other])
        if other in linked:
            linked[other].append(names[one])
    return [{"node": node, "linked": linked[node.key]} for node in graph.nodes]


@require_safe
@gate(Right.READ)
def recall_list(request: HttpRequest) -> HttpResponse:
    """Searches of agents that were asked to be traced, newest first."""
    rows = RecallTrace.objects.filter(workspace=workspace_of(request))
    q, named = parameter(request, "q"), parameter(request, "bullet")
    bullet = None
    if q:
        rows = rows.filter(query__icontains=q)
    if named:
        mine = Bullet.objects.filter(playbook__workspace=workspace_of(request))
        bullet = object_or_404(mine.select_related("playbook"), pk=uuid_or_404(named))
        rows = rows.filter(results__contains=[{"bullet": str(bullet.pk)}])
    shown = rows.select_related("key", "release__playbook").defer("results", *heavy("release"))
    page = page_of(request, shown)
    context = {"page_obj": page, "q": q, "bullet": bullet}
    if not page.object_list and not (q or bullet):
        playbook = workspace_of(request).playbooks.order_by("name").first()
        context["try_it"] = search_command(request, playbook.slug) if playbook else ""
    return render(request, "memoryapp/recall_list.html", context)


@require_safe
@gate(Right.READ)
def recall_detail(request: HttpRequest, pk: UUID) -> HttpResponse:
    """One search: every candidate, given or not, with the place and score of each leg."""
    found = RecallTrace.objects.filter(workspace=workspace_of(request))
    trace = object_or_404(
        found.select_related("key", "release__playbook", "workspace").defer(*heavy("release")),
        pk=pk,
    )
    labels = {str(row.get("bullet", "")) for row in trace.results if isinstance(row, dict)}
    known = Bullet.objects.filter(
        playbook__workspace=trace.workspace, pk__in=[key for key in labels if _is_uuid(key)]
    ).select_related("playbook")
    bullets = {str(bullet.pk): bullet for bullet in known}
    rows = [
        {
            "row": row,
            # Traces of earlier versions hold only what was given.
            "given": row.get("given", True),
            "bullet": bullets.get(str(row.get("bullet", ""))),
        }
        for row in trace.results
        if isinstance(row, dict)
    ]
    context = {
        "trace": trace,
        "rows": rows,
        "given": sum(line["given"] for line in rows),
        "words": KNOWN.get(trace.answer.get("answer", ""), "not said"),
        "vectors": WITHOUT_MEANING.get(trace.answer.get("vectors", ""), ""),
        "search_url": with_query(reverse("entry-list"), {"q": trace.query, "sort": "best"}),
    }
    return render(request, "memoryapp/recall_detail.html", context)


def _is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True
