"""What a lesson leads: whether it may any more, how it is counted, and what is looked at again."""

from __future__ import annotations

from typing import Any

from memoryapp.models import Event, Playbook
from memoryapp.services.counters import deployment_tags_take_back
from practice.domain import recollection
from practice.domain.causal_layout import short
from practice.models import Analysis, Incident
from practice.orchestrator import lessons, verdicts
from practice.services.incidents import analysis_start

#: How a decision on an incident counts for the lesson that led the answer it was made on.
COUNTS = {
    "incident.confirmed": "helpful",
    "incident.corrected": "harmful",
    "incident.dismissed": "harmful",
}


def counted(incident: Incident, lesson: str, *, is_right: bool) -> dict[str, str]:
    """Count what a person said of an answer that ``lesson`` led; returns what the log keeps of it.

    By that the count is taken back with the decision.
    """
    was_counted = verdicts.count_followed(incident.workspace_id, lesson, is_right=is_right)
    return {"lesson": lesson} if was_counted else {}


def count_take_back(incident: Incident) -> None:
    """Take back what the newest decision on an incident counted: it stands no more."""
    rows = Event.objects.filter(
        workspace=incident.workspace_id,
        subject_type=Incident._meta.model_name,
        subject_id=str(incident.pk),
        kind__in=[*COUNTS],
    )
    event = rows.order_by("-pk").first()
    name = str(event.data.get("lesson", "")) if event is not None else ""
    bullet = recollection.bullet_of(name)
    if event is None or bullet is None:
        return
    slug, label = bullet
    playbook = Playbook.objects.filter(workspace=incident.workspace_id, slug=slug).first()
    if playbook is not None:
        deployment_tags_take_back(playbook=playbook, tags={label: COUNTS[event.kind]})


def look_again_at_led(incident: Incident, lesson: str, by: Any) -> int:
    """Begin a new analysis of every other open incident whose answer ``lesson`` leads."""
    led = Incident.objects.filter(
        workspace=incident.workspace_id,
        status=Incident.Status.OPEN,
        analyses__followed=lesson,
    )
    count = 0
    # Without its steps an attempt cannot be looked at again: a note says what was taken back.
    led = led.filter(attempt__run__steps_dropped_at=None)
    for other in led.exclude(pk=incident.pk).distinct().order_by("pk"):
        answer = other.analyses.answers().light().first()
        if answer is None or answer.followed != lesson:
            continue
        if not other.analyses.open().exists():
            analysis_start(incident=other, by=by)
            count += 1
    return count


def look_again_at_taught(incident: Incident, by: Any) -> int:
    """The same for all that lessons lead which were learned in ``incident``."""
    names = lessons.learned_in(incident)
    return sum(look_again_at_led(incident, name, by) for name in names)


def notes_of(analysis: Analysis) -> list[str]:
    """What was odd when it was made, what stands beside it, and what was taken back since."""
    notes = list(analysis.panels.get("notes", ()))
    if analysis.is_aside and (said := _beside(analysis)):
        notes.insert(0, said)
    if analysis.followed and analysis.incident.is_open:
        standing = lessons.by_name(analysis.incident).get(analysis.followed)
        if why := recollection.taken_back(standing):
            said = "The lesson that put the first cause there leads no more"
            then = " It is analysed again without it soon." if _is_last(analysis) else ""
            notes.insert(0, f"{said}: {why}.{then}")
    return notes


def _beside(analysis: Analysis) -> str:
    """What answers the incident, where this look found nothing that does."""
    answer = analysis.incident.analyses.answers().light().first()
    if answer is None:
        return ""
    is_quiet = analysis.outcome == Incident.Outcome.NONE
    what = "deviates" if is_quiet else "can be told of a cause"
    stands = f"what {answer} said"
    if answer.outcome == Incident.Outcome.FOUND:
        stands = f"the cause that {answer} found, {short(analysis.incident.top_cause)},"
    return f"Nothing {what} in this window; {stands} stands."


def _is_last(analysis: Analysis) -> bool:
    return not analysis.incident.analyses.filter(number__gt=analysis.number).exists()
