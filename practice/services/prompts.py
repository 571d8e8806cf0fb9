"""An environment's own prompts: saving a version, choosing which one runs use, trying one out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.db.models import Max

from memoryapp.domain.errors import UnableToChange, UnableToStart
from memoryapp.domain.masking import redact
from memoryapp.domain.text import cleaned
from memoryapp.services.events import event_record
from memoryapp.services.seen import check_seen
from practice.agents.prompting import built_in_text
from practice.domain import prompts as domain
from practice.models import Attempt, Environment, PromptTrial, PromptVersion
from practice.orchestrator.engines import is_configured
from practice.orchestrator.prompt_trials import not_tried
from practice.tasks import try_prompt

#: what runs use where nobody wrote a prompt, as the log keeps it.
BUILT_IN = {"version": "built-in"}
#: roles that have a prompt, in the order they work, as people read them.
ROLES = {
    "proposer": "Proposer",
    "solver": "Solver",
    "condenser": "Condenser",
    "validator": "Validator",
    "reflector": "Reflector",
    "curator": "Curator",
    "consolidator": "Consolidator",
    "summariser": "Environment summariser",
}
#: who is asked besides: they look at incidents, which belong to no environment.
OF_INCIDENTS = {"investigator": "Investigator", "explainer": "Explainer"}
NOTE_CHARS = 300


def in_use(environment: Environment, role: str) -> dict[str, Any]:
    """The version that runs use; ``domain.seen.shown`` of it is ``seen``."""
    return version_said(environment.prompts.filter(role=role, is_active=True).first())


def prompt_save(
    *,
    environment: Environment,
    role: str,
    text: str,
    note: str,
    activate: bool,
    by: Any,
    seen: str | None = None,
) -> PromptVersion:
    """Store a text as the next version of a role's prompt, and have runs use it if asked.

    ``seen`` is the digest of what was read to be ``in_use``. A version that is only stored takes
    nothing away from another.

    Raises:
        ChangedMeanwhile: runs were to use it, and use another one by now.
        UnableToChange: the text cannot be used, or is the version stored last.
    """
    text = _usable(role, text)
    with transaction.atomic():
        Environment.objects.select_for_update(no_key=True).get(pk=environment.pk)
        versions = environment.prompts.filter(role=role)
        newest = versions.order_by("-number").first()
        if newest is not None and newest.text == text:
            raise UnableToChange(f"This is version {newest.number} as it is; nothing was stored.")
        if activate:
            check_seen(seen, in_use(environment, role))
        number = (versions.aggregate(newest=Max("number"))["newest"] or 0) + 1
        version = PromptVersion.objects.create(
            environment=environment,
            role=role,
            number=number,
            text=text,
            note=cleaned(note)[:NOTE_CHARS],
            created_by=by,
        )
        was = version_said(environment.prompts.filter(role=role, number=number - 1).first())
        _event(environment, by, "prompt.saved", version, role, was, version_said(version))
        if activate:
            _activate(environment, role, version, by)
    return version


def prompt_activate(*, version: PromptVersion, by: Any, seen: str | None = None) -> PromptVersion:
    """Have runs that start from now on use this version. ``seen`` is as for ``prompt_save``.

    Raises:
        ChangedMeanwhile: they use another one by now.
        UnableToChange: they do already, or its placeholders are not those of today's prompt.
    """
    environment = version.environment
    problem = domain.problem(version.text, built_in_text(version.role))
    if problem:
        raise UnableToChange(f"Version {version.number} can no longer be used. {problem}")
    with transaction.atomic():
        Environment.objects.select_for_update(no_key=True).get(pk=environment.pk)
        check_seen(seen, in_use(environment, version.role), version_said(version))
        version.refresh_from_db(fields=["is_active"])
        if version.is_active:
            raise UnableToChange(f"Version {version.number} is in use already.")
        _activate(environment, version.role, version, by)
    return version


def prompt_deactivate(
    *, environment: Environment, role: str, by: Any, seen: str | None = None
) -> None:
    """Have runs that start from now on use the built-in prompt again. ``seen`` is as before.

    Raises:
        ChangedMeanwhile: they use another one by now.
        UnableToChange: they do already.
    """
    with transaction.atomic():
        Environment.objects.select_for_update(no_key=True).get(pk=environment.pk)
        check_seen(seen, in_use(environment, role), BUILT_IN)
        version = environment.prompts.filter(role=role, is_active=True).first()
        if version is None:
            raise UnableToChange("The built-in prompt is in use already.")
        version.is_active = False
        version.save(update_fields=["is_active"])
        _event(
            environment, by, "prompt.deactivated", version, role, version_said(version), BUILT_IN
        )


def active_prompts(environment: Environment) -> dict[str, int]:
    """The versions a run that starts now is to use, by role: ``Plan.prompts``."""
    rows = environment.prompts.filter(is_active=True)
    return dict(rows.values_list("role", "pk"))


def prompt_try(
    *, environment: Environment, role: str, text: str, attempt: Attempt, by: Any
) -> PromptTrial:
    """Have a worker run a text on a stored attempt. Nothing it says is kept as memory.

    Raises:
        UnableToChange: the text cannot be used, or this attempt has nothing for the role.
        UnableToStart: no model is configured.
    """
    text = _usable(role, text)
    if not is_configured():
        raise UnableToStart(
            "No model is configured. Set LLM_PROVIDER, LLM_MODEL and LLM_API_KEY and restart."
        )
    problem = not_tried(role, attempt)
    if problem:
        raise UnableToChange(problem)
    with transaction.atomic():
        trial = PromptTrial.objects.create(
            environment=environment, role=role, text=text, attempt=attempt, created_by=by
        )
        _event(environment, by, "prompt.tried", trial, role, {}, {"attempt": attempt.pk})
        try_prompt.delay_on_commit(trial.pk)
    return trial


def _usable(role: str, text: str) -> str:
    if role not in ROLES:
        raise UnableToChange(f"There is no role {role!r}.")
    text = redact(text.replace("\x00", ""))
    problem = domain.problem(text, built_in_text(role))
    if problem:
        raise UnableToChange(problem)
    return domain.tidy(text)


def _activate(environment: Environment, role: str, version: PromptVersion, by: Any) -> None:
    active = environment.prompts.filter(role=role, is_active=True)
    was = version_said(active.first())
    active.update(is_active=False)
    version.is_active = True
    version.save(update_fields=["is_active"])
    _event(environment, by, "prompt.activated", version, role, was, version_said(version))


def version_said(version: PromptVersion | None) -> dict[str, Any]:
    """A version, or the built-in text, as the log keeps it."""
    return {"version": version.number} if version else BUILT_IN


def _event(
    environment: Environment,
    by: Any,
    kind: str,
    subject: Any,
    role: str,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
) -> None:
    event_record(
        workspace=environment.workspace,
        actor=by,
        kind=kind,
        subject=subject,
        environment=environment.name,
        role=role,
        before=dict(before),
        after=dict(after),
    )
