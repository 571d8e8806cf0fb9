"""The queue column of Review: which candidates match, and the links that narrow them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import timedelta
from typing import Any

from django.db.models import QuerySet, prefetch_related_objects
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from memoryapp.models import Candidate, Membership, Workspace
from memoryapp.queries import review as review_queries
from memoryapp.queries.facets import facet
from memoryapp.templatetags.ui import op_word, section_title
from memoryapp.views.links import Chip, parameter, with_query

PENDING = Candidate.Status.PENDING.value
EVERY = "all"


@dataclass(frozen=True, slots=True)
class ReviewFilter:
    """What the query string asks for. ``status`` is one status or ``all``."""

    status: str = PENDING
    playbook: str = ""
    op: str = ""
    section: str = ""
    run: str = ""
    q: str = ""

    @classmethod
    def of(cls, request: HttpRequest) -> ReviewFilter:
        asked = {field.name: parameter(request, field.name) for field in fields(cls)}
        if asked["status"] not in {EVERY, *Candidate.Status.values}:
            asked["status"] = PENDING
        return cls(**asked)

    def queue(self, workspace: Workspace, **changes: str) -> QuerySet[Candidate]:
        asked = asdict(self) | changes
        return review_queries.review_queue(
            workspace,
            status="" if asked["status"] == EVERY else asked["status"],
            playbook=asked["playbook"],
            op=asked["op"],
            section=asked["section"],
            search=asked["q"],
            run=asked["run"],
        )

    @property
    def query(self) -> dict[str, str]:
        """The parameters that differ from the usual queue."""
        usual = ReviewFilter()
        return {
            name: value for name, value in asdict(self).items() if value != getattr(usual, name)
        }

    def url(self, **changes: str) -> str:
        """The review page under this filter."""
        asked = self.query | changes
        if asked.get("status") == PENDING:
            del asked["status"]
        return with_query(reverse("review"), asked)

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
            f"“{self.q}”" if self.q else "",
        ]
        return ", ".join(filter(None, parts))


def queue_context(
    membership: Membership, chosen: ReviewFilter, item: review_queries.ReviewItem
) -> dict[str, Any]:
    """The progress of the workspace, the filters with true totals, and the rows around."""
    workspace = membership.workspace
    counts = review_queries.review_counts(workspace)
    decided = counts[Candidate.Status.APPROVED] + counts[Candidate.Status.REJECTED]
    prefetch_related_objects(list(item.around), "targets")
    first = item.around.index(item.candidate) if item.inside and item.candidate else 0
    before = max(0, item.position - 1 - first) if item.inside else 0
    shown = len(item.around)
    return {
        "done": decided,
        "total": decided + counts[PENDING],
        "by_me_today": review_queries.decided_since(
            workspace, membership.user, timezone.now() - timedelta(hours=24)
        ),
        "filters": _status_chips(workspace, chosen) + _active_chips(chosen),
        "facets": _facets(workspace, chosen),
        "chosen": chosen,
        "rows": [_row(candidate, chosen, item.candidate) for candidate in item.around],
        "position": item.position if item.inside else None,
        "matching": item.total,
        "name": chosen.name,
        "previous_url": _to(chosen, item.previous),
        "next_url": _to(chosen, item.next),
        "hidden_before": before,
        "before_url": _to(chosen, item.around[0]) if before else "",
        "hidden_after": max(0, item.total - before - shown),
        "after_url": _to(chosen, item.around[-1]) if shown else "",
        "waiting_url": reverse("review"),
        "waiting": counts[PENDING],
    }


def candidate_label(candidate: Candidate, targets: Sequence[Any] | None = None) -> str:
    """The bullets a candidate changes, or the section a new one goes into."""
    rows = targets if targets is not None else sorted(candidate.targets.all(), key=str)
    return " + ".join(bullet.label for bullet in rows) or candidate.section


def _row(candidate: Candidate, chosen: ReviewFilter, current: Candidate | None) -> dict[str, Any]:
    targets = sorted(candidate.targets.all(), key=str)
    said = [candidate.scores.get(name) for name in ("feasibility", "completion")]
    return {
        "candidate": candidate,
        "url": _to(chosen, candidate),
        "current": candidate == current,
        "label": candidate_label(candidate, targets),
        "text": candidate.content or " ".join(bullet.content for bullet in targets),
        "scores": [score for score in said if score is not None],
    }


def _to(chosen: ReviewFilter, candidate: Candidate | None) -> str:
    return chosen.url(candidate=str(candidate.pk)) if candidate else ""


def _status_chips(workspace: Workspace, chosen: ReviewFilter) -> list[Chip]:
    counts = facet(chosen.queue(workspace, status=EVERY), "status")
    return [
        Chip(label, counts[value], chosen.url(status=value), pressed=value == chosen.status)
        for value, label in Candidate.Status.choices
        if value == PENDING or counts[value] or value == chosen.status
    ]


def _active_chips(chosen: ReviewFilter) -> list[Chip]:
    """What narrows the list besides the status; following one takes it off."""
    words = {
        "run": f"Run {chosen.run}",
        "playbook": chosen.playbook,
        "op": op_word(chosen.op),
        "section": section_title(chosen.section),
        "q": f"“{chosen.q}”",
    }
    return [
        Chip(words[name], None, chosen.url(**{name: ""}), pressed=True)
        for name in words
        if getattr(chosen, name)
    ]


def _facets(workspace: Workspace, chosen: ReviewFilter) -> list[dict[str, Any]]:
    """The selects behind "Filter", each counted under the other choices."""
    asked: Mapping[str, tuple[str, str, Any]] = {
        "playbook": ("Playbook", "playbook__slug", str),
        "op": ("Change", "op", op_word),
        "section": ("Section", "section", section_title),
    }
    return [
        {
            "name": name,
            "label": label,
            "chosen": getattr(chosen, name),
            "choices": [
                (value, word(value), count)
                for value, count in sorted(
                    facet(chosen.queue(workspace, **{name: ""}), field).items()
                )
                if value
            ],
        }
        for name, (label, field, word) in asked.items()
    ]
