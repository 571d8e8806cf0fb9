"""The price list the model library ships with, asked without loading the model library."""

from __future__ import annotations

from decimal import Decimal
from importlib import import_module
from typing import Any
from urllib.parse import urlsplit

OPENAI_URL = "https://api.openai.com/v1"
ANTHROPIC_URL = "https://api.anthropic.com"
_ADDRESSES = {"openai": OPENAI_URL, "anthropic": ANTHROPIC_URL}


def is_listed(provider: str, base_url: str | None, model: str) -> bool:
    """Whether the list knows what ``model`` costs at the configured address."""
    return listed_cost(provider, base_url, model, input_tokens=1, output_tokens=1) is not None


def listed_cost(
    provider: str, base_url: str | None, model: str, *, input_tokens: int, output_tokens: int = 0
) -> Decimal | None:
    """Return the US dollars of one call by the list; ``None`` where it does not know.

    Another server's model may share a name with a known one; it does not share its price.
    """
    known = _ADDRESSES.get(provider)
    if known is None or urlsplit(base_url or known).hostname != urlsplit(known).hostname:
        return None
    # The list is 100 ms to load; only what needs a price asks for it.
    prices: Any = import_module("genai_prices")
    usage = prices.Usage(input_tokens=input_tokens, output_tokens=output_tokens)
    try:
        return Decimal(prices.calc_price(usage, model, provider_id=provider).total_price)
    except LookupError:
        return None
