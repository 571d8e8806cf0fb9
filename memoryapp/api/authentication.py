"""Who is calling: an agent with a key, or a person with a session."""

from __future__ import annotations

from typing import Any

from rest_framework import authentication, exceptions
from rest_framework.request import Request

from memoryapp.models import ApiKey
from memoryapp.models.events import acting_through
from memoryapp.services.tokens import api_key_recognize


class ApiKeyAuthentication(authentication.BaseAuthentication):
    """``Authorization: Bearer gr_<prefix>_<secret>``."""

    def authenticate(self, request: Request) -> tuple[Any, ApiKey] | None:
        scheme, _, presented = authentication.get_authorization_header(request).partition(b" ")
        if scheme.lower() != b"bearer":
            return None
        key = api_key_recognize(presented.decode("latin-1").strip())
        if key is None:
            raise exceptions.AuthenticationFailed(
                "The API key is unknown, expired or revoked. Make a new one in Settings, API keys."
            )
        if not key.created_by.is_active:
            raise exceptions.AuthenticationFailed(
                "The person who made this key is no longer active. Make a new key."
            )
        acting_through.set(f"API key {key.name}")
        return key.created_by, key

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


class SessionAuthentication(authentication.SessionAuthentication):
    """A signed-in browser, for reading the API where one works."""
