from __future__ import annotations

from typing import Any

from django.apps import AppConfig


class PracticeConfig(AppConfig):
    name = "practice"
    verbose_name = "Practice"

    def design_part(self) -> tuple[str, dict[str, Any]]:
        """A template and its context: what this app draws, for the design page."""
        from practice.views.design_part import design_part  # noqa: PLC0415  # views need the models

        return design_part()
