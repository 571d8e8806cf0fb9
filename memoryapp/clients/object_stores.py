"""Where observations stand that are too large for their rows: a folder, or a bucket of S3.

Both are storages of Django and write an object as a whole or not at all. Whatever goes wrong is an
``OSError``, and what is not there a ``FileNotFoundError``, so that nobody above knows which it is.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Any

from django.core.files.storage import FileSystemStorage


class Folder(FileSystemStorage):
    """A folder whose files appear when they are whole: a name is a digest of what is in it."""

    def __init__(self, location: str) -> None:
        super().__init__(location=location, allow_overwrite=True)

    def _save(self, name: str, content: Any) -> str:
        path = Path(self.path(name))
        # What tools answered is nobody else's on this machine.
        Path(self.location).mkdir(mode=0o700, parents=True, exist_ok=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        half = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        try:
            with half.open("wb") as file:
                file.writelines(content.chunks())
                file.flush()
                os.fsync(file.fileno())
            half.replace(path)
        finally:
            half.unlink(missing_ok=True)
        return name
