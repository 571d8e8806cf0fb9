"""Texts as vectors, for whoever compares many of the same texts again and again.

Vectors are kept in the process that asked for them. Of one model a text has one vector, so another
process, or this one after a restart, comes to the same.
"""

from __future__ import annotations

import threading
from array import array
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

from memoryapp.clients import embeddings
from memoryapp.clients.embeddings import Embedder, EmbeddingsUnavailable
from memoryapp.domain.errors import UnableTo

#: vectors a process keeps: some 2,000 of the longest models, four times as many of the local one.
KEPT_BYTES = 32 * 1024 * 1024
#: how many are asked for, and kept, at a time: what came before a failure is not asked for again.
BATCH = 256

Vector = Sequence[float]


class UnableToEmbed(UnableTo):
    """The embedding model does not answer, or not as it should. Worth another try later."""

    status = 503


class Vectors:
    """The vectors asked for most recently, by model and text."""

    def __init__(self, most: int = KEPT_BYTES) -> None:
        self._most, self._held = most, 0
        self._vectors: OrderedDict[tuple[str, str], array[float]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, model: str, text: str) -> Vector | None:
        with self._lock:
            found = self._vectors.get((model, text))
            if found is not None:
                self._vectors.move_to_end((model, text))
            return found

    def put(self, model: str, text: str, vector: Vector) -> None:
        packed = array("f", vector)
        with self._lock:
            known = self._vectors.pop((model, text), None)
            self._vectors[model, text] = packed
            self._held += _size(packed) - (_size(known) if known is not None else 0)
            while self._held > self._most:
                _, oldest = self._vectors.popitem(last=False)
                self._held -= _size(oldest)


VECTORS = Vectors()


@dataclass(frozen=True, slots=True)
class Meaning:
    """The embedding model of the settings: texts to vectors of one length, each of length 1."""

    embedder: Embedder

    @property
    def name(self) -> str:
        return self.embedder.name

    def __call__(self, texts: Sequence[str]) -> list[Vector]:
        """Return a vector for each text; only those that are not kept are asked for.

        Raises:
            UnableToEmbed: the model is missing, or does not answer properly.
        """
        model = f"{self.embedder.provider}:{self.embedder.name}"
        found = {text: VECTORS.get(model, text) for text in texts}
        missing = [text for text, vector in found.items() if vector is None]
        for start in range(0, len(missing), BATCH):
            some = missing[start : start + BATCH]
            try:
                fresh = self.embedder.embed(some)
            except EmbeddingsUnavailable as error:
                raise UnableToEmbed(str(error)) from error
            for text, given in zip(some, fresh, strict=True):
                VECTORS.put(model, text, given)
                found[text] = given
        vectors = [vector for text in texts if (vector := found[text]) is not None]
        if len({len(vector) for vector in vectors}) > 1:
            raise UnableToEmbed(
                f"{self.name} gave vectors of another size than before. Choose another model name."
            )
        return vectors


def meaning() -> Meaning | None:
    """The embedding model of the settings; ``None`` where vectors are off."""
    embedder = embeddings.configured()
    return None if embedder is None else Meaning(embedder)


def _size(vector: array[float]) -> int:
    return len(vector) * vector.itemsize
