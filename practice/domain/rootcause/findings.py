"""What a detector found, before it is numbered as evidence."""

from __future__ import annotations

from dataclasses import dataclass

from practice.domain.rootcause.telemetry import Modality
from practice.domain.rootcause.types import Direction, EvidenceKind


@dataclass(frozen=True, slots=True)
class Finding:
    """One deviation of one service. ``own`` and ``total`` are weights in nats.

    ``total`` is how sure the deviation is; ``own`` the part of it no callee accounts for.
    ``by_rate`` findings do not know the requests they belong to.
    ``toward`` names the other service for a finding about a call. ``change`` is the logarithm of
    now to usual, 0 where that is not known.
    """

    service: str
    kind: EvidenceKind
    modality: Modality
    own: float
    total: float
    statement: str
    direction: Direction
    pod: str = ""
    toward: str = ""
    baseline: float | None = None
    observed: float | None = None
    unit: str = ""
    onset: float | None = None
    references: tuple[str, ...] = ()
    by_rate: bool = False
    change: float = 0.0
