"""What is kept under a digest lies in its store, whatever a row says."""

from __future__ import annotations

from pathlib import Path

import pytest

from practice.clients import seeds
from practice.domain.kept_files import place_of

DIGEST = "0f" * 32


def test_a_digest_names_its_place() -> None:
    assert place_of(Path("/data/store"), DIGEST) == Path("/data/store") / DIGEST


@pytest.mark.parametrize(
    "said", ["..", "../precious", "/precious", ".", DIGEST.upper(), f"{DIGEST}\n", f"{DIGEST}/../x"]
)
def test_nothing_else_leads_anywhere(tmp_path: Path, said: str) -> None:
    store, precious = tmp_path / "store", tmp_path / "precious"
    for folder in (store, precious):
        folder.mkdir()
        (folder / "file").write_text("kept")
    assert place_of(store, said).parent == store
    seeds.forget(said.replace("/precious", str(precious)) if said[0] == "/" else said, store)
    assert [path.name for path in tmp_path.rglob("file")] == ["file", "file"]
