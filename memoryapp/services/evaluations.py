"""Keeping what was measured of a playbook, by whoever measured it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from memoryapp.models import Evaluation, Event, Playbook, Release


def evaluation_record(
    *,
    playbook: Playbook,
    digest: str,
    name: str,
    link: str,
    figures: Mapping[str, Any],
    release: Release | None = None,
    passed: bool | None = None,
    message: str = "",
) -> Evaluation:
    """Store one measurement. Recorded again under the same ``link``, it replaces what was there.

    ``digest`` is ``domain.playbook.fingerprint`` of the bullets measured; ``passed`` is ``None``
    for a measurement that gates nothing; ``figures`` are as ``Evaluation`` describes them.
    """
    with transaction.atomic():
        earlier = Evaluation.objects.filter(playbook=playbook, link=link).first()
        evaluation, _ = Evaluation.objects.update_or_create(
            playbook=playbook,
            link=link,
            defaults={
                "release": release,
                "digest": digest,
                "name": name[:120],
                "passed": passed,
                "message": message,
                "figures": dict(figures),
            },
        )
        Event.objects.record_in(
            playbook,
            actor=None,
            kind="evaluation.recorded",
            subject=evaluation,
            before={"passed": earlier.passed} if earlier else {},
            after={"passed": passed},
        )
    return evaluation
