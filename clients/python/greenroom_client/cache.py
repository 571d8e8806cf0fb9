"""Copies of what was pulled, on disk, so that an agent starts while the server is down.

One file a request, written whole or not at all; the name says nothing of the key. Files are for
their owner alone.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path


@dataclass(frozen=True)
class Copy:
    """What the server said, and when (seconds since the epoch)."""

    text: str
    etag: str
    version: int
    release: str
    fresh_seconds: float
    stale_seconds: float
    checked_at: float

    def age(self) -> float:
        """Seconds since the server confirmed it; a clock set back makes it old, never young."""
        passed = time.time() - self.checked_at
        return passed if passed >= 0 else float("inf")

    @property
    def is_fresh(self) -> bool:
        return self.age() < self.fresh_seconds

    @property
    def is_usable_meanwhile(self) -> bool:
        return self.age() < self.fresh_seconds + self.stale_seconds


class Copies:
    """The folder of copies. A folder that cannot be written to means no copies, not an error."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @staticmethod
    def name(*asked: object) -> str:
        return hashlib.sha256(json.dumps([str(part) for part in asked]).encode()).hexdigest()[:40]

    def get(self, name: str) -> Copy | None:
        try:
            return Copy(**json.loads((self._folder / f"{name}.json").read_text("utf-8")))
        except (OSError, ValueError, TypeError):
            return None

    def put(self, name: str, copy: Copy) -> None:
        with suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            handle, path = tempfile.mkstemp(dir=self._folder, suffix=".part")
            try:
                with os.fdopen(handle, "w", encoding="utf-8") as file:
                    json.dump(asdict(copy), file)
                Path(path).replace(self._folder / f"{name}.json")
            except OSError:
                Path(path).unlink()
                raise

    def confirm(self, name: str, copy: Copy, fresh: float, stale: float) -> Copy:
        """Note that the server says it is still so."""
        confirmed = replace(copy, checked_at=time.time(), fresh_seconds=fresh, stale_seconds=stale)
        self.put(name, confirmed)
        return confirmed

    def forget(self, name: str) -> None:
        with suppress(OSError):
            (self._folder / f"{name}.json").unlink()


def default_folder() -> Path | None:
    """Where copies are kept unless told otherwise; ``None`` for a user who has no home."""
    if base := os.environ.get("XDG_CACHE_HOME"):
        return Path(base) / "greenroom"
    try:
        return Path.home() / ".cache" / "greenroom"
    except RuntimeError:
        return None
