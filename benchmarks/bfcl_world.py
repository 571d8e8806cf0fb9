"""What the benchmarks ask of BFCL beside its world: how often its ground truth calls each tool.

The world itself is an installable pack of the product, ``practice.clients.packs_bfcl``.
"""

from __future__ import annotations

import ast
import json
from collections import Counter
from pathlib import Path
from typing import Any

import bfcl_eval

from practice.clients.packs_bfcl import BACKENDS, Backend, BfclEnvironment, BfclSession

__all__ = ["BACKENDS", "Backend", "BfclEnvironment", "BfclSession", "target_calls"]

_DATA = Path(bfcl_eval.__file__).parent / "data"
SPLITS = ("base", "long_context", "miss_func", "miss_param")


def target_calls() -> Counter[str]:
    """Return test-time calls per tool over the 800 multi-turn ground truths. For scoring only."""
    counts: Counter[str] = Counter()
    for split in SPLITS:
        for entry in _lines(_DATA / "possible_answer" / f"BFCL_v4_multi_turn_{split}.json"):
            for turn in entry["ground_truth"]:
                counts.update(_called(call) for call in turn)
    return counts


def _called(call: str) -> str:
    node = ast.parse(call, mode="eval").body
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name)):
        raise ValueError(f"A ground-truth entry is not a call: {call}")
    return node.func.id


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines() if line.strip()]
