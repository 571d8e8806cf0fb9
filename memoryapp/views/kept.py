"""A form that was sent after the session had run out, shown again once its writer is back."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from memoryapp.access import Right, gate, kept_form_forget, kept_form_of, typed_of


@require_http_methods(["GET", "HEAD", "POST"])
@gate(Right.READ)
def kept_form(request: HttpRequest) -> HttpResponse:
    """Show writers what they had typed; posting it sends it where it was meant to go.

    It is kept until it is accepted there, or its writer discards it.
    """
    kept = kept_form_of(request)
    if kept is None:
        return redirect("overview")
    if request.method == "POST":
        if "forget" in request.POST:
            kept_form_forget(request)
            return redirect("overview")
        # The browser posts the same fields again, with the token of the new session.
        return redirect(kept["path"], preserve_request=True)
    return render(request, "memoryapp/kept_form.html", typed_of(kept["fields"]))
