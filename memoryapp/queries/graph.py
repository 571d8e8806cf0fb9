"""What a bullet hangs together with: where it came from, what shows it, who is given it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from django.db.models import Count
from django.urls import reverse

from memoryapp.models import Bullet, Candidate, Evidence, Release
from memoryapp.queries.entries import bullet_evidence

#: nodes of one kind that are drawn; the rest is counted.
SHOWN = 8


@dataclass(frozen=True, slots=True)
class Node:
    """One thing beside a bullet. ``kind`` is source, task, tool or release."""

    key: str
    kind: str
    name: str
    url: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Graph:
    """Nodes, edges between keys (the bullet's is ``bullet``), and how many are left out."""

    nodes: Sequence[Node]
    edges: Sequence[tuple[str, str]]
    hidden: Counter[str]


BULLET = "bullet"


def entry_graph(bullet: Bullet) -> Graph:
    """Source → bullet → task → tool, and the releases that hold the bullet. Four queries."""
    sources = list(
        Candidate.objects.filter(revisions__bullet=bullet)
        .distinct()
        .order_by("created_at")
        .select_related("playbook")
    )
    evidence = list(bullet_evidence(bullet))
    nodes: list[Node] = []
    edges: list[tuple[str, str]] = []
    hidden: Counter[str] = Counter()
    for place, source in enumerate(sources):
        if place >= SHOWN:
            hidden["source"] += 1
            continue
        key = f"source-{place}"
        name = source.origin_name or "A person"
        nodes.append(Node(key, "source", name, source.get_absolute_url(), source.op.lower()))
        edges.append((key, BULLET))
    _tasks_and_tools(evidence, nodes, edges, hidden)
    held = _releases_with(bullet)
    for release in held[:SHOWN]:
        labels = ", ".join(label.name for label in release.labels.all())
        key = f"release-{release.number}"
        nodes.append(Node(key, "release", str(release), release.get_absolute_url(), labels))
        edges.append((BULLET, key))
    hidden["release"] += max(0, len(held) - SHOWN)
    return Graph(nodes, edges, hidden)


def _tasks_and_tools(
    evidence: Sequence[Evidence],
    nodes: list[Node],
    edges: list[tuple[str, str]],
    hidden: Counter[str],
) -> None:
    tasks: dict[str, str] = {}
    tools: dict[str, str] = {}
    seen: set[tuple[str, str]] = set()
    left_out: set[str] = set()
    for row in evidence:
        page, _, _ = row.link.partition("#")
        task = page or row.group
        if task not in tasks:
            if len(tasks) >= SHOWN:
                left_out.add(task)
                continue
            tasks[task] = f"task-{len(tasks)}"
            nodes.append(Node(tasks[task], "task", row.group or "A task", page))
            edges.append((BULLET, tasks[task]))
        if not row.tool:
            continue
        if row.tool not in tools:
            if len(tools) >= SHOWN:
                continue
            tools[row.tool] = f"tool-{len(tools)}"
            url = f"{reverse('trajectory-list')}?{urlencode({'tool': row.tool})}"
            nodes.append(Node(tools[row.tool], "tool", row.tool, url))
        edge = (tasks[task], tools[row.tool])
        if edge not in seen:
            seen.add(edge)
            edges.append(edge)
    hidden["tool"] += len({row.tool for row in evidence if row.tool} - tools.keys())
    hidden["task"] += len(left_out)


def _releases_with(bullet: Bullet) -> list[Release]:
    """Releases that hold the bullet, newest first, without their texts."""
    holding = {"sections": [{"bullets": [{"label": bullet.label}]}]}
    found = bullet.playbook.releases.light().filter(document__contains=holding)
    found = found.select_related("playbook").prefetch_related("labels")
    return list(found.annotate(receipt_count=Count("receipts")).order_by("-number"))
