"""How a share is written for people. Pure."""

from __future__ import annotations


def percent(share: float) -> str:
    """Return a share between 0 and 1 as whole percent; only all is ``100%``, only nothing ``0%``.

    What lies closer to either has a decimal, ``99.5%``, or says so: ``over 99.9%``.
    """
    # What floats add up to may miss 1 by a hair.
    hundredths = round(share * 100, 9)
    whole = f"{hundredths:.0f}"
    if whole not in {"0", "100"} or hundredths in {0, 100}:
        return f"{whole}%"
    fine = f"{hundredths:.1f}"
    return {"0.0": "under 0.1%", "100.0": "over 99.9%"}.get(fine, f"{fine}%")
