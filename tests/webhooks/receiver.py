"""What a receiver does with its secret, as Standard Webhooks says."""

from __future__ import annotations

import base64


def key_of(secret: str) -> bytes:
    """The bytes a receiver signs with: what follows ``whsec_``, as base64."""
    mark, _, written = secret.partition("whsec_")
    assert not mark, "a secret begins with whsec_"
    return base64.b64decode(written, validate=True)
