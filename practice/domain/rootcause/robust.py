"""Statistics a fault cannot inflate: medians, and what is usual taken from the usual alone."""

from __future__ import annotations

import numpy as np

from practice.domain.rootcause.telemetry import Floats

# MAD × this estimates the standard deviation of a normal distribution.
_NORMAL = 1.4826


def spread(values: Floats) -> float:
    """Robust standard deviation: the scaled MAD. 0.0 for fewer than two values."""
    if len(values) < 2:
        return 0.0
    return float(_NORMAL * np.median(np.abs(values - np.median(values))))
