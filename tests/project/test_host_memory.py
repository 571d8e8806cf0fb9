"""The embedded database takes an eighth of the memory, and neither too little nor too much."""

from __future__ import annotations

from pathlib import Path

import pytest

from memoryapp.project import host_memory

GB = 1024**3


@pytest.mark.parametrize(
    ("total", "expected"),
    [(512 * 1024**2, 128), (2 * GB, 256), (4 * GB, 512), (8 * GB, 1_024), (512 * GB, 1_024)],
)
def test_an_eighth_within_bounds(total: int, expected: int) -> None:
    assert host_memory.shared_buffers_mb(total) == expected


@pytest.mark.parametrize(("said", "limited"), [("max", False), (str(2**62), False), ("3", True)])
def test_a_container_counts_by_its_limit(
    said: str, limited: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host_memory, "_LIMITS", (tmp_path / "nothing-here",))
    host = host_memory.total_bytes()
    file = tmp_path / "memory.max"
    file.write_text(f"{said}\n")
    monkeypatch.setattr(host_memory, "_LIMITS", (file,))
    assert host_memory.total_bytes() == (3 if limited else host)
