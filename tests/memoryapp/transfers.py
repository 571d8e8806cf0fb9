"""Files of whole workspaces: what is in them, and one with something changed."""

from __future__ import annotations

import io
import json
import re
import zipfile
from typing import Any

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def contents(data: bytes) -> dict[str, str]:
    """The tables of a file, the ids in each numbered in the order they are met."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {
            name: _numbered(archive.read(name).decode())
            for name in archive.namelist()
            if name != "manifest.json"
        }


def _numbered(text: str) -> str:
    met: dict[str, str] = {}
    return _UUID.sub(lambda found: met.setdefault(found[0], f"id-{len(met)}"), text)


def changed(data: bytes, **manifest: Any) -> io.BytesIO:
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as archive, zipfile.ZipFile(target, "w") as out:
        for name in archive.namelist():
            text = archive.read(name)
            if name == "manifest.json":
                text = json.dumps(json.loads(text) | manifest).encode()
            out.writestr(name, text)
    return target
