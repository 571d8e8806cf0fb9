"""Writing answers, whatever they repeat of what was sent."""

from __future__ import annotations

from typing import Any

from rest_framework.renderers import JSONRenderer


class Escaped(JSONRenderer):
    ensure_ascii = True


class AnyTextJSONRenderer(JSONRenderer):
    """JSON in UTF-8; an answer that repeats half a character, which UTF-8 has not, in escapes."""

    def render(self, *given: Any, **more: Any) -> bytes:
        try:
            written: bytes = super().render(*given, **more)
        except UnicodeEncodeError:
            written = Escaped().render(*given, **more)
        return written
