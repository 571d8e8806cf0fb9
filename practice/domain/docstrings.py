"""What a tool's description says of its parameters, where its schema says nothing of them. Pure.

Servers written in Python send the whole documentation string of a function, with a section of its
arguments or a word on one of them, and a schema without descriptions.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

#: characters of a description that are read, and of what it says of one parameter.
READ, SAID = 4_000, 300


def documented(name: str, schema: Mapping[str, Any], description: str) -> Mapping[str, Any]:
    """Return a parameter's schema with what ``description`` says of it, where it says nothing.

    Read are ``name: …``, ``name (str): …``, ``:param name: …`` and ``name must be …``.
    """
    if schema.get("description") or not isinstance(description, str):
        return schema
    text = description[:READ]
    if name not in text:
        return schema
    found = re.search(
        rf"(?:^|(?<=[\s*`.(])){re.escape(name)}`?(?:\s?\([^)\n]{{1,60}}\))?"
        rf"(?:\s*:\s+|\s+[-–—]\s+|\s+(?=must be\b|is one of\b|can be\b))(\S[^\n]*)",
        text,
    )
    if found is None:
        return schema
    said = re.split(r"(?<=[a-z0-9)'\"])\.\s+(?=[A-Z`:])", found.group(1), maxsplit=1)[0]
    return {**schema, "description": said.strip()[:SAID]}
