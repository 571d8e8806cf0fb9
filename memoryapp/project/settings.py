"""Every setting, from the environment. docs/configuration.md lists them; a test keeps it true.

A wrong value ends the process here, with one line for each (``variables``).
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from socket import gethostname
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from csp.constants import NONE, SELF

from memoryapp.clients import redis_servers
from memoryapp.domain.addresses import Private, private_networks
from memoryapp.domain.redaction import BadRule, Own, own_rules
from memoryapp.project import data_folder, databases, embedded, variables
from memoryapp.project.environment import (
    BASE_DIR,
    IS_CHECKOUT,
    TEMPLATES_DIR,
    env,
)
from memoryapp.project.jobs import *  # noqa: F403
from memoryapp.project.jobs import CELERY_TASK_TIME_LIMIT
from memoryapp.project.language_models import *  # noqa: F403
from memoryapp.project.observations import *  # noqa: F403
from memoryapp.project.observations import store
from memoryapp.project.rest import *  # noqa: F403
from memoryapp.project.sign_in import *  # noqa: F403
from memoryapp.project.sign_in import EMAIL_BACKEND, NO_MAIL, OIDC_ORIGIN
from memoryapp.project.tool_servers import *  # noqa: F403
from memoryapp.project.watched import *  # noqa: F403

DATA_DIR = Path(env.text("GREENROOM_DATA_DIR", str(BASE_DIR / ".data"))).resolve()
DEBUG = env.flag("DEBUG", default=False)
DATABASE_URL = env.address(
    "DATABASE_URL",
    schemes=("postgresql", "postgres"),
    example="postgresql://user:password@host:5432/name",
    check=databases.check,
)
EMBEDDED = not DATABASE_URL


def _secret_key() -> str:
    """The key from the environment, or one made once and kept in the data folder."""
    known = len(env.problems)
    configured = env.secret("SECRET_KEY", least=32)
    if configured and variables.is_guessable(configured):
        env.wrong(
            "SECRET_KEY",
            "can be guessed: it repeats itself, or has too few different characters. python3 -c "
            "'import secrets; print(secrets.token_urlsafe(50))' makes a good one; keep the old "
            "one in SECRET_KEY_FALLBACKS, so that what it encrypted stays readable.",
        )
    if configured or len(env.problems) > known:
        return configured
    if not EMBEDDED:
        env.wrong(
            "SECRET_KEY",
            "is not set, and with DATABASE_URL it must be: python3 -c "
            "'import secrets; print(secrets.token_urlsafe(50))' makes a good one.",
        )
        return ""
    try:
        return data_folder.kept_secret(DATA_DIR)
    except OSError as error:
        env.wrong(
            "GREENROOM_DATA_DIR",
            f"must be a folder that can be written; {DATA_DIR} cannot ({error.strerror}).",
        )
        return ""


SECRET_KEY = _secret_key()
#: Older keys still accepted for sessions and for decrypting stored secrets.
SECRET_KEY_FALLBACKS = env.several("SECRET_KEY_FALLBACKS", each=variables.key)
#: What seals stored secrets: the first seals, all open. Without any it is SECRET_KEY.
SEALING_KEYS = [
    *env.several("SEALING_KEYS", each=variables.key),
    SECRET_KEY,
    *SECRET_KEY_FALLBACKS,
]

PUBLIC_URL = env.address(
    "PUBLIC_URL", schemes=("http", "https"), example="https://greenroom.example.com", bare=True
)
_public = urlsplit(PUBLIC_URL)
if EMAIL_BACKEND != NO_MAIL and not env.source.get("PUBLIC_URL", "").strip():
    env.wrong(
        "PUBLIC_URL",
        "must be set with EMAIL_URL, to the address people use, such as "
        "https://greenroom.example.com: links in mails begin with it.",
    )
# Plain-HTTP hosts in a local network are a normal way to run this: https is only demanded where
# PUBLIC_URL says so.
# The loopback names are always served: health checks come from there. So is what people use.
ALLOWED_HOSTS = [
    *env.several("ALLOWED_HOSTS", ["*"] if EMBEDDED else [], each=variables.host),
    *([_public.netloc.removesuffix(f":{_public.port}").lower()] if PUBLIC_URL else []),
    "localhost",
    "127.0.0.1",
]
CSRF_TRUSTED_ORIGINS = env.several(
    "CSRF_TRUSTED_ORIGINS", [PUBLIC_URL] if PUBLIC_URL else [], each=variables.origin
)
SECURE_COOKIES = PUBLIC_URL.startswith("https://")
# Browsers offer passkeys over https and on localhost only, whatever is allowed here.
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not SECURE_COOKIES
SESSION_COOKIE_SECURE = SECURE_COOKIES
CSRF_COOKIE_SECURE = SECURE_COOKIES
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if SECURE_COOKIES else None
SECURE_SSL_REDIRECT = env.flag("SSL_REDIRECT", default=SECURE_COOKIES)
# Probes and Prometheus ask the process itself, behind what speaks https for it.
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^metrics$"]
SECURE_HSTS_SECONDS = env.whole(
    "HSTS_SECONDS", 365 * 24 * 3600 if SECURE_COOKIES else 0, least=0, most=10**9
)
# Whether other hosts of the domain speak https is not this product's to say.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

# What `make up` starts, and where it listens.
HOST = env.read("HOST", variables.listened, "127.0.0.1")
PORT = env.whole("PORT", 8000, least=1, most=65535)
#: Where agents reach MCP on this host.
MCP_PORT = env.whole("MCP_PORT", PORT % 65535 + 1, least=1, most=65535)
if PORT == MCP_PORT:
    env.wrong("MCP_PORT", f"must differ from PORT, which is also {PORT}.")
WORKER_PROCESSES = env.whole("WORKER_PROCESSES", 2, least=1, most=256)
#: of glibc. By itself it keeps what each thread freed for that thread, and after the first large
#: answer takes ever larger ones from what it never gives back: a process's memory would follow the
#: busiest moment of every one of its threads.
ALLOCATOR = {
    "MALLOC_ARENA_MAX": env.whole("MALLOC_ARENA_MAX", 2, least=1, most=1024),
    "MALLOC_MMAP_THRESHOLD_": env.whole("MALLOC_MMAP_THRESHOLD_", 131_072, least=4096),
    "MALLOC_TRIM_THRESHOLD_": env.whole("MALLOC_TRIM_THRESHOLD_", 131_072, least=4096),
}

INSTALLED_APPS = [
    # First: its commands stand in for Django's of the same names.
    "memoryapp.project",
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
    "memoryapp.project.metrics.Timed",
    "memoryapp.api.middleware.RequestId",
    "memoryapp.project.requests.RefuseNul",
    "memoryapp.api.middleware.QuickPull",
    "memoryapp.project.requests.NoLongWait",
    "memoryapp.api.idempotency.Idempotency",
    "memoryapp.project.requests.CompressPages",
    "memoryapp.project.requests.KeepNoPages",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "memoryapp.project.requests.NamedHosts",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "memoryapp.project.requests.EndIdle",
    "memoryapp.project.requests.NoteSeen",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "memoryapp.project.errors.ExplainNotAllowed",
]

ROOT_URLCONF = "memoryapp.project.urls"
WSGI_APPLICATION = "memoryapp.project.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        # Before those of the apps: allauth and Django bring pages of the same names.
        "DIRS": [TEMPLATES_DIR],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "memoryapp.views.shell.shell",
            ],
            "builtins": ["memoryapp.templatetags.drawn"],
        },
    }
]
FORM_RENDERER = "memoryapp.form_rendering.FormRenderer"

DATABASES = databases.configured(
    DATABASE_URL or embedded.database_url(DATA_DIR),
    replica=env.address(
        "DATABASE_REPLICA_URL",
        schemes=("postgresql", "postgres"),
        example="postgresql://user:password@replica:5432/name",
        check=databases.check,
    ),
    pooler=env.flag("DATABASE_POOLER", default=False),
)

LANGUAGE_CODE = "en-us"
TIME_ZONE = env.text("TIME_ZONE", "UTC")
try:
    ZoneInfo(TIME_ZONE)
except (KeyError, OSError, ValueError):  # unknown, a folder's name, no relative name
    env.wrong("TIME_ZONE", f"must be a name such as Europe/Berlin, not {TIME_ZONE!r}.")
USE_TZ = True

STATIC_URL = "static/"
STATIC_ROOT = env.text("STATIC_ROOT") or None
STATICFILES_DIRS = [BASE_DIR / "static"] if IS_CHECKOUT else []
# The image runs collectstatic; a checkout serves the folder itself.
WHITENOISE_USE_FINDERS = STATIC_ROOT is None
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "observations": store(DATA_DIR / "observations"),
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
#: fields of one form: as many rows as one decision may cover can be selected, each is a field.
DATA_UPLOAD_MAX_NUMBER_FIELDS = 2_500
#: The most of one request's body that is read, unpacked: a small gzip may hold gigabytes.
INGEST_MAX_BYTES = env.whole("INGEST_MAX_BYTES", 64 * 2**20, least=1024, most=2**32)
#: The most of a whole workspace's file that is read, as it comes over the network.
WORKSPACE_IMPORT_MAX_BYTES = env.whole(
    "WORKSPACE_IMPORT_MAX_BYTES", 2 * 2**30, least=1024, most=2**50
)
#: Spans that may wait for their trace to be whole before senders are asked to come back later.
INGEST_MAX_WAITING = env.whole("INGEST_MAX_WAITING", 5_000_000, least=1, most=10**9)
CSRF_FAILURE_VIEW = "memoryapp.project.errors.csrf_failure"

REDIS_URL = env.address(
    "REDIS_URL",
    embedded.redis_url(DATA_DIR),
    schemes=("redis", "rediss", "redis+socket", "sentinel"),
    example="redis://host:6379/0",
    check=redis_servers.check,
)
_broker = redis_servers.broker(REDIS_URL)
CELERY_BROKER_URL = _broker["BROKER_URL"]
CELERY_BROKER_USE_SSL = _broker.get("BROKER_USE_SSL")
# Longer than any task: Redis re-delivers what is not acknowledged in this time.
CELERY_BROKER_TRANSPORT_OPTIONS = {
    **_broker["BROKER_TRANSPORT_OPTIONS"],
    "visibility_timeout": max(60 * 60, CELERY_TASK_TIME_LIMIT + 60 * 10),
    "unacked_restore_interval": 1,
    "unacked_restore_throttle": 1,
    # A Redis that hangs closes no connection: whoever rings would wait for it without end.
    "socket_timeout": 5.0,
    "socket_connect_timeout": 5.0,
}
CELERY_BEAT_SCHEDULE_FILENAME = str(DATA_DIR / "beat-schedule")

#: Minutes a candidate is kept for the reviewer who opened it; 0 turns reservations off.
REVIEW_RESERVATION_MINUTES = env.whole("REVIEW_RESERVATION_MINUTES", 10, least=0, most=10_080)

#: What the process of a tool server must not see: our data and keys, and the embedded servers.
MCP_HIDDEN = (DATA_DIR, BASE_DIR / ".env", *embedded.places(DATA_DIR))
#: Folders of seed data an environment may copy for each attempt, by folder name.
SEED_DIR = Path(env.folder("SEED_DIR", str(DATA_DIR / "seeds")))


def _private(written: str) -> Private:
    try:
        return private_networks(written)
    except ValueError as error:
        raise variables.Wrong(
            f"must be true, false or networks such as 10.1.0.0/16,127.0.0.0/8: {error}."
        ) from error


#: Most tool servers live on the machine itself or in the network around it.
ENVIRONMENT_PRIVATE_ADDRESSES = env.read(
    "ENVIRONMENT_PRIVATE_ADDRESSES", _private, private_networks("true")
)

#: A webhook's receiver is usually elsewhere; inside the network it may be somebody's admin page.
WEBHOOK_PRIVATE_ADDRESSES = env.read(
    "WEBHOOK_PRIVATE_ADDRESSES", _private, private_networks(str(EMBEDDED))
)


def _redaction_rules(written: str) -> tuple[Own, ...]:
    try:
        return own_rules(dict(json.loads(written).items()))
    except BadRule as error:
        raise variables.Wrong(f"cannot be used: {error}") from error
    except (ValueError, AttributeError) as error:
        raise variables.Wrong(
            'must be a JSON object of name to pattern, e.g. {"employee number": "EMP-[0-9]{6}"}.'
        ) from error


#: What is masked besides the secrets that are known by their form.
REDACTION_RULES = env.read("REDACTION_RULES", _redaction_rules, own_rules({}))

#: Where web processes of this host keep their counts for /metrics. Files are called by the process
#: id, which every container begins anew at 1, and hosts may share their data folder.
METRICS_DIR = DATA_DIR / "metrics" / gethostname()
# Prometheus' library reads this once, when it is first imported by anybody.
os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(METRICS_DIR)

env.refuse()
