"""Every form a released playbook is served in. Pure and deterministic: same bullets, same bytes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import cache
from itertools import groupby
from typing import Any

from memoryapp.domain import preping
from memoryapp.domain.playbook import Playbook

SCHEMA_VERSION = 1

Document = Mapping[str, Any]


def document(
    playbook: Playbook, *, slug: str, name: str, description: str, version: int
) -> dict[str, Any]:
    """Return the native JSON document of a playbook's live bullets, sections in delivery order."""
    sections = [
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
    ]
    return {
        "schema_version": SCHEMA_VERSION,
        "playbook": {"slug": slug, "name": name, "description": description},
        "version": version,
        "tokens": playbook.tokens,
        "sha256": whole_digest(sections),
        "sections": sections,
    }


def whole_digest(sections: Sequence[Mapping[str, Any]]) -> str:
    """The SHA-256 of a line ``section label sha256`` for each bullet, in order.

    It stands for what is said, whatever the counters are and however the file is laid out.
    """
    lines = (
        f"{section['name']} {bullet['label']} {bullet['sha256']}\n"
        for section in sections
        for bullet in section["bullets"]
    )
    return digest("".join(lines))


#: The fields of a document and of what is in it, in the order they are written in.
_FIELDS = ("schema_version", "playbook", "version", "tokens", "sha256", "left_out", "sections")
_ABOUT = ("slug", "name", "description")
_BULLET = ("id", "label", "content", "helpful", "harmful", "sha256")


def as_json(released: Document) -> str:
    """The document as JSON, its fields in the order that PostgreSQL does not keep."""
    made = _in_order(released, _FIELDS)
    made["playbook"] = _in_order(released["playbook"], _ABOUT)
    made["sections"] = [
        {
            **_in_order(section, ("name",)),
            "bullets": [_in_order(bullet, _BULLET) for bullet in section["bullets"]],
        }
        for section in released["sections"]
    ]
    return indented(made) + "\n"


def _in_order(value: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    known = {name: value[name] for name in names if name in value}
    return {**known, **value}


def indented(value: Any, line: str = "\n") -> str:
    """What ``json.dumps`` with an ``indent`` of 2 writes, where all names are strings.

    That takes three times as long, because it indents in Python; here the encoder in C writes
    whatever holds only plain values, such as a bullet. ``line`` is how a line outside begins.
    """
    inner = line + "  "
    if not value or not isinstance(value, dict | list):
        return _dumped(value, inner)
    held = value.values() if isinstance(value, dict) else value
    if not any(isinstance(each, dict | list) for each in held):
        written = _dumped(value, inner)[1:-1]
    elif isinstance(value, dict):
        pairs = (f"{_dumped(name, inner)}: {indented(e, inner)}" for name, e in value.items())
        written = f",{inner}".join(pairs)
    else:
        written = f",{inner}".join(indented(each, inner) for each in value)
    opened, closed = "{}" if isinstance(value, dict) else "[]"
    return f"{opened}{inner}{written}{line}{closed}"


def _dumped(value: Any, line: str) -> str:
    return _encoder(line).encode(value)


@cache
def _encoder(line: str) -> json.JSONEncoder:
    return json.JSONEncoder(ensure_ascii=False, separators=(f",{line}", ": "))


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
            content = bullet["content"].replace("\\", "\\\\").replace("\n", "\\n")
            lines.append(
                f"[{ace_id(bullet['label'])}] helpful={bullet['helpful']} "
                f"harmful={bullet['harmful']} :: {content}"
            )
    return "\n".join(lines) + "\n"


def ace_id(label: str) -> str:
    """``pitfalls-003`` as ACE text calls it: ``pitfalls-00003``."""
    prefix, _, number = label.rpartition("-")
    return f"{prefix}-{int(number):05d}"


def as_preping(released: Document) -> str:
    """``playbook.json`` as Preping's released code reads it; what we do not keep is as new.

    A bullet nobody voted on is tagged helpful, as the artifact tags what it adds.
    """
    rows = [
        {
            "id": bullet["label"],
            "content": bullet["content"],
            "section": section["name"],
            "tag": _preping_tag(bullet["helpful"], bullet["harmful"]),
            "version": 1,
            "embedding": None,
            "created_at": None,
            "last_accessed": None,
            "usage_count": 0,
            "helpful_count": bullet["helpful"],
            "harmful_count": bullet["harmful"],
            "source_task_id": None,
        }
        for section in released["sections"]
        for bullet in section["bullets"]
    ]
    return indented(preping.document(rows)) + "\n"


def _preping_tag(helpful: int, harmful: int) -> str:
    return preping.tag(helpful, harmful) if helpful + harmful else "helpful"


def digest(text: str | bytes) -> str:
    """SHA-256 (hex) of a text in UTF-8, or of bytes."""
    return hashlib.sha256(text.encode() if isinstance(text, str) else text).hexdigest()


def section_title(section: str) -> str:
    """``code_snippets`` as a person writes it."""
    words = section.replace("_", " ")
    return "APIs" if words == "apis" else words.capitalize()
