"""The price list the model library ships with, asked without loading the model library."""

from __future__ import annotations

from importlib import import_module
from typing import Any
from urllib.parse import urlsplit

OPENAI_URL = "https://api.openai.com/v1"
ANTHROPIC_URL = "https://api.anthropic.com"
_ADDRESSES = {"openai": OPENAI_URL, "anthropic": ANTHROPIC_URL}


def is_listed(provider: str, base_url: str | None, model: str) -> bool:
    """Whether the list knows what ``model`` costs at the configured address.

    Another server's model may share a name with a known one; it does not share its price.
    """
    known = _ADDRESSES.get(provider)
    if known is None or urlsplit(base_url or known).hostname != urlsplit(known).hostname:
        return False
    # The list is 100 ms to load; only a run with a budget asks for it.
    prices: Any = import_module("genai_prices")
    try:
        prices.calc_price(
            prices.Usage(input_tokens=1, output_tokens=1), model, provider_id=provider
        )
    except LookupError:
        return False
    return True
