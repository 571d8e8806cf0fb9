"""Texts as vectors, for whoever compares many of the same texts again and again.

Vectors are kept in the process that asked for them. Of one model a text has one vector, so another
process, or this one after a restart, comes to the same.
"""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Sequence
from dataclasses import dataclass

from memoryapp.clients import embeddings
from memoryapp.clients.embeddings import Counted, Embedder, EmbeddingsUnavailable
from memoryapp.domain.errors import UnableTo
from memoryapp.domain.kept import Kept

#: vectors a process keeps: some 2,000 of the longest models, four times as many of the local one.
KEPT_BYTES = 32 * 1024 * 1024
#: how many are asked for, and kept, at a time: what came before a failure is not asked for again.
BATCH = 256

Vector = Sequence[float]


class UnableToEmbed(UnableTo):
    """The embedding model does not answer, or not as it should. Worth another try later."""

    status = 503


def _bytes(vector: array[float]) -> int:
    return len(vector) * vector.itemsize


#: the vectors asked for most recently, by ``_named``.
VECTORS: Kept[bytes, array[float]] = Kept(KEPT_BYTES, size=_bytes)


def _named(model: str, text: str) -> bytes:
    """The name of a vector. Texts may be longer than their vectors, and are not counted."""
    return hashlib.sha256(f"{model}\0{text}".encode(errors="surrogatepass")).digest()


@dataclass(frozen=True, slots=True)
class Meaning:
    """The embedding model of the settings: texts to vectors of one length, each of length 1."""

    embedder: Embedder

    @property
    def name(self) -> str:
        return self.embedder.name

    def __call__(self, texts: Sequence[str], counted: Counted | None = None) -> list[Vector]:
        """Return a vector for each text; only those that are not kept are asked for, and counted.

        Raises:
            UnableToEmbed: the model is missing, or does not answer properly.
        """
        model = f"{self.embedder.provider}:{self.embedder.name}"
        found = {text: VECTORS.get(_named(model, text)) for text in texts}
        missing = [text for text, vector in found.items() if vector is None]
        for start in range(0, len(missing), BATCH):
            some = missing[start : start + BATCH]
            try:
                fresh = self.embedder.embed(some, counted)
            except EmbeddingsUnavailable as error:
                raise UnableToEmbed(str(error)) from error
            for text, given in zip(some, fresh, strict=True):
                # Packed also for whoever asks first: a text has one vector, to the last digit.
                found[text] = packed = array("f", given)
                VECTORS.put(_named(model, text), packed)
        vectors: list[Vector] = [vector for text in texts if (vector := found[text]) is not None]
        if len({len(vector) for vector in vectors}) > 1:
            raise UnableToEmbed(
                f"{self.name} gave vectors of another size than before. Choose another model name."
            )
        return vectors


def meaning() -> Meaning | None:
    """The embedding model of the settings; ``None`` where vectors are off."""
    embedder = embeddings.configured()
    return None if embedder is None else Meaning(embedder)
