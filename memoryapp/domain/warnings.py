"""What to look at twice in a text; a policy admits nothing that has a warning. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from memoryapp.domain.masking import masks_in, secrets_in
from memoryapp.domain.text import hidden_characters, looks_like_instruction

Kind = Literal["hidden", "order", "secret"]


@dataclass(frozen=True, slots=True)
class Warned:
    kind: Kind
    text: str


def warnings_of(text: str) -> list[Warned]:
    """Return what is suspicious about a text: unseen characters, orders to a model, secrets."""
    found: list[Warned] = []
    hidden = hidden_characters(text)
    if hidden:
        names = ", ".join(sorted({f"{each.code_point} {each.name}" for each in hidden}))
        many = "1 hidden character" if len(hidden) == 1 else f"{len(hidden):,} hidden characters"
        found.append(Warned("hidden", f"{many}: {names}"))
    found += [
        Warned("order", f"Reads like instructions to a model: “{phrase}”")
        for phrase in looks_like_instruction(text)
    ]
    found += [
        Warned("secret", f"Holds what looks like a secret: {kind}") for kind in secrets_in(text)
    ]
    found += [Warned("secret", f"A secret was masked here: {kind}") for kind in masks_in(text)]
    return found
