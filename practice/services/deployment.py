"""Taking in trajectories of deployed agents."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from django.db import transaction
from django.utils import timezone

from memoryapp.domain.errors import UnableToChange, UnableToRead, UnableToStart
from memoryapp.models import Playbook, Workspace
from memoryapp.services.events import event_record
from practice.domain.deployment import MAX_BATCH, NotATrajectory, Placed, Sent, read
from practice.domain.remarks import remark_on
from practice.domain.traces.bodies import BodyTooLarge, BrokenBody
from practice.models import Environment, SentTrajectory
from practice.orchestrator import online
from practice.orchestrator.engines import unpriced_models
from practice.tasks import take_sent_trajectories

MAX_LISTED = 1_000
#: so many refusals say that a file is of another form; the rest of it is not read.
MAX_REFUSED = 10_000


@dataclass(frozen=True, slots=True)
class Remark:
    """What is to be said of one entry. ``place`` counts from 0: in the list that was sent, or the
    row or line of a file it begins in.
    """

    place: int
    id: str
    message: str


class UnableToReadOn(UnableToRead):
    """So much was refused that the rest is not looked at. What was taken before stays."""

    def __init__(self, accepted: int, first: str) -> None:
        super().__init__(
            f"{MAX_REFUSED} entries were refused, and the rest was not read: is the format right? "
            f"{accepted} were taken. The first refusal: {first}"
        )


@dataclass(slots=True)
class Receipt:
    """What became of a batch: counts, each refused entry with its reason, remarks on others."""

    accepted: int = 0
    known: int = 0
    refused: list[Remark] = field(default_factory=list)
    #: all refusals, also those beyond the first ``MAX_LISTED`` that are listed.
    refused_count: int = 0
    #: what is to be said of entries that were taken, or are known.
    remarks: list[Remark] = field(default_factory=list)

    def refuse(self, *found: Remark) -> None:
        self.refused_count += len(found)
        self.refused.extend(found[: max(0, MAX_LISTED - len(self.refused))])

    def remark(self, *found: Remark) -> None:
        self.remarks.extend(found[: max(0, MAX_LISTED - len(self.remarks))])


def trajectories_send(
    *, playbook: Playbook, environment: Environment, given: Sequence[Any], by: Any, first: int = 0
) -> Receipt:
    """Store what can be read and have the workers learn from it; what was sent before is known.

    ``first`` is the place of the first entry, where others were sent before.

    Raises:
        UnableToStart: more than ``MAX_BATCH`` entries, none at all, or rows of two workspaces.
    """
    if playbook.workspace_id != environment.workspace_id:
        raise UnableToStart("The playbook and the environment belong to different workspaces.")
    if not 0 < len(given) <= MAX_BATCH:
        raise UnableToStart(
            f"Send 1 to {MAX_BATCH} trajectories at a time, not {len(given)}.",
            field="trajectories",
        )
    receipt, now = Receipt(), timezone.now()
    readable: dict[str, Sent] = {}
    places: dict[str, int] = {}
    served, there = _releases(playbook), environment.as_place()
    for number, entry in enumerate(given, start=first):
        place = entry.place if isinstance(entry, Placed) else number
        try:
            if isinstance(entry, NotATrajectory):
                raise entry
            sent = _attributed(read(entry), served)
        except NotATrajectory as error:
            name = str(entry.get("id", "")) if isinstance(entry, dict) else error.id
            at = place if error.place is None else error.place
            receipt.refuse(Remark(at, name[:80], str(error)))
        else:
            if said := remark_on(sent, now, there):
                receipt.remark(Remark(place, sent.external_id[:80], said))
            receipt.known += sent.external_id in readable
            readable.setdefault(sent.external_id, sent)
            places.setdefault(sent.external_id, place)
    with transaction.atomic():
        # The row lock makes one sender's repeat wait for the other's first.
        Playbook.objects.select_for_update(no_key=True).get(pk=playbook.pk)
        stored = set(
            SentTrajectory.objects.filter(playbook=playbook, external_id__in=readable).values_list(
                "external_id", flat=True
            )
        )
        copies = _copies(playbook, readable.values(), stored)
        for name, said in copies.items():
            receipt.remark(Remark(places[name], name[:80], said))
        known = stored | copies.keys()
        new = [sent for name, sent in readable.items() if name not in known]
        SentTrajectory.objects.bulk_create(
            _row(playbook, environment, sent, remark_on(sent, now, there)) for sent in new
        )
        receipt.accepted, receipt.known = len(new), receipt.known + len(known)
        if new:
            event_record(
                workspace=playbook.workspace,
                actor=by,
                kind="trajectories.sent",
                subject=playbook,
                playbook=playbook.slug,
                environment=environment.slug,
                before={},
                after={"taken": len(new)},
            )
            take_sent_trajectories.delay_on_commit()
    return receipt


def _copies(
    playbook: Playbook, readable: Iterable[Sent], stored: Collection[str]
) -> dict[str, str]:
    """What is to be said of those whose steps are there already, by their ids.

    Sessions are copied under another name when they are resumed or branched, and sent again when
    they have gone on. A copy that went on by itself has more to say, and is taken for another.
    """
    asked = [sent for sent in readable if sent.first_call]
    rows = SentTrajectory.objects.filter(
        playbook=playbook, first_call__in={sent.first_call for sent in asked}
    )
    there: dict[str, list[tuple[str, Sequence[Any]]]] = {}
    for first_call, name, steps in rows.values_list("first_call", "external_id", "steps"):
        there.setdefault(first_call, []).append((name, steps))
    said: dict[str, str] = {}
    for sent in asked:
        others = there.setdefault(sent.first_call, [])
        if sent.external_id in stored:
            own = next((steps for name, steps in others if name == sent.external_id), ())
            # Steps that were dropped to keep little are not fewer ones.
            if 0 < len(own) < len(sent.steps):
                said[sent.external_id] = (
                    f"It was sent before, when it had {len(own)} steps: those are kept, and what "
                    "was done since is not taken."
                )
            continue
        twin = next((name for name, steps in others if not steps or sent.goes_like(steps)), None)
        if twin is None:
            others.append((sent.external_id, sent.steps))
        else:
            said[sent.external_id] = (
                f"It repeats what was sent before as {twin[:80]}. It was not stored again."
            )
    return said


def _releases(playbook: Playbook) -> set[str]:
    """The names an agent may know a release of the playbook by: numbers and labels."""
    numbers = playbook.releases.values_list("number", flat=True)
    labels = playbook.labels.values_list("name", flat=True)
    return {*(str(number) for number in numbers), *labels}


def _attributed(sent: Sent, served: Collection[str]) -> Sent:
    """Return what was sent if the release it names exists.

    Raises:
        NotATrajectory: no such release was ever published.
    """
    if sent.release and sent.release.removeprefix("v") not in served:
        known = ", ".join(sorted(served)[:8]) or "none, because nothing was published yet"
        raise NotATrajectory(
            f"The playbook has no release {sent.release!r}. release is a number or a label of it "
            f"({known}), or left out."
        )
    return sent


def trajectories_stream(
    *, playbook: Playbook, environment: Environment, entries: Iterable[Any], by: Any
) -> Receipt:
    """Take entries as they come, a batch at a time: a large export costs the memory of one batch.

    An entry may be a ``NotATrajectory`` that says why it cannot be read. Where the body breaks off,
    what came before is kept, and the place it broke at is the last refusal.

    Raises:
        BodyTooLarge, BrokenBody: nothing could be read before the body ended wrongly.
        UnableToReadOn: ``MAX_REFUSED`` entries were refused.
    """
    total, place = Receipt(), 0
    stream = iter(entries)
    broken: Exception | None = None
    while broken is None:
        batch: list[Any] = []
        try:
            batch.extend(islice(stream, MAX_BATCH))
        except (BodyTooLarge, BrokenBody) as error:
            broken = error
        if not batch and broken is None:
            break
        if batch:
            taken = trajectories_send(
                playbook=playbook, environment=environment, given=batch, by=by, first=place
            )
            total.accepted += taken.accepted
            total.known += taken.known
            total.refuse(*taken.refused)
            total.remark(*taken.remarks)
            place += len(batch)
        if total.refused_count >= MAX_REFUSED:
            raise UnableToReadOn(total.accepted, total.refused[0].message)
    if broken is not None:
        if not place:
            raise broken
        total.refuse(Remark(place, "", f"{broken} What came before was taken."))
    return total


def _row(playbook: Playbook, environment: Environment, sent: Sent, remark: str) -> SentTrajectory:
    return SentTrajectory(
        environment=environment,
        playbook=playbook,
        external_id=sent.external_id,
        instruction=sent.instruction,
        answer=sent.answer,
        steps=list(sent.steps),
        outcome=sent.outcome,
        release=sent.release,
        cost=sent.cost,
        remark=remark,
        first_call=sent.first_call,
    )


def trajectories_judge_again(*, workspace: Workspace, by: Any) -> int:
    """Have what runs left unjudged judged by new ones, each with a budget anew. Returns how many.

    Raises:
        UnableToChange: everything that was sent is judged, or waits to be.
    """
    with transaction.atomic():
        left = SentTrajectory.objects.filter(
            playbook__workspace=workspace, status=SentTrajectory.Status.UNJUDGED
        )
        # The attempt of the run that ended stays with that run.
        count = left.update(status=SentTrajectory.Status.WAITING, attempt=None)
        if not count:
            raise UnableToChange("Nothing that agents sent was left unjudged.")
        event_record(
            workspace=workspace,
            actor=by,
            kind="trajectories.judged_again",
            subject=workspace,
            before={"not judged": count},
            after={"waiting": count},
        )
        take_sent_trajectories.delay_on_commit()
    return count


def waiting_for_tools(workspace: Workspace) -> list[Environment]:
    """The environments whose tools were never listed, so that what agents sent there waits."""
    waiting = SentTrajectory.objects.filter(
        playbook__workspace=workspace, status=SentTrajectory.Status.WAITING
    )
    there = workspace.environments.filter(pk__in=waiting.values("environment"))
    return list(there.exclude(pk__in=Environment.objects.listed()))


def waiting_for_a_price(workspace: Workspace) -> list[str]:
    """The models without a price that keep what agents sent waiting."""
    if not unpriced_models(workspace.pk):
        return []
    waiting = SentTrajectory.objects.filter(
        playbook__workspace=workspace, status=SentTrajectory.Status.WAITING
    ).order_by()
    pairs = waiting.values_list("environment", "playbook").distinct()
    names = [
        name
        for environment, playbook in pairs
        for name in online.unpriced(workspace.environments.get(pk=environment), playbook)
    ]
    return list(dict.fromkeys(names))
