"""What a person says of a root cause, and what memory makes of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from memoryapp.domain.errors import UnableToDecide, UnableToUndo
from memoryapp.domain.playbook import Delta, DeltaRefused, check_length
from memoryapp.domain.seen import shown
from memoryapp.domain.text import cleaned
from memoryapp.models import Candidate, Playbook
from memoryapp.services.candidates import Origin, Source, candidate_submit
from memoryapp.services.events import event_record
from practice.domain import decisive
from practice.domain.causal_layout import KIND_WORDS, short
from practice.domain.incident_lessons import lesson, strongest
from practice.domain.rootcause import serial
from practice.domain.rootcause.types import Analysis as Found
from practice.domain.rootcause.types import Confirmed, Outcome, Verdict
from practice.models import Analysis, Incident, KeptVerdict
from practice.orchestrator import verdicts
from practice.services import leading
from practice.services.incidents import analysis_start

MAX_REASON = 1_000


def cause_confirm(*, incident: Incident, node: str, by: Any, analysis: int = 0) -> Incident:
    """Say that the first cause is right. The verdicts that led to it count as confirmed.

    ``analysis`` is the number of the one whose first cause it is; 0 is the incident's answer.

    Raises:
        UnableToDecide: no cause is named, decided already, no such analysis has ended, or the node
            is not its first cause.
    """
    _check_named(node)
    with transaction.atomic():
        row, found = _found(incident, analysis)
        if not found.causes or found.causes[0].node != node:
            raise UnableToDecide(
                "Another analysis has ended meanwhile, with a different first cause. Nothing was "
                "stored; look at it first."
            )
        _decide(incident, Incident.Status.CONFIRMED, by, node, "")
        for kept in _verdicts_about(incident, node):
            _set_outcome(kept, Confirmed.CONFIRMED)
        kept_count = leading.counted(incident, row.followed, is_right=True)
        _record(
            incident,
            by,
            "incident.confirmed",
            analysis=row.number,
            before={"status": Incident.Status.OPEN.value},
            after={"status": Incident.Status.CONFIRMED.value, "cause": node},
            **kept_count,
        )
    return incident


def cause_correct(
    *, incident: Incident, node: str, reason: str, by: Any, analysis: int = 0
) -> Incident:
    """Name another cause. What the wrong one left in memory is forgotten, the right one kept.

    Verdicts that blamed the wrong component, and those that said they inherited from it, are
    forgotten, whichever incident they were learned in; open incidents that rest on them are looked
    at again. Where no cause was found, the first of those to look at can be named too. ``analysis``
    is as for ``cause_confirm``.

    Raises:
        UnableToDecide: no reason, decided already, the cause that was found, or a component the
            graph does not have.
    """
    reason = cleaned(reason)[:MAX_REASON]
    if not reason:
        raise UnableToDecide(
            "A correction needs a reason, so that the next reader can follow it.", field="reason"
        )
    _check_named(node)
    with transaction.atomic():
        row, found = _found(incident, analysis)
        known = [one.node_id for one in found.nodes]
        if node not in known:
            such = f", such as {known[0]}" if known else ""
            raise UnableToDecide(f"Choose a component of this incident's graph{such}.")
        first = found.causes[0].node if found.causes else ""
        if node == first and found.outcome is Outcome.FOUND:
            raise UnableToDecide("That is the first cause already: confirm it instead.")
        wrong = first if node != first else ""
        _decide(incident, Incident.Status.CORRECTED, by, node, reason)
        blamed = _blaming(incident, found, wrong) if wrong else []
        poisoned = _forget(blamed, f"{incident}: {reason}"[:300])
        _teach(row, found, node)
        again = _look_again(incident, poisoned, by)
        refused, kept_count = _refused(incident, row.followed if wrong else "", by)
        _record(
            incident,
            by,
            "incident.corrected",
            reason=reason,
            before={"status": Incident.Status.OPEN.value, "cause": wrong or "none"},
            after={"status": Incident.Status.CORRECTED.value, "cause": node},
            forgotten=len(poisoned),
            looked_at_again=again + refused,
            **kept_count,
        )
    return incident


def _check_named(node: str) -> None:
    if not node:
        raise UnableToDecide(
            "Name the cause: a node of the analysis, such as service:ledger-db.", field="cause"
        )


def incident_dismiss(*, incident: Incident, reason: str, by: Any) -> Incident:
    """Say that nothing was wrong. What the analyses blamed is forgotten.

    Open incidents that rest on it are looked at again.

    Raises:
        UnableToDecide: no reason, or decided already.
    """
    reason = cleaned(reason)[:MAX_REASON]
    if not reason:
        raise UnableToDecide(
            "Say why nothing was wrong, so that the next reader can follow it.", field="reason"
        )
    with transaction.atomic():
        _decide(incident, Incident.Status.DISMISSED, by, "", reason)
        answer = incident.analyses.answers().first()
        found = answer.as_value() if answer else None
        blamed = _resting_on(incident, found).filter(value__verdict=Verdict.OWN.value)
        forgotten = _forget(list(blamed), f"{incident}: {reason}"[:300])
        again = _look_again(incident, forgotten, by)
        refused, kept_count = _refused(incident, answer.followed if answer else "", by)
        _record(
            incident,
            by,
            "incident.dismissed",
            reason=reason,
            before={"status": Incident.Status.OPEN.value},
            after={"status": Incident.Status.DISMISSED.value},
            forgotten=len(forgotten),
            looked_at_again=again + refused,
            **kept_count,
        )
    return incident


def decision_seen(incident: Incident) -> str:
    """Return the digest of what somebody decided, which whoever undoes it sends back."""
    return shown({"status": incident.status, "cause": incident.cause, "at": incident.decided_at})


def decision_undo(*, incident: Incident, by: Any, seen: str = "") -> Incident:
    """Take the word back: the incident is open again, and memory as its answer left it.

    What the word counted for a lesson is taken back too, and open incidents that a lesson leads
    which was learned here are looked at again: it leads no more. ``seen`` is the
    ``decision_seen`` of the decision that is meant; an empty one means whichever stands.

    Raises:
        UnableToUndo: nobody has decided, or somebody decided anew meanwhile.
    """
    with transaction.atomic():
        was, cause = incident.status, incident.cause
        if was == Incident.Status.OPEN:
            raise UnableToUndo(f"Nobody has decided on {incident}; there is nothing to undo.")
        is_other = seen not in ("", decision_seen(incident))
        if is_other or not incident.decide(
            Incident.Status.OPEN, by=None, at=None, cause="", reason=""
        ):
            raise UnableToUndo(
                f"Somebody decided anew on {incident} since you read it. Nothing was undone; look "
                "at the decision first."
            )
        answer = incident.analyses.answers().first()
        found = answer.as_value() if answer else None
        if answer is not None and found is not None:
            verdicts.keep(answer, found.learned)
        leading.count_take_back(incident)
        again = leading.look_again_at_taught(incident, by)
        _record(
            incident,
            by,
            "incident.reopened",
            before={"status": was, "cause": cause or "none"},
            after={"status": Incident.Status.OPEN.value},
            looked_at_again=again,
        )
    return incident


def lesson_submit(*, incident: Incident, playbook: Playbook, by: Any) -> Candidate:
    """Send what a decided cause teaches into review; once approved it is long-term memory.

    Raises:
        UnableToDecide: nobody confirmed or corrected the cause, the lesson is known already, or it
            is too long to be one.
    """
    if incident.status not in {Incident.Status.CONFIRMED, Incident.Status.CORRECTED}:
        raise UnableToDecide("Confirm or correct the cause first: only a decided one is a lesson.")
    with transaction.atomic():
        analysis, found = _found_with(incident, incident.cause)
        delta = _lesson(incident, analysis, found)
        try:
            check_length(delta.content)
        except DeltaRefused as refusal:
            raise UnableToDecide(str(refusal)) from refusal
        candidate = candidate_submit(
            playbook_id=playbook.pk,
            delta=delta,
            origin=Origin(kind="incident", link=incident.get_absolute_url(), name=str(incident)),
            sources=_sources(incident, found),
            scores={},
        )
        if candidate is None:
            raise UnableToDecide(
                f"{playbook.name} holds this lesson already, or a person rejected it in the same "
                "words. Nothing was added."
            )
        _record(
            incident,
            by,
            "incident.lesson_sent",
            playbook=playbook.slug,
            before={},
            after={"candidate": str(candidate.pk)},
        )
    return candidate


def _lesson(incident: Incident, analysis: Analysis, found: Found) -> Delta:
    """What an incident teaches. Of a trajectory only a step that stood its test does."""
    if incident.attempt is None:
        return lesson(
            found,
            cause=incident.cause,
            system=incident.system,
            name=str(incident),
            note=incident.cause_reason,
            kind=verdicts.RULE_KIND,
        )
    test = analysis.panels.get("test") or {}
    if test.get("verdict") != decisive.CONFIRMED or incident.status != Incident.Status.CONFIRMED:
        raise UnableToDecide(
            "Only a step that passed its test becomes a lesson. "
            + str(test.get("why") or "This one was not tested.")
        )
    return decisive.lesson(test, instruction=incident.attempt.task.instruction, name=str(incident))


def _sources(incident: Incident, found: Found) -> list[Source]:
    """The strongest evidence on the cause, as values that link to the incident's page."""
    return [
        Source(
            link=f"{incident.get_absolute_url()}#evidence-{item.evidence_id}",
            group=incident.title,
            number=number,
            tool=short(item.node),
            arguments={"detector": KIND_WORDS[item.kind], "direction": item.direction.value},
            excerpt=item.statement,
            kind="telemetry",
        )
        for number, item in enumerate(strongest(found, incident.cause)[:12], start=1)
    ]


def _found(incident: Incident, number: int = 0) -> tuple[Analysis, Found]:
    """The analysis that is decided on: the one asked for, else the incident's answer.

    The answer is decided on too where the one asked for is only kept beside it.
    """
    answers = incident.analyses.answers()
    asked = incident.analyses.filter(status=Analysis.Status.DONE, number=number).first()
    analysis = answers.first() if not number or (asked and asked.is_aside) else asked
    found = analysis.as_value() if analysis else None
    if analysis is None or found is None:
        if number:
            raise UnableToDecide(f"Analysis {number} of {incident} has found nothing to decide on.")
        raise UnableToDecide("No analysis of it has ended yet. Wait for one, then decide.")
    return analysis, found


def _found_with(incident: Incident, cause: str) -> tuple[Analysis, Found]:
    """The newest analysis that saw the cause: a later one may have looked where nothing was."""
    for row in incident.analyses.answers():
        found = row.as_value()
        if found is not None and cause in {node.node_id for node in found.nodes}:
            return row, found
    return _found(incident)


def _decide(incident: Incident, to: str, by: Any, cause: str, reason: str) -> None:
    if incident.status != Incident.Status.OPEN:
        raise UnableToDecide(
            f"{incident} is {incident.get_status_display().lower()} already. Undo that first."
        )
    if not incident.decide(to, by=by, at=timezone.now(), cause=cause, reason=reason):
        raise UnableToDecide("Somebody decided on it meanwhile. Reload to see what they said.")


def _verdicts_about(incident: Incident, node: str) -> list[KeptVerdict]:
    rows = KeptVerdict.objects.standing().filter(analysis__incident=incident)
    return list(rows.filter(component__in=[node, short(node)]))


def _set_outcome(kept: KeptVerdict, outcome: Confirmed) -> None:
    kept.value = {**kept.value, "outcome": outcome.value}
    kept.save(update_fields=["value"])


def _resting_on(incident: Incident, found: Found | None) -> QuerySet[KeptVerdict]:
    """The standing verdicts an incident rests on: its own, and those of others that it reused."""
    reused = [hit.entry_id for hit in found.hits if hit.upheld] if found else []
    rows = KeptVerdict.objects.standing().filter(workspace=incident.workspace_id)
    return rows.filter(Q(analysis__incident=incident) | Q(entry_id__in=reused))


def _blaming(incident: Incident, found: Found, wrong: str) -> list[KeptVerdict]:
    """What blamed ``wrong``, and what said it inherited from it."""
    blaming = Q(component__in=[wrong, short(wrong)], value__verdict=Verdict.OWN.value)
    inheriting = Q(value__inherited_from__contains=[wrong])
    return list(_resting_on(incident, found).filter(blaming | inheriting))


def _forget(rows: list[KeptVerdict], why: str) -> list[KeptVerdict]:
    for row in rows:
        row.forgotten_at, row.forgotten_why = timezone.now(), why
        row.value = {**row.value, "outcome": Confirmed.CORRECTED.value}
        row.save(update_fields=["forgotten_at", "forgotten_why", "value"])
    return rows


def _teach(analysis: Analysis, found: Found, node: str) -> None:
    """Keep the right verdict in place of what the analysis said of the right component."""
    for entry in found.learned:
        if entry.key.component not in {node, short(node)}:
            continue
        right = replace(
            entry,
            verdict=Verdict.OWN,
            inherited_from=(),
            confidence=1.0,
            outcome=Confirmed.CONFIRMED,  # by the person who named it; it may be reused
        )
        KeptVerdict.objects.filter(
            workspace=analysis.incident.workspace_id, entry_id=entry.entry_id
        ).update(value=serial.to_json(right), forgotten_at=None, forgotten_why="")


def _refused(incident: Incident, lesson: str, by: Any) -> tuple[int, dict[str, str]]:
    """Count against a lesson that led a wrong answer, and look again at what else it leads.

    Returns at how much, and what the log keeps of the count.
    """
    if not lesson:
        return 0, {}
    kept = leading.counted(incident, lesson, is_right=False)
    return leading.look_again_at_led(incident, lesson, by), kept


def _look_again(incident: Incident, poisoned: list[KeptVerdict], by: Any) -> int:
    """Begin a new analysis of every open incident whose answer rests on a poisoned verdict.

    The one that a verdict was learned in rests on it as well.
    """
    names = {row.entry_id for row in poisoned}
    reused = Q()
    for name in names:
        reused |= Q(analyses__result__hits__contains=[{"entry_id": name}])
    learned = Q(analyses__in=[row.analysis_id for row in poisoned])
    rows = Incident.objects.filter(workspace=incident.workspace_id, status=Incident.Status.OPEN)
    # Without its steps an attempt cannot be looked at again.
    rows = rows.filter(attempt__run__steps_dropped_at=None)
    count = 0
    for other in rows.filter(reused | learned).exclude(pk=incident.pk).distinct().order_by("pk"):
        answer = other.analyses.answers().first()
        if answer is None or other.analyses.open().exists():
            continue
        hits = {hit["entry_id"] for hit in (answer.result or {}).get("hits", ())}
        if hits & names or answer.pk in {row.analysis_id for row in poisoned}:
            analysis_start(incident=other, by=by)
            count += 1
    return count


def _record(incident: Incident, by: Any, kind: str, **data: Any) -> None:
    event_record(workspace=incident.workspace, actor=by, kind=kind, subject=incident, **data)
