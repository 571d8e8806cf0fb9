"""How often verdicts of one confidence are right. Usage: ``{% load calibration %}``."""

from __future__ import annotations

from typing import Any

from django import template

from memoryapp.templatetags.charts import interval
from memoryapp.templatetags.formats import percent
from practice.domain.calibration import Bin

register = template.Library()


@register.inclusion_tag("components/charts/interval.html")
def reliability_bar(found: Bin) -> dict[str, Any]:
    """Show how often the verdicts of a bin are right, with the 95 % interval."""
    said = (
        f"{found.count} verdicts, right {percent(found.accuracy)} of the time "
        f"at a confidence of {percent(found.confidence)}"
    )
    return interval(found.accuracy, found.low, found.high, said)
