"""How the product is watched: metrics, logs, defects, traces, unusual use. Part of the settings."""

from __future__ import annotations

from typing import Any

from memoryapp.domain import watching
from memoryapp.project import variables
from memoryapp.project.environment import env

#: Who may read /metrics: whoever sends it, or without one whoever is on this machine.
METRICS_TOKEN = env.secret("METRICS_TOKEN", least=16)

#: Where defects are reported to, and where traces of requests and jobs go; both optional extras.
SENTRY_DSN = env.address(
    "SENTRY_DSN",
    schemes=("http", "https"),
    example="https://key@sentry.example.com/1",
    check=variables.sentry,
)
if SENTRY_DSN and not variables.is_installed("sentry_sdk"):
    env.wrong("SENTRY_DSN", "needs an extra: pip install 'greenroom[sentry]', or leave it empty.")
OTEL_EXPORTER_OTLP_ENDPOINT = env.address(
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    schemes=("http", "https"),
    example="http://collector:4318",
    check=variables.collector,
)
_OTEL = ("opentelemetry.exporter.otlp.proto.http", "opentelemetry.instrumentation.celery")
if OTEL_EXPORTER_OTLP_ENDPOINT and not all(variables.is_installed(name) for name in _OTEL):
    env.wrong(
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "needs an extra: pip install 'greenroom[otel]', or leave it empty.",
    )

#: How many rows of a kind one person has in the audit log in an hour without a word; 0 is any.
UNUSUAL_USE = env.by_name(
    "UNUSUAL_USE", watching.figure, names=watching.USUAL, example='{"export.asked": 2}.'
)

LOG_FORMAT = env.choice("LOG_FORMAT", "line", among=("line", "json"))
#: Libraries that speak of every call: addresses with what opens them in their query or path,
#: headers, prompts. Of them only warnings are wanted, whatever LOG_LEVEL says.
TALKATIVE = (
    *("httpx2", "httpcore2", "urllib3", "openai", "anthropic", "mcp"),
    *("boto3", "botocore", "s3transfer", "oauthlib", "requests_oauthlib"),
)
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {"()": "memoryapp.project.logs.Line"},
        "json": {"()": "memoryapp.project.logs.Json"},
    },
    "filters": {"away": {"()": "memoryapp.project.logs.AwayBriefly"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": LOG_FORMAT}},
    "root": {
        "handlers": ["console"],
        "level": env.choice("LOG_LEVEL", "WARNING", among=LOG_LEVELS),
    },
    "loggers": {
        **{name: {"level": "WARNING"} for name in TALKATIVE},
        "django.request": {"filters": ["away"]},
    },
}
