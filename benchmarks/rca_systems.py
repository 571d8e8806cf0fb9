"""Random microservice systems: who calls whom, how fast, what is logged, how metrics are called.

A system is drawn from a seed. Nothing in it comes from a recorded data set: topologies, names,
metric vocabularies, sampling intervals and log forms vary far more than one set would show.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field

LETTERS = "bcdfghjklmnpqrstvwxz"
# What a team calls its metrics; those it does not take have no name. ``total`` ones are counters
# that only rise.
DIALECTS: tuple[dict[str, str], ...] = (
    {
        "cpu": "container_cpu_usage_seconds_total", "mem": "container_memory_working_set_bytes",
        "disk": "container_fs_writes_bytes_total",
        "rx": "container_network_receive_bytes_total",
        "tx": "container_network_transmit_bytes_total",
        "latency": "http_server_request_duration_seconds_p{q}",
        "errors": "http_server_errors_total", "load": "http_server_requests_total",
        "client": "http_client_request_duration_seconds_p{q}",
        "restarts": "kube_pod_container_status_restarts_total",
        "sockets": "container_sockets",
        "host_cpu": "node_cpu_utilisation",
    },
    {
        "cpu": "cpu", "mem": "mem", "disk": "diskio", "rx": "rx", "tx": "tx",
        "latency": "latency-{q}", "errors": "error", "load": "workload", "client": "",
        "sockets": "socket",
        "restarts": "", "host_cpu": "",
    },
    {
        "cpu": "system.cpu.utilization", "mem": "process.memory.usage",
        "disk": "system.disk.io", "rx": "system.network.io.receive",
        "tx": "system.network.io.transmit", "latency": "rpc.server.duration.p{q}",
        "errors": "rpc.server.errors", "load": "rpc.server.requests",
        "client": "rpc.client.duration.p{q}", "restarts": "k8s.container.restarts",
        "sockets": "process.open_file_descriptor.count",
        "host_cpu": "host.cpu.utilization",
    },
    {
        "cpu": "CpuUsageRate(%)", "mem": "MemoryUsage(Mi)", "disk": "FsWriteRate(B/s)",
        "rx": "NetworkReceiveBytes", "tx": "NetworkTransmitBytes",
        "latency": "PodLatencyP{q}(s)", "errors": "FailedRequests",
        "load": "PodWorkload(Ops)", "client": "", "restarts": "", "host_cpu": "NodeCpuUsageRate(%)",
        "sockets": "OpenConnections",
    },
    {
        "cpu": "jvm_process_cpu_load", "mem": "jvm_memory_used_bytes", "disk": "disk_write_ops",
        "rx": "net_in", "tx": "net_out", "latency": "response_time_ms_{q}",
        "errors": "exceptions_count", "load": "qps", "client": "upstream_rt_ms_{q}",
        "restarts": "restart_count", "host_cpu": "host_load1",
        "sockets": "tcp_connections_established",
    },
    {
        "cpu": "cpu_cores", "mem": "memory", "disk": "", "rx": "", "tx": "",
        "latency": "latency_p{q}", "errors": "err", "load": "load", "client": "",
        "restarts": "", "host_cpu": "", "sockets": "",
    },
    {
        "cpu": "container-cpu-usage-seconds-total", "mem": "container-memory-working-set-bytes",
        "disk": "container-fs-writes-total", "rx": "container-network-receive-bytes-total",
        "tx": "container-network-transmit-bytes-total", "latency": "mesh-latency-{q}",
        "errors": "mesh-error-total", "load": "mesh-request-total", "client": "",
        "restarts": "", "host_cpu": "", "sockets": "container-sockets",
    },
)  # fmt: skip
LEVELS = (("INFO", "ERROR"), ("info", "error"), ("I", "E"), ("", ""), ("INFO", "SEVERE"))
VERBS = ("load", "check", "store", "quote", "list", "reserve", "rank", "render", "sync", "send")
NOUNS = ("order", "cart", "price", "user", "stock", "route", "seat", "ad", "mail", "coupon")


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing a service does. ``calls`` are (service, operation, chance, by which branch)."""

    name: str
    self_ms: float
    calls: tuple[tuple[int, int, float], ...]
    statements: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Service:
    name: str
    operations: tuple[Operation, ...]
    pods: tuple[str, ...]
    host: str
    is_store: bool
    is_traced: bool
    is_logged: bool


@dataclass(frozen=True, slots=True)
class System:
    """A system and how it is watched."""

    services: tuple[Service, ...]
    dialect: dict[str, str]
    interval: float
    has_client_spans: bool
    has_inner_spans: bool
    status: tuple[str, str]
    levels: tuple[str, str]
    has_sources: bool
    lines_have_traces: bool
    has_topology: bool
    log_form: Callable[[str, str], str] = field(compare=False)
    requests_per_second: float = 1.5
    grumbler: int = -1  # writes an error line for one request in twenty that it serves well


def _word(source: random.Random, syllables: int = 3) -> str:
    return "".join(source.choice(LETTERS) + source.choice("aeiou") for _ in range(syllables))


def _plain(logger: str, text: str) -> str:
    return text


def _key_value(logger: str, text: str) -> str:
    return f'logger={logger} msg="{text}"'


def _json(logger: str, text: str) -> str:
    return f'{{"logger": "{logger}", "message": "{text}"}}'


def _long(logger: str, text: str) -> str:
    return f"[http-nio-8080-exec-{len(text) % 7}] {logger} - {text}"


STATUSES = (
    ("", ""),
    ("ok", "error"),
    ("0", "2"),
    ("200", "500"),
    ("STATUS_CODE_UNSET", "STATUS_CODE_ERROR"),
    ("OK", "INTERNAL"),
)


def system(seed: int) -> System:
    """The system of a seed: five to thirty services in layers, stores at the bottom."""
    r = random.Random(seed)
    size = r.choice((5, 8, 12, 18, 28))
    layers = min(r.choice((3, 4, 5)), size - 1)
    layer = [0, *sorted(r.randrange(1, layers) for _ in range(size - 1))]
    deepest = max(layer)
    suffix = r.choice(("", "-service", "svc", "-api", ".prod"))
    services: list[Service] = []
    operations: list[list[Operation]] = [[] for _ in range(size)]
    stores = {s for s in range(1, size) if layer[s] == deepest and r.random() < 0.5}
    for s in reversed(range(size)):
        below = [t for t in range(size) if layer[t] > layer[s]]
        near = [t for t in below if layer[t] == layer[s] + 1] or below
        for number in range(1 if s in stores else r.choice((1, 2, 3)) + 2 * (s == 0)):
            wanted = 0 if s in stores or not below else r.choice((0, 1, 1, 2, 3)) + (s == 0)
            targets = [r.choice(near if r.random() < 0.8 else below) for _ in range(wanted)]
            calls = tuple(
                (t, r.randrange(len(operations[t])), r.choice((1.0, 1.0, 1.0, 0.9, 0.5)))
                for t in targets
            )
            noun, verb = r.choice(NOUNS), r.choice(VERBS)
            name = r.choice(
                (f"/{noun}/{verb}", f"{noun}.{verb}{number}", f"POST /v1/{noun}s/{{id}}")
            )
            lines = tuple(f"{r.choice(VERBS)} {noun} {w} of {_word(r)}" for w in ("begin", "end"))
            operations[s].append(
                Operation(f"{name}#{number}", r.choice((0.5, 1, 3, 8, 20, 50)), calls, lines)
            )
    # Everybody is called by somebody.
    called = {t for ops in operations for op in ops for t, _, _ in op.calls}
    for t in range(1, size):
        if t not in called:
            above = r.choice([s for s in range(size) if layer[s] < layer[t] and s not in stores])
            place = r.randrange(len(operations[above]))
            op = operations[above][place]
            operations[above][place] = Operation(
                op.name, op.self_ms, (*op.calls, (t, 0, 1.0)), op.statements
            )
    traced_share = r.choice((1.0, 1.0, 1.0, 0.8))
    logged_share = r.choice((1.0, 1.0, 0.6))
    hosts = [f"node-{_word(r, 2)}" for _ in range(r.choice((2, 3, 5)))]
    for s in range(size):
        name = _word(r) + suffix
        pods = tuple(f"{name}-{_word(r, 2)}-{n}" for n in range(r.choice((1, 1, 2, 3))))
        services.append(
            Service(
                name, tuple(operations[s]), pods, r.choice(hosts), s in stores,
                s == 0 or (s not in stores and r.random() < traced_share),
                r.random() < logged_share,
            )
        )  # fmt: skip
    return System(
        services=tuple(services),
        dialect=DIALECTS[seed % len(DIALECTS)],
        interval=r.choice((1.0, 5.0, 15.0, 30.0, 60.0)),
        has_client_spans=r.random() < 0.5,
        has_inner_spans=r.random() < 0.5,
        status=STATUSES[r.randrange(len(STATUSES))],
        levels=LEVELS[r.randrange(len(LEVELS))],
        has_sources=r.random() < 0.4,
        lines_have_traces=r.random() < 0.6,
        has_topology=r.random() < 0.6,
        log_form=r.choice((_plain, _key_value, _json, _long)),
        requests_per_second=r.choice((0.7, 1.5, 3.0)),
        grumbler=r.choice((-1, r.randrange(size))),
    )
