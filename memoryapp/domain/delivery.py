"""What an agent is handed of a released document: cut to its budget, in the form it asked for.

Pure and deterministic. Raise ``RENDERING`` when a form that is not stored with a release comes out
differently, so that no cache mistakes the old text for the new one.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from memoryapp.domain import formats
from memoryapp.domain.formats import Document, digest
from memoryapp.domain.playbook import Bullet
from memoryapp.domain.ranking import kept_within

RENDERING = 3
BLOCK_BEGIN = "<!-- greenroom:begin {slug} -->"
BLOCK_END = "<!-- greenroom:end {slug} -->"
#: ``@~/.netrc``: how Claude Code and others name a file whose text is to stand there instead.
_IMPORT = re.compile(r"@(?<!\w@)(?=[~./\\]|[A-Za-z]:[\\/])")
#: The earliest time that zip knows: an archive of the same text has the same bytes.
EPOCH = (1980, 1, 1, 0, 0, 0)
SKILL_DESCRIPTION_MOST = 1_024
#: characters of the name an agent gives itself, which receipts keep and a trial goes by.
AGENT_MOST = 120
#: a skill's body stays under 500 lines, as agents that read skills ask.
SKILL_LINES_MOST = 499


def agent_problem(name: str) -> str:
    """Why an agent cannot be called so; empty where it can, or is not called anything."""
    is_fine = len(name) <= AGENT_MOST and name.isprintable()
    return "" if is_fine else f"At most {AGENT_MOST} printable characters."


@dataclass(frozen=True, slots=True)
class Form:
    """One form a playbook is served in. ``is_stored``: its text is kept with the release."""

    name: str
    title: str
    content_type: str
    suffix: str
    render: Callable[[Document], bytes]
    is_stored: bool = False


def trimmed(released: Document, tokens: int) -> dict[str, Any]:
    """Return the document with the most proven bullets that fit ``tokens``.

    ``left_out`` says how many did not fit.
    """
    rows = [(s["name"], bullet) for s in released["sections"] for bullet in s["bullets"]]
    values = [
        Bullet(
            label=bullet["label"],
            section=section,
            content=bullet["content"],
            helpful=bullet["helpful"],
            harmful=bullet["harmful"],
        )
        for section, bullet in rows
    ]
    kept = {bullet.label for bullet in kept_within(values, tokens)}
    sections = [
        {"name": s["name"], "bullets": [b for b in s["bullets"] if b["label"] in kept]}
        for s in released["sections"]
    ]
    sections = [section for section in sections if section["bullets"]]
    return {
        **released,
        "tokens": sum(value.tokens for value in values if value.label in kept),
        "sha256": formats.whole_digest(sections),
        "left_out": len(values) - len(kept),
        "sections": sections,
    }


def as_agents_block(released: Document) -> str:
    """A marked block for ``AGENTS.md``, by which the client finds and replaces it there."""
    slug = released["playbook"]["slug"]
    # Nor can a bullet make the agent's program pull a local file into what the model reads.
    return _block(slug, _IMPORT.sub("&#64;", formats.as_markdown(released)))


def as_claude_block(released: Document) -> str:
    """A marked block for ``CLAUDE.md``: one line that imports ``AGENTS.md``."""
    return _block(released["playbook"]["slug"], "@AGENTS.md\n")


def _block(slug: str, body: str) -> str:
    # A bullet cannot end the block it stands in.
    inside = body.replace("<!-- greenroom:", "&lt;!-- greenroom:")
    return f"{BLOCK_BEGIN.format(slug=slug)}\n{inside}{BLOCK_END.format(slug=slug)}\n"


def as_skill(released: Document) -> bytes:
    """An Agent Skill folder as a zip: ``name/SKILL.md``, with all bullets beside it if many.

    The name is the playbook's slug (1 to 64 of a-z, 0-9 and hyphens), the same as the folder's.
    """
    about = released["playbook"]
    name = skill_name(about["slug"])
    body = formats.as_markdown(released)
    head = _skill_head(released, name)
    files = {f"{name}/SKILL.md": head + body}
    if len(files[f"{name}/SKILL.md"].splitlines()) > SKILL_LINES_MOST:
        pointer = "Read `playbook.md` in this folder before you begin: it holds all lessons.\n"
        files = {
            f"{name}/SKILL.md": f"{head}# {about['name']}\n\n{pointer}",
            f"{name}/playbook.md": body,
        }
    packed = io.BytesIO()
    # Not compressed: builds of zlib differ in their output, and two hosts would in their ETags.
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        for path, text in files.items():
            entry = zipfile.ZipInfo(path, EPOCH)
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, text)
    return packed.getvalue()


def skill_name(slug: str) -> str:
    """Return ``slug`` as a skill may be named; Django's slugs also know capitals and ``_``."""
    plain = re.sub(r"[^a-z0-9]+", "-", slug.lower()).strip("-")[:64].strip("-")
    return plain or "playbook"


def _skill_head(released: Document, name: str) -> str:
    about = released["playbook"]
    said = " ".join(f"{about['description']} Lessons of the playbook {about['name']}.".split())
    description = f"{said} Use it before you begin a task of this kind."[:SKILL_DESCRIPTION_MOST]
    facts = {
        "version": str(released["version"]),
        "release": f"{about['slug']} v{released['version']}",
        "sha256": digest(formats.as_json(released)),
    }
    lines = ["---", f"name: {name}", f"description: {_quoted(description)}", "metadata:"]
    return (
        "\n".join([*lines, *(f"  {key}: {_quoted(v)}" for key, v in facts.items()), "---", ""])
        + "\n"
    )


def _quoted(text: str) -> str:
    """A YAML double-quoted scalar on one line."""
    plain = "".join(c if c.isprintable() else " " for c in text)
    return '"' + plain.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _text(render: Callable[[Document], str]) -> Callable[[Document], bytes]:
    return lambda released: render(released).encode()


_MARKDOWN = "text/markdown; charset=utf-8"
FORMS: Mapping[str, Form] = {
    form.name: form
    for form in (
        Form("json", "JSON", "application/json", "json", _text(formats.as_json), True),
        Form("md", "Markdown", _MARKDOWN, "md", _text(formats.as_markdown), True),
        Form("ace", "ACE text", "text/plain; charset=utf-8", "txt", _text(formats.as_ace), True),
        Form(
            "preping",
            "Preping’s playbook.json",
            "application/json",
            "playbook.json",
            _text(formats.as_preping),
            True,
        ),
        Form("agents-md", "Block for AGENTS.md", _MARKDOWN, "AGENTS.md", _text(as_agents_block)),
        Form("claude-md", "Block for CLAUDE.md", _MARKDOWN, "CLAUDE.md", _text(as_claude_block)),
        Form("skill", "Agent Skill (zip)", "application/zip", "skill.zip", as_skill),
    )
}
#: what ``Accept`` may ask for; the other forms have no media type of their own.
ACCEPTED: Mapping[str, str] = {
    "application/json": "json",
    "text/markdown": "md",
    "text/plain": "ace",
    "application/zip": "skill",
}
