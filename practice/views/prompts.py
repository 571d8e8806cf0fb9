"""An environment's own prompts: the roles, editing one, comparing versions, dry runs."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from memoryapp.access import Right, gate, membership_of, object_or_404
from memoryapp.domain.errors import UnableTo
from memoryapp.domain.seen import shown
from memoryapp.views.links import htmx_of, parameter, posted
from practice.agents.prompting import built_in_text
from practice.domain.prompts import built_in_name, placeholders, version_name
from practice.models import Attempt, Environment, PromptTrial, PromptVersion
from practice.queries.calls import spent
from practice.queries.prompt_trials import stored_side
from practice.services.prompts import (
    ROLES,
    prompt_activate,
    prompt_deactivate,
    prompt_save,
    prompt_try,
    version_said,
)
from practice.views.addressed import environment_or_404
from practice.views.model_forms import PromptForm

BUILT_IN = "built-in"
TRIALS_SHOWN = 8


@require_safe
@gate(Right.READ)
def prompt_list(request: HttpRequest, slug: str) -> HttpResponse:
    environment = environment_or_404(request, slug)
    active = {v.role: v for v in environment.prompts.filter(is_active=True)}
    counts = dict.fromkeys(ROLES, 0)
    for role in environment.prompts.values_list("role", flat=True):
        counts[role] = counts.get(role, 0) + 1
    context = {
        "environment": environment,
        "rows": [
            {
                "role": role,
                "name": name,
                "active": active.get(role),
                "built_in": built_in_name(built_in_text(role)),
                "versions": counts[role],
            }
            for role, name in ROLES.items()
        ],
    }
    return render(request, "practice/prompt_list.html", context)


@require_http_methods(["GET", "HEAD"])
@gate(Right.READ)
def prompt_edit(request: HttpRequest, slug: str, role: str) -> HttpResponse:
    environment = environment_or_404(request, slug)
    start = _text_of(environment, role, parameter(request, "version"))
    form = PromptForm(initial={"text": start}, environment=environment)
    return _page(request, environment, role, form)


@require_POST
@gate(Right.REVIEW)
def save(request: HttpRequest, slug: str, role: str) -> HttpResponse:
    """Store a version, use it at once, or try the text out, by the button that was pressed."""
    environment = environment_or_404(request, slug)
    _text_of(environment, role, BUILT_IN)
    form = PromptForm(request.POST, environment=environment)
    if not form.is_valid():
        return _page(request, environment, role, form, status=422)
    asked = form.cleaned_data
    wish = request.POST.get("do", "save")
    try:
        if wish == "try":
            return redirect(_trial(request, environment, role, form))
        version = prompt_save(
            environment=environment,
            role=role,
            text=asked["text"],
            note=asked["note"],
            activate=wish == "activate",
            seen=posted(request, "seen"),
            by=request.user,
        )
    except UnableTo as error:
        form.add_error("text", str(error))
        return _page(request, environment, role, form, status=error.status)
    used = "Runs that start from now on use it." if version.is_active else "No run uses it yet."
    messages.success(request, f"Version {version.number} was stored. {used}")
    return redirect("prompt-edit", slug, role)


def _trial(
    request: HttpRequest, environment: Environment, role: str, form: PromptForm
) -> PromptTrial:
    asked = form.cleaned_data
    rows = Attempt.objects.filter(run__environment=environment)
    attempt = object_or_404(rows, pk=asked["attempt"] or 0)
    return prompt_try(
        environment=environment, role=role, text=asked["text"], attempt=attempt, by=request.user
    )


@require_POST
@gate(Right.REVIEW)
def activate(request: HttpRequest, slug: str, role: str) -> HttpResponse:
    """Use a version, or the built-in text where none is named."""
    environment = environment_or_404(request, slug)
    number, seen = request.POST.get("version", ""), posted(request, "seen")
    try:
        if number:
            rows = environment.prompts.filter(role=role).select_related("environment__workspace")
            version = object_or_404(rows, number=_number(number))
            prompt_activate(version=version, seen=seen, by=request.user)
        else:
            prompt_deactivate(environment=environment, role=role, seen=seen, by=request.user)
    except UnableTo as error:
        messages.error(request, str(error))
    else:
        used = f"version {number}" if number else "the built-in prompt"
        messages.success(request, f"Runs that start from now on use {used}.")
    return redirect("prompt-edit", slug, role)


@require_safe
@gate(Right.READ)
def prompt_diff(request: HttpRequest, slug: str, role: str) -> HttpResponse:
    """Two texts of a role, word by word: ``from`` and ``to`` are numbers or ``built-in``."""
    environment = environment_or_404(request, slug)
    before, after = request.GET.get("from", BUILT_IN), parameter(request, "to")
    numbers = environment.prompts.filter(role=role).values_list("number", flat=True)
    names = {BUILT_IN: BUILT_IN, **{str(n): version_name(n) for n in numbers}}
    context = {
        "environment": environment,
        "role": role,
        "role_name": ROLES.get(role, role),
        "before": _text_of(environment, role, before),
        "after": _text_of(environment, role, after),
        "before_value": before,
        "after_value": after,
        "before_name": names.get(before, "in use"),
        "after_name": names.get(after, "in use"),
        "choices": names.items(),
    }
    return render(request, "practice/prompt_diff.html", context)


@require_safe
@gate(Right.READ)
def trial(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    rows = PromptTrial.objects.filter(environment=environment_or_404(request, slug))
    found = object_or_404(rows.select_related("environment", "attempt__task", "created_by"), pk=pk)
    is_open = found.status in {PromptTrial.Status.WAITING, PromptTrial.Status.RUNNING}
    if htmx_of(request) and is_open:
        return HttpResponse(status=204)
    context = {
        "trial": found,
        "environment": found.environment,
        "role_name": ROLES.get(found.role, found.role),
        "is_open": is_open,
        "stored": stored_side(found),
        "spent": spent(found.calls.all()),
    }
    template = "practice/prompt_trial.html"
    if htmx_of(request):
        template += "#trial"
    return render(request, template, context)


def _page(
    request: HttpRequest, environment: Environment, role: str, form: PromptForm, status: int = 200
) -> HttpResponse:
    versions = list(environment.prompts.filter(role=role).select_related("created_by"))
    active = next((version for version in versions if version.is_active), None)
    text = built_in_text(role)
    context: dict[str, Any] = {
        "environment": environment,
        "role": role,
        "role_name": ROLES[role],
        "form": form,
        "versions": versions,
        "active": active,
        "in_use_seen": shown(version_said(active)),
        "built_in": built_in_name(text),
        "names": placeholders(text),
        "trials": environment.prompt_trials.filter(role=role)[:TRIALS_SHOWN],
        "may_review": membership_of(request).may_review,
    }
    return render(request, "practice/prompt_edit.html", context, status=status)


def _text_of(environment: Environment, role: str, version: str) -> str:
    """A role's text by version number or ``built-in``; without either the one in use."""
    if role not in ROLES:
        raise Http404
    rows = environment.prompts.filter(role=role)
    if version == BUILT_IN:
        return built_in_text(role)
    if version:
        found: PromptVersion = object_or_404(rows, number=_number(version))
        return found.text
    active = rows.filter(is_active=True).first()
    return active.text if active is not None else built_in_text(role)


def _number(text: str) -> int:
    if not text.isdecimal() or len(text) > 9:
        raise Http404
    return int(text)
