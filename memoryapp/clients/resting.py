"""An embedding model that kept somebody waiting in vain rests: nobody who must wait asks it.

All processes know, from Redis. The worker that makes vectors asks a resting model with each sweep
(``indexer.vectors``), so that a page need not; without a worker the rest runs out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from memoryapp.clients import store
from memoryapp.clients.embeddings import (
    Counted,
    Embedder,
    EmbeddingsSilent,
    EmbeddingsUnavailable,
)

#: longer than some sweeps, each of which begins the rest anew while nobody answers.
REST_SECONDS = 120


def rests(embedder: Embedder) -> bool:
    return store.kept_text(_key(embedder)) is not None


def ask(
    embedder: Embedder, texts: Sequence[str], counted: Counted | None = None
) -> list[list[float]]:
    """Ask a model whether it rests or not: an answer ends its rest, silence begins one.

    Raises:
        EmbeddingsUnavailable: as ``Embedder.embed`` does.
    """
    vectors = _asked(embedder, texts, counted)
    store.forget_text(_key(embedder))
    return vectors


@dataclass(frozen=True, slots=True)
class Impatient:
    """A model as those ask it who wait for the answer: one that rests is taken for away."""

    embedder: Embedder

    @property
    def provider(self) -> str:
        return self.embedder.provider

    @property
    def name(self) -> str:
        return self.embedder.name

    def embed(self, texts: Sequence[str], counted: Counted | None = None) -> list[list[float]]:
        if rests(self.embedder):
            raise EmbeddingsUnavailable(f"{self.name} did not answer a moment ago.")
        return _asked(self.embedder, texts, counted)


def _asked(embedder: Embedder, texts: Sequence[str], counted: Counted | None) -> list[list[float]]:
    """The answer; a silence is noted for all who ask next."""
    try:
        return embedder.embed(texts, counted)
    except EmbeddingsSilent:
        store.keep_text(_key(embedder), "silent", seconds=REST_SECONDS)
        raise


def _key(embedder: Embedder) -> str:
    return f"resting:{embedder.provider}:{embedder.name}"
