"""Every setting wrong in turn gives one line at start that says what to write instead."""

from __future__ import annotations

import json
import os
import re
import runpy
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from memoryapp.project import settings as product
from practice.clients.llm import DEFAULT_TEMPERATURES
from tests.reference import PARTS, variables

ROOT = Path(__file__).resolve().parents[2]
LONG_KEY = "a-key-that-is-long-enough-for-everybody"
NUMBERS = {
    "API_RATE_LIMIT": "from 0 to 100000000",
    "ATTEMPT_SECONDS": "from 1 to 604800",
    "DRIFT_CHECK_SECONDS": "from 1 to 2592000",
    "EMBEDDING_TIMEOUT_SECONDS": "from 0.1 to 600",
    "EXPORT_HOURS": "from 1 to 720",
    "HSTS_SECONDS": "from 0 to 1000000000",
    "INGEST_MAX_BYTES": "from 1024 to 4294967296",
    "INGEST_MAX_WAITING": "from 1 to 1000000000",
    "LLM_PRICE_INPUT": "from 0.0 to 1000000",
    "LLM_PRICE_OUTPUT": "from 0.0 to 1000000",
    "LLM_TIMEOUT_SECONDS": "from 0.1 to 1800",
    "MCP_CALL_SECONDS": "from 0.1 to 1800",
    "MALLOC_ARENA_MAX": "from 1 to 1024",
    "MALLOC_MMAP_THRESHOLD_": "4096 or more",
    "MALLOC_TRIM_THRESHOLD_": "4096 or more",
    "MCP_CPU_SECONDS": "from 1 to 604800",
    "MCP_FILE_MB": "from 1 to 16777216",
    "MCP_MEMORY_MB": "from 32 to 16777216",
    "MCP_OPEN_FILES": "from 32 to 1048576",
    "MCP_PROCESSES": "from 8 to 4194304",
    "MCP_PORT": "from 1 to 65535",
    "MCP_STARTUP_SECONDS": "from 0.1 to 1800",
    "OBSERVATION_OBJECT_KB": "from 0 to 1024",
    "ONLINE_RUN_BUDGET": "from 0.0 to 1000000",
    "PORT": "from 1 to 65535",
    "RECEIPT_DAYS": "from 0 to 36500",
    "RECEIPT_SECONDS": "from 1 to 3600",
    "REVIEW_RESERVATION_MINUTES": "from 0 to 10080",
    "SESSION_HOURS": "from 1 to 8760",
    "SESSION_IDLE_MINUTES": "from 0 to 20160",
    "SWEEP_SECONDS": "from 1 to 3600",
    "TRACE_SETTLE_SECONDS": "from 0.0 to 86400",
    "TRUSTED_PROXIES": "from 0 to 10",
    "UNIT_LEASE_SECONDS": "from 2 to 86400",
    "WORKSPACE_IMPORT_MAX_BYTES": "from 1024 to 1125899906842624",
    "WORKER_PROCESSES": "from 1 to 256",
}
FLAGS = ("DATABASE_POOLER", "DEBUG", "PULL_CACHE", "SSL_REDIRECT")
OTHERWISE_WRONG = [
    ("API_RATE_LIMIT", "9" * 400, "from 0 to 100000000, not '99"),
    ("ALLOWED_HOSTS", "[::1", "bare host names"),
    ("ALLOWED_HOSTS", "https://a.example", "bare host names"),
    ("ALLOWED_HOSTS", "a.example:8000", "without a port"),
    ("CSRF_TRUSTED_ORIGINS", "a.example", "https://greenroom.example.com"),
    ("CSRF_TRUSTED_ORIGINS", "https://a.example/login", "without anything after the host"),
    ("DATABASE_URL", "mysql://user:hidden@host/name", "postgresql://user:password@host:5432/name"),
    ("DATABASE_URL", "postgresql://user:hidden@host:port/name", "postgresql://"),
    ("DATABASE_URL", "postgresql://user:hidden@host", "must name one database behind the host"),
    ("DATABASE_URL", "postgresql://user:hidden@host/", "must name one database behind the host"),
    ("DATABASE_URL", "postgresql://user:hidden@host/a/b", "must name one database"),
    ("DATABASE_URL", "postgresql://user:hid/den@host/name", "/ is %2F"),
    ("DATABASE_URL", "postgresql://user:1#hidden@host/name", "# is %23"),
    ("DATABASE_URL", "postgresql://user:1/hidden@host/name", "/ is %2F"),
    ("DATABASE_URL", "postgresql://host/name?sslmod=require", 'option "sslmod"'),
    ("DATABASE_URL", "postgresql://host/name?sslmode=yes", 'invalid sslmode value: "yes"'),
    ("DATABASE_URL", "postgresql://host/name?connect_timeout=soon", "must be a whole number"),
    ("DATABASE_URL", "postgresql://host/name?sslrootcert=/none.pem", "must be a file on this"),
    ("EMBEDDING_API_KEY", "two words", "copy it again"),
    ("EMBEDDING_BASE_URL", "localhost:11434", "http://localhost:11434/v1"),
    ("EMBEDDING_MODEL_DIR", "/nowhere", "a folder on this machine"),
    ("EMBEDDING_PROVIDER", "cohere", "one of local, openai, not 'cohere'"),
    ("EMBEDDING_BASE_URL", "https://me:hidden@host/v1", "no ?, # or password in it"),
    ("DATABASE_REPLICA_URL", "postgresql://replica", "must name one database behind the host"),
    ("DATABASE_REPLICA_URL", "mysql://host/name", "postgresql://user:password@replica:5432/name"),
    ("EMAIL_FROM", "Greenroom", "Greenroom <greenroom@example.com>"),
    ("EMAIL_FROM", "a@example.com, b@example.com", "greenroom@example.com or"),
    ("EMAIL_FROM", "greenroom@example.com\nBcc: a@b.example", "greenroom@example.com or"),
    ("EMAIL_URL", "mail.example.com:587", "smtps://user:password@mail.example.com:587"),
    ("ENVIRONMENT_PRIVATE_ADDRESSES", "10.1", "networks such as 10.1.0.0/16"),
    ("GREENROOM_DATA_DIR", "/dev/null/data", "a folder that can be written"),
    ("HOST", "http://127.0.0.1", "an address of this machine such as 127.0.0.1"),
    ("HOST", "localhost:8000", "without a port, not 'localhost:8000'"),
    ("HOST", "[::1]", "without brackets, such as ::1"),
    ("HOST", "256.1.1.1", "an address of this machine"),
    ("HOST", "two words", "an address of this machine"),
    ("LLM_API_KEY", "sk-“quoted”", "copy it again"),
    ("LLM_BASE_URL", "https://host/v1?version=1", "no ?, # or password in it"),
    ("LLM_BASE_URL", "ftp://host/v1", "http://localhost:11434/v1"),
    ("LLM_OUTPUT_MODE", "json", "one of tool, native, prompted"),
    ("LLM_PROVIDER", "bedrock", "one of openai, anthropic"),
    ("LLM_ROLE_MODELS", '{"critic": "m"}', "names 'critic', and there is only condenser, "),
    ("LLM_ROLE_MODELS", '{"solver": 3}', '{"validator": "gpt-5-mini"}'),
    ("LLM_TEMPERATURES", '{"solver": 3}', "from 0 to 2"),
    ("LLM_TEMPERATURES", "0.5", "a JSON object"),
    ("LOG_FORMAT", "xml", "one of line, json"),
    ("LOG_LEVEL", "LOUD", "one of DEBUG, INFO, WARNING, ERROR, CRITICAL"),
    ("MCP_COMMANDS", '{"git": ""}', '{"git": "/opt/git/bin/mcp-server-git"}'),
    ("MCP_COMMANDS", '{" ": "git"}', "must name each command"),
    ("MCP_COMMANDS", "git", '{"git": "/opt/git/bin/mcp-server-git"}'),
    ("MCP_SANDBOX", "yes", "one of auto, required, off"),
    ("METRICS_TOKEN", "short", "at least 16 characters long"),
    ("OBSERVATION_S3_BUCKET", "s3://greenroom", "bare name such as greenroom-observations"),
    ("OBSERVATION_S3_ENDPOINT", "minio:9000", "https://minio.example.com:9000"),
    ("OBSERVATION_S3_KEY_ID", "two words", "copy it again"),
    ("OBSERVATION_S3_ENDPOINT", "https://me:hidden@minio", "no ?, # or password in it"),
    ("OBSERVATION_S3_REGION", "eu central 1", "a region such as eu-central-1"),
    ("OBSERVATION_S3_SECRET", "hidden and wrong", "copy it again"),
    ("OIDC_CLIENT_SECRET", "two words", "copy it again"),
    ("OIDC_CONNECT", "all", "one of verified, any, never, not 'all'"),
    ("OIDC_ISSUER", "login.example.com", "https://login.example.com/realms/acme"),
    ("OIDC_ISSUER", "https://login.example.com/?realm=acme", "no ?, # or password in it"),
    ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318/v1/traces", "without /v1/traces"),
    ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318", "http://collector:4318"),
    ("PORT", "80_80", "from 1 to 65535, not '80_80'"),
    ("PROXY_ADDRESSES", "proxy.example.com", "networks such as 10.1.0.5,192.168.7.0/24"),
    ("PROXY_ADDRESSES", "10.0.0.1/8", "has host bits set"),
    ("PUBLIC_URL", "greenroom.example.com", "https://greenroom.example.com"),
    ("PUBLIC_URL", "https://a.example/greenroom", "without anything after the host"),
    ("REDIS_URL", "http://host", "redis://host:6379/0"),
    ("REDIS_URL", "sentinel://a,b/first", "redis://host:6379/0"),
    ("REDIS_URL", "redis://:hid#den@host:6379/0", "# is %23"),
    ("REDIS_URL", "redis://host:port/0", "redis://host:6379/0"),
    ("REDIS_URL", "redis://host:6379/first", "must end with the number of a database"),
    ("REDIS_URL", "redis://host:6379/0?ssl_ca_certs=/", "must be a file here"),
    ("REDIS_URL", "redis://host:6379/0?tls=true", "redis:// does not know"),
    ("REDIS_URL", "rediss://host/0?ssl_cert_reqs=maybe", "rediss:// does not know"),
    ("REDIS_URL", "rediss://host/0?ssl_ca_certs=/none.pem", "must be a file here"),
    ("REDIS_URL", "redis+socket://", "must name a socket"),
    ("REDIS_URL", "sentinel://:hidden@a,,b/0?master=m", "a host before and behind each comma"),
    ("REDIS_URL", "sentinel://:hidden@a,b/0?mastr=m", "the sentinels know the master by"),
    ("REDIS_URL", "sentinel://hidden@a/0?master=m", "must have a colon before its password"),
    ("REDIS_URL", "sentinel://a/0?master=", "the sentinels know the master by"),
    ("REDACTION_RULES", "EMP-[0-9]{6}", "a JSON object of name to pattern"),
    ("REDACTION_RULES", '{"open": "("}', "cannot be used"),
    ("SEALING_KEYS", "short", "at least 32 characters long"),
    ("SECOND_FACTOR_ROLES", "admins", "viewer, reviewer, editor, admin"),
    ("SECRET_KEY_FALLBACKS", f"{LONG_KEY},hidden", "at least 32 characters long, not 6"),
    ("SECRET_KEY", "change-me-change-me-change-me-chan", "can be guessed"),
    ("SECRET_KEY", "a" * 40, "can be guessed"),
    ("SECRET_KEY", "abcabdacbadcabcbdacbdabcdbacdbabdcabd", "can be guessed"),
    ("SECRET_KEY", "short", "at least 32 characters long"),
    ("SENTRY_DSN", "https://sentry.example.com/1", "must hold a key before its host"),
    ("SENTRY_DSN", "https://hidden@sentry.example.com", "the number of a project behind it"),
    ("SENTRY_DSN", "https://hidden@sentry.example.com/acme", "the number of a project"),
    ("SENTRY_DSN", "key@sentry", "https://key@sentry.example.com/1"),
    ("SEED_DIR", "/nowhere", "a folder on this machine"),
    ("WEBHOOK_PRIVATE_ADDRESSES", "ture", "must be true, false or networks"),
    ("TIME_ZONE", "Berlin", "Europe/Berlin"),
    ("UNUSUAL_USE", '{"export.asked": -1}', '{"export.asked": 2}'),
    ("UNUSUAL_USE", '{"export.asked": true}', '{"export.asked": 2}'),
    ("UNUSUAL_USE", '{"export.made": 2}', "names 'export.made', and there is only "),
]
#: Any text is a name. STATIC_ROOT is looked at by what serves: it is made by a command.
NEVER_WRONG = {"EMBEDDING_MODEL", "LLM_MODEL", "OIDC_CLIENT_ID", "OIDC_NAME", "STATIC_ROOT"}
WRONG = [
    *((name, "many", f"number, {span}, not 'many'") for name, span in NUMBERS.items()),
    *((name, "-1", f"number, {span}, not '-1'") for name, span in NUMBERS.items()),
    # What is no limit at all is 0, and nothing below what a program needs to start.
    *(
        (f"MCP_{name}", "0.5", "must be 0 for no limit, or a whole number, from")
        for name in ("CPU_SECONDS", "FILE_MB", "MEMORY_MB", "OPEN_FILES", "PROCESSES")
    ),
    *((name, "ture", "must be true or false, not 'ture'") for name in FLAGS),
    *OTHERWISE_WRONG,
]


@pytest.fixture
def settings_with(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    for name in variables():
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GREENROOM_DATA_DIR", str(tmp_path))

    def load(**values: str) -> dict[str, Any]:
        for name, value in values.items():
            monkeypatch.setenv(name, value)
        # They keep what they read when they were first imported.
        for part in ("environment", *PARTS):
            monkeypatch.delitem(sys.modules, f"memoryapp.project.{part}", raising=False)
        return runpy.run_path(str(ROOT / "memoryapp" / "project" / "settings.py"))

    return load


def test_every_setting_can_be_wrong_here_or_never() -> None:
    assert {name for name, *_ in WRONG} | NEVER_WRONG == variables()


@pytest.mark.parametrize(("name", "value", "instead"), WRONG)
def test_a_wrong_setting_is_refused_in_one_line(
    settings_with: Any, name: str, value: str, instead: str
) -> None:
    with pytest.raises(SystemExit) as refused:
        settings_with(**{name: value})
    said = [line for line in str(refused.value).splitlines() if f"start. {name} " in line]
    assert len(said) == 1
    assert instead in said[0]
    assert "hidden" not in said[0]


def test_every_wrong_setting_is_said_at_once(settings_with: Any) -> None:
    with pytest.raises(SystemExit, match=r"(?s)LOG_LEVEL must be.*\n.*PORT must be"):
        settings_with(PORT="web", LOG_LEVEL="LOUD")


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"DATABASE_URL": "postgresql://host/name"}, "SECRET_KEY is not set, and with DATABASE"),
        ({"LLM_PROVIDER": "openai"}, "LLM_MODEL must name the model at openai"),
        ({"LLM_MODEL": "gpt-5"}, "LLM_PROVIDER must say whose model LLM_MODEL is"),
        ({"LLM_PROVIDER": "anthropic", "LLM_MODEL": "m"}, "LLM_API_KEY must be set for anthropic"),
        ({"OIDC_CLIENT_ID": "greenroom"}, "OIDC_ISSUER must be the address of the provider"),
        ({"EMBEDDING_PROVIDER": "openai"}, "EMBEDDING_MODEL must name the model when"),
        ({"OIDC_ISSUER": "https://login.example.com"}, "OIDC_CLIENT_ID must be what the provider"),
        ({"EMAIL_URL": "smtp://mail"}, "PUBLIC_URL must be set with EMAIL_URL"),
        ({"LLM_PRICE_INPUT": "1"}, "LLM_PRICE_OUTPUT must be set with the other"),
        (
            {"OBSERVATION_S3_BUCKET": "texts", "OBSERVATION_S3_KEY_ID": "key"},
            "OBSERVATION_S3_SECRET must be set with the other",
        ),
        ({"OBSERVATION_S3_ENDPOINT": "http://minio:9000"}, "OBSERVATION_S3_BUCKET must name the"),
        ({"PORT": "9000", "MCP_PORT": "9000"}, "MCP_PORT must differ from PORT"),
    ],
)
def test_settings_that_do_not_go_together_are_refused(
    settings_with: Any, values: dict[str, str], said: str
) -> None:
    with pytest.raises(SystemExit, match=said):
        settings_with(**values)


def test_an_empty_setting_is_as_good_as_none(settings_with: Any) -> None:
    found = settings_with(**dict.fromkeys(variables() - {"GREENROOM_DATA_DIR"}, ""))
    assert (found["PORT"], found["MCP_PORT"], found["PULL_CACHE"]) == (8000, 8001, True)
    assert found["ALLOWED_HOSTS"] == ["*", "localhost", "127.0.0.1"]


def test_a_database_that_vanished_is_not_waited_for_for_good(settings_with: Any) -> None:
    found = settings_with(
        DATABASE_URL="postgresql://db/name?keepalives_idle=5",
        DATABASE_REPLICA_URL="postgresql://replica/name",
        SECRET_KEY=LONG_KEY,
    )["DATABASES"]
    told = found["default"]["OPTIONS"]
    assert (told["connect_timeout"], told["keepalives_idle"]) == (10, 5)
    assert told["tcp_user_timeout"] == 300_000
    assert found["replica"]["OPTIONS"]["connect_timeout"] == 2


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://Greenroom.example.com/", "greenroom.example.com"),
        ("http://desk:8000", "desk"),
        ("http://[::1]:8000", "[::1]"),
    ],
)
def test_the_host_that_people_use_is_served(settings_with: Any, url: str, host: str) -> None:
    found = settings_with(DATABASE_URL="postgresql://db/name", SECRET_KEY=LONG_KEY, PUBLIC_URL=url)
    assert found["ALLOWED_HOSTS"] == [host, "localhost", "127.0.0.1"]


def test_what_is_right_is_taken(settings_with: Any) -> None:
    found = settings_with(
        DATABASE_URL="postgresql://user:pw@host:6543/name?sslmode=verify-full",
        SECRET_KEY=LONG_KEY,
        PUBLIC_URL="https://greenroom.example.com/",
        ALLOWED_HOSTS="a.example, [::1]",
        MCP_COMMANDS='{"git": "/opt/git --quiet", "files": ["node", "a b.js"]}',
        LLM_TEMPERATURES='{"solver": 1}',
        log_level="ignored",
        LOG_LEVEL="info",
    )
    assert found["DATABASES"]["default"]["PORT"] == 6543
    assert found["CSRF_TRUSTED_ORIGINS"] == ["https://greenroom.example.com"]
    assert found["ALLOWED_HOSTS"][:2] == ["a.example", "[::1]"]
    assert found["MCP_COMMANDS"]["git"] == ("/opt/git", "--quiet")
    assert found["MCP_COMMANDS"]["files"] == ("node", "a b.js")
    assert found["LLM_TEMPERATURES"] == {"solver": 1.0}
    assert found["LOGGING"]["root"]["level"] == "INFO"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "postgresql://user:p%23%2F@one:5432,two:5432/name?sslmode=require"),
        ("DATABASE_URL", "postgresql:///name?host=/run/postgresql&assume_role=owner"),
        ("DATABASE_URL", "postgres://user:p@w@host/name?target_session_attrs=read-write"),
        ("DATABASE_URL", f"postgresql://host/name?sslmode=verify-full&sslrootcert={__file__}"),
        ("REDIS_URL", f"rediss://:p%23@host/1?ssl_ca_certs={__file__}&ssl_cert_reqs=none"),
        ("REDIS_URL", "rediss://host/0?ssl_cert_reqs=CERT_NONE"),
        ("REDIS_URL", "redis+socket:///run/redis/redis.sock"),
        ("REDIS_URL", "sentinel://:word@one:26379,two:26379/0?master=name"),
        ("SENTRY_DSN", "https://key@sentry.example.com/behind/7"),
        ("HOST", "::"),
        ("HOST", "greenroom_1.example.com"),
        ("OIDC_ISSUER", "https://login.example.com/.well-known/openid-configuration"),
        ("MCP_MEMORY_MB", "0"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://me:word@collector:4318"),
    ],
)
def test_what_is_unusual_and_right_is_taken(settings_with: Any, name: str, value: str) -> None:
    client = {"OIDC_CLIENT_ID": "greenroom"} if name == "OIDC_ISSUER" else {}
    settings_with(SECRET_KEY=LONG_KEY, **client, **{name: value})


def test_a_socket_may_stand_where_the_host_does(settings_with: Any) -> None:
    found = settings_with(
        DATABASE_URL="postgres://u:p@%2Fvar%2Frun%2Fpostgresql/n", SECRET_KEY=LONG_KEY
    )
    database = found["DATABASES"]["default"]
    assert (database["HOST"], database["NAME"]) == ("/var/run/postgresql", "n")


def test_roles_may_be_written_large(settings_with: Any) -> None:
    found = settings_with(SECOND_FACTOR_ROLES="Admin, editor")
    assert found["SECOND_FACTOR_ROLES"] == ["admin", "editor"]


def test_a_model_of_ones_own_needs_no_key(settings_with: Any) -> None:
    own = {"LLM_MODEL": "qwen", "LLM_BASE_URL": "http://localhost:11434/v1"}
    assert settings_with(LLM_PROVIDER="openai", **own)["LLM_API_KEY"] == ""


def test_a_refusal_of_the_database_is_one_line(settings_with: Any) -> None:
    with pytest.raises(SystemExit) as refused:
        settings_with(DATABASE_URL="postgresql://db/name?sslmod=require", SECRET_KEY=LONG_KEY)
    (line,) = str(refused.value).splitlines()
    assert "sslmod" in line


def test_observations_are_objects_of_a_bucket_or_of_a_folder(settings_with: Any) -> None:
    stores = settings_with()["STORAGES"]
    assert stores["observations"]["OPTIONS"]["location"].endswith("/observations")
    found = settings_with(OBSERVATION_S3_BUCKET="texts", OBSERVATION_S3_REGION="eu-central-1")
    options = found["STORAGES"]["observations"]["OPTIONS"]
    assert (options["bucket_name"], options["region_name"]) == ("texts", "eu-central-1")
    # Then the library asks the machine it runs on.
    assert (options["endpoint_url"], options["access_key"], options["secret_key"]) == (None,) * 3


def test_a_task_is_not_ended_before_the_attempt_it_makes(settings_with: Any) -> None:
    usual = settings_with()
    long = settings_with(ATTEMPT_SECONDS="7200", MCP_CALL_SECONDS="600", LLM_TIMEOUT_SECONDS="900")
    assert usual["CELERY_TASK_SOFT_TIME_LIMIT"] > usual["ATTEMPT_SECONDS"]
    assert long["CELERY_TASK_SOFT_TIME_LIMIT"] > 7200 + 600 + 900
    for found in (usual, long):
        assert found["CELERY_TASK_TIME_LIMIT"] > found["CELERY_TASK_SOFT_TIME_LIMIT"]
        again = found["CELERY_BROKER_TRANSPORT_OPTIONS"]["visibility_timeout"]
        assert again > found["CELERY_TASK_TIME_LIMIT"]


def test_hosts_that_share_a_data_folder_count_apart(
    settings_with: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders = set()
    for host in ("web-1", "web-2"):
        monkeypatch.setattr(socket, "gethostname", lambda host=host: host)
        folders.add(settings_with()["METRICS_DIR"])
    assert len(folders) == 2


def test_it_knows_the_roles_that_a_model_plays() -> None:
    assert set(product.MODEL_ROLES) == set(DEFAULT_TEMPERATURES)


def test_a_process_says_nothing_but_that_line(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", "check"],
        cwd=ROOT,
        env={
            **os.environ,
            "GREENROOM_DATA_DIR": str(tmp_path),
            "PORT": "web",
            "DJANGO_SETTINGS_MODULE": "memoryapp.project.settings",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines() == [
        "Greenroom cannot start. PORT must be a whole number, from 1 to 65535, not 'web'."
    ]


def test_the_chart_takes_no_secret_as_a_plain_setting() -> None:
    """Those are read by ``env.secret`` or hold a password; a ConfigMap shows what is in it."""
    code = "".join(path.read_text() for path in (ROOT / "memoryapp" / "project").glob("*.py"))
    secret = set(re.findall(r'env\.secret\(\s*"(\w+)"', code))
    holding = {"DATABASE_URL", "DATABASE_REPLICA_URL", "REDIS_URL", "EMAIL_URL", "SENTRY_DSN"}
    schema = json.loads((ROOT / "deploy/helm/greenroom/values.schema.json").read_text())
    refused = schema["properties"]["settings"]["propertyNames"]["not"]["enum"]
    assert secret | holding | {"SEALING_KEYS", "SECRET_KEY_FALLBACKS"} <= set(refused)
