"""Secrets among the arguments of a local tool server."""

from __future__ import annotations

import pytest

from practice.domain.arguments import problem


@pytest.mark.parametrize(
    ("arguments", "called"),
    [
        (["--api-key", "sk-abcdefghijklmnop123456"], "Argument 2 looks like a secret"),
        (["--api-key", "x1"], "Argument 1 (--api-key) looks like a secret"),
        (["--api-key=x1"], "Argument 1 (--api-key) looks"),
        (["-v", "--password", "hunter2"], "Argument 2 (--password) looks"),
        (["--token", "abc"], "Argument 1 (--token) looks"),
        (["API_TOKEN=abc123"], "Argument 1 (API_TOKEN) looks"),
        (["postgres://user:pass@host/orders"], "Argument 1 looks"),
        (["--dsn=postgres://user:pass@host/orders"], "Argument 1 (--dsn) looks"),
        (["--header", "Authorization: Bearer x"], "Argument 2 (Authorization) looks"),
        (["--header=Authorization: Bearer x"], "Argument 1 (--header) looks"),
        (["--header", "X-Api-Key: abc"], "Argument 2 (X-Api-Key) looks"),
        (["ghp_abcdefghijklmnopqrstuvwxyz0123"], "Argument 1 looks"),
        (["redis://:pw123456@h/0"], "Argument 1 looks"),
        (["amqp://:pw123456@h/0"], "Argument 1 looks"),
        (["--url", "https://:tok123456@h/"], "Argument 2 looks"),
        (["--url=https://:tok123456@h/"], "Argument 1 (--url) looks"),
        (["PGPASSWORD=hunter22"], "Argument 1 (PGPASSWORD) looks"),
        (['{"token":"abcd1234efgh"}'], "Argument 1 looks"),
        (["--config", '{"servers": [{"auth": {"pat": "abcd1234"}}]}'], "Argument 2 looks"),
        (["-pS3cretPw"], "Argument 1 looks"),
        (["-p", "hunter2secret"], "Argument 1 (-p) looks"),
        (["--password", "12345678"], "Argument 1 (--password) looks"),
        (["--password", "$ecret-hunter2"], "Argument 1 (--password) looks"),
        (["--token", "12345678901234"], "Argument 1 (--token) looks"),
        (["Authorization: Bearer $TOKEN-x1"], "Argument 1 (Authorization) looks"),
        (
            ["--password", "one", "--client-secret=two"],
            "Argument 1 (--password), Argument 3 (--client-secret) look like secrets",
        ),
    ],
)
def test_it_says_where_a_secret_stands_and_not_what_it_is(
    arguments: list[str], called: str
) -> None:
    said = problem(arguments)
    assert said.startswith(called)
    assert "Put it into a variable" in said or "Put them into a variable" in said
    for secret in (
        "pw123",
        "tok123",
        "abcd",
        "S3cret",
        "12345",
        "sk-abc",
        "x1",
        "hunter2",
        "abc",
        "pass@",
        "Bearer",
        "ghp_",
        "one",
        "two",
    ):
        assert secret not in said.split(" look")[0].replace("Argument", "")


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--data", "{workdir}"],
        ["--password-file", "/run/secrets/orders"],
        ["--token-limit=200", "--max-tokens", "5"],
        ["--client-secret", "{workdir}/secret.json"],
        ["--client-secret={workdir}/secret.json"],
        ["--keep-secrets", "true", "--token=no"],
        ["--url", "https://orders.example.com:8443/mcp?region=eu"],
        ["--password", "--verbose"],
        ["--read-only", "postgres://orders@host/orders"],
        ["-m", "orders.server", "Accept: application/json"],
        ["--token=${TOKEN}", "--api-key", "$API_KEY", "--password=${db_password}"],
        ["--header", "Authorization: Bearer ${TOKEN}"],
        ["redis://:${PASSWORD}@h/0", "postgres://orders:$PASSWORD@host/orders"],
        ["--pass=3", "--pat=*.txt", "--token", "4096"],
        ["--password", "/run/secrets/pw", "--token=./token", "--secret=~/.config/orders/key"],
        ["-p", "8080", "-p", "project42", "-p", "5432:5432", "-p8080", "-python3", "-p2p"],
        ['{"retries": 3, "token": "4096", "url": "https://orders.example.com"}', "{not json"],
        ["--url", "https://orders.example.com:8443/@orders/mcp"],
    ],
)
def test_it_lets_other_arguments_be(arguments: list[str]) -> None:
    assert problem(arguments) == ""
