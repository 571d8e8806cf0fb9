"""A small OpenID provider: a real HTTP server on loopback that signs who it is told to."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

CLIENT = "greenroom"
SECRET = "the secret of the client"


class IdentityProvider:
    """Answers discovery, token, keys and userinfo for one person, ``claims``."""

    def __init__(self, server: HTTPServer) -> None:
        self.issuer = server.url_for("").rstrip("/")
        self.claims: dict[str, Any] = {}
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        #: what the browser was sent away with, and what the token endpoint was given.
        self.asked: dict[str, str] = {}
        self.posted: dict[str, str] = {}
        self.audience = CLIENT
        #: what the token says otherwise than it should.
        self.said: dict[str, Any] = {}
        #: whether it sends people here and answers nothing more.
        self.is_away = False
        self._server = server
        server.expect_request("/.well-known/openid-configuration").respond_with_json(
            {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "userinfo_endpoint": f"{self.issuer}/userinfo",
                "jwks_uri": f"{self.issuer}/keys",
                "token_endpoint_auth_methods_supported": ["client_secret_post"],
            }
        )
        server.expect_request("/token").respond_with_handler(self._token)
        server.expect_request("/userinfo").respond_with_handler(
            lambda request: Response(json.dumps(self.claims), content_type="application/json")
        )

    def describe(self, **answer: Any) -> None:
        """Answer otherwise when asked what this provider is."""
        self._server.clear()
        self._server.expect_request("/.well-known/openid-configuration").respond_with_data(**answer)

    def sign_in(self, client: Any, path: str = "/oidc/oidc/login/", **query: str) -> Any:
        """Play the browser: go to the provider and come back with a code."""
        self.go(client, path, **query)
        return self.come_back(client)

    def go(self, client: Any, path: str = "/oidc/oidc/login/", **query: str) -> None:
        away = client.post(path, query)
        assert away["Location"].startswith(f"{self.issuer}/authorize")
        asked = parse_qs(urlsplit(away["Location"]).query)
        self.asked = {name: values[0] for name, values in asked.items()}

    def come_back(self, client: Any) -> Any:
        back = urlsplit(self.asked["redirect_uri"]).path
        return client.get(back, {"code": "once", "state": self.asked["state"]})

    def _token(self, request: Request) -> Response:
        if self.is_away:
            return Response("down", status=503)
        self.posted = request.form.to_dict()
        now = int(time.time())
        id_token = jwt.encode(
            {
                **self.claims,
                "iss": self.issuer,
                "aud": self.audience,
                "iat": now,
                "exp": now + 60,
                "jti": secrets.token_hex(8),
                **self.said,
            },
            self.key,
            algorithm="RS256",
        )
        answer = {"access_token": "opaque", "token_type": "Bearer", "id_token": id_token}
        return Response(json.dumps(answer), content_type="application/json")


@contextmanager
def running(settings: Any, claims: dict[str, Any]) -> Iterator[IdentityProvider]:
    """Start a provider, point the settings at it and let it speak for ``claims``."""
    with HTTPServer(host="127.0.0.1") as server:
        provider = IdentityProvider(server)
        provider.claims = claims
        app = {
            "provider_id": "oidc",
            "name": "Acme",
            "client_id": CLIENT,
            "secret": SECRET,
            "settings": {"server_url": provider.issuer, "oauth_pkce_enabled": True},
        }
        settings.SOCIALACCOUNT_PROVIDERS = {"openid_connect": {"APPS": [app]}}
        yield provider
