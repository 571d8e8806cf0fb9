"""Asks every list, search and detail page of two databases in turn, and the SQL they send."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
from django.contrib.auth import get_user_model
from django.db import connection
from django.test import Client
from django.urls import reverse

from memoryapp.models import Bullet, Workspace
from memoryapp.queries.browsing import EntryFilter, entry_page
from practice.models import Attempt

#: requests of a page before its time is taken.
WARM = 3


def pages() -> dict[str, Callable[[int], str]]:
    """Name to the address of the n-th request: each request looks for something else."""
    common, rare = ("refund", "order", "customer", "verify"), "case"
    labels = ("failure", "success")
    return {
        # The floor: gate, rail and frame around nothing.
        "an empty page": lambda n: "/palette/",
        "memory, newest": lambda n: "/memory/",
        "memory, one status": lambda n: f"/memory/?status={('stale', 'retired')[n % 2]}",
        "memory, one section": lambda n: f"/memory/?section={('apis', 'pitfalls')[n % 2]}",
        "memory, one playbook": lambda n: f"/memory/?playbook=playbook-{n % 15}",
        "memory, never used": lambda n: "/memory/?use=never",
        "memory, one tag": lambda n: "/memory/?tag=vip",
        "memory, common word": lambda n: f"/memory/?q={common[n % 4]}",
        "memory, rare word": lambda n: f"/memory/?q={rare}{n * 37 % 9_000}",
        "memory, two words": lambda n: f"/memory/?q={common[n % 4]}+{common[(n + 1) % 4]}",
        "memory, best match": lambda n: (
            f"/memory/?sort=best&q={common[n % 4]}+case{n * 31 % 9_000}"
        ),
        "memory, in the middle": lambda n: f"/memory/?after={_middle()}",
        "memory, oldest": lambda n: "/memory/?sort=oldest",
        "memory, facets counted": lambda n: "/memory/?facets=counted",
        "memory, one kind": lambda n: f"/memory/?kind={('run', 'hand')[n % 2]}",
        "memory, one environment": lambda n: f"/memory/?environment=World+{n % 5}",
        "duplicates": lambda n: f"/memory/duplicates/?playbook=playbook-{n % 15}",
        "playbooks": lambda n: "/playbooks/",
        "playbook": lambda n: f"/playbooks/playbook-{n % 15}/",
        "bullet": lambda n: _bullet(n),
        "graph of a bullet": lambda n: f"{_bullet(n)}graph/",
        "review": lambda n: "/review/",
        "overview": lambda n: "/",
        "audit log": lambda n: "/settings/audit/",
        "pulls": lambda n: "/memory/pulls/",
        "pulls of a bullet": lambda n: _pulls(n),
        "release": lambda n: f"/playbooks/playbook-{n % 15}/releases/1/",
        "coverage": lambda n: f"/coverage/?environment=world-{n % 5}",
        "trajectories, newest": lambda n: "/trajectories/",
        "trajectories, one label": lambda n: f"/trajectories/?label={labels[n % 2]}",
        "trajectories, one run": lambda n: f"/trajectories/?run={n % 40 + 1}",
        "trajectories, one environment": lambda n: f"/trajectories/?environment=world-{n % 5}",
        "trajectories, common tool": lambda n: f"/trajectories/?tool=tool_{n % 40}",
        "trajectories, rare tool": lambda n: "/trajectories/?tool=tool_rare",
        "trajectories, common word": lambda n: f"/trajectories/?q={common[n % 4]}",
        "trajectories, rare word": lambda n: f"/trajectories/?q=task{n * 37 % 4_900}",
        "trajectories, in the middle": lambda n: f"/trajectories/?after={_middle_attempt()}",
        "trajectory": lambda n: _attempt(n),
        "trajectory, tree and find": lambda n: f"{_attempt(n)}?view=tree&find=open",
        "two attempts": lambda n: _pair(n),
        "runs": lambda n: "/practice/",
    }


def measure(
    small: str, large: str, *, times: int, use: Callable[[str], None]
) -> Iterator[dict[str, Any]]:
    """Ask each page ``times`` times of both databases in turn, and repeat the SQL it sent."""
    from benchmarks.scale import quantile  # noqa: PLC0415

    clients = {}
    for name in (small, large):
        use(name)
        clients[name] = Client()
        clients[name].force_login(get_user_model().objects.get(username="rita"))
    for page, address in pages().items():
        took: dict[str, list[float]] = {small: [], large: []}
        counts: dict[str, set[int]] = {small: set(), large: set()}
        raw: list[float] = []
        for n in range(-WARM, times):
            for name in (small, large):
                use(name)
                url = address(n + WARM)
                sent: list[tuple[str, Any]] = []
                with connection.execute_wrapper(_remember(sent)):
                    began = _worked()
                    answer = clients[name].get(url)
                    spent = _worked() - began
                if answer.status_code != 200:
                    raise SystemExit(f"{url} answered {answer.status_code}")
                if n < 0:
                    continue
                took[name].append(spent)
                counts[name].add(len(sent))
                if name == large:
                    raw.append(_repeat(sent))
        yield {
            "figure": "p95 processor ms at full size",
            "page": page,
            "value": round(1000 * quantile(took[large], 0.95), 1),
            "peer": round(1000 * quantile(took[small], 0.95), 1),
            "ratio": round(quantile(took[large], 0.95) / quantile(took[small], 0.95), 2),
            "median": round(1000 * quantile(took[large], 0.5), 1),
            "median_peer": round(1000 * quantile(took[small], 0.5), 1),
            "sql_median": round(1000 * quantile(raw, 0.5), 1),
            "over_sql": round(quantile(took[large], 0.5) / max(quantile(raw, 0.5), 1e-6), 2),
            "queries": sorted(counts[small] | counts[large]),
        }


def _remember(sent: list[tuple[str, Any]]) -> Callable[..., Any]:
    def wrapper(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        sent.append((sql, params))
        return execute(sql, params, many, context)

    return wrapper


def _repeat(sent: list[tuple[str, Any]]) -> float:
    """Send the same statements through a bare cursor and fetch what they answer. Seconds."""
    raw = connection.connection
    began = _worked()
    with psycopg.ClientCursor(raw) as cursor:
        for sql, params in sent:
            if sql.startswith(("SAVEPOINT", "RELEASE", "ROLLBACK")):
                continue
            cursor.execute(sql, params)
            if cursor.description:
                cursor.fetchall()
    return _worked() - began


def _worked() -> float:
    """Seconds of processor time that this process and its database session have used.

    On a machine that others use as well, this is what a page costs; time on the wall is what the
    others cost. The database's share is what the kernel counts for its process.
    """
    session = connection.connection.info.backend_pid
    database = int(Path(f"/proc/{session}/schedstat").read_text().split()[0])
    return time.process_time() + database / 1e9


_known: dict[tuple[str, str], str] = {}


def _once(name: str, find: Callable[[], str]) -> str:
    """What is looked up once per database, outside of what is measured."""
    key = (str(connection.settings_dict["NAME"]), name)
    if key not in _known:
        _known[key] = find()
    return _known[key]


def _middle() -> str:
    def find() -> str:
        workspace = Workspace.objects.get(slug="scale")
        half = Bullet.objects.order_by("-updated_at")[Bullet.objects.count() // 2]
        seen = f"{half.updated_at.isoformat()}_{half.pk}"
        page = entry_page(workspace, EntryFilter(), after=seen)
        return page.next.replace("+", "%2B")

    return _once("middle", find)


def _middle_attempt() -> str:
    return _once("attempt", lambda: str(Attempt.objects.count() // 2))


def _bullet(n: int) -> str:
    def find() -> str:
        bullets = Bullet.objects.filter(playbook__slug="playbook-3").select_related("playbook")
        return " ".join(bullet.get_absolute_url() for bullet in bullets.order_by("label")[:40])

    urls = _once("bullets", find).split()
    return urls[n % len(urls)]


def _pulls(n: int) -> str:
    book, label = _bullet(n).strip("/").split("/")[1::2]
    return f"/memory/pulls/?playbook={book}&bullet={label}"


def _attempt(n: int) -> str:
    return reverse("trajectory-detail", args=[n * 211 % 9_000 + 1])


def _pair(n: int) -> str:
    first = n * 206 % 9_000 + 1
    return reverse("trajectory-compare", args=[first, first + 1])
