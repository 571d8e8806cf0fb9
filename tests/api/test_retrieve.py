"""An agent asks for the lessons that bear on its task."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from memoryapp.clients import embeddings
from memoryapp.clients.embeddings import EmbeddingsUnavailable
from memoryapp.indexer import vectors
from memoryapp.indexer.receipts import flush
from memoryapp.indexer.vectors import GRACE, index_batch
from memoryapp.models import (
    Bullet,
    BulletVector,
    EmbeddingModel,
    Playbook,
    PullCount,
    PullReceipt,
    RecallTrace,
)
from memoryapp.services.releases import release_publish
from memoryapp.services.tokens import api_key_create
from memoryapp.services.withdrawals import release_withdraw
from tests.factories import BulletFactory, PlaybookFactory

pytestmark = pytest.mark.django_db
URL = "/api/v1/playbooks/help-desk/retrieve"


class Corners:
    """A model with a dimension for money, one for mail and one for anything else."""

    def __init__(self, name: str = "corners", size: int = 3) -> None:
        self.provider, self.name, self.size, self.is_down = "fake", name, size, False

    def embed(self, texts: Any, counted: Any = None) -> list[list[float]]:
        if self.is_down:
            raise EmbeddingsUnavailable("It is down.")
        return [self._vector(text) for text in texts]

    def _vector(self, text: str) -> list[float]:
        about = next(
            (
                n
                for n, words in enumerate((("refund", "money"), ("mail",)))
                if any(w in text.lower() for w in words)
            ),
            2,
        )
        return [1.0 if place == about else 0.0 for place in range(self.size)]


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> Corners:
    return use(Corners(), monkeypatch)


def use(model: Corners, monkeypatch: pytest.MonkeyPatch) -> Corners:
    known = {model.name: model}
    before = getattr(embeddings.embedder_for, "known", {})
    known |= before

    def embedder_for(provider: str, name: str) -> Any:
        return known.get(name)

    embedder_for.known = known  # type: ignore[attr-defined]
    monkeypatch.setattr(embeddings, "embedder_for", embedder_for)
    monkeypatch.setattr(embeddings, "configured", lambda: model)
    return model


def index() -> None:
    has_more = True
    while has_more:
        connection.check_constraints()  # no index can be made over rows that are still unchecked
        has_more = index_batch()


@pytest.fixture
def playbook(workspace: Any, ada: Any) -> Playbook:
    playbook = PlaybookFactory(workspace=workspace, slug="help-desk")
    BulletFactory(playbook=playbook, label="pitfalls-001", content="Verify before a refund.")
    BulletFactory(playbook=playbook, label="pitfalls-002", content="Give money back by card only.")
    BulletFactory(playbook=playbook, label="apis-001", section="apis", content="Mail has a footer.")
    release_publish(playbook=playbook, by=ada, label="production")
    return playbook


def ask(client: Any, query: str = "refund", url: str = URL, **more: Any) -> Any:
    return client.post(url, {"query": query, **more}, content_type="application/json")


def labels(answer: Any) -> list[str]:
    return [bullet["label"] for bullet in answer.json()["bullets"]]


def test_it_answers_by_words_and_says_that_vectors_are_off(playbook: Any, with_key: Any) -> None:
    answer = ask(with_key("playbooks:pull"))
    said = answer.json()
    assert labels(answer) == ["pitfalls-001"]
    assert (said["vectors"], said["version"]) == ("off", 1)
    (bullet,) = said["bullets"]
    assert bullet["text"]["place"] == 1
    assert bullet["vector"] is None


def test_it_leaves_a_receipt_as_a_pull_does(playbook: Any, with_key: Any) -> None:
    client = with_key("playbooks:pull")
    for query in ("refund", "nothing of that kind"):
        client.post(URL, {"query": query}, "application/json", headers={"X-Agent-Id": "desk-7"})
    flush()
    left = PullReceipt.objects.values_list("release", "agent", "label", "form", "unchanged")
    assert list(left) == [(playbook.releases.get().pk, "desk-7", "production", "search", False)] * 2
    assert PullCount.objects.get().pulls == 2


def test_it_finds_by_meaning_where_vectors_serve(playbook: Any, with_key: Any, model: Any) -> None:
    index()
    answer = ask(with_key("playbooks:pull"))
    assert answer.json()["vectors"] == "on"
    assert labels(answer)[:2] == ["pitfalls-001", "pitfalls-002"]
    assert answer.json()["bullets"][1]["text"] is None
    assert answer.json()["bullets"][1]["vector"]["score"] == pytest.approx(1.0)


def test_it_gives_only_what_was_released(playbook: Any, with_key: Any) -> None:
    BulletFactory(playbook=playbook, content="Refund in secret.")
    Bullet.objects.filter(label="pitfalls-001").update(content="Changed since.")
    answer = ask(with_key("playbooks:pull"))
    assert [b["content"] for b in answer.json()["bullets"]] == ["Verify before a refund."]


def test_it_fits_the_budget_and_says_what_did_not(playbook: Any, with_key: Any, model: Any) -> None:
    index()
    answer = ask(with_key("playbooks:pull"), max_tokens=6, k=1)
    assert (labels(answer), answer.json()["left_out"]) == (["pitfalls-001"], 0)
    tight = ask(with_key("playbooks:pull"), max_tokens=5, k=5)
    assert (labels(tight), tight.json()["left_out"]) == (["apis-001"], 2)


def test_it_puts_what_is_credibly_harmful_last(playbook: Any, with_key: Any, model: Any) -> None:
    index()
    Bullet.objects.filter(label="pitfalls-001").update(deployed_harmful=30)
    assert labels(ask(with_key("playbooks:pull"), k=3))[-1] == "pitfalls-001"


def test_it_keeps_a_trace_only_when_asked(playbook: Any, with_key: Any, workspace: Any) -> None:
    client = with_key("playbooks:pull", "read")
    assert ask(client).json()["trace"] is None
    trace = ask(client, "refund, my password=hunter2secret", trace=True).json()["trace"]
    kept = client.get(f"/api/v1/recalls/{trace}").json()
    assert "hunter2" not in kept["query"]
    assert kept["results"][0]["label"] == "pitfalls-001"
    assert kept["answer"]["vectors"] == "off"
    assert RecallTrace.objects.count() == 1


def test_its_trace_has_what_was_left_out_too(playbook: Any, with_key: Any, model: Any) -> None:
    index()
    client = with_key("playbooks:pull", "read")
    Bullet.objects.filter(label="pitfalls-001").update(deployed_harmful=30)
    trace = ask(client, k=1, trace=True).json()["trace"]
    results = client.get(f"/api/v1/recalls/{trace}").json()["results"]
    assert [row["given"] for row in results] == [True, False, False]
    assert {row["label"]: row["is_harmful"] for row in results} == {
        "pitfalls-001": True,
        "pitfalls-002": False,
        "apis-001": False,
    }
    assert all(row["vector"]["score"] <= 1 for row in results)


def test_it_says_whether_the_memory_knows(playbook: Any, with_key: Any, model: Any) -> None:
    client = with_key("playbooks:pull")
    assert ask(client, "verify refund").json()["epistemic"]["answer"] == "weak"
    index()
    known = ask(client, "money back").json()["epistemic"]
    assert (known["answer"], known["similarity"]) == ("known", pytest.approx(1.0))
    assert ask(client, "reboot the mainframe").json()["epistemic"]["answer"] == "unknown"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "query"),
        ({"query": " "}, "query"),
        ({"query": "x", "k": 0}, "k"),
        ({"query": "x", "k": 101}, "k"),
        ({"query": "x", "max_tokens": -1}, "max_tokens"),
        ({"query": "a\0b"}, "query"),
        ({"query": "x" * 10_001}, "query"),
        ({"query": "x", "version": 0}, "version"),
        ({"query": "x", "sections": "apis"}, "sections"),
        ({"query": "x", "version": 1, "label": "production"}, "version"),
    ],
)
def test_it_names_the_field_that_is_wrong(
    playbook: Any, with_key: Any, body: Any, field: str
) -> None:
    answer = with_key("playbooks:pull").post(URL, body, content_type="application/json")
    assert answer.status_code == 400
    assert field in answer.json()["errors"]


@pytest.mark.parametrize("url", [URL, "/api/v1/search"])
def test_a_section_that_holds_nothing_is_remarked(playbook: Any, with_key: Any, url: str) -> None:
    asked: dict[str, Any] = {"sections": ["apis", "apsi", "apsi"], "url": url}
    found = ask(with_key("read", "playbooks:pull"), "mail", **asked).json()
    assert [bullet["label"] for bullet in found["bullets"]] == ["apis-001"]
    assert found["remarks"] == ["No bullet is in the section apsi, so none was searched there."]
    found = ask(with_key("read", "playbooks:pull"), "mail", url=url).json()
    assert found["remarks"] == []


def test_it_answers_410_for_a_recalled_release(playbook: Any, with_key: Any, ada: Any) -> None:
    release_withdraw(release=playbook.releases.get(), kind="recalled", reason="x", by=ada)
    assert ask(with_key("playbooks:pull")).status_code == 410


def test_it_is_closed_to_keys_of_other_playbooks(playbook: Any, workspace: Any, ada: Any) -> None:
    other = PlaybookFactory(workspace=workspace)
    _, key = api_key_create(
        workspace=workspace, name="x", scopes=["playbooks:pull"], by=ada, playbooks=[other]
    )
    client = Client(headers={"Authorization": f"Bearer {key}"})
    assert ask(client).status_code == 404
    assert client.get("/api/v1/playbooks/help-desk").status_code == 404
    assert [p["slug"] for p in client.get("/api/v1/playbooks").json()["results"]] == [other.slug]


def test_it_searches_across_playbooks_for_readers_only(
    playbook: Any, workspace: Any, with_key: Any, model: Any
) -> None:
    elsewhere = PlaybookFactory(workspace=workspace, slug="shop")
    BulletFactory(playbook=elsewhere, content="Refund within 30 days.")
    index()
    answer = ask(with_key("read"), url="/api/v1/search")
    assert {b["playbook"] for b in answer.json()["bullets"]} == {"help-desk", "shop"}
    narrowed = ask(with_key("read"), url="/api/v1/search", playbooks=["shop"])
    assert {b["playbook"] for b in narrowed.json()["bullets"]} == {"shop"}
    assert ask(with_key("playbooks:pull"), url="/api/v1/search").status_code == 403


def test_it_goes_on_by_words_while_the_model_is_down(
    playbook: Any, with_key: Any, model: Any
) -> None:
    index()
    model.is_down = True
    answer = ask(with_key("playbooks:pull"))
    assert (answer.json()["vectors"], labels(answer)) == ("unavailable", ["pitfalls-001"])


def test_it_changes_the_model_without_a_gap(
    playbook: Any, with_key: Any, model: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = with_key("playbooks:pull")
    index()
    use(Corners("wider", size=5), monkeypatch)
    assert index_batch() is True  # embedded, but the old one still serves
    assert ask(client).json()["vectors"] == "on"
    assert EmbeddingModel.objects.get(status="serving").name == "corners"
    index()
    assert EmbeddingModel.objects.get(status="serving").name == "wider"
    assert ask(client).json()["vectors"] == "on"
    # A search that began with the old one may still be under way.
    assert "corners" in set(BulletVector.objects.values_list("model__name", flat=True))
    EmbeddingModel.objects.filter(name="wider").update(served_at=timezone.now() - 2 * GRACE)
    index()
    assert set(BulletVector.objects.values_list("model__name", flat=True)) == {"wider"}
    assert index_batch() is False  # nothing is left to embed


def test_what_an_endpoint_gave_before_it_fell_silent_is_kept(
    playbook: Any, model: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vectors, "STORED", 2)
    given = model.embed

    def embed(texts: Any) -> Any:
        model.is_down = BulletVector.objects.exists()
        return given(texts)

    monkeypatch.setattr(model, "embed", embed)
    with pytest.raises(EmbeddingsUnavailable):
        index()
    assert BulletVector.objects.count() == 2


def test_it_embeds_what_is_released_though_it_was_reworded_since(
    playbook: Any, with_key: Any, model: Any, ada: Any
) -> None:
    bullet = Bullet.objects.get(label="pitfalls-002")
    bullet.revise(
        content="Mail first.",
        section="pitfalls",
        status="approved",
        rule=None,
        author=ada,
        reason="",
    )
    index()
    assert labels(ask(with_key("playbooks:pull")))[:2] == ["pitfalls-001", "pitfalls-002"]
    assert BulletVector.objects.count() == 4
