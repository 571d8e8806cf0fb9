"""Writing answers, whatever they repeat of what was sent."""

from __future__ import annotations

from typing import Any

from rest_framework.renderers import JSONRenderer


class AnyTextJSONRenderer(JSONRenderer):
    """JSON in UTF-8; an answer that repeats half a character, which UTF-8 has not, in escapes."""

    def render(self, *given: Any, **more: Any) -> bytes:
        try:
            return super().render(*given, **more)
        except UnicodeEncodeError:
            self.ensure_ascii = True
            return super().render(*given, **more)
