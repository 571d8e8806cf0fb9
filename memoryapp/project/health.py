"""Is it alive, and can it work? For load balancers, containers and the supervisor."""

from __future__ import annotations

import redis
from django.conf import settings
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache

from memoryapp.clients import postgres, redis_servers

#: of one answer; a new connection has two seconds. Probes give up after five.
POSTGRES_PATIENCE_SECONDS = 1.0
REDIS_PATIENCE_SECONDS = 1.0


@never_cache
def healthz(request: HttpRequest) -> HttpResponse:
    """The process answers; it says nothing about what it depends on."""
    return HttpResponse("ok\n", content_type="text/plain")


@never_cache
def readyz(request: HttpRequest) -> JsonResponse:
    """Whether PostgreSQL and Redis answer, by name: 200, or 503 without PostgreSQL.

    Without Redis requests are answered as ever. It is the same one for all web processes: were they
    taken out of service for it, nobody would be left.
    """
    checks = {"postgres": _postgres(), "redis": _redis()}
    return JsonResponse(checks, status=200 if checks["postgres"] else 503)


def _postgres() -> bool:
    try:
        with postgres.hurried(POSTGRES_PATIENCE_SECONDS), connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return False
    return True


def _redis() -> bool:
    try:
        with redis_servers.client(settings.REDIS_URL, patience=REDIS_PATIENCE_SECONDS) as client:
            return bool(client.ping())
    except redis.RedisError:
        return False
