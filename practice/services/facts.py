"""An operator's word on what practice believes of an environment."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from memoryapp.services.events import event_record
from practice.models import EnvironmentFact


def fact_exclude(*, fact: EnvironmentFact, excluded: bool, by: Any) -> EnvironmentFact:
    """Show a fact to no proposer from now on, or to all again. It stays in the list either way."""
    with transaction.atomic():
        changed = EnvironmentFact.objects.filter(pk=fact.pk, is_excluded=not excluded).update(
            is_excluded=excluded
        )
        fact.refresh_from_db(fields=["is_excluded"])
        if changed:
            event_record(
                workspace=fact.environment.workspace,
                actor=by,
                kind="fact.excluded" if excluded else "fact.restored",
                subject=fact,
                environment=fact.environment.slug,
                before={"excluded": not excluded},
                after={"excluded": excluded},
            )
    return fact
