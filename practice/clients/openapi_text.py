"""The text of an OpenAPI document, JSON or YAML, as plain JSON values."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import yaml

from memoryapp.domain.yaml_merges import BoundedMerges
from practice.domain.reading import whole_characters, whole_text
from practice.domain.types import Json

DOCUMENT_CAP = 16 * 1024 * 1024
NESTING_CAP = 200


class DocumentError(ValueError):
    """The document cannot be used at all; ``str`` is a sentence for the operator."""


def read_root(text: str) -> Json:
    """The document as one object.

    Raises:
        DocumentError: it is too large, not JSON or YAML, or not OpenAPI 3.0 or 3.1.
    """
    if len(text) > DOCUMENT_CAP:
        raise DocumentError(f"The document is larger than {DOCUMENT_CAP // 2**20} MB.")
    root = _parsed(whole_text(text))
    if not isinstance(root, Mapping):
        raise DocumentError("The document is not an object with an openapi field.")
    if "swagger" in root:
        raise DocumentError(
            f"This is a Swagger {root['swagger']} document. Convert it to OpenAPI 3 first."
        )
    if not str(root.get("openapi", "")).startswith(("3.0", "3.1")):
        raise DocumentError(
            "The document does not say that it is OpenAPI 3.0 or 3.1 "
            f"(its openapi field reads {str(root.get('openapi', 'nothing'))[:20]})."
        )
    return root


def _parsed(text: str) -> Any:
    try:
        if text.lstrip()[:1] == "{":
            return _as_json(json.loads(text), {})
        _refuse_deep_nesting(text)
        return _as_json(yaml.load(text, Loader=_Plain), {})
    except yaml.MarkedYAMLError as error:
        line = f" in line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise DocumentError(f"The document is not valid YAML{line}: {error.problem}.") from error
    except yaml.YAMLError as error:
        raise DocumentError("The document is not valid YAML.") from error
    except json.JSONDecodeError as error:
        raise DocumentError(
            f"The document is not valid JSON in line {error.lineno}: {error.msg}."
        ) from error
    except (RecursionError, ValueError) as error:
        raise DocumentError("The document cannot be read: it is nested too deeply.") from error


def _refuse_deep_nesting(text: str) -> None:
    """The parser of YAML values recurses in C and would take the process with it."""
    depth = 0
    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > NESTING_CAP:
            raise DocumentError("The document cannot be read: it is nested too deeply.")


class _Plain(BoundedMerges, yaml.CSafeLoader):
    """YAML whose scalars are JSON's: a date stays the text it is."""


_Plain.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.CSafeLoader.yaml_implicit_resolvers.items()
}


def _as_json(value: Any, seen: dict[int, Any]) -> Any:
    """What was read as JSON that can be stored; parts used twice stay one part.

    Every key becomes text (``200:`` is a number in YAML), a number that is none nothing, and what
    only YAML has a kind for the text of it.
    """
    if value is None or isinstance(value, str | int | float):
        return whole_characters(value)
    if not isinstance(value, dict | list):
        return str(value)
    if id(value) in seen:
        return seen[id(value)]
    if isinstance(value, list):
        items: list[Any] = []
        seen[id(value)] = items
        items.extend(_as_json(item, seen) for item in value)
        return items
    made: dict[str, Any] = {}
    seen[id(value)] = made
    made.update({whole_text(str(key)): _as_json(item, seen) for key, item in value.items()})
    return made
