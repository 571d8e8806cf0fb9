"""Which models are asked at the provider of the settings, and which of them do not answer."""

from __future__ import annotations

from urllib.parse import urlsplit

from django.conf import settings
from django.db.models import QuerySet

from practice.models import ModelSilence

MODEL_CHARS = 100


def models_of(*roles: str) -> frozenset[str]:
    """The models that roles ask."""
    named = settings.LLM_ROLE_MODELS
    return frozenset(named.get(role, settings.LLM_MODEL)[:MODEL_CHARS] for role in roles)


def address() -> str:
    """Where models are asked: no more of the URL than the host, since it may hold a key."""
    at = urlsplit(settings.LLM_BASE_URL or "")
    port = f":{at.port}" if at.port else ""
    return f"{settings.LLM_PROVIDER} {at.hostname or ''}{port}".strip()[:300]


def silent() -> QuerySet[ModelSilence]:
    """Models that did not answer when they were last asked here."""
    return ModelSilence.objects.filter(address=address()).order_by("model")
