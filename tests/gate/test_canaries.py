"""Secrets planted everywhere they can be entered, and looked for at every way out."""

from __future__ import annotations

import io
import json
import logging
import re
import zipfile
from collections.abc import Callable
from typing import Any

import pytest
from django.apps import apps
from django.test import Client

from memoryapp.clients import redis_servers
from memoryapp.models import Playbook
from memoryapp.queries.transfer import workspace_export
from memoryapp.services.proposals import lesson_propose
from memoryapp.services.tokens import api_key_create
from practice.models import Environment
from tests.gate.addresses import JSON, ask, gated
from tests.gate.world import World, build

pytestmark = pytest.mark.django_db

#: Held to be used: sealed or hashed where they are kept, and said by nobody again.
HELD = {
    "of the environment": "canary-environment-q7Lw2",
    "of the model": "canary-model-key-x9Rt4",
    "of the embeddings": "canary-embedding-key-m3Kd8",
    "of the identity provider": "canary-oidc-secret-b5Yv1",
    "of the installation": "canary-secret-key-z2Pn6",
    "of a person": "canary-password-h4Jc9",
}
#: Written into a text by somebody who should not have: masked before it is stored.
STRAY = "sk-proj-Canary0Canary1Canary2Canary3"


@pytest.fixture
def found_keys() -> set[str]:
    """What a key and a webhook secret turned out to be; each is shown once, when it is made."""
    return set()


@pytest.fixture
def world(workspace: Any, ada: Any, ada_client: Client, settings: Any, found_keys: Any) -> World:
    settings.LLM_PROVIDER = "openai"
    settings.LLM_MODEL = "gpt-5-mini"
    settings.LLM_API_KEY = HELD["of the model"]
    settings.EMBEDDING_API_KEY = HELD["of the embeddings"]
    settings.SEALING_KEYS = [HELD["of the installation"]]
    world = build(workspace, ada)
    ada.set_password(HELD["of a person"])
    ada.save(update_fields=["password"])
    ada_client.force_login(ada)
    key, text = api_key_create(workspace=workspace, name="k", scopes=["read", "write"], by=ada)
    found_keys.add(text.split("_", 2)[2])
    posted = {"url": "https://hooks.example.com/x", "kinds": ["run.finished"]}
    said = ada_client.post("/settings/webhooks/new/", posted).content.decode()
    found_keys |= set(re.findall(r"whsec_([\w+/]{40,})", said))
    assert len(found_keys) == 2

    desk = Environment.objects.get(slug="quokka-desk")
    desk.keep_secrets({"TOKEN": HELD["of the environment"]})
    desk.save()
    say = f"Sign in with {STRAY} first."
    made = [
        ada_client.post(
            "/api/v1/environments",
            {
                "name": "Service", "transport": "openapi", "url": "https://api.example.com/o.json",
                "scheme": "bearer", "credential": HELD["of the environment"],
            },
            content_type=JSON,
        ),
        ada_client.post(
            "/environments/quokka-desk/memory/wishes/", {"kind": "seed_task", "instruction": say}
        ),
        ada_client.post(
            "/playbooks/quokka-book/bullets/add/", {"section": "pitfalls", "content": say}
        ),
        ada_client.post(
            "/api/v1/trajectories",
            {
                "playbook": "quokka-book",
                "environment": "quokka-desk",
                "trajectories": [
                    {
                        "id": "t1",
                        "instruction": say,
                        "steps": [
                            {"tool": "get", "arguments": {"q": say}, "observation": say}
                        ],
                    }
                ],
            },
            content_type=JSON,
        ),
        ada_client.post(
            "/api/v1/telemetry/quokka-shop/files?kind=logs&name=l.csv",
            f"ts_us,service,message\n1795000000000000,web,{say}\n".encode(),
            content_type="text/csv",
        ),
        ada_client.post(
            "/api/v1/incidents",
            {
                "at": "2026-11-20T09:12:00Z",
                "entry": "web",
                "title": say,
                "signal": say,
                "labels": {"note": say},
            },
            content_type=JSON,
        ),
    ]  # fmt: skip
    assert [answer.status_code for answer in made if answer.status_code >= 400] == [], [
        answer.content[:300] for answer in made if answer.status_code >= 400
    ]
    book = Playbook.objects.get(slug="quokka-book")
    lesson_propose(playbook=book, content=say, by=key, reason=say, task=say, evidence=say)
    return world


def held_by_redis(settings: Any) -> dict[str, str]:
    """Every key of this test's Redis, with what it holds."""
    found = {}
    with redis_servers.client(settings.REDIS_URL, patience=5) as server:
        read: dict[bytes, Callable[[bytes], Any]] = {
            b"string": server.get,
            b"hash": server.hgetall,
            b"set": server.smembers,
            b"list": lambda key: server.lrange(key.decode(), 0, -1),
            b"zset": lambda key: server.zrange(key, 0, -1),
            b"stream": server.xrange,
        }
        for key in server.scan_iter():
            found[str(key)] = str(read[server.type(key)](key))
    return found


def leaks(place: str, said: str, also: set[str]) -> list[str]:
    found = [f"{name} in {place}" for name, secret in HELD.items() if secret in said]
    found += [f"a stray secret in {place}"] if STRAY in said else []
    return found + [f"a shown-once secret in {place}" for one in also if one and one in said]


def test_no_page_and_no_endpoint_says_one(
    world: World, ada_client: Client, found_keys: set[str]
) -> None:
    found = []
    for address in gated():
        path = address.path(world.arguments(address))
        answer = ask(ada_client, "GET", path)
        whole = f"{answer.said.decode('utf-8', 'replace')} {dict(answer.items())}"
        found += leaks(path, whole, found_keys)
    assert found == []


def test_no_row_of_the_database_holds_one(world: World, found_keys: set[str]) -> None:
    found = []
    for model in apps.get_models():
        for row in model._base_manager.values():
            plain = {k: bytes(v) if isinstance(v, memoryview) else v for k, v in row.items()}
            found += leaks(model._meta.db_table, str(plain), found_keys)
    # A telemetry file is kept as it was sent, so that it can be read anew.
    assert sorted(set(found) - {"a stray secret in practice_telemetryfile"}) == []


def test_no_message_to_a_worker_holds_one(
    world: World,
    ada_client: Client,
    rung: list[tuple[str, Any]],
    django_capture_on_commit_callbacks: Any,
    found_keys: set[str],
) -> None:
    connected = {
        "name": "Another service", "transport": "openapi", "url": "https://api.example.com/p.json",
        "scheme": "bearer", "credential": HELD["of the environment"],
    }  # fmt: skip
    with django_capture_on_commit_callbacks(execute=True):
        made = ada_client.post("/api/v1/environments", connected, content_type=JSON)
        ada_client.post("/environments/quokka-desk/check/")
    assert made.status_code == 201
    assert len(rung) > 1
    assert leaks("messages to workers", str(rung), found_keys) == []


def test_no_key_of_redis_holds_one(
    world: World, workspace: Any, ada: Any, settings: Any, found_keys: set[str]
) -> None:
    settings.PULL_CACHE = True
    _, text = api_key_create(workspace=workspace, name="p", scopes=["playbooks:pull"], by=ada)
    agent = Client(headers={"Authorization": f"Bearer {text}"})
    for _ in range(2):
        assert agent.get("/api/v1/playbooks/quokka-book").status_code == 200
    held = held_by_redis(settings)
    assert held
    secret = text.split("_", 2)[2]
    assert leaks("Redis", str(held), {*found_keys, secret}) == []


def test_no_export_holds_one(world: World, workspace: Any, found_keys: set[str]) -> None:
    file = io.BytesIO()
    workspace_export(workspace=workspace, target=file)
    with zipfile.ZipFile(file) as whole:
        for name in whole.namelist():
            assert leaks(name, whole.read(name).decode("utf-8", "replace"), found_keys) == []


def test_no_error_page_and_no_log_holds_one(
    world: World,
    ada_client: Client,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    found_keys: set[str],
) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("broken on purpose")

    monkeypatch.setattr("practice.views.environments.environment_check", broken)
    ada_client.raise_request_exception = False
    with caplog.at_level(logging.DEBUG):
        page = ada_client.post("/environments/quokka-desk/check/")
        missing = ada_client.get("/environments/no-such-desk/")
        refused = ada_client.post(
            "/api/v1/environments",
            json.dumps({"name": "x", "transport": "pigeon", "credential": STRAY}),
            content_type=JSON,
        )
    assert (page.status_code, missing.status_code, refused.status_code) == (500, 404, 400)
    for answer in (page, missing, refused):
        assert leaks("an error page", answer.content.decode(), found_keys) == []
    assert leaks("the log", caplog.text, found_keys) == []
