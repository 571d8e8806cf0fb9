"""OTLP requests of any signal, in JSON or protobuf, as rows of the neutral layout.

Protobuf is brought to the shape OTLP/JSON has, so that both are read by the same code. A cumulative
sum becomes a counter (``…_total``), a histogram the mean and count of its interval, or, where it is
cumulative, what those are told by (``domain.rootcause.cumulative``); the attributes of a data point
become part of the metric's name, since each set of them is a series of its own.
"""

from __future__ import annotations

import base64
import hashlib
import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from google.protobuf.json_format import MessageToDict
from google.protobuf.message import DecodeError, Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from practice.clients.telemetry_columns import UnreadableTelemetry
from practice.domain.rootcause.cumulative import COUNT, SUM, kept_as
from practice.domain.traces.bodies import BodyTooLarge
from practice.domain.traces.wire import request_check

#: The field that an OTLP/JSON request of a kind has.
SIGNALS = {"traces": "resourceSpans", "metrics": "resourceMetrics", "logs": "resourceLogs"}
_REQUESTS: Mapping[str, type[Message]] = {
    "traces": ExportTraceServiceRequest,
    "metrics": ExportMetricsServiceRequest,
    "logs": ExportLogsServiceRequest,
}
#: Resources, scopes and items of one request; more could be gigabytes as objects.
MOST_PARTS = 1_000_000
_IDS = ("traceId", "spanId", "parentSpanId")
_LABELS_CAP = 120
_CUMULATIVE = {"2", "AGGREGATION_TEMPORALITY_CUMULATIVE"}
_ILL = {"2": "error", "STATUS_CODE_ERROR": "error", "1": "ok", "STATUS_CODE_OK": "ok"}
_ANSWERED = ("http.response.status_code", "http.status_code", "rpc.grpc.status_code")
Row = dict[str, str]
Plain = Mapping[str, Any]


def is_request(kind: str, data: bytes) -> bool:
    """Whether bytes are a protobuf export request of ``kind``.

    Raises:
        UnreadableTelemetry: it holds more than ``MOST_PARTS``.
    """
    return _parsed(kind, data) is not None


def decoded(kind: str, data: bytes) -> Plain | None:
    """A protobuf export request of ``kind`` as OTLP/JSON has it; ``None`` for anything else."""
    message = _parsed(kind, data)
    if message is None:
        return None
    found: dict[str, Any] = MessageToDict(message)
    for resource in _list(found, SIGNALS[kind]):
        for scope in (*_list(resource, "scopeSpans"), *_list(resource, "scopeLogs")):
            for item in (*_list(scope, "spans"), *_list(scope, "logRecords")):
                for name in _IDS:
                    if item.get(name):
                        item[name] = base64.b64decode(item[name]).hex()
    return found


def _parsed(kind: str, data: bytes) -> Message | None:
    if kind not in _REQUESTS or data[:1] != b"\n":  # field 1, of a length
        return None
    message = _REQUESTS[kind]()
    try:
        request_check(data, most=MOST_PARTS)
        message.ParseFromString(data)
    except BodyTooLarge as error:
        raise UnreadableTelemetry(str(error)) from error
    except (DecodeError, RecursionError, IndexError):
        return None
    return message if message.ListFields() else None


def rows(kind: str, batches: Iterable[Plain]) -> Iterator[Row]:
    """Rows of OTLP/JSON export requests, in the columns of ``kind``."""
    for batch in batches:
        for resource in _list(batch, SIGNALS[kind]):
            about = _attributes(_dict(resource, "resource"))
            home = {
                "service": about.get("service.name", ""),
                "pod": about.get("k8s.pod.name") or about.get("service.instance.id", ""),
                "host": about.get("k8s.node.name") or about.get("host.name", ""),
            }
            if kind == "traces":
                yield from _spans(resource, home)
            elif kind == "logs":
                yield from _lines(resource, home)
            else:
                yield from _samples(resource, home)


def _spans(resource: Plain, home: Row) -> Iterator[Row]:
    for scope in _list(resource, "scopeSpans"):
        for span in _list(scope, "spans"):
            start, end = _number(span, "startTimeUnixNano"), _number(span, "endTimeUnixNano")
            yield {
                **home,
                "trace_id": _text(span.get("traceId")),
                "span_id": _text(span.get("spanId")),
                "parent_id": _text(span.get("parentSpanId")),
                "operation": _text(span.get("name")),
                "start_us": f"{start / 1e3:.0f}" if math.isfinite(start) else "",
                # A span without an end is still a call that was made.
                "duration_us": f"{(end - start) / 1e3:.0f}" if end > start > 0 else "",
                "status": _status(span),
            }


def _status(span: Plain) -> str:
    """What a span says of itself, or what was answered where it leaves that unset."""
    said = _ILL.get(_text(_dict(span, "status").get("code")), "")
    where = {} if said else _attributes(span)
    return said or next((where[name] for name in _ANSWERED if where.get(name)), "")


def _lines(resource: Plain, home: Row) -> Iterator[Row]:
    for scope in _list(resource, "scopeLogs"):
        logger = _text(_dict(scope, "scope").get("name"))
        for line in _list(scope, "logRecords"):
            at = _number(line, "timeUnixNano")
            at = at if at > 0 else _number(line, "observedTimeUnixNano")
            where = _attributes(line)
            code = where.get("code.lineno") or where.get("code.line.number", "")
            yield {
                **home,
                "ts_us": f"{at / 1e3:.0f}" if math.isfinite(at) else "",
                "level": _text(line.get("severityText")),
                "source": f"{logger}#{code}" if logger and code else "",
                "trace_id": _text(line.get("traceId")),
                "span_id": _text(line.get("spanId")),
                "message": _value(_dict(line, "body")),
            }


def _samples(resource: Plain, home: Row) -> Iterator[Row]:
    for scope in _list(resource, "scopeMetrics"):
        for metric in _list(scope, "metrics"):
            name = _text(metric.get("name"))
            for shape in ("gauge", "sum"):
                told = _dict(metric, shape)
                counts = shape == "sum" and _is_rising(told) and told.get("isMonotonic")
                for point in _list(told, "dataPoints"):
                    value = _number(point, "asDouble" if "asDouble" in point else "asInt")
                    labels = _labels(point)
                    full = f"{name}_total{labels}" if counts else name + labels
                    yield _sample(home, point, full, value)
            for shape in ("histogram", "exponentialHistogram", "summary"):
                told = _dict(metric, shape)
                is_rising = shape == "summary" or _is_rising(told)
                for point in _list(told, "dataPoints"):
                    if _is_broken(point):  # kept as a row without a number, which a note counts
                        yield _sample(home, point, f"{name}_calls{_labels(point)}", math.nan)
                    else:
                        yield from (_risen if is_rising else _distributed)(home, point, name)


def _is_rising(told: Plain) -> bool:
    return _text(told.get("aggregationTemporality")) in _CUMULATIVE


def _is_broken(point: Plain) -> bool:
    """Whether a count or a sum of a point is no usable number. A count of 0 is left out."""
    count, sum_ = _number(point, "count"), _number(point, "sum")
    is_counted = point.get("count") is None or 0 <= count < math.inf
    return not (is_counted and (point.get("sum") is None or math.isfinite(sum_)))


def _distributed(home: Row, point: Plain, name: str) -> Iterator[Row]:
    """What came in one interval, of a histogram that begins each with nothing."""
    labels, sum_, count = _labels(point), _number(point, "sum"), _number(point, "count")
    if count >= 0:
        yield _sample(home, point, f"{name}_calls{labels}", count)
    if count > 0:
        yield _sample(home, point, f"{name}_mean{labels}", sum_ / count)


def _risen(home: Row, point: Plain, name: str) -> Iterator[Row]:
    """What came since a start. The point before lies in another request, maybe still unread."""
    start = _number(point, "startTimeUnixNano") / 1e9
    for part in (COUNT, SUM):
        value = _number(point, part)
        if math.isfinite(value):  # a sum is left out where values may be negative
            called = kept_as(name, _labels(point), part, start if start > 0 else math.nan)
            yield _sample(home, point, called, value)


def _sample(home: Row, point: Plain, metric: str, value: float) -> Row:
    at = _number(point, "timeUnixNano") / 1e9
    return {**home, "ts": repr(round(at, 3)), "metric": metric, "value": repr(value)}


def _labels(point: Plain) -> str:
    """The attributes of a point; those that are too long stay apart by a digest of the whole."""
    found = sorted(_attributes(point).items())
    text = ",".join(f"{key}={value}" for key, value in found)
    if len(text) > _LABELS_CAP:
        digest = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:8]
        text = f"{text[: _LABELS_CAP - 9]}~{digest}"
    return f"{{{text}}}" if text else ""


def _number(of: Plain, name: str) -> float:
    try:
        return float(of.get(name, math.nan))
    except (TypeError, ValueError, OverflowError):  # whole numbers of any length come in JSON
        return math.nan


def _text(value: Any) -> str:
    return "" if value is None else str(value).replace("\0", "")


def _list(value: Plain, name: str) -> list[Any]:
    found = value.get(name)
    return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []


def _dict(value: Plain, name: str) -> dict[str, Any]:
    found = value.get(name)
    return found if isinstance(found, dict) else {}


def _value(value: Plain) -> str:
    return _text(next(iter(value.values()), ""))


def _attributes(of: Plain) -> Row:
    return {
        _text(item.get("key")): _value(_dict(item, "value")) for item in _list(of, "attributes")
    }
