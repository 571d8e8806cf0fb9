"""How far the file of an export has come. A moment's figure: the row says what counts."""

from __future__ import annotations

from memoryapp.clients import store

KEPT_SECONDS = 3600


def tell(export_id: int, done: int, total: int) -> None:
    """Note that ``done`` of ``total`` rows are written."""
    store.keep_text(_key(export_id), f"{done} {total}", seconds=KEPT_SECONDS)


def told(export_id: int) -> tuple[int, int]:
    """Rows written, of how many; zeros while nobody has told."""
    done, _, total = (store.kept_text(_key(export_id)) or "").partition(" ")
    return (int(done), int(total)) if total else (0, 0)


def _key(export_id: int) -> str:
    return f"export:{export_id}"
