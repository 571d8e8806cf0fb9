"""Taking secrets, and what looks like one, out of log lines and reports of defects.

The text of an exception is written by a library: it may quote an address with its password.
"""

from __future__ import annotations

import re
from typing import Any

from django.conf import settings

REMOVED = "[removed]"
#: a shorter key of a model is what a local server takes for none, and part of ordinary words.
KEY_CHARS = 12
_KEY = re.compile(r"\b(?:gr|sk|rk|key)[-_][\w*.-]{8,}|(?<=://)[^/@\s:]*:[^/@\s]+(?=@)")
#: Addresses that let in whoever knows them: Django and the log of requests quote paths.
_OPENING = re.compile(r"(/(?:join|confirm-email|password/reset/key)/)[^/\s?#\"']+")


def masked(value: Any) -> Any:
    """The same strings, lists and dicts without secrets."""
    return _without(value, _secrets())


def _secrets() -> list[str]:
    databases = [one.get("PASSWORD") for one in settings.DATABASES.values()]
    stores = [store.get("OPTIONS", {}).get("secret_key") for store in settings.STORAGES.values()]
    models = (settings.LLM_API_KEY, settings.EMBEDDING_API_KEY)
    known = [
        *(*settings.SEALING_KEYS, settings.METRICS_TOKEN, settings.OIDC_CLIENT_SECRET),
        *(settings.EMAIL_HOST_PASSWORD, *(key for key in models if len(key) >= KEY_CHARS)),
        *(*databases, *stores),
    ]
    return [secret for secret in known if secret]


def _without(value: Any, secrets: list[str]) -> Any:
    if isinstance(value, str):
        for secret in secrets:
            value = value.replace(secret, REMOVED)
        return _OPENING.sub(rf"\1{REMOVED}", _KEY.sub(REMOVED, value))
    if isinstance(value, dict):
        return {key: _without(member, secrets) for key, member in value.items()}
    if isinstance(value, list | tuple):
        return [_without(member, secrets) for member in value]
    return value
