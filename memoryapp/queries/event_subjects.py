"""Where rows of the audit log lead: the pages of what they are about."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import QuerySet

from memoryapp.models import Bullet, Candidate, Event, Release, Workspace


def subject_pages(workspace: Workspace, rows: Sequence[Event]) -> dict[int, str]:
    """Row id to the page of its subject, where there still is one; a query per kind of subject."""
    bullets = Bullet.objects.filter(playbook__workspace=workspace)
    releases = Release.objects.light().filter(playbook__workspace=workspace)
    known: dict[str, QuerySet[Any]] = {
        "bullet": bullets.select_related("playbook"),
        "candidate": Candidate.objects.filter(workspace=workspace).only("pk"),
        "playbook": workspace.playbooks.all(),
        "release": releases.select_related("playbook"),
        "environment": workspace.environments.all(),
        "run": workspace.runs.defer("plan"),
        "incident": workspace.incidents.all(),
    }
    asked: dict[str, set[Any]] = defaultdict(set)
    for row in rows:
        if row.subject_type in known:
            asked[row.subject_type].add(row.subject_id)
    pages = {
        (kind, str(each.pk)): each.get_absolute_url()
        for kind, names in asked.items()
        for each in known[kind].filter(pk__in=_keys(known[kind], names))
    }
    found = ((row.pk, pages.get((row.subject_type, row.subject_id), "")) for row in rows)
    return {key: page for key, page in found if page}


def _keys(of: QuerySet[Any], names: set[str]) -> list[Any]:
    """The keys among the names: a row that came with a file may name its subject anyhow."""
    keys = []
    for name in names:
        try:
            keys.append(of.model._meta.pk.to_python(name))
        except ValidationError:
            continue
    return keys
