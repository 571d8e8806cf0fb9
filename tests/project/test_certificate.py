"""``greenroom doctor`` on the certificate that people's browsers see."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from memoryapp.project import doctor
from tests.certificates import own_certificate


@contextmanager
def serving(folder: Path, days: int) -> Iterator[int]:
    """A TLS server whose certificate is valid for ``days`` more; yields its port."""
    context = own_certificate(folder, days)
    listener = socket.create_server(("127.0.0.1", 0))

    def answer() -> None:
        with suppress(OSError):
            plain, _ = listener.accept()
            context.wrap_socket(plain, server_side=True).close()

    threading.Thread(target=answer, daemon=True).start()
    with listener:
        yield listener.getsockname()[1]


@pytest.mark.parametrize(
    ("days", "state", "said"),
    [
        (90, "ok", "That of 127.0.0.1 is valid for 90 days."),
        (3, "warn", "That of 127.0.0.1 is valid for 3 days. Renew it."),
        (-2, "fail", "That of 127.0.0.1 is not valid: certificate has expired. Renew it."),
    ],
)
def test_it_says_how_long_the_certificate_is_valid(
    monkeypatch: pytest.MonkeyPatch, settings: Any, tmp_path: Path, days: int, state: str, said: str
) -> None:
    with serving(tmp_path, days) as port:
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "cert.pem"))
        settings.PUBLIC_URL = f"https://127.0.0.1:{port}"
        (found,) = doctor._certificate()
    assert (found.state, found.text) == (state, said)


def test_it_warns_when_nobody_answers_there(settings: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    settings.PUBLIC_URL = f"https://127.0.0.1:{port}"
    (found,) = doctor._certificate()
    assert found.state == "warn"
    assert "cannot be reached from here" in found.text


def test_it_looks_at_none_without_https(settings: Any) -> None:
    settings.PUBLIC_URL = "http://localhost:8000"
    assert list(doctor._certificate()) == []
