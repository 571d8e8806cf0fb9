"""Whose telemetry is it? Services by the names that collectors and clusters put together.

A pod's name holds that of what it is a pod of, a column of a wide table both a service and a
metric, and what has no name is called something all the same. Rules of clusters and tools only:
no name of any system is known here.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Sequence

import numpy as np

from practice.domain.rootcause.metrics import Role, role
from practice.domain.rootcause.telemetry import Labels

# Kubernetes draws names from letters that make no words.
_DRAWN = "[bcdfghjklmnpqrstvwxz2456789]"
_OF_DEPLOYMENT = re.compile(rf"(.+)-(?:{_DRAWN}{{6,10}}|[0-9a-f]{{8,10}})-{_DRAWN}{{5}}")
_OF_SET = re.compile(rf"(.+)-(?:\d{{1,3}}|{_DRAWN}{{5}})")
# What is written where nobody is named: by languages, and by meshes for what they do not know.
_NOBODY = re.compile(
    r"|-|null|none|nil|<nil>|nan|n/?a|undefined|unknown|(inbound)?(passthrough|blackhole)cluster\w*",
    re.I,
)
_PARTED = re.compile(r"[_.:/|]")


def owner(pod: str, known: Collection[str] = ()) -> str:
    """The service a pod is one of, by its name: its own name where that tells nothing.

    A name that ends in a plain number or in a few letters may be whole. It is cut where what is
    left is one of the ``known`` services.
    """
    if pod in known:
        return pod
    if found := _OF_DEPLOYMENT.fullmatch(pod):
        return found[1]
    found = _OF_SET.fullmatch(pod)
    return found[1] if found and found[1] in known else pod


def named(services: Labels, pods: Labels, hosts: Labels) -> Labels:
    """The services of some rows: told by the pod where none is named, and none where nobody is.

    A pod that is named as a host is no pod: what is measured of it is the host's.
    """
    machines = set(hosts.names)
    asked = {name for name in services.names if not _NOBODY.fullmatch(name)}
    mine = [owner(name, asked) if name in asked else "" for name in services.names]
    known = set(mine) - {""}
    theirs = ["" if name in machines or _NOBODY.fullmatch(name) else owner(name, known)
              for name in pods.names]  # fmt: skip
    if tuple(mine) == services.names and ("" not in mine or not any(theirs)):
        return services
    names = {name: code for code, name in enumerate(dict.fromkeys(["", *mine, *theirs]))}
    of_service = np.array([names[name] for name in mine], np.int32)
    of_pod = np.array([names[name] for name in theirs], np.int32)
    codes = of_service[services.codes]
    return Labels(np.where(codes > 0, codes, of_pod[pods.codes]).astype(np.int32), tuple(names))


def parted(columns: Sequence[str]) -> list[tuple[str, str]]:
    """Service and metric of each column that is named after both, like ``cart_cpu``.

    Services have several metrics and metrics several services: of all ways to part a name, the one
    whose halves are met most often in others. A name with one part is a metric of nobody.
    """
    ways = {
        name: [(name[: m.start()], name[m.end() :]) for m in _PARTED.finditer(name)
               if m.start() > 0 and m.end() < len(name)]
        for name in columns
    }  # fmt: skip
    metrics: dict[str, set[str]] = defaultdict(set)
    services: dict[str, set[str]] = defaultdict(set)
    for both in ways.values():
        for service, metric in both:
            metrics[service].add(metric)
            services[metric].add(service)

    def met(way: tuple[str, str]) -> tuple[int, bool, int, int]:
        often = len(metrics[way[0]]), len(services[way[1]])
        return min(often), role(way[0]) is Role.OTHER, often[0] * often[1], len(way[0])

    return [max(ways[name], key=met) if ways[name] else ("", name) for name in columns]
