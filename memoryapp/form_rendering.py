"""How forms look: our field markup around Django's own widgets."""

from __future__ import annotations

from typing import Any

from django.forms.renderers import DjangoTemplates
from django.template.loader import get_template


class FormRenderer(DjangoTemplates):
    """Labels, help and errors from ``templates/components/form``, widgets from Django.

    Help and error elements carry the ids Django puts into ``aria-describedby``, so a screen reader
    hears both with the field.
    """

    form_template_name = "components/form/form.html"
    field_template_name = "components/form/field.html"

    def get_template(self, template_name: str) -> Any:
        """Look for our own templates in the project and for all others in ``django.forms``."""
        if template_name.startswith("components/"):
            return get_template(template_name)
        return super().get_template(template_name)
