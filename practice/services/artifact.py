"""Preping's released files, in and out: ``playbook.json`` and ``proposer_memory.json``.

``docs/faithful-mode.md`` says what of them is kept, and where.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from django.db import transaction
from django.utils import timezone

from memoryapp.domain import preping
from memoryapp.domain.errors import UnableToChange
from memoryapp.domain.masking import redact, redact_value
from memoryapp.domain.nesting import nested_beyond
from memoryapp.domain.text import strip_hidden, task_reads_like_order
from memoryapp.models import Bullet, Playbook, Workspace
from memoryapp.services.events import event_record
from memoryapp.services.imports import Incoming, bullets_import
from practice.domain import artifact, faithful
from practice.domain.artifact import ArtifactBullet
from practice.domain.faithful import Entry
from practice.domain.plans import Plan
from practice.models import Environment, PracticeRecord, PracticeTask, Round, Run
from practice.models.runs import IMPORTED
from practice.queries.artifact import entries_of

PLAYBOOK_FILE, MEMORY_FILE = "playbook.json", "proposer_memory.json"
FILES = (MEMORY_FILE, PLAYBOOK_FILE)
CYCLE_MOST = 1_000
#: neither file nests deeper than a few levels.
DEPTH = 40
VERDICTS = ("added", "review", "kept", "refused", "noted")


@dataclass(frozen=True, slots=True)
class Row:
    """What became of one part of a file: added, kept, refused, or noted (a part of it was lost).

    ``review``: it is a candidate now, because it reads like instructions to a model.
    """

    place: str
    verdict: str
    message: str


@dataclass(frozen=True, slots=True)
class Report:
    """What an import did, or would do: one row for everything worth saying."""

    file: str
    is_dry_run: bool
    rows: tuple[Row, ...]

    @property
    def counts(self) -> dict[str, int]:
        """How many parts were added, wait in review, were kept, refused and noted."""
        found = Counter(row.verdict for row in self.rows)
        return {verdict: found[verdict] for verdict in VERDICTS}


def artifact_import(
    *,
    environment: Environment,
    playbook: Playbook,
    file: str,
    document: Any,
    by: Any,
    dry_run: bool = False,
) -> Report:
    """Import one of the two files. Importing it again adds nothing twice.

    Bullets go to ``playbook``, approved: choosing the file is an operator's decision. Records go
    to the environment, under a finished run of their own for that playbook. Secrets in either are
    masked; what reads like instructions to a model is refused, or waits in review.

    Raises:
        UnableToChange: an unknown file, or a document that is not what it is said to be.
    """
    if file not in FILES:
        raise UnableToChange(f"The file must be one of: {', '.join(FILES)}.", field="file")
    if nested_beyond(document, DEPTH):
        raise UnableToChange(
            f"The document is nested more than {DEPTH} levels deep, which neither file is. "
            "Nothing was imported.",
            field="document",
        )
    try:
        if file == PLAYBOOK_FILE:
            rows = _import_playbook(playbook, document, by, dry_run)
        else:
            rows = _import_memory(environment, playbook, document, by, dry_run)
    except artifact.Unreadable as error:
        raise UnableToChange(f"{error} Nothing was imported.", field="document") from error
    return Report(file, dry_run, tuple(rows))


def memory_document(environment: Environment) -> dict[str, Any]:
    """The environment's practice records as the artifact writes them."""
    return artifact.write_memory(entries_of(environment))


def playbook_document(playbook: Playbook) -> dict[str, Any]:
    """The playbook's live bullets as the artifact writes them."""
    rows = playbook.bullets.live().in_delivery_order()
    return artifact.write_playbook([_as_artifact(bullet) for bullet in rows])


def _import_playbook(playbook: Playbook, document: Any, by: Any, dry_run: bool) -> list[Row]:
    reading = artifact.read_playbook(document)
    incoming = [
        Incoming(
            place=place,
            label=bullet.id,
            section=bullet.section,
            content=bullet.content,
            helpful=bullet.helpful_count,
            harmful=bullet.harmful_count,
            details=asdict(bullet),
        )
        for place, bullet in reading.items
    ]
    outcomes = bullets_import(
        playbook=playbook, incoming=incoming, by=by, source=PLAYBOOK_FILE, dry_run=dry_run
    )
    found = [Row(each.place, each.verdict, each.message) for each in outcomes]
    return [*_problems(reading.problems), *found]


def _as_artifact(bullet: Bullet) -> ArtifactBullet:
    """A bullet with what its file said of it, brought up to date with what changed since."""
    value, kept = bullet.as_value(), bullet.imported
    counted = (value.helpful, value.harmful)
    voted = counted != (kept.get("helpful_count", 0), kept.get("harmful_count", 0))
    tag = kept.get("tag", "helpful")
    # What was stored is the file's text without hidden characters and white space around it.
    reworded = strip_hidden(kept.get("content", bullet.content)).strip() != bullet.content
    return ArtifactBullet(
        id=kept.get("id", bullet.label),
        content=bullet.content,
        section=bullet.section,
        tag=preping.tag(*counted) if voted else tag,
        version=kept.get("version", 1) + bullet.revision_count - 1,
        embedding=None if reworded else kept.get("embedding"),
        # Not every form of file says when; this one leaves it empty where it means to.
        created_at=kept.get("created_at", bullet.created_at.isoformat()),
        last_accessed=kept.get("last_accessed"),
        usage_count=kept.get("usage_count", 0),
        helpful_count=value.helpful,
        harmful_count=value.harmful,
        source_task_id=kept.get("source_task_id"),
    )


def _import_memory(
    environment: Environment, playbook: Playbook, document: Any, by: Any, dry_run: bool
) -> list[Row]:
    reading = artifact.read_memory(document)
    rows = _problems(reading.problems)
    with transaction.atomic():
        # The lock keeps two imports, and the numbers of their runs, apart.
        workspace = Workspace.objects.select_for_update(no_key=True).get(
            pk=environment.workspace_id
        )
        known = {_key(entry) for entry in entries_of(environment)}
        new: list[Entry] = []
        for place, given in reading.items:
            entry = _masked(given)
            row = _verdict(place, given, known)
            rows.append(row)
            if entry != given and row.verdict == "added":
                rows.append(Row(place, "noted", "What looks like a secret in it was masked."))
            if row.verdict == "added":
                known.add(_key(entry))
                new.append(entry)
        if new:
            _store(workspace, environment, playbook, new, by)
        if dry_run:
            transaction.set_rollback(True)
    return rows


def _verdict(place: str, entry: Entry, known: set[tuple[int, int, str]]) -> Row:
    if not faithful.category_of(entry):
        said = "It has neither a category nor counts, so it says nothing to a proposer."
        return Row(place, "refused", said)
    if entry.cycle > CYCLE_MOST:
        return Row(place, "refused", f"Its cycle is above {CYCLE_MOST:,}; no run is that long.")
    if redact(entry.instruction) != entry.instruction:
        return Row(place, "refused", "Its instruction holds what looks like a secret.")
    if orders := task_reads_like_order(entry.instruction):
        said = f"Its instruction reads like instructions to a model: “{orders[0]}”."
        return Row(place, "refused", f"{said} Ask for it as a seed task if it is meant.")
    if _key(entry) in known:
        return Row(place, "kept", "A record of this task is here already.")
    return Row(place, "added", f"{entry.instruction[:80]}")


def _masked(entry: Entry) -> Entry:
    """The record as it may be stored: its reasons are shown to proposers, and exported."""
    shown: dict[str, Any] = redact_value(asdict(entry))
    kept: dict[str, Any] = {n: tuple(v) if isinstance(v, list) else v for n, v in shown.items()}
    return Entry(**kept)


def _key(entry: Entry) -> tuple[int, int, str]:
    return entry.cycle, entry.synthetic_task_index, entry.instruction


def _store(
    workspace: Workspace,
    environment: Environment,
    playbook: Playbook,
    entries: Sequence[Entry],
    by: Any,
) -> None:
    run = _run(environment, playbook, entries, by)
    cycles = sorted({entry.cycle for entry in entries})
    rounds = {number: Round(run=run, number=number, ended_at=timezone.now()) for number in cycles}
    Round.objects.bulk_create(rounds.values())
    taken: Counter[int] = Counter()
    tasks = []
    for entry in entries:
        taken[entry.cycle] += 1
        tasks.append(
            PracticeTask(
                round=rounds[entry.cycle],
                number=taken[entry.cycle],
                instruction=entry.instruction,
                kind="query",
                intended_tools=list(entry.involved_apis),
                category=faithful.CATEGORIES[faithful.category_of(entry)].value,
            )
        )
    PracticeTask.objects.bulk_create(tasks)
    PracticeRecord.objects.bulk_create(
        PracticeRecord(
            environment=environment,
            run=run,
            task=task,
            category=task.category,
            reason=_reason(entry),
            imported=asdict(entry),
        )
        for task, entry in zip(tasks, entries, strict=True)
    )
    event_record(
        workspace=workspace,
        actor=by,
        kind="memory.imported",
        subject=environment,
        source=MEMORY_FILE,
        run=run.number,
        before={},
        after={"added": len(entries)},
    )


def _run(environment: Environment, playbook: Playbook, entries: Sequence[Entry], by: Any) -> Run:
    """A run that has ended and only holds what was imported: records belong to one."""
    rounds = max(max(entry.cycle for entry in entries), 1)
    plan = Plan(
        rounds=rounds,
        # What is on now, so that no tool reads as switched off for it.
        tools=dict(environment.tools.usable().values_list("name", "schema_hash")),
        model=f"records of {MEMORY_FILE}",
        faithful=True,
    )
    return Run.objects.create_numbered(
        environment=environment,
        playbook=playbook,
        engine=IMPORTED,
        plan=plan.to_json(),
        status=Run.Status.FINISHED,
        message=f"Holds {len(entries)} records imported from {MEMORY_FILE}. Nothing was practised.",
        started_by=by if getattr(by, "pk", None) else None,
        ended_at=timezone.now(),
    )


def _reason(entry: Entry) -> str:
    """The reason that stands for the record, chosen as the artifact chooses it."""
    infeasible = (*entry.feasibility_reasons, *entry.aggregate_fail_reasons)
    said = infeasible if faithful.category_of(entry) == "infeasible" else entry.failure_reasons
    return redact(said[0]) if said else ""


def _problems(problems: Sequence[artifact.Problem]) -> list[Row]:
    return [
        Row(redact(p.place), "refused" if p.left_out else "noted", redact(p.message))
        for p in problems
    ]
