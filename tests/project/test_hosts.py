"""A host name that is not served is called that, and no misread request."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

pytestmark = pytest.mark.django_db


@pytest.fixture
def elsewhere(settings: Any) -> Client:
    settings.ALLOWED_HOSTS = ["greenroom.example.com"]
    return Client(headers={"Host": "10.0.0.7"})


def test_a_page_says_what_an_operator_does(elsewhere: Client) -> None:
    answer = elsewhere.get("/login/")
    assert answer.status_code == 400
    assert "An operator can add it to ALLOWED_HOSTS" in answer.content.decode()


def test_the_api_says_so_as_mcp_does(elsewhere: Client) -> None:
    answer = elsewhere.get("/api/v1/playbooks")
    assert answer.status_code == 421
    assert answer.json()["type"] == "urn:greenroom:problem:host"
    assert "ALLOWED_HOSTS" in answer.json()["detail"]


def test_prometheus_is_sent_to_no_https(client: Client, settings: Any) -> None:
    settings.SECURE_SSL_REDIRECT = True
    assert client.get("/metrics", REMOTE_ADDR="127.0.0.1").status_code == 200
    assert client.get("/login/").status_code == 301


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_a_load_balancer_asks_by_an_address_that_nobody_named(elsewhere: Client, path: str) -> None:
    assert elsewhere.get(path).status_code == 200


def test_prometheus_asks_a_pod_by_its_address_with_the_token(
    elsewhere: Client, settings: Any
) -> None:
    settings.METRICS_TOKEN = "a-token-of-some-length"
    token = {"Authorization": "Bearer a-token-of-some-length"}
    assert elsewhere.get("/metrics", headers=token).status_code == 200
    assert elsewhere.get("/metrics").status_code == 403


def test_prometheus_without_the_token_is_told_of_it(elsewhere: Client) -> None:
    answer = elsewhere.get("/metrics", REMOTE_ADDR="10.0.0.9")
    assert answer.status_code == 403
    assert "METRICS_TOKEN" in answer.content.decode()


def test_nobody_on_this_machine_asks_for_the_figures_by_another_name(elsewhere: Client) -> None:
    answer = elsewhere.get("/metrics", REMOTE_ADDR="127.0.0.1", HTTP_HOST="evil.example")
    assert answer.status_code == 400
