"""Text into vectors, behind one port: off, a local model, or any OpenAI-compatible endpoint.

Off is the default. Which model the settings ask for is one question (``configured``); who can embed
a question for a model that made vectors earlier is another (``embedder_for``): while a new model is
being built, the one before it goes on serving.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import httpx2
from django.conf import settings

from memoryapp.clients import minilm

LOCAL, OPENAI = "local", "openai"
#: texts of one request to an endpoint.
BATCH = 64
#: more than any answer can mean; a number beyond it is none.
MOST_TOKENS = 100_000_000


#: hears of each request that was answered how many tokens were read; 0 where nobody says.
Counted = Callable[[int], None]


class EmbeddingsUnavailable(RuntimeError):
    """Nothing can be embedded now; ``str`` says why. Worth another try later."""


class EmbeddingsSilent(EmbeddingsUnavailable):
    """The endpoint said nothing at all: whoever asks next may wait as long, for nothing."""


class _TooSlow(EmbeddingsSilent):
    """An endpoint took the texts and did not answer in time; fewer at once may do."""


class Embedder(Protocol):
    """Turns texts into vectors of length 1, all with the same number of dimensions."""

    @property
    def provider(self) -> str: ...

    @property
    def name(self) -> str: ...

    def embed(self, texts: Sequence[str], counted: Counted | None = None) -> list[list[float]]:
        """Return a vector for each text. What costs nothing is not ``counted``.

        Raises:
            EmbeddingsUnavailable: the model is missing, or does not answer properly.
        """
        ...


@dataclass(frozen=True, slots=True)
class Local:
    """MiniLM in this process; its weights are loaded once, at the first text."""

    name: str = minilm.NAME
    provider: str = LOCAL

    def embed(self, texts: Sequence[str], counted: Counted | None = None) -> list[list[float]]:
        return _local().embed(texts)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """``POST {base_url}/embeddings`` as OpenAI's API has it."""

    name: str
    base_url: str
    api_key: str
    timeout: float
    provider: str = OPENAI

    def embed(self, texts: Sequence[str], counted: Counted | None = None) -> list[list[float]]:
        vectors: list[list[float]] = []
        for start in range(0, len(texts), BATCH):
            vectors += self._some(texts[start : start + BATCH], counted)
        return vectors

    def _some(self, texts: Sequence[str], counted: Counted | None) -> list[list[float]]:
        """Ask for all at once, and where that takes too long, for each half."""
        try:
            return self._ask(texts, counted)
        except _TooSlow:
            if len(texts) == 1:
                raise
        middle = len(texts) // 2
        return self._some(texts[:middle], counted) + self._some(texts[middle:], counted)

    def _ask(self, texts: Sequence[str], counted: Counted | None) -> list[list[float]]:
        headers = {"Authorization": f"Bearer {self.api_key}"} if self.api_key else {}
        try:
            answer = httpx2.post(
                f"{self.base_url}/embeddings",
                json={"model": self.name, "input": list(texts), "encoding_format": "float"},
                headers=headers,
                timeout=self.timeout,
            )
            answer.raise_for_status()
            said = answer.json()
            rows = sorted(said["data"], key=lambda row: int(row["index"]))
            vectors = [_unit(row["embedding"]) for row in rows]
        except httpx2.HTTPStatusError as error:
            code = error.response.status_code
            raise EmbeddingsUnavailable(f"The embedding endpoint answered {code}.") from error
        except httpx2.ReadTimeout as error:
            raise _TooSlow("The embedding endpoint did not answer (ReadTimeout).") from error
        except httpx2.HTTPError as error:
            kind = type(error).__name__
            raise EmbeddingsSilent(f"The embedding endpoint did not answer ({kind}).") from error
        except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
            raise EmbeddingsUnavailable(
                "The embedding endpoint returned something other than embeddings."
            ) from error
        if len(vectors) != len(texts) or len({len(vector) for vector in vectors}) > 1:
            raise EmbeddingsUnavailable(
                "The embedding endpoint returned too few vectors or dimensions."
            )
        if counted:
            counted(_tokens(said))
        return vectors


def configured() -> Embedder | None:
    """The model the settings ask for; ``None`` where vectors are off."""
    return embedder_for(settings.EMBEDDING_PROVIDER, settings.EMBEDDING_MODEL)


def embedder_for(provider: str, name: str) -> Embedder | None:
    """Who can embed with a model, as the settings stand; ``None``: nobody any more."""
    if provider == LOCAL:
        return Local()
    if provider == OPENAI and settings.EMBEDDING_PROVIDER == OPENAI and name:
        return Endpoint(
            name=name,
            base_url=settings.EMBEDDING_BASE_URL.rstrip("/"),
            api_key=settings.EMBEDDING_API_KEY,
            timeout=settings.EMBEDDING_TIMEOUT_SECONDS,
        )
    return None


def _tokens(answer: Mapping[str, Any]) -> int:
    """How many tokens a provider says it has read."""
    told = answer.get("usage")
    read = told.get("prompt_tokens", told.get("total_tokens")) if isinstance(told, dict) else 0
    return read if isinstance(read, int) and 0 < read <= MOST_TOKENS else 0


def _unit(values: Sequence[float]) -> list[float]:
    """Scale to length 1, so that cosine and inner product agree."""
    numbers = [float(value) for value in values]
    length = math.sqrt(sum(value * value for value in numbers))
    if not numbers or not math.isfinite(length) or length == 0:
        raise ValueError("A vector has no length.")
    return [value / length for value in numbers]


_loading = threading.Lock()
_loaded: dict[str, minilm.MiniLM] = {}


def _local() -> minilm.MiniLM:
    configured_folder = settings.EMBEDDING_MODEL_DIR
    with _loading:
        if configured_folder not in _loaded:
            try:
                source = minilm.folder(configured_folder)
                _loaded[configured_folder] = minilm.MiniLM(source)
            except minilm.ModelMissing as error:
                raise EmbeddingsUnavailable(str(error)) from error
        return _loaded[configured_folder]
