"""Texts as vectors, kept so that comparing them again asks nobody."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from memoryapp.clients import embeddings
from memoryapp.clients.embeddings import Counted, EmbeddingsUnavailable
from memoryapp.domain.kept import Kept
from memoryapp.services import meaning
from memoryapp.services.meaning import UnableToEmbed


class Model:
    """An embedder that says what it was asked; it fails on texts with ``bad`` in them."""

    provider, name = "openai", "small"

    def __init__(self) -> None:
        self.asked: list[list[str]] = []
        self.size = 2

    def embed(self, texts: Sequence[str], counted: Counted | None = None) -> list[list[float]]:
        self.asked.append([*texts])
        if any("bad" in text for text in texts):
            raise EmbeddingsUnavailable("The embedding endpoint answered 500.")
        return [[float(len(text)), *[1.0] * (self.size - 1)] for text in texts]


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> Model:
    found = Model()
    monkeypatch.setattr(embeddings, "configured", lambda: found)
    monkeypatch.setattr(meaning, "VECTORS", Kept(10_000, size=len))
    return found


def ask(*texts: str) -> list[list[float]]:
    found = meaning.meaning()
    assert found is not None
    return [[*vector] for vector in found(texts)]


def test_it_is_nothing_where_vectors_are_off() -> None:
    assert meaning.meaning() is None


def test_it_asks_for_each_text_once(model: Model) -> None:
    assert ask("a", "bb", "a") == [[1, 1], [2, 1], [1, 1]]
    assert ask("bb", "ccc") == [[2, 1], [3, 1]]
    assert model.asked == [["a", "bb"], ["ccc"]]


def test_it_takes_no_vector_of_another_model_for_its_own(model: Model) -> None:
    ask("a")
    model.name = "large"
    ask("a")
    assert model.asked == [["a"], ["a"]]


def test_it_keeps_no_texts(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    """Anybody may ask long questions; what is kept is bounded by the size of vectors."""
    kept: list[bytes] = []
    monkeypatch.setattr(meaning.VECTORS, "put", lambda name, _: kept.append(name))
    ask("a" * 10_000)
    assert [len(name) for name in kept] == [32]


def test_what_came_before_a_failure_is_not_asked_for_again(
    model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(meaning, "BATCH", 1)
    with pytest.raises(UnableToEmbed, match="answered 500"):
        ask("a", "bad", "c")
    assert ask("a", "c") == [[1, 1], [1, 1]]
    assert model.asked == [["a"], ["bad"], ["c"]]


def test_a_text_has_the_same_vector_first_and_last(
    model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Kept ones have four bytes a number, so that the first answer is rounded as well."""
    monkeypatch.setattr(model, "embed", lambda texts, counted: [[0.1] for _ in texts])
    first = ask("a")
    assert ask("a") == first != [[0.1]]


def test_it_compares_no_vectors_of_two_sizes(model: Model) -> None:
    ask("a")
    model.size = 3
    with pytest.raises(UnableToEmbed, match="another size"):
        ask("a", "bb")
