"""The construction metrics of Preping (arXiv 2605.13880, table 3) over practice records.

Pure functions; shares and recalls are fractions in 0..1, entropy is in bits.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from practice.domain.types import Category, PracticeRecord


def infeasible_share(history: Sequence[PracticeRecord]) -> float:
    """Return the share of tasks whose category is infeasible; 0.0 with no tasks."""
    if not history:
        return 0.0
    return sum(r.category is Category.INFEASIBLE for r in history) / len(history)


def practised_tools(history: Iterable[PracticeRecord]) -> frozenset[str]:
    """Return the tools that were executed, with or without an error."""
    return frozenset(tool for record in history for tool in _executed(record))


def unique_tools(history: Iterable[PracticeRecord]) -> int:
    """Return how many different tools were executed."""
    return len(practised_tools(history))


def invocations(history: Iterable[PracticeRecord]) -> Counter[str]:
    """Return executed calls per tool."""
    return Counter(tool for record in history for tool in _executed(record))


def entropy_bits(counts: Mapping[str, int]) -> float:
    """Return the Shannon entropy of a distribution of invoked tools, in bits.

    ``counts`` maps a tool to its calls. 0.0 where nothing or one tool was invoked; log2(k) where k
    tools were invoked equally often.
    """
    total = sum(counts.values())
    shares = [count / total for count in counts.values() if count > 0]
    return -sum(p * math.log2(p) for p in shares) if len(shares) > 1 else 0.0


def weighted_recall(practised: Iterable[str], target_calls: Mapping[str, int]) -> float:
    """Return test-time calls whose tool was practised, divided by all test-time calls.

    ``target_calls`` maps a tool to the number of calls test time makes of it; 0.0 where empty.
    """
    total = sum(target_calls.values())
    known = set(practised)
    hit = sum(count for tool, count in target_calls.items() if tool in known)
    return hit / total if total else 0.0


def _executed(record: PracticeRecord) -> Sequence[str]:
    """Executed tools, one entry per call where calls were kept."""
    return [tool for tool, _ in record.calls] if record.calls else record.used_tools
