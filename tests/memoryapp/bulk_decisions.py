"""Bulk decisions as people ask for them."""

from __future__ import annotations

from typing import Any

from memoryapp.models import BulkDecision
from memoryapp.services import bulk as service


def asked(workspace: Any, by: Any, action: str = "approve", **changed: Any) -> BulkDecision:
    given: dict[str, Any] = {
        "narrowed": {},
        "chosen": [],
        "reason": "Not true",
        "assignee": None,
    }
    return service.bulk_start(workspace=workspace, action=action, by=by, **(given | changed))


def finished(bulk: BulkDecision, by: Any) -> BulkDecision:
    return service.bulk_continue(bulk=bulk, by=by, seconds=60)
