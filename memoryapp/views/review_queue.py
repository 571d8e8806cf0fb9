"""The queue column of Review: which candidates match, and the links that narrow them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import timedelta
from functools import cached_property
from typing import Any

from django.db.models import Prefetch, QuerySet
from django.db.models.functions import Left
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from memoryapp.models import Bullet, Candidate, Membership, ReviewPolicy, Workspace
from memoryapp.models.candidates import load_targets
from memoryapp.queries import review as review_queries
from memoryapp.queries.desks import DeskCounts, desk_counts
from memoryapp.queries.review import ROW_CHARS
from memoryapp.templatetags.ui import op_word, section_title
from memoryapp.views.links import Chip, parameter, with_query

PENDING = Candidate.Status.PENDING.value
EVERY = "all"
#: values a select of the filter offers, those with the most candidates.
OFFERED = 50
#: The targets of a row with no more of their text than is shown.
TARGETS = Prefetch(
    "targets",
    Bullet.objects.only("label", "playbook").annotate(line=Left("content", ROW_CHARS)),
)


@dataclass(frozen=True)
class ReviewFilter:
    """What the query string asks for. ``status`` is one status or ``all``."""

    status: str = PENDING
    playbook: str = ""
    op: str = ""
    section: str = ""
    run: str = ""
    assigned: str = ""
    audit: str = ""
    #: decided on this day.
    day: str = ""
    q: str = ""

    @classmethod
    def of(cls, request: HttpRequest) -> ReviewFilter:
        asked = {field.name: parameter(request, field.name) for field in fields(cls)}
        if asked["status"] not in {EVERY, *Candidate.Status.values}:
            asked["status"] = PENDING
        if asked["audit"] not in Candidate.Audit.values:
            asked["audit"] = ""
        return cls(**asked)

    def queue(self, workspace: Workspace, **changes: str) -> QuerySet[Candidate]:
        return review_queries.review_queue(workspace, **self.asked(**changes))

    def count(self, kept: review_queries.Tallied, by: str, **changes: str) -> Counter[str]:
        """Candidates per value of ``by`` under this filter with some choices changed."""
        return kept.by(by, **self.asked(**changes))

    def asked(self, **changes: str) -> dict[str, str]:
        """The arguments of ``review_queue``."""
        asked = {**asdict(self), **changes}
        asked["search"] = asked.pop("q")
        asked["status"] = "" if asked["status"] == EVERY else asked["status"]
        return asked

    @cached_property
    def query(self) -> dict[str, str]:
        """The parameters that differ from the usual queue. Every link of the page carries them."""
        return {
            field.name: value
            for field in fields(self)
            if (value := getattr(self, field.name)) != field.default
        }

    def url(self, **changes: str) -> str:
        """The review page under this filter."""
        asked = self.query | changes
        if asked.get("status") == PENDING:
            del asked["status"]
        return with_query(reverse("review"), asked)

    def column_url(self, candidate: Candidate | None) -> str:
        """The rows of the queue around a candidate."""
        asked = {"candidate": str(candidate.pk)} if candidate else {}
        return with_query(reverse("review-queue"), self.query | asked)

    def action(self, name: str, candidate: Candidate) -> str:
        """Where a decision is posted; the filter goes along to find the next candidate."""
        return with_query(reverse(name, args=[candidate.pk]), self.query)

    @property
    def name(self) -> str:
        """The filter in words, empty for the usual queue."""
        parts = [
            Candidate.Status(self.status).label if self.status not in {PENDING, EVERY} else "",
            f"Run {self.run}" if self.run else "",
            self.playbook,
            op_word(self.op) if self.op else "",
            section_title(self.section) if self.section else "",
            f"assigned to {self.assigned}" if self.assigned else "",
            Candidate.Audit(self.audit).label if self.audit else "",
            f"decided on {self.day}" if self.day else "",
            f"“{self.q}”" if self.q else "",
        ]
        return ", ".join(filter(None, parts))


def place_context(
    kept: review_queries.Tallied, chosen: ReviewFilter, item: review_queries.ReviewItem
) -> dict[str, Any]:
    """The progress of the workspace and the place of a candidate in the queue."""
    counts = kept.by("status")
    decided = counts[Candidate.Status.APPROVED] + counts[Candidate.Status.REJECTED]
    statuses = chosen.count(kept, "status", status="")
    return {
        "done": decided,
        "total": decided + counts[PENDING],
        "waiting": counts[PENDING],
        "waiting_url": reverse("review"),
        "matching": statuses.total() if chosen.status == EVERY else statuses[chosen.status],
        "position": item.position if item.inside else None,
        "inside": item.inside,
        "name": chosen.name,
        "voted_url": _to(chosen, item.voted),
        "previous_url": _to(chosen, item.previous),
        "next_url": _to(chosen, item.next),
    }


def queue_context(
    membership: Membership,
    chosen: ReviewFilter,
    item: review_queries.ReviewItem,
    policies: Mapping[int, ReviewPolicy],
) -> dict[str, Any]:
    """The same with the filters, their true totals, and the rows around."""
    workspace = membership.workspace
    kept = review_queries.Tallied(workspace)
    found = place_context(kept, chosen, item)
    load_targets(item.around, TARGETS)
    blind = {pk: policy.blind_share for pk, policy in policies.items()}
    # Without a policy one word decides, and nobody has spoken of what waits.
    words = review_queries.words_of(membership.user, item.around) if policies else {}
    shown = len(item.around)
    desk = desk_counts(workspace, membership.user, timezone.now() - timedelta(hours=24))
    place = item.around.index(item.candidate) if item.inside and item.candidate else 0
    before = item.position - 1 - place if item.more_before and item.position else 0
    return {
        **found,
        "mine": desk,
        "filters": [
            *_status_chips(chosen.count(kept, "status", status=""), chosen),
            *_desk_chips(membership, desk, chosen),
            *_active_chips(chosen),
        ],
        "facets": _facets(kept, chosen),
        "chosen": chosen,
        "rows": [
            _row(candidate, chosen, item.candidate, blind)
            | {"voted": words.get(candidate.pk, "") if candidate.is_pending else ""}
            for candidate in item.around
        ],
        "more_before": item.more_before,
        "hidden_before": before,
        "before_url": _to(chosen, item.around[0]) if item.more_before else "",
        "more_after": item.more_after,
        "hidden_after": max(0, found["matching"] - before - shown) if item.position else 0,
        "after_url": _to(chosen, item.around[-1]) if shown else "",
        "bulk_url": with_query(reverse("review-bulk"), chosen.query),
    }


def candidate_label(candidate: Candidate, targets: Sequence[Any] | None = None) -> str:
    """The bullets a candidate changes, or the section a new one goes into."""
    rows = targets if targets is not None else sorted(candidate.targets.all(), key=str)
    return " + ".join(bullet.label for bullet in rows) or candidate.section


def _row(
    candidate: Candidate,
    chosen: ReviewFilter,
    current: Candidate | None,
    blind_shares: Mapping[int, float],
) -> dict[str, Any]:
    targets: list[Any] = sorted(candidate.targets.all(), key=str)
    row: Any = candidate  # annotated by the query of the queue
    share = blind_shares.get(candidate.playbook_id, 0.0)
    blind = candidate.is_pending and candidate.is_drawn_blind(share)
    return {
        "candidate": candidate,
        "url": _to(chosen, candidate),
        "current": candidate == current,
        "label": candidate_label(candidate, targets),
        "text": row.line or " ".join(bullet.line for bullet in targets),
        "scores": [] if blind else [s for s in (row.feasibility, row.completion) if s is not None],
        "blind": blind,
        "assigned_to": candidate.assigned_to,
    }


def _to(chosen: ReviewFilter, candidate: Candidate | None) -> str:
    return chosen.url(candidate=str(candidate.pk)) if candidate else ""


def _status_chips(counts: Mapping[str, int], chosen: ReviewFilter) -> list[Chip]:
    """One chip per status that has candidates; following the chosen one takes it off.

    From what is decided that leads back to what waits, and from what waits to every candidate.
    """
    found = []
    for value, label in Candidate.Status.choices:
        is_chosen = value == chosen.status
        if is_chosen or value == PENDING or counts.get(value):
            off = EVERY if value == PENDING else PENDING
            url = chosen.url(status=off if is_chosen else value)
            found.append(Chip(label, counts.get(value, 0), url, is_chosen, clears=is_chosen))
    return found


def _desk_chips(membership: Membership, desk: DeskCounts, chosen: ReviewFilter) -> list[Chip]:
    """What is handed to the reader, and what policies admitted that somebody has to look at.

    Both are counted whatever the filter is, and lead to all they count.
    """
    name = membership.user.get_username()
    mine, due = desk.assigned, desk.audits_due
    found = []
    if mine and chosen.assigned != name:
        found.append(Chip("Mine", mine, ReviewFilter(assigned=name).url(), pressed=False))
    if due and not chosen.audit:
        approved, audit = Candidate.Status.APPROVED.value, Candidate.Audit.DUE.value
        audits = ReviewFilter(status=approved, audit=audit)
        found.append(Chip("Audits", due, audits.url(), pressed=False))
    return found


def _active_chips(chosen: ReviewFilter) -> list[Chip]:
    """What narrows the list besides the status; following one takes it off."""
    words = {
        "run": f"Run {chosen.run}",
        "playbook": chosen.playbook,
        "op": op_word(chosen.op),
        "section": section_title(chosen.section),
        "assigned": f"Assigned to {chosen.assigned}",
        "audit": Candidate.Audit(chosen.audit).label if chosen.audit else "",
        "day": f"Decided on {chosen.day}",
        "q": f"“{chosen.q}”",
    }
    return [
        Chip(words[name], None, chosen.url(**{name: ""}), pressed=True, clears=True)
        for name in words
        if getattr(chosen, name)
    ]


def _facets(kept: review_queries.Tallied, chosen: ReviewFilter) -> list[dict[str, Any]]:
    """The selects behind "Filter", each counted under the other choices."""
    asked: Mapping[str, tuple[str, Callable[[str], str]]] = {
        "playbook": ("Playbook", str),
        "op": ("Change", op_word),
        "section": ("Section", section_title),
    }
    found = []
    for name, (label, word) in asked.items():
        counts = chosen.count(kept, name, **{name: ""})
        counts.pop("", None)
        offered = dict(counts.most_common(OFFERED))
        if (now := getattr(chosen, name)) in counts:
            offered[now] = counts[now]
        found.append(
            {
                "name": name,
                "label": label,
                "chosen": now,
                "choices": [(value, word(value), offered[value]) for value in sorted(offered)],
                "more": len(counts) - len(offered),
            }
        )
    return found
