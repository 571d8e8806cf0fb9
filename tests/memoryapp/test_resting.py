"""An embedding model that does not answer lets one person wait, not each that comes after."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import uuid4

import pytest

from memoryapp.clients import embeddings, resting, store
from memoryapp.clients.embeddings import Counted, EmbeddingsSilent, EmbeddingsUnavailable
from memoryapp.indexer.vectors import index_batch
from memoryapp.models import EmbeddingModel
from memoryapp.services.retrieval import query_vector
from tests.factories import BulletFactory, PlaybookFactory


class Model:
    """An embedder that fails as it is told to, and counts how often it was asked.

    Each has a name of its own: what rests is known to all processes, those of other tests too.
    """

    provider = "fake"

    def __init__(self) -> None:
        self.name = f"model-{uuid4()}"
        self.fails: type[Exception] | None = None
        self.asked = 0

    def embed(self, texts: Sequence[str], counted: Counted | None = None) -> list[list[float]]:
        self.asked += 1
        if self.fails:
            raise self.fails("It failed.")
        return [[1.0, 0.0] for _ in texts]


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> Model:
    monkeypatch.setattr(store, "_rests_until", 0.0)  # another test may have met a dead Redis
    found = Model()
    monkeypatch.setattr(embeddings, "configured", lambda: found)
    monkeypatch.setattr(embeddings, "embedder_for", lambda provider, name: found)
    return found


@pytest.fixture
def serving(db: None, model: Model) -> Model:
    EmbeddingModel.objects.create(
        provider=model.provider, name=model.name, dimensions=2, status="serving"
    )
    return model


def test_it_lets_one_wait_and_nobody_after(serving: Model) -> None:
    serving.fails = EmbeddingsSilent
    assert [query_vector(words) for words in ("a", "b", "c")] == [(None, "unavailable")] * 3
    assert serving.asked == 1


def test_what_fails_at_once_is_asked_again(serving: Model) -> None:
    """A text that a model refuses says nothing of the next one."""
    serving.fails = EmbeddingsUnavailable
    query_vector("a text that is too long")
    serving.fails = None
    assert query_vector("another")[1] == "on"


def test_what_was_asked_before_has_its_vector_while_the_model_rests(serving: Model) -> None:
    assert query_vector("refund")[1] == "on"
    serving.fails = EmbeddingsSilent
    query_vector("money")
    assert query_vector("refund")[1] == "on"


def test_a_worker_ends_the_rest_so_that_no_page_has_to(serving: Model) -> None:
    serving.fails = EmbeddingsSilent
    query_vector("a")
    with pytest.raises(EmbeddingsSilent):
        index_batch()
    assert query_vector("b")[1] == "unavailable"
    assert serving.asked == 2
    serving.fails = None
    index_batch()
    assert query_vector("c")[1] == "on"


def test_a_worker_asks_a_model_that_answers_nothing_it_need_not(serving: Model) -> None:
    index_batch()
    assert serving.asked == 0


def test_asking_by_hand_ends_the_rest_too(serving: Model) -> None:
    serving.fails = EmbeddingsSilent
    query_vector("a")
    serving.fails = None
    assert resting.ask(serving, ["ready"]) == [[1.0, 0.0]]
    assert not resting.rests(serving)


def test_the_rest_runs_out_without_a_worker(serving: Model) -> None:
    serving.fails = EmbeddingsSilent
    query_vector("a")
    (key,) = store.client().keys(f"{store.PREFIX}resting:*{serving.name}")
    assert 0 < store.client().ttl(key) <= resting.REST_SECONDS


def test_a_page_of_best_matches_says_what_it_goes_by(
    vera_client: Any, workspace: Any, serving: Model
) -> None:
    bullet = BulletFactory(playbook=PlaybookFactory(workspace=workspace), content="Give money.")
    serving.fails = EmbeddingsSilent
    for words in ("money", "give"):
        page = vera_client.get(f"/memory/?q={words}&sort=best")
        assert page.context["rows"] == [bullet]
        said = page.content.decode()
        assert '<p class="note flush small warn" role="status">' in said
        assert "the embedding model did not answer. It is asked again by itself" in said
    assert serving.asked == 1


def test_the_page_of_models_says_that_one_rests(ada_client: Any, serving: Model) -> None:
    said = "It did not answer lately, so searches go by words alone."
    assert said not in ada_client.get("/settings/models/").content.decode()
    serving.fails = EmbeddingsSilent
    query_vector("a")
    assert said in ada_client.get("/settings/models/").content.decode()


def test_it_goes_on_without_redis(serving: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "softly", lambda ask: None)
    assert query_vector("a")[1] == "on"
