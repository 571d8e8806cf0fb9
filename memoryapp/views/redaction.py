"""What is masked before it is stored, and a place to try it."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from memoryapp.access import Right, gate
from memoryapp.domain.masking import installed, kinds, redact
from memoryapp.forms import RedactionForm
from memoryapp.views.settings_tabs import settings_tabs


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@gate(Right.ADMINISTER)
def redaction(request: HttpRequest) -> HttpResponse:
    """The rules, and a posted text as it would be stored. The text itself is kept nowhere."""
    form = RedactionForm(request.POST or None)
    masked = None
    if form.is_bound and form.is_valid():
        masked = form.cleaned_data["text"]
        for rule in form.rules():
            masked = rule.mask(masked)
        masked = redact(masked)
    context = {
        "form": form,
        "masked": masked,
        "kinds": kinds(),
        "rules": installed(),
        "settings_tabs": settings_tabs(request),
    }
    status = 422 if form.is_bound and not form.is_valid() else 200
    return render(request, "memoryapp/settings_redaction.html", context, status=status)
