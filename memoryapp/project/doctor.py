"""What ``greenroom doctor`` looks at: each check gives findings and never raises.

A finding is one line: fine, a warning, or wrong, and then what to do. Nothing is changed, nothing
is sent to a model, and no secret is shown. Import only after ``django.setup()``.
"""

from __future__ import annotations

import os
import shutil
import socket
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from secrets import token_hex
from typing import Any, Literal
from urllib.parse import urlsplit

import redis
from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.db import DatabaseError, InterfaceError, OperationalError
from django.utils import timezone

from memoryapp.clients import minilm, pulse, store
from memoryapp.project import data_folder, embedded
from memoryapp.project import environment as sources
from memoryapp.project.celery import app
from memoryapp.queries import database
from memoryapp.queries.replica import REPLICA
from memoryapp.services import sealing
from practice.clients.cage import bubblewrap
from practice.domain import arguments
from practice.models import Environment
from practice.models.environments import SecretsUnreadable

#: A lease is a minute by default; clocks that differ by seconds already shorten it.
SKEW_WARNS, SKEW_FAILS = 2.0, 20.0
AHEAD = timedelta(minutes=5)
PULSE_LATE = 3
LOW_DISK = 2 * 2**30
#: Bytes of WAL: a release of a minute ago is somewhere in there.
FAR_BEHIND = 64 * 2**20
EXPIRES_SOON = timedelta(days=14)
PATIENCE_SECONDS = 3.0
OLDEST_REDIS = (6, 2)
#: Of pgvector: before it a search across playbooks could not walk on past what its filter drops.
OLDEST_VECTOR = (0, 8)


@dataclass(frozen=True, slots=True)
class Finding:
    """``text`` says what is, and where ``state`` is not ok, what to do about it."""

    state: Literal["ok", "warn", "fail"]
    check: str
    text: str


Findings = Iterator[Finding]


def examine() -> list[Finding]:
    """Run every check, in the order of what depends on what."""
    return [finding for check in CHECKS for finding in _guarded(check)]


def _guarded(check: Callable[[], Findings]) -> list[Finding]:
    name = check.__name__.strip("_").replace("_", " ")
    try:
        return list(check())
    except (DatabaseError, redis.RedisError) as error:
        return [Finding("fail", name, f"Could not be checked: {_line(error)}")]


def _settings() -> Findings:
    for line in sources.FILE.misnamed(sources.env.known):
        yield Finding("warn", "settings", line)


def _database() -> Findings:
    try:
        server = database.server()
    except OperationalError as error:
        remedy = "Start it with: greenroom up" if settings.EMBEDDED else "Correct DATABASE_URL."
        yield Finding("fail", "database", f"It cannot be reached: {_line(error)}. {remedy}")
        return
    if server.version < database.OLDEST:
        text = f"PostgreSQL {server.name} is too old. Move to PostgreSQL 15 or newer."
        yield Finding("fail", "database", text)
    else:
        size = f"{server.size / 2**20:,.0f} MB"
        yield Finding("ok", "database", f"PostgreSQL {server.name} holds {size}.")
    if server.vector is None:
        text = "pgvector is not installed on the server. Install its package there."
        yield Finding("fail", "pgvector", text)
    elif _parts(server.vector) < OLDEST_VECTOR:
        text = (
            f"Version {server.vector} is too old. Install 0.8 or newer on the server, and then in "
            "this database: ALTER EXTENSION vector UPDATE"
        )
        yield Finding("fail", "pgvector", text)
    elif not server.vector_is_there:
        text = "It is not in this database yet. Run: greenroom prepare"
        yield Finding("fail", "pgvector", text)
    else:
        yield Finding("ok", "pgvector", f"Version {server.vector}.")
    yield _skew(server.behind)


def _replica() -> Findings:
    if REPLICA not in settings.DATABASES:
        return
    try:
        behind = database.replica().behind
    except (OperationalError, InterfaceError) as error:
        text = (
            f"It cannot be reached: {_line(error)}. Pulls are read from the server itself "
            "meanwhile. Start it, or correct DATABASE_REPLICA_URL."
        )
        yield Finding("warn", "read replica", text)
        return
    if behind is None:
        text = "It does not replicate from the server. Name a standby in DATABASE_REPLICA_URL."
        yield Finding("warn", "read replica", text)
    elif behind > FAR_BEHIND:
        text = (
            f"It is {behind / 2**20:,.0f} MB behind, so new releases are read from the server. "
            "Look at its disk and network."
        )
        yield Finding("warn", "read replica", text)
    else:
        yield Finding("ok", "read replica", f"It is {behind / 2**20:,.1f} MB behind.")


def _skew(behind: float) -> Finding:
    if abs(behind) < SKEW_WARNS:
        return Finding("ok", "clock", "This machine and the database agree.")
    which = "behind" if behind > 0 else "ahead of"
    text = (
        f"This machine's clock is {abs(behind):,.0f} s {which} the database's. "
        "Set both by NTP: leases are counted by these clocks."
    )
    return Finding("warn" if abs(behind) < SKEW_FAILS else "fail", "clock", text)


def _migrations() -> Findings:
    found = database.migrations()
    if found.unknown:
        text = f"The database is of a later version ({found.unknown[-1]}). Install that version."
        yield Finding("fail", "migrations", text)
    elif found.missing:
        text = f"{len(found.missing)} are not applied yet. Run: greenroom prepare"
        yield Finding("fail", "migrations", text)
    else:
        yield Finding("ok", "migrations", "All are applied.")
        newest = database.newest_event()
        if newest is not None and newest > timezone.now() + AHEAD:
            text = (
                f"The newest event is dated {newest:%Y-%m-%d %H:%M} UTC, which is in the future: "
                "the clock was set back, or was wrong then. Work waits until leases from then end."
            )
            yield Finding("warn", "clock", text)


def _secrets() -> Findings:
    unreadable = sealing.unreadable()
    for environment in Environment.objects.exclude(secrets=b"").only("name", "secrets"):
        try:
            environment.open_secrets()
        except SecretsUnreadable:
            unreadable.append(environment.name)
    if unreadable:
        more = f" and {len(unreadable) - 3} more" if len(unreadable) > 3 else ""
        text = (
            f"Those of {', '.join(unreadable[:3])}{more} were encrypted with another key. Add the "
            "old key to SEALING_KEYS, or enter the secrets again."
        )
        yield Finding("fail", "secrets", text)
    else:
        yield Finding("ok", "secrets", "All that are stored can be read.")


def _arguments() -> Findings:
    """Those that were stored before they were looked at, or came with an imported workspace."""
    for environment in Environment.objects.filter(transport="stdio").exclude(arguments=[]):
        if arguments.problem([str(each) for each in environment.arguments]):
            text = (
                f"{environment.name} seems to have a secret among its arguments, which every "
                "member can read. Replace the secret, then connect the environment again with it "
                "in a variable."
            )
            yield Finding("warn", "arguments", text)


def _redis() -> Findings:
    try:
        client = store.client()
        info: dict[str, Any] = client.info()
        policy = _eviction(client)
    except redis.RedisError as error:
        text = f"It cannot be reached: {_line(error)}. Start it, or correct REDIS_URL."
        yield Finding("fail", "redis", text)
        return
    version = str(info["redis_version"])
    # Valkey says which Redis it stands for, and beside it what it is.
    name = f"Valkey {info['valkey_version']}" if "valkey_version" in info else f"Redis {version}"
    if _parts(version) < OLDEST_REDIS:
        yield Finding("fail", "redis", f"{name} is too old. Move to 6.2 or newer.")
    elif policy.startswith("allkeys"):
        text = f"Its maxmemory-policy is {policy}, which may drop queued work. Set noeviction."
        yield Finding("warn", "redis", text)
    else:
        waiting = client.llen(app.conf.task_default_queue)
        yield Finding("ok", "redis", f"{name}, {waiting} messages wait.")
    yield from _workers()


def _parts(version: str) -> tuple[int, ...]:
    """The first two numbers of a version."""
    return tuple(int(part) for part in version.split(".")[:2])


def _eviction(client: redis.Redis) -> str:
    """What Redis does when it is full; empty where a hosted one does not say."""
    try:
        return str(client.config_get("maxmemory-policy").get("maxmemory-policy", ""))
    except redis.ResponseError:
        return ""


def _workers() -> Findings:
    answers = app.control.ping(timeout=1.0)
    if not answers:
        yield Finding("fail", "workers", "No worker answers. Start at least one.")
    else:
        yield Finding("ok", "workers", f"{len(answers)} answer.")
    age, late = pulse.age(), PULSE_LATE * settings.SWEEP_SECONDS
    if age is None or age > late:
        when = "yet, or for a day" if age is None else f"for {age:,.0f} s"
        text = (
            f"No scheduled task has run {when}. Start beat, on one host only; after a start it "
            f"takes {settings.SWEEP_SECONDS} s to show here."
        )
        yield Finding("fail", "beat", text)
    else:
        yield Finding("ok", "beat", f"Its last task ran {age:,.0f} s ago.")


def _disk() -> Findings:
    try:
        data_folder.check_disk(settings.DATA_DIR)
    except embedded.EmbeddedFailed as error:
        yield Finding("fail", "disk", str(error))
        return
    free = shutil.disk_usage(settings.DATA_DIR).free
    state: Literal["ok", "warn"] = "warn" if free < LOW_DISK else "ok"
    more = " Free some space soon." if state == "warn" else ""
    yield Finding(state, "disk", f"{free / 2**30:,.1f} GB are free in {settings.DATA_DIR}.{more}")


def _object_store() -> Findings:
    """Write, read and delete an object of a few bytes, as a worker and a page would."""
    if not settings.OBSERVATION_OBJECT_KB:
        yield Finding("ok", "object store", "Off: observations are stored whole in their rows.")
        return
    where = settings.OBSERVATION_S3_BUCKET or storages["observations"].path("")
    name, said = f"doctor/{token_hex(8)}", token_hex(8).encode()
    try:
        storages["observations"].save(name, ContentFile(said))
        with storages["observations"].open(name) as file:
            same = file.read() == said
        storages["observations"].delete(name)
    except OSError as error:
        remedy = (
            "Correct OBSERVATION_S3_…" if settings.OBSERVATION_S3_BUCKET else "Make it writable"
        )
        text = f"{where} cannot be used: {_line(error)}. {remedy}, or set OBSERVATION_OBJECT_KB=0."
        yield Finding("fail", "object store", text)
        return
    if same:
        yield Finding("ok", "object store", f"{where} stored, returned and deleted an object.")
    else:
        text = f"{where} returned something other than what was stored. Use another store."
        yield Finding("fail", "object store", text)


def _commands() -> Findings:
    lost = [n for n, argv in settings.MCP_COMMANDS.items() if shutil.which(argv[0]) is None]
    if lost:
        text = (
            f"{', '.join(lost)} of MCP_COMMANDS cannot be run on this machine. "
            "Install them wherever a worker runs, or correct the path."
        )
        yield Finding("warn", "commands", text)
    else:
        yield Finding("ok", "commands", f"{len(settings.MCP_COMMANDS)} can be run here.")


def _sandbox() -> Findings:
    """Whether tool servers can be held on this machine, which should be one with a worker."""
    if settings.MCP_SANDBOX == "off":
        text = "Off: tool servers can read whatever Greenroom's user can. Set MCP_SANDBOX=auto."
        yield Finding("warn", "sandbox", text)
    elif bubblewrap():
        yield Finding("ok", "sandbox", "Tool servers run in bubblewrap here.")
    else:
        what = "No tool server is started" if settings.MCP_SANDBOX == "required" else "None is used"
        text = (
            f"{what}: bubblewrap is not installed here or may not make namespaces. Install it "
            "wherever a worker runs and allow user namespaces."
        )
        state: Literal["warn", "fail"] = "fail" if settings.MCP_SANDBOX == "required" else "warn"
        yield Finding(state, "sandbox", text)


def _embeddings() -> Findings:
    if not settings.EMBEDDING_PROVIDER:
        yield Finding("ok", "embeddings", "Off: search uses words only.")
        return
    if settings.EMBEDDING_PROVIDER == "openai":
        text = f"{settings.EMBEDDING_MODEL} at {settings.EMBEDDING_BASE_URL} is configured."
        yield Finding("ok", "embeddings", text)
        return
    try:
        minilm.MiniLM(minilm.folder(settings.EMBEDDING_MODEL_DIR))
    except minilm.ModelMissing as error:
        yield Finding("fail", "embeddings", str(error))
    else:
        yield Finding("ok", "embeddings", "The local model is there and is the official one.")


def _static_files() -> Findings:
    root = settings.STATIC_ROOT
    if root and not (Path(root) / "staticfiles.json").exists():
        text = f"{root} holds none. Run: greenroom manage collectstatic --noinput"
        yield Finding("fail", "static files", text)


def _certificate() -> Findings:
    parts = urlsplit(settings.PUBLIC_URL)
    if parts.scheme != "https" or parts.hostname is None:
        return
    try:
        left = _certificate_ends(parts.hostname, parts.port or 443) - datetime.now(UTC)
    except ssl.SSLCertVerificationError as error:
        text = f"That of {parts.hostname} is not valid: {error.verify_message}. Renew it."
        yield Finding("fail", "certificate", text)
    except (OSError, ValueError) as error:
        text = f"{settings.PUBLIC_URL} cannot be reached from here: {_line(error)}"
        yield Finding("warn", "certificate", text)
    else:
        soon = left < EXPIRES_SOON
        text = f"That of {parts.hostname} is valid for {left.days} days.{' Renew it.' * soon}"
        yield Finding("warn" if soon else "ok", "certificate", text)


def _certificate_ends(host: str, port: int) -> datetime:
    context = ssl.create_default_context(cafile=os.environ.get("SSL_CERT_FILE"))
    with (
        socket.create_connection((host, port), timeout=PATIENCE_SECONDS) as plain,
        context.wrap_socket(plain, server_hostname=host) as secured,
    ):
        ends = (secured.getpeercert() or {}).get("notAfter", "")
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(str(ends)), UTC)


def _line(error: BaseException) -> str:
    """The first line of what a library says, without the stop we set ourselves."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")


CHECKS: tuple[Callable[[], Findings], ...] = (
    _settings,
    _database,
    _replica,
    _migrations,
    _secrets,
    _arguments,
    _redis,
    _disk,
    _object_store,
    _commands,
    _sandbox,
    _embeddings,
    _static_files,
    _certificate,
)
