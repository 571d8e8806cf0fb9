"""``greenroom doctor`` on the certificate that people's browsers see."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from memoryapp.project import doctor


@contextmanager
def serving(folder: Path, days: int) -> Iterator[int]:
    """A TLS server whose certificate is valid for ``days`` more; yields its port."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=90))
        .not_valid_after(now + timedelta(days=days, hours=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
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
