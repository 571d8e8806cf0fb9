"""The reference pages, written from the code: ``make reference``; a test fails on stale ones."""

from __future__ import annotations

import argparse
import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from memoryapp.project.cli import parser

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
CONFIGURATION = (DOCS / "configuration.md").read_text()
#: modules of ``memoryapp.project`` whose names ``settings`` takes for its own.
PARTS = ("jobs", "language_models", "observations", "rest", "sign_in", "tool_servers", "watched")
#: all of them that read the environment.
READ_BY = ("settings", *PARTS, "up")
#: What each reader of ``project/variables.py`` takes, in words.
KINDS = {
    "flag": "true or false", "whole": "whole number", "number": "number", "choice": "one of",
    "limit": "whole number, or 0 for none",
    "several": "list, comma-separated", "secret": "secret", "address": "address",
    "by_name": "JSON object", "folder": "folder", "text": "text", "read": "see there",
}  # fmt: skip
METHODS = ("get", "post", "put", "patch", "delete")
WRITTEN = "Written from the code by `make reference`; do not edit.\n"


@cache
def api_document() -> dict[str, Any]:
    """The committed OpenAPI document, read once; that it is what the code says is under test."""
    return as_yaml((DOCS / "openapi.yaml").read_text())


def as_yaml(text: str) -> dict[str, Any]:
    """Read by the parser in C: over ten thousand lines the other takes six times as long."""
    read: dict[str, Any] = yaml.load(text, Loader=yaml.CSafeLoader)
    return read


def pages() -> dict[str, str]:
    """Name of each page to what it must say now."""
    return {
        "reference-settings.md": _settings(),
        "reference-api.md": _api(),
        "reference-cli.md": _cli(),
    }


def _settings() -> str:
    rows = sorted(
        row
        for name in READ_BY
        for row in _read(ast.parse((ROOT / f"memoryapp/project/{name}.py").read_text()))
    )
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    return (
        f"# Settings, all of them\n\n{WRITTEN}What each does is in "
        "[configuration.md](configuration.md). A default in code stands as it is written there.\n\n"
        f"| variable | takes | default |\n|---|---|---|\n{table}\n"
    )


def _read(tree: ast.Module) -> Iterator[tuple[str, str, str]]:
    constants = {
        target.id: ast.unparse(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for call in ast.walk(tree):
        if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute)):
            continue
        of = call.func.value
        if not (isinstance(of, ast.Name) and of.id == "env" and call.func.attr in KINDS):
            continue
        name = call.args[0]
        if not isinstance(name, ast.Constant):
            continue
        named = {word.arg: ast.unparse(word.value) for word in call.keywords}
        # What comes last is the default, but for those of ``by_name``: there are none.
        has_default = len(call.args) > 1 and call.func.attr != "by_name"
        last = call.args[-1] if has_default else None
        default = named.get("default") or (ast.unparse(last) if last else "empty")
        takes = KINDS[call.func.attr]
        if call.func.attr == "choice":
            among = constants.get(named["among"], named["among"])
            takes = f"one of {', '.join(re.findall(r'[a-z]+', among, re.I))}"
        bounds = [f"{word} {named[word]}" for word in ("least", "most") if word in named]
        takes += f", {', '.join(bounds)}" if bounds else ""
        default = (
            "empty" if default in {"empty", "''", "()", "{}"} else f"`{' '.join(default.split())}`"
        )
        yield f"`{name.value!s}`", takes, default.replace("|", "\\|")


def _api() -> str:
    rows = [
        f"| `{method.upper()}` | `{path}` | {_line(_what(operation))} |"
        for path, methods in sorted(api_document()["paths"].items())
        for method, operation in methods.items()
        if method in METHODS
    ]
    return (
        f"# API, all of it\n\n{WRITTEN}Bodies and answers are in [openapi.yaml](openapi.yaml); "
        "[api.md](api.md) says how to use it.\n\n"
        "| method | address | what it does |\n|---|---|---|\n" + "\n".join(rows) + "\n"
    )


def _what(operation: dict[str, Any]) -> str:
    return f"{operation['summary']} {operation.get('description', '')}"


def _line(text: str) -> str:
    """The first paragraph of a description, on one line of a table."""
    first = " ".join(text.split("\n\n")[0].split())
    return first.replace("|", "\\|").replace("<", "&lt;")


def _cli() -> str:
    parts = [f"# The `greenroom` command\n\n{WRITTEN}"]
    for words, command, what in _commands(parser(), ()):
        asked = [
            f"| `{_name(action)}` | {_line(action.help or '')} |"
            for action in command._actions
            if not isinstance(action, argparse._SubParsersAction | argparse._HelpAction)
        ]
        parts.append(f"## `greenroom {' '.join(words)}`\n\n{what[:1].upper()}{what[1:]}.\n")
        if asked:
            parts.append("| argument | |\n|---|---|\n" + "\n".join(asked) + "\n")
    return "\n".join(parts)


def _commands(
    of: argparse.ArgumentParser, words: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], argparse.ArgumentParser, str]]:
    for action in of._actions:
        if not isinstance(action, argparse._SubParsersAction):
            continue
        helps = {choice.dest: choice.help or "" for choice in action._choices_actions}
        for name, command in action.choices.items():
            below = list(_commands(command, (*words, name)))
            yield from below or [((*words, name), command, helps[name])]


def _name(action: argparse.Action) -> str:
    if not action.option_strings:
        return action.dest.upper()
    takes = "" if action.nargs == 0 else f" {(action.metavar or action.dest)!s}".upper()
    return f"{action.option_strings[-1]}{takes}"


def variables() -> set[str]:
    """Names of the variables that settings are read from."""
    source = "".join((ROOT / f"memoryapp/project/{name}.py").read_text() for name in READ_BY)
    return set(re.findall(r'env(?:\.\w+)?(?:iron\.get)?\(\s*"([A-Z0-9_]+)"', source))


if __name__ == "__main__":
    for page, text in pages().items():
        (DOCS / page).write_text(text)
