"""What people read is spelled one way: as most of it was when it was counted, the British one."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
AMERICAN = re.compile(
    r"\b(?:un|re|mis)?(?:"
    r"(?:behavi|col|fav|flav|hon|lab|neighb|harb|rum)or(?:s|ed|ing|ful|able|ite|ites|al)?"
    r"|(?:analy|catalog|paraly)z(?:e|es|ed|ing)|catalogs?"
    r"|(?:cancel|label|model|signal|travel|total)(?:ed|ing)|(?:de|of)fense|center(?:s|ed)?|gray"
    r"|practic(?:ed|ing)|judgments?|fulfills?"
    r"|(?:categor|emphas|general|initial|maxim|memor|minim|normal|optim|organ|priorit"
    r"|random|real|recogn|serial|summar|synchron|token|visual)iz(?:e|es|ed|ing|ation|ations)"
    r")\b",
    re.IGNORECASE,
)
#: names of things, which stay as they are.
NAMES = re.compile(r"`[^`]*`|<code.*?</code>")
DOCUMENTS = [
    *ROOT.glob("*.md"),
    *(ROOT / "docs").rglob("*.md"),
    *(ROOT / "clients").rglob("*.md"),
    *(ROOT / "examples").rglob("*.md"),
]
MODULES = [
    path
    for folder in ("memoryapp", "practice")
    for path in (ROOT / folder).rglob("*.py")
    if "migrations" not in path.parts
]
#: words of tasks and tools, which are looked for however others spell them.
VOCABULARY = {
    "agents/rules/documents.py",
    "agents/rules/doing.py",
    "agents/rules/observed.py",
    "agents/rules/words.py",
}


def american(text: str) -> list[str]:
    return AMERICAN.findall(NAMES.sub(" ", text))


def shown(template: str) -> str:
    """What of a template is read: no tags, but their words for screen readers and titles."""
    words = re.findall(r"\b(?:aria-label|title|placeholder|data-label|alt)=\"([^\"{]+)", template)
    text = re.sub(r"(?s)\{% comment.*?endcomment %\}|\{[%{#].*?[%}#]\}|<[^>]*>", " ", template)
    return "\n".join([text, *words])


def sentences(source: str) -> Iterator[str]:
    """Texts of several words in a module, and none of its own documentation."""
    tree = ast.parse(source)
    own = {node.value for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Constant) or node in own:
            continue
        if isinstance(node.value, str) and " " in node.value:
            yield node.value


@pytest.mark.parametrize("page", DOCUMENTS, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_a_document_is_spelled_as_the_pages_are(page: Path) -> None:
    prose = re.sub(r"(?ms)^ *```.*?^ *```", "", page.read_text())
    assert american(re.sub(r"\]\([^)]*\)", "]", prose)) == []


def test_pages_are_spelled_alike() -> None:
    found = {
        path.name: words
        for path in (ROOT / "templates").rglob("*.*")
        if (words := american(shown(path.read_text())))
    }
    assert found == {}


def test_messages_are_spelled_alike() -> None:
    found = {
        path.relative_to(ROOT).as_posix(): words
        for path in MODULES
        if not any(path.as_posix().endswith(name) for name in VOCABULARY)
        if (words := [word for text in sentences(path.read_text()) for word in american(text)])
    }
    assert found == {}
