"""What of an error may be quoted in a lesson: a tool's words are evidence, and nobody's orders."""

from __future__ import annotations

import re

from memoryapp.domain.text import looks_like_instruction, strip_hidden

MAX_QUOTE = 140
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)|<[!/]?[A-Za-z][^<>]{0,200}>", re.DOTALL)
_SENTENCE = re.compile(r"(?<=[.!?;])\s+")
#: who is spoken to, or made to speak, in what a tool answers; and where it would lead a reader.
_SPEAKS = re.compile(
    r"\b(?:system|assistant|validator|reviewer|curator|user|ai|llm)\s*:|"
    r"\b(?:add|save|write|store)\b.{0,20}\b(?:to|in) (?:your |the )?(?:memory|playbook)\b|"
    r"\b(?:https?|ftp|file|data|javascript):|\bwww\.",
    re.IGNORECASE,
)


def quotable(said: str) -> str:
    """Return the sentences an error begins with, up to the first that gives orders or leads away.

    Hidden characters and mark-up are left out. Empty where the first sentence is such a one.
    """
    line = " ".join(_COMMENT.sub(" ", strip_hidden(said)).split())
    kept: list[str] = []
    for sentence in _SENTENCE.split(line):
        if _SPEAKS.search(sentence) or looks_like_instruction(sentence):
            break
        kept.append(sentence)
    told = " ".join(kept).rstrip(".")
    return told if len(told) <= MAX_QUOTE else f"{told[: MAX_QUOTE - 1]}…"
