"""Traces and defects, told to servers of yours; off unless their address is set.

Both libraries are optional extras and are loaded only here. Nothing that a person or an agent wrote
leaves with a defect: no bodies, headers, cookies or local variables, and no secret of ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from celery import signals
from django.conf import settings

from memoryapp.domain import context
from memoryapp.project.masking import masked

#: What of a request says where a defect is; the rest may hold somebody's words.
_OF_REQUEST = ("method", "url")
#: Attributes of a request's span that hold its query, by the conventions old and new.
_WITH_QUERY = {"http.url", "http.target", "url.full", "url.query"}


def begin() -> None:
    """Start what is configured, in a process that serves or works. Called once after a fork.

    Raises ``SystemExit`` with one line when an address is set and its library is not installed.
    """
    if settings.SENTRY_DSN:
        _report_defects()
    if settings.OTEL_EXPORTER_OTLP_ENDPOINT:
        _send_traces()


@signals.worker_process_init.connect
def in_a_worker(**_: Any) -> None:
    begin()


def _report_defects() -> None:
    sentry = _loaded("sentry_sdk", "SENTRY_DSN", "sentry")
    of_django = _loaded("sentry_sdk.integrations.django", "SENTRY_DSN", "sentry")
    of_celery = _loaded("sentry_sdk.integrations.celery", "SENTRY_DSN", "sentry")
    sentry.init(
        dsn=settings.SENTRY_DSN,
        send_default_pii=False,
        include_local_variables=False,
        max_request_body_size="never",
        max_breadcrumbs=0,
        # By itself it loads every library it knows how to watch, those that ask models first of
        # all: four seconds in each process, and eyes on what is said to a model.
        auto_enabling_integrations=False,
        integrations=[of_django.DjangoIntegration(), of_celery.CeleryIntegration()],
        before_send=scrubbed,
    )


def scrubbed(event: dict[str, Any], hint: Mapping[str, Any]) -> dict[str, Any]:
    """A report without anybody's words or secrets, and with the request or task it came from."""
    kept = {k: v for k, v in event.items() if k not in {"user", "extra", "breadcrumbs"}}
    if "request" in kept:
        asked = {k: v for k, v in kept["request"].items() if k in _OF_REQUEST}
        asked["url"] = str(asked.get("url", "")).partition("?")[0]
        kept["request"] = asked
    kept["tags"] = dict(context.bound())
    cleaned: dict[str, Any] = masked(kept)
    return cleaned


def _send_traces() -> None:
    name = "OTEL_EXPORTER_OTLP_ENDPOINT"
    trace = _loaded("opentelemetry.trace", name, "otel")
    sdk = _loaded("opentelemetry.sdk.trace", name, "otel")
    export = _loaded("opentelemetry.sdk.trace.export", name, "otel")
    otlp = _loaded("opentelemetry.exporter.otlp.proto.http.trace_exporter", name, "otel")
    resources = _loaded("opentelemetry.sdk.resources", name, "otel")
    endpoint = f"{settings.OTEL_EXPORTER_OTLP_ENDPOINT}/v1/traces"
    provider = sdk.TracerProvider(resource=resources.Resource.create({"service.name": "greenroom"}))
    provider.add_span_processor(export.BatchSpanProcessor(otlp.OTLPSpanExporter(endpoint=endpoint)))
    trace.set_tracer_provider(provider)
    # Connected first, so that it still finds the span that the library's own handler ends.
    signals.task_postrun.connect(_name_job, weak=False)
    django = _loaded("opentelemetry.instrumentation.django", name, "otel")
    django.DjangoInstrumentor().instrument(response_hook=_name_request)
    _loaded("opentelemetry.instrumentation.celery", name, "otel").CeleryInstrumentor().instrument()


def _name_job(**_: Any) -> None:
    """Say of the span of a job which run and unit it was, as its log lines do."""
    import_module("opentelemetry.trace").get_current_span().set_attributes(_belongings())


def _name_request(span: Any, request: Any, response: Any) -> None:
    """Say of the span of a request which one it was, and not what somebody asked for."""
    span.set_attributes(_belongings())
    for key, value in dict(span.attributes).items():
        if isinstance(value, str):
            told = value.partition("?")[0] if key in _WITH_QUERY else value
            span.set_attribute(key, masked(told))


def _belongings() -> dict[str, str]:
    return {f"greenroom.{name}": value for name, value in context.bound().items()}


def _loaded(module: str, name: str, extra: str) -> Any:
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        raise SystemExit(
            f"Greenroom cannot start. {name} is set, but its library is not installed: "
            f"pip install 'greenroom[{extra}]', or leave {name} empty."
        ) from error
