"""Prometheus metrics at ``/metrics``: what rows and the broker say, and how requests went.

Facts about work are read when they are asked for, so every host gives the same ones and a worker
needs no port. Requests are counted by each web process in a file of its own (``METRICS_DIR``).
"""

from __future__ import annotations

import hmac
import logging
import shutil
import time
import tomllib
from collections.abc import Callable, Iterable
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from ipaddress import ip_address
from pathlib import Path

from django.conf import settings
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.http.request import split_domain_port, validate_host
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.views.decorators.cache import never_cache
from prometheus_client import CollectorRegistry, Histogram
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from memoryapp.clients import pulse, store
from memoryapp.domain.addresses import literal
from memoryapp.domain.watching import HOUR
from memoryapp.project import request_counts
from memoryapp.project.celery import app
from memoryapp.queries import database, events, tallies, webhooks
from practice.queries import work

WEEK = 7 * 86_400


def _version() -> str:
    """Of the installed package; a checkout and the image, which are none, say it themselves."""
    with suppress(PackageNotFoundError):
        return version("greenroom")
    with suppress(OSError):
        said = (settings.BASE_DIR / "pyproject.toml").read_text()
        return str(tomllib.loads(said)["project"]["version"])
    return "unknown"


VERSION = _version()


def forget_gone(own: Path, now: float) -> None:
    """Remove what hosts left beside ours that counted nothing for a week.

    Every container is a host of another name.
    """
    for folder in own.parent.iterdir():
        with suppress(OSError):
            newest = max(one.stat().st_mtime for one in (folder, *folder.iterdir()))
            if folder != own and now - newest > WEEK:
                shutil.rmtree(folder)


settings.METRICS_DIR.mkdir(parents=True, exist_ok=True)
forget_gone(settings.METRICS_DIR, time.time())
logger = logging.getLogger("greenroom.requests")
REFUSED = (
    "Set METRICS_TOKEN and send it as a bearer token; without one only this machine may ask.\n"
)
UNROUTED = "unrouted"
REQUESTS = Histogram(
    "greenroom_http_request_seconds",
    "How long responses took, by the name of the address.",
    ["method", "route", "status"],
    buckets=(0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0),
)


class Timed:
    """Count every request and how long it took; at level INFO, log it too."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        began = time.perf_counter()
        answer = self.get_response(request)
        seconds = time.perf_counter() - began
        # The name, never the address: an address holds ids, and their number has no end.
        match = request.resolver_match
        route = match.view_name if match and match.view_name else UNROUTED
        method = request.method if request.method in METHODS else "other"
        REQUESTS.labels(method, route, str(answer.status_code)).observe(seconds)
        if logger.isEnabledFor(logging.INFO):
            told = {"route": route, "status": answer.status_code, "ms": round(seconds * 1000, 1)}
            logger.info("%s %s", request.method, request.path, extra={"fields": told})
        return answer


METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Facts(Collector):
    """What PostgreSQL and Redis say now. What cannot be asked is left out, as is customary."""

    def collect(self) -> Iterable[Metric]:
        yield _gauge("build_info", "The version that is running.", {VERSION: 1}, "version")
        is_there = True
        try:
            yield from list(self._of_rows())
        except DatabaseError as error:
            # How requests go must be seen most of all while the database is away.
            logger.warning("The database does not answer for /metrics. %s", error)
            is_there = False
        with suppress(OSError):
            free = shutil.disk_usage(settings.DATA_DIR).free
            yield _gauge("disk_free_bytes", "Free disk space where the data folder is.", free)
        queue = store.softly(lambda r: r.llen(app.conf.task_default_queue))
        parts = {"postgres": int(is_there), "redis": int(queue is not None)}
        yield _gauge("part_up", "1 if a part answers, else 0.", parts, "part")
        if queue is not None:
            yield _gauge("queue_messages", "Messages waiting for a worker.", queue)
        age = pulse.age()
        if age is not None:
            yield _gauge("beat_age_seconds", "Time since beat's last task ran.", age)

    def _of_rows(self) -> Iterable[Metric]:
        now = timezone.now()
        found = work.open_work(now)
        oldest = (now - found.oldest).total_seconds() if found.oldest else 0.0
        yield _gauge("units", "Units of work of unfinished runs.", found.units, "status")
        yield _gauge("runs", "Runs that have not ended.", found.runs, "status")
        yield _gauge("oldest_waiting_unit_seconds", "Age of the longest waiting unit.", oldest)
        yield _gauge("analyses_open", "Root-cause analyses waiting or running.", found.analyses)
        yield _gauge("replays_open", "Replays of incidents waiting or running.", found.replays)
        attempts = work.attempts_by_label()
        yield _gauge("attempts", "Attempts by the validator's label.", attempts, "label")
        candidates = tallies.candidates_by_status()
        yield _gauge("candidates", "Candidate lessons by status.", candidates, "status")
        waiting = webhooks.deliveries_waiting()
        yield _gauge("deliveries_waiting", "Webhook messages waiting to be delivered.", waiting)
        flagged = events.unusual_use_everywhere(since=now - HOUR)
        yield _gauge("unusual_use", "Unusual activity recorded in the last hour.", flagged)
        written = CounterMetricFamily(
            "greenroom_rows_written",
            "Rows inserted since the server's statistics began.",
            labels=["table"],
        )
        for table, rows in database.rows_written().items():
            written.add_metric([table], rows)
        yield written


def _gauge(
    name: str, what: str, value: float | dict[str, int], label: str = ""
) -> GaugeMetricFamily:
    family = GaugeMetricFamily(f"greenroom_{name}", what, labels=[label] if label else [])
    for key, number in value.items() if isinstance(value, dict) else [("", value)]:
        family.add_metric([key] if label else [], number)
    return family


@never_cache
def metrics(request: HttpRequest) -> HttpResponse:
    """The figures in Prometheus' text format, for whoever holds the token or is on this machine."""
    if not _may_ask(request):
        return HttpResponse(REFUSED, status=403, content_type="text/plain")
    registry = CollectorRegistry()
    registry.register(Facts())
    requests = request_counts.text(request_counts.counted(settings.METRICS_DIR))
    told = generate_latest(registry) + requests.encode()
    return HttpResponse(told, content_type=CONTENT_TYPE_LATEST)


def _is_own_name(host: str) -> bool:
    """Whether this machine is called so: an address, or a name the operator gave.

    A stranger's page in a browser here can have its own name lead to this machine, and would then
    read the figures: where every host is served, as by ``greenroom up``, nothing else stops it.
    """
    named = [one for one in settings.ALLOWED_HOSTS if one != "*"]
    return literal(host.strip("[]")) is not None or validate_host(host, named)


def _may_ask(request: HttpRequest) -> bool:
    token = settings.METRICS_TOKEN
    if token:
        given = request.headers.get("Authorization", "")
        return hmac.compare_digest(given.encode(), f"Bearer {token}".encode())
    # A reverse proxy on this machine speaks for somebody else, and so does a worker that calls
    # an address which an editor entered (``clients.addresses.VIA``).
    if any(name in request.headers for name in ("X-Forwarded-For", "Forwarded", "Via")):
        return False
    try:
        is_here = ip_address(request.META["REMOTE_ADDR"]).is_loopback
    except (KeyError, ValueError):
        return False
    return is_here and _is_own_name(split_domain_port(request.get_host())[0])
