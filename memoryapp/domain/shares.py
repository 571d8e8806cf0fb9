"""How a share, and a difference of two, is written for people. Pure."""

from __future__ import annotations

MINUS = "\N{MINUS SIGN}"


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


def points(difference: float) -> str:
    """Return a difference of shares with its sign in percentage points: ``+40 points``.

    Only none at all is ``0 points``, and only all is 100: what lies closer has a decimal,
    ``+0.4 points``, or says so, as ``percent`` does.
    """
    hundredths = round(difference * 100, 9)
    before = sign(hundredths)
    size = abs(hundredths)
    whole = f"{size:.0f}"
    if whole not in {"0", "100"} or size in {0, 100}:
        return f"{before}{whole} {'point' if whole == '1' else 'points'}"
    fine = f"{size:.1f}"
    # Signed, the smaller size is the greater number below zero.
    below, above = ("over", "under") if before == MINUS else ("under", "over")
    near = {"0.0": f"{below} {before}0.1", "100.0": f"{above} {before}99.9"}
    return f"{near.get(fine, before + fine)} points"


def sign(difference: float) -> str:
    """Return what is written before the size of a difference: a plus, a minus, or nothing for 0."""
    return "+" if difference > 0 else MINUS if difference < 0 else ""
