"""Nothing in the tests can reach a real provider."""

from __future__ import annotations

import socket

import pytest

from practice.agents.ports import ProviderUnavailable
from practice.clients.llm import ModelSettings, check_connection
from tests.fakes import ScriptedOpenAI, text
from tests.network import NetworkForbidden, is_local, only_loopback


@pytest.mark.parametrize("provider", ["openai", "anthropic"])
@pytest.mark.parametrize("base_url", [None, "http://192.0.2.7/v1"])
def test_it_keeps_the_model_client_from_reaching_a_real_provider(
    provider: str, base_url: str | None
) -> None:
    chosen = ModelSettings(provider, "m", base_url=base_url, api_key="k", timeout_s=2)  # type: ignore[arg-type]

    with only_loopback() as refused, pytest.raises(ProviderUnavailable):
        check_connection(chosen)

    assert refused


def test_it_lets_the_model_client_reach_the_scripted_server() -> None:
    with only_loopback(), ScriptedOpenAI([text("ready")]) as server:
        assert "answered" in check_connection(
            ModelSettings("openai", "m", base_url=server.base_url)
        )


def test_it_refuses_plain_sockets_and_names_outside() -> None:
    with only_loopback():
        with socket.socket() as plain, pytest.raises(NetworkForbidden, match=r"192\.0\.2\.1:80"):
            plain.connect(("192.0.2.1", 80))
        with pytest.raises(NetworkForbidden, match=r"example\.com"):
            socket.create_connection(("example.com", 443), timeout=1)


def test_it_takes_the_guard_down_again() -> None:
    before = socket.socket.connect, socket.getaddrinfo

    with only_loopback():
        assert (socket.socket.connect, socket.getaddrinfo) != before

    assert (socket.socket.connect, socket.getaddrinfo) == before


@pytest.mark.parametrize(
    ("host", "local"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("localhost", True),
        (None, True),
        (b"localhost", True),
        ("0.0.0.0", True),
        ("10.0.0.1", False),
        ("169.254.169.254", False),
        ("localhost.example.com", False),
        ("2001:db8::1", False),
    ],
)
def test_it_knows_this_machine_from_others(host: object, local: bool) -> None:
    assert is_local(host) is local
