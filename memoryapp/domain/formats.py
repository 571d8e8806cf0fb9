"""Every form a released playbook is served in. Pure and deterministic: same bullets, same bytes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from itertools import groupby
from typing import Any

from memoryapp.domain.playbook import Playbook

SCHEMA_VERSION = 1

Document = Mapping[str, Any]


def document(
    playbook: Playbook, *, slug: str, name: str, description: str, version: int
) -> dict[str, Any]:
    """Return the native JSON document of a playbook's live bullets, sections in delivery order."""
    return {
        "schema_version": SCHEMA_VERSION,
        "playbook": {"slug": slug, "name": name, "description": description},
        "version": version,
        "tokens": playbook.tokens,
        "sections": [
            {
                "name": section,
                "bullets": [
                    {
                        "id": bullet.id,
                        "label": bullet.label,
                        "content": bullet.content,
                        "helpful": bullet.helpful,
                        "harmful": bullet.harmful,
                        "sha256": digest(bullet.content),
                    }
                    for bullet in bullets
                ],
            }
            for section, bullets in groupby(playbook.live, key=lambda bullet: bullet.section)
        ],
    }


def as_json(released: Document) -> str:
    return json.dumps(released, ensure_ascii=False, indent=2) + "\n"


def as_markdown(released: Document) -> str:
    """Markdown for a system prompt or an AGENTS.md file."""
    about = released["playbook"]
    lines = [f"# {about['name']}", ""]
    if about["description"]:
        lines += [about["description"], ""]
    for section in released["sections"]:
        lines += [f"## {section_title(section['name'])}", ""]
        for bullet in section["bullets"]:
            first, *rest = bullet["content"].splitlines() or [""]
            lines += [f"- {first} [{bullet['label']}]", *(f"  {line}" for line in rest)]
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def as_ace(released: Document) -> str:
    r"""ACE text: ``[slug-00001] helpful=5 harmful=0 :: content``, one line a bullet.

    A newline in a bullet is written ``\n`` and a backslash ``\\``, so that the text can be read
    back without loss.
    """
    lines: list[str] = []
    for section in released["sections"]:
        if lines:
            lines.append("")
        lines.append(f"## {section['name'].replace('_', ' ').upper()}")
        for bullet in section["bullets"]:
            prefix, _, number = bullet["label"].rpartition("-")
            content = bullet["content"].replace("\\", "\\\\").replace("\n", "\\n")
            lines.append(
                f"[{prefix}-{int(number):05d}] helpful={bullet['helpful']} "
                f"harmful={bullet['harmful']} :: {content}"
            )
    return "\n".join(lines) + "\n"


RENDERERS: Mapping[str, Callable[[Document], str]] = {
    "json": as_json,
    "md": as_markdown,
    "ace": as_ace,
}
CONTENT_TYPES: Mapping[str, str] = {
    "json": "application/json",
    "md": "text/markdown; charset=utf-8",
    "ace": "text/plain; charset=utf-8",
}


def digest(text: str) -> str:
    """SHA-256 (hex) of the UTF-8 text."""
    return hashlib.sha256(text.encode()).hexdigest()


def section_title(section: str) -> str:
    """``code_snippets`` as a person writes it."""
    words = section.replace("_", " ")
    return "APIs" if words == "apis" else words.capitalize()
