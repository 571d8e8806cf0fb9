"""What operators ask of the proposer of an environment: practise, leave alone, begin from."""

from __future__ import annotations

from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from memoryapp.domain.errors import UnableToChange
from memoryapp.domain.text import cleaned
from memoryapp.services.events import event_record
from practice.models import Environment, Steering

NOTE_CAP = 300
SEED_CAP = 2_000
#: standing seed tasks per environment; more than a round can practise only grow stale.
SEEDS_MOST = 50
#: tools a message names where an unknown one was asked for.
NAMED_MOST = 12


def steering_add(
    *,
    environment: Environment,
    kind: str,
    by: Any,
    tool: str = "",
    instruction: str = "",
    note: str = "",
) -> Steering:
    """Ask something of the rounds to come: a tool for focus and avoid, a text for a seed task.

    What looks like a secret is masked: proposers, models among them, are shown every wish.

    Raises:
        UnableToChange: an unknown kind or tool, no text, or a standing wish about the same tool,
            or a focus on a tool that is off.
    """
    if kind not in Steering.Kind.values:
        raise UnableToChange(
            f"The wish must be one of: {', '.join(Steering.Kind.values)}.", field="kind"
        )
    tool, instruction = tool.strip(), cleaned(instruction)
    if kind == Steering.Kind.SEED_TASK:
        tool = ""
        _check_seed(environment, instruction)
    else:
        instruction = ""
        if not tool:
            raise UnableToChange(
                f"A wish to {kind} names a tool: send its name as tool. Nothing was saved.",
                field="tool",
            )
        if not environment.tools.filter(name=tool).exists():
            raise UnableToChange(_no_such_tool(environment, tool))
        if (
            kind == Steering.Kind.FOCUS
            and not environment.tools.usable().filter(name=tool).exists()
        ):
            raise UnableToChange(
                f"{tool} is off, so no round can practise it. Turn it on in the environment, then "
                "ask for it again. Nothing was saved."
            )
    try:
        with transaction.atomic():
            wish = environment.steering.create(
                kind=kind,
                tool=tool,
                instruction=instruction,
                note=cleaned(note)[:NOTE_CAP],
                created_by=by if getattr(by, "pk", None) else None,
            )
            _record(wish, by, "steering.added", before={}, after=_said(wish))
    except IntegrityError as error:
        raise UnableToChange(
            f"There is already an active wish about {tool}. End that one first."
        ) from error
    return wish


def steering_end(*, wish: Steering, by: Any) -> Steering:
    """End a wish; its row stays. Rounds that have begun are not changed.

    Raises:
        UnableToChange: it has ended already.
    """
    with transaction.atomic():
        ended = Steering.objects.standing().filter(pk=wish.pk).update(ended_at=timezone.now())
        if not ended:
            raise UnableToChange("This wish has ended already; nothing was changed.")
        wish.refresh_from_db()
        _record(wish, by, "steering.ended", before=_said(wish), after={})
    return wish


def _no_such_tool(environment: Environment, tool: str) -> str:
    offered = list(environment.tools.filter(is_present=True).values_list("name", flat=True))
    names = ", ".join(offered[:NAMED_MOST]) + (", …" if len(offered) > NAMED_MOST else "")
    return f"{environment.name} has no tool {tool[:100]}. Its tools are: {names or 'none yet'}."


def _check_seed(environment: Environment, instruction: str) -> None:
    if not instruction:
        raise UnableToChange(
            "A seed task needs a text: what should the agent be asked?", field="instruction"
        )
    if len(instruction) > SEED_CAP:
        raise UnableToChange(
            f"A seed task has at most {SEED_CAP:,} characters; this one has "
            f"{len(instruction):,}. Nothing was saved.",
            field="instruction",
        )
    standing = environment.steering.standing().filter(kind=Steering.Kind.SEED_TASK)
    if standing.filter(instruction=instruction).exists():
        raise UnableToChange("This seed task is waiting already.")
    if standing.count() >= SEEDS_MOST:
        raise UnableToChange(
            f"{SEEDS_MOST} seed tasks are waiting. Let some be practised, or end some, first."
        )


def _said(wish: Steering) -> dict[str, str]:
    return {"asked": wish.kind, "for": wish.tool or wish.instruction}


def _record(wish: Steering, by: Any, kind: str, **data: Any) -> None:
    event_record(
        workspace=wish.environment.workspace,
        actor=by,
        kind=kind,
        subject=wish,
        environment=wish.environment.slug,
        **({"note": wish.note} if wish.note else {}),
        **data,
    )
