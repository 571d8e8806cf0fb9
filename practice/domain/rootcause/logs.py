"""Log lines that no trace holds: error statements that came or grew, per service and second."""

from __future__ import annotations

import re

import numpy as np

from practice.domain.rootcause.findings import Finding
from practice.domain.rootcause.telemetry import Floats, Labels, LogTable, Mask, Modality
from practice.domain.rootcause.types import Direction, EvidenceKind, TemplateSummary

_ERROR = re.compile(
    r"^(ERROR|ERR|FATAL|CRITICAL|SEVERE|EMERG\w*|ALERT|PANIC)\b"
    r"|^(?!INFO|DEBUG|TRACE|NOTICE).*"
    r"\b\w*(error|exception|fail(ed|ure)?|panic|timed? ?out|refused)\b",
    re.I,
)
_SHOWN = 12
# Log lines of one failure come in bursts: ten are worth less than ten times one.
_BURST = 0.5


def is_error(statement: str) -> bool:
    """Whether a statement (``LEVEL source`` or ``LEVEL template``) tells of a failure."""
    return bool(_ERROR.search(statement.strip()))


def poisson_ratio(k1: float, t1: float, k0: float, t0: float) -> float:
    """How much better two rates explain k1 in t1 and k0 in t0 than one does, in nats; rises only.

    Half an event is added on each side, so that something never seen before is not infinite news.
    """
    if t1 <= 0 or t0 <= 0 or k1 / t1 <= k0 / t0:
        return 0.0
    a, b = k1 + 0.5, k0 + 0.5
    rate = (a + b) / (t1 + t0)
    return float(a * np.log(a / t1 / rate) + b * np.log(b / t0 / rate))


def log_findings(
    logs: LogTable,
    names: Labels,
    loose: Mask,
    reference: LogTable | None,
    reference_names: Labels | None,
    begin: float,
) -> tuple[list[Finding], dict[str, list[TemplateSummary]]]:
    """Error findings of ``loose`` lines (in no trace), and the templates of every service."""
    if not len(logs):
        return [], {}
    end = float(np.nanmax(logs.ts)) + 1e-6
    after = logs.ts >= begin
    before = logs.ts < begin
    now_seconds = max(end - begin, 1.0)
    usual_seconds = max(begin - float(np.nanmin(logs.ts)), 0.0) if before.any() else 0.0
    count = _counts(logs, names, after)
    usual = _counts(logs, names, before)
    alone = _counts(logs, names, after & loose)
    if reference is not None and reference_names is not None and len(reference):
        usual_seconds += max(float(np.nanmax(reference.ts) - np.nanmin(reference.ts)), 1.0)
        for key, number in _counts(reference, reference_names, _all(reference)).items():
            usual[key] = usual.get(key, 0) + number
    span = {key: _span(logs, names, key, after) for key in count if is_error(key[1])}
    found = []
    for key, number in sorted(alone.items()):
        service, statement = key
        if not service or not is_error(statement):
            continue
        nats = poisson_ratio(number, now_seconds, usual.get(key, 0), usual_seconds or now_seconds)
        weight = _BURST * nats - 2.0
        if weight > 0:
            found.append(_finding(service, statement, number, usual, weight, span[key]))
    return found, _summaries(count, usual, span, now_seconds, usual_seconds)


def _all(table: LogTable) -> Mask:
    return np.ones(len(table), dtype=np.bool_)


def _counts(logs: LogTable, names: Labels, rows: Mask) -> dict[tuple[str, str], int]:
    width = max(len(names.names), 1)
    code = logs.service.codes[rows].astype(np.int64) * width + names.codes[rows]
    found, numbers = np.unique(code, return_counts=True)
    return {
        (logs.service.names[c // width], names.names[c % width]): int(n)
        for c, n in zip(found.tolist(), numbers, strict=True)
    }


def _span(logs: LogTable, names: Labels, key: tuple[str, str], rows: Mask) -> tuple[float, float]:
    mine: Floats = logs.ts[rows & logs.service.is_name(key[0]) & names.is_name(key[1])]
    return float(mine.min()), float(mine.max())


def _finding(
    service: str,
    statement: str,
    number: int,
    usual: dict[tuple[str, str], int],
    weight: float,
    span: tuple[float, float],
) -> Finding:
    known = usual.get((service, statement), 0)
    return Finding(
        service=service,
        kind=EvidenceKind.OWN_ERROR,
        modality=Modality.LOGS,
        own=weight,
        total=weight,
        statement=f"“{statement[:200]}” was logged {number} times, usually {known}",
        direction=Direction.UP if known else Direction.NEW,
        baseline=float(known),
        observed=float(number),
        unit="lines",
        onset=span[0],
        references=(statement[:200],),
        by_rate=True,
    )


def _summaries(
    count: dict[tuple[str, str], int],
    usual: dict[tuple[str, str], int],
    span: dict[tuple[str, str], tuple[float, float]],
    now_seconds: float,
    usual_seconds: float,
) -> dict[str, list[TemplateSummary]]:
    found: dict[str, list[TemplateSummary]] = {}
    scale = now_seconds / usual_seconds if usual_seconds else 0.0
    order = sorted(count, key=lambda key: (not is_error(key[1]), -count[key], key))
    for key in order:
        service, statement = key
        mine = found.setdefault(service, [])
        if len(mine) < _SHOWN:
            level, _, text = statement.partition(" ")
            first, last = span.get(key, (None, None))
            mine.append(
                TemplateSummary(
                    template=text[:200],
                    level=level,
                    count=count[key],
                    expected=round(usual.get(key, 0) * scale, 2),
                    first_seen=first,
                    last_seen=last,
                )
            )
    return found
