"""Every setting, from the environment. docs/configuration.md lists them; a test keeps it true."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import Any

from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from memoryapp.domain.addresses import Private, private_networks
from memoryapp.domain.redaction import BadRule, Own, own_rules
from memoryapp.project import embedded
from memoryapp.project.environment import BASE_DIR, env
from memoryapp.project.sign_in import *  # noqa: F403
from memoryapp.project.sign_in import OIDC_ORIGIN

DATA_DIR = Path(env.str("GREENROOM_DATA_DIR", default=str(BASE_DIR / ".data")))
DEBUG = env.bool("DEBUG", default=False)
EMBEDDED = not env.str("DATABASE_URL", default="")


def _secret_key() -> str:
    """The key from the environment, or one made once and kept in the data folder."""
    configured = env.str("SECRET_KEY", default="")
    if configured:
        return str(configured)
    if not EMBEDDED:
        raise ImproperlyConfigured(
            "SECRET_KEY is not set. With DATABASE_URL it must be: "
            "python -c 'import secrets; print(secrets.token_urlsafe(50))' makes one."
        )
    return embedded.kept_secret(DATA_DIR)


SECRET_KEY = _secret_key()
#: Older keys still accepted for sessions and for decrypting stored secrets.
SECRET_KEY_FALLBACKS = env.list("SECRET_KEY_FALLBACKS", default=[])
#: What seals stored secrets: the first seals, all open. Without any it is SECRET_KEY.
SEALING_KEYS = [*env.list("SEALING_KEYS", default=[]), SECRET_KEY, *SECRET_KEY_FALLBACKS]

PUBLIC_URL = env.str("PUBLIC_URL", default="").rstrip("/")
# Plain-HTTP hosts in a local network are a normal way to run this: https is only demanded where
# PUBLIC_URL says so.
# The loopback names are always served: health checks come from there.
ALLOWED_HOSTS = [
    *env.list("ALLOWED_HOSTS", default=["*"] if EMBEDDED else []),
    "localhost",
    "127.0.0.1",
]
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[PUBLIC_URL] if PUBLIC_URL else [])
SECURE_COOKIES = PUBLIC_URL.startswith("https://")
# Browsers offer passkeys over https and on localhost only, whatever is allowed here.
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not SECURE_COOKIES
SESSION_COOKIE_SECURE = SECURE_COOKIES
CSRF_COOKIE_SECURE = SECURE_COOKIES
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if SECURE_COOKIES else None
SECURE_SSL_REDIRECT = env.bool("SSL_REDIRECT", default=SECURE_COOKIES)
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]
SECURE_HSTS_SECONDS = env.int("HSTS_SECONDS", default=365 * 24 * 3600 if SECURE_COOKIES else 0)
# Whether other hosts of the domain speak https is not this product's to say.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
#: Where agents reach MCP on this host; the supervisor starts it there.
MCP_PORT = env.int("MCP_PORT", default=env.int("PORT", default=8000) + 1)

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django.contrib.postgres",
    "django_htmx",
    "template_partials",
    "csp",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "allauth.usersessions",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "memoryapp",
    "practice",
]

MIDDLEWARE = [
    "memoryapp.api.middleware.RequestId",
    "memoryapp.project.requests.RefuseNul",
    "memoryapp.api.middleware.QuickPull",
    "memoryapp.api.idempotency.Idempotency",
    "memoryapp.project.requests.CompressPages",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
]

ROOT_URLCONF = "memoryapp.project.urls"
WSGI_APPLICATION = "memoryapp.project.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "memoryapp.views.shell.shell",
            ],
        },
    }
]
FORM_RENDERER = "memoryapp.form_rendering.FormRenderer"

DATABASES: dict[str, Any] = {
    "default": env.db_url_config(
        env.str("DATABASE_URL", default="") or embedded.database_url(DATA_DIR)
    )
}
DATABASES["default"]["ENGINE"] = "django.db.backends.postgresql"
DATABASES["default"]["CONN_MAX_AGE"] = 60
DATABASES["default"]["CONN_HEALTH_CHECKS"] = True

LANGUAGE_CODE = "en-us"
TIME_ZONE = env.str("TIME_ZONE", default="UTC")
USE_TZ = True

STATIC_URL = "static/"
STATIC_ROOT = env.str("STATIC_ROOT", default="") or None
STATICFILES_DIRS = [BASE_DIR / "static"]
# The image runs collectstatic; a checkout serves the folder itself.
WHITENOISE_USE_FINDERS = STATIC_ROOT is None
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if WHITENOISE_USE_FINDERS
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "font-src": [SELF],
        "img-src": [SELF, "data:"],
        "connect-src": [SELF],
        # A form that leads to the identity provider is redirected there, and browsers check that.
        "form-action": [SELF, *OIDC_ORIGIN],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "manifest-src": [SELF],
    }
}

#: what one request may bring along, in bytes: an artifact with its vectors fits.
DATA_UPLOAD_MAX_MEMORY_SIZE = 10 * 2**20
CSRF_FAILURE_VIEW = "memoryapp.project.errors.csrf_failure"

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "memoryapp.api.authentication.ApiKeyAuthentication",
        "memoryapp.api.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["memoryapp.api.parsers.BoundedJSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_THROTTLE_CLASSES": ["memoryapp.api.limits.KeyRate"],
    "EXCEPTION_HANDLER": "memoryapp.api.problems.exception_handler",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
    "URL_FORMAT_OVERRIDE": None,
}
#: Requests per minute of a key that has no limit of its own; 0 is no limit.
API_RATE_LIMIT = env.int("API_RATE_LIMIT", default=1200)
PULL_CACHE = env.bool("PULL_CACHE", default=True)
SPECTACULAR_SETTINGS = {
    "TITLE": "Greenroom API",
    "DESCRIPTION": "Pull playbooks, read trajectories, start practice runs, decide candidates.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "/static/img/favicon.svg",
    "REDOC_DIST": "SIDECAR",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "memoryapp.api.schema.with_any_value",
        "memoryapp.api.schema.with_pages",
        "memoryapp.api.schema.with_problems",
    ],
    "ENUM_NAME_OVERRIDES": {
        "ReportedOutcome": [("success", "Success"), ("failure", "Failure")],
        "BulletStatus": "memoryapp.models.Bullet.Status",
        "CandidateStatus": "memoryapp.models.Candidate.Status",
        "EnvironmentStatus": "practice.models.Environment.Status",
        "RunStatus": "practice.models.Run.Status",
        "AttemptStatus": "practice.models.Attempt.Status",
        "RunKind": "practice.models.Run.Kind",
        "LessonKind": "practice.models.Lesson.Kind",
        "SteeringKind": "practice.models.Steering.Kind",
        "IncidentStatus": "practice.models.Incident.Status",
        "IncidentOutcome": "practice.models.Incident.Outcome",
        "IncidentKind": "practice.models.Incident.Kind",
        "WorkStatus": "practice.models.Analysis.Status",
        "TelemetryKind": "practice.models.TelemetryFile.Kind",
    },
}

REDIS_URL = env.str("REDIS_URL", default="") or embedded.redis_url(DATA_DIR)
CELERY_BROKER_URL = REDIS_URL
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_SOFT_TIME_LIMIT = 60 * 30
CELERY_TASK_TIME_LIMIT = 60 * 32
# Longer than any task: Redis re-delivers what is not acknowledged in this time.
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 60 * 60,
    "unacked_restore_interval": 1,
    "unacked_restore_throttle": 1,
}
#: Seconds after which a claimed unit without a heartbeat belongs to nobody.
UNIT_LEASE_SECONDS = env.int("UNIT_LEASE_SECONDS", default=60)
#: How often the receipts of pulls are brought from Redis into the database.
RECEIPT_SECONDS = env.int("RECEIPT_SECONDS", default=5)
#: How many days each single receipt is kept; 0 is for good. How often what was pulled stays.
RECEIPT_DAYS = env.int("RECEIPT_DAYS", default=30)
#: Minutes a candidate is kept for the reviewer who opened it; 0 turns reservations off.
REVIEW_RESERVATION_MINUTES = env.int("REVIEW_RESERVATION_MINUTES", default=10)
SWEEP_SECONDS = env.int("SWEEP_SECONDS", default=30)
DRIFT_CHECK_SECONDS = env.int("DRIFT_CHECK_SECONDS", default=3600)
# US dollars one run over trajectories of deployed agents may spend; nobody starts those by hand.
ONLINE_RUN_BUDGET = env.float("ONLINE_RUN_BUDGET", default=1.0)
#: The most of one request's body that is read, unpacked: a small gzip may hold gigabytes.
INGEST_MAX_BYTES = env.int("INGEST_MAX_BYTES", default=64 * 1024 * 1024)
#: The most of a whole workspace's file that is read, as it comes over the network.
WORKSPACE_IMPORT_MAX_BYTES = env.int("WORKSPACE_IMPORT_MAX_BYTES", default=2 * 2**30)
#: Spans that may wait for their trace to be whole before senders are asked to come back later.
INGEST_MAX_WAITING = env.int("INGEST_MAX_WAITING", default=5_000_000)
#: How long a trace whose root span came must be quiet before it counts as whole.
TRACE_SETTLE_SECONDS = env.float("TRACE_SETTLE_SECONDS", default=5.0)
CELERY_BEAT_SCHEDULE = {
    "sweep-runs": {"task": "practice.tasks.sweep_runs", "schedule": SWEEP_SECONDS},
    "index-vectors": {"task": "memoryapp.tasks.index_vectors", "schedule": SWEEP_SECONDS},
    "forget-answers": {"task": "memoryapp.tasks.forget_answers", "schedule": 3600},
    "forget-receipts": {"task": "memoryapp.tasks.forget_receipts", "schedule": 3600},
    "flush-receipts": {"task": "memoryapp.tasks.flush_receipts", "schedule": RECEIPT_SECONDS},
    "send-webhooks": {"task": "memoryapp.tasks.send_webhooks", "schedule": 15.0},
    "assemble-traces": {
        "task": "practice.tasks.assemble_traces",
        "schedule": max(TRACE_SETTLE_SECONDS, 1.0),
    },
}
CELERY_BEAT_SCHEDULE_FILENAME = str(DATA_DIR / "beat-schedule")


def _mcp_commands() -> dict[str, tuple[str, ...]]:
    """Named commands that may start a tool server; only the operator of this machine sets them."""
    sample = (sys.executable, str(BASE_DIR / "examples" / "helpdesk" / "server.py"))
    try:
        configured = json.loads(env.str("MCP_COMMANDS", default="{}"))
        commands = {
            str(name): tuple(shlex.split(line) if isinstance(line, str) else map(str, line))
            for name, line in configured.items()
        }
    except (ValueError, AttributeError, TypeError) as error:
        raise ImproperlyConfigured(
            "MCP_COMMANDS must be a JSON object of name to command line, "
            'e.g. {"git": "uvx mcp-server-git"}.'
        ) from error
    if any(not argv for argv in commands.values()):
        raise ImproperlyConfigured("MCP_COMMANDS holds an empty command line.")
    return {"helpdesk": sample, **commands}


MCP_COMMANDS = _mcp_commands()
MCP_SANDBOX = env.str("MCP_SANDBOX", default="auto")
if MCP_SANDBOX not in {"auto", "required", "off"}:
    raise ImproperlyConfigured(f"MCP_SANDBOX must be auto, required or off, not {MCP_SANDBOX!r}.")
#: What one process of a tool server may use up; 0 is no limit.
MCP_LIMITS = {
    "cpu_seconds": env.int("MCP_CPU_SECONDS", default=600),
    "memory_mb": env.int("MCP_MEMORY_MB", default=4096),
    "file_mb": env.int("MCP_FILE_MB", default=1024),
    "open_files": env.int("MCP_OPEN_FILES", default=1024),
    "processes": env.int("MCP_PROCESSES", default=0),
}
#: Folders of seed data an environment may copy for each attempt, by folder name.
SEED_DIR = Path(env.str("SEED_DIR", default=str(DATA_DIR / "seeds")))
MCP_STARTUP_SECONDS = env.float("MCP_STARTUP_SECONDS", default=20.0)
MCP_CALL_SECONDS = env.float("MCP_CALL_SECONDS", default=30.0)
ATTEMPT_SECONDS = env.float("ATTEMPT_SECONDS", default=1800.0)


def _private(name: str, written: str) -> Private:
    try:
        return private_networks(written)
    except ValueError as error:
        raise ImproperlyConfigured(
            f"{name} must be true, false or networks such as 10.1.0.0/16,127.0.0.0/8: {error}."
        ) from error


#: Most tool servers live on the machine itself or in the network around it.
ENVIRONMENT_PRIVATE_ADDRESSES = _private(
    "ENVIRONMENT_PRIVATE_ADDRESSES", env.str("ENVIRONMENT_PRIVATE_ADDRESSES", default="true")
)

#: A webhook's receiver is usually elsewhere; inside the network it may be somebody's admin page.
WEBHOOK_PRIVATE_ADDRESSES = _private(
    "WEBHOOK_PRIVATE_ADDRESSES", env.str("WEBHOOK_PRIVATE_ADDRESSES", default=str(EMBEDDED))
)


def _redaction_rules() -> tuple[Own, ...]:
    try:
        written = json.loads(env.str("REDACTION_RULES", default="{}"))
        return own_rules(dict(written.items()))
    except BadRule as error:
        raise ImproperlyConfigured(f"REDACTION_RULES: {error}") from error
    except (ValueError, AttributeError) as error:
        raise ImproperlyConfigured(
            "REDACTION_RULES must be a JSON object of name to pattern, "
            'e.g. {"employee number": "EMP-[0-9]{6}"}.'
        ) from error


#: What is masked besides the secrets that are known by their form.
REDACTION_RULES = _redaction_rules()

LLM_PROVIDER = env.str("LLM_PROVIDER", default="")
LLM_MODEL = env.str("LLM_MODEL", default="")
LLM_ROLE_MODELS = env.json("LLM_ROLE_MODELS", default={})
LLM_TEMPERATURES = env.json("LLM_TEMPERATURES", default={})
LLM_BASE_URL = env.str("LLM_BASE_URL", default="")
LLM_API_KEY = env.str("LLM_API_KEY", default="")
LLM_OUTPUT_MODE = env.str("LLM_OUTPUT_MODE", default="tool")
LLM_TIMEOUT_SECONDS = env.float("LLM_TIMEOUT_SECONDS", default=120.0)
#: US dollars per million input and output tokens, for models without a listed price.
LLM_PRICE_INPUT = env.float("LLM_PRICE_INPUT", default=-1.0)
LLM_PRICE_OUTPUT = env.float("LLM_PRICE_OUTPUT", default=-1.0)

EMBEDDING_PROVIDER = env.str("EMBEDDING_PROVIDER", default="")
EMBEDDING_MODEL = env.str("EMBEDDING_MODEL", default="")
EMBEDDING_MODEL_DIR = env.str("EMBEDDING_MODEL_DIR", default="")
EMBEDDING_BASE_URL = env.str("EMBEDDING_BASE_URL", default="https://api.openai.com/v1")
EMBEDDING_API_KEY = env.str("EMBEDDING_API_KEY", default="")
EMBEDDING_TIMEOUT_SECONDS = env.float("EMBEDDING_TIMEOUT_SECONDS", default=10.0)
if EMBEDDING_PROVIDER not in {"", "local", "openai"}:
    raise ImproperlyConfigured(
        f"EMBEDDING_PROVIDER must be empty, local or openai, not {EMBEDDING_PROVIDER!r}."
    )
if EMBEDDING_PROVIDER == "openai" and not EMBEDDING_MODEL:
    raise ImproperlyConfigured(
        "EMBEDDING_MODEL is not set. With EMBEDDING_PROVIDER=openai it names the model."
    )

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": env.str("LOG_LEVEL", default="WARNING")},
}
