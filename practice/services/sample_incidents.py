"""The sample incident: a real fault in a real system, for those who have none of their own yet."""

from __future__ import annotations

import json
from pathlib import Path

from django.conf import settings
from django.db import transaction

from memoryapp.models import Workspace
from practice.domain.alerts import read
from practice.models import Incident
from practice.services.incidents import incident_create
from practice.services.telemetry import file_send, source_create

NAME = "Train tickets (sample)"
TITLE = "Booking a ticket fails"
FILES = (
    ("metrics", "metrics.csv.gz", False),
    ("traces", "traces.csv.gz", False),
    ("logs", "logs.csv.gz", False),
    ("topology", "topology.csv", False),
    ("traces", "normal/traces.csv.gz", True),
    ("logs", "normal/logs.csv.gz", True),
)


def sample_incident_load(*, workspace: Workspace) -> Incident:
    """Open the sample incident (``examples/incident``); a second call finds it."""
    found = Incident.objects.filter(workspace=workspace, is_sample=True).first()
    if found is not None:
        return found
    folder = Path(settings.EXAMPLES_DIR) / "incident"
    said = json.loads((folder / "alert.json").read_text())
    alert = read(
        {
            "id": said["case_id"],
            "at": said["alert_ts"],
            "onset_between": said["onset_between"],
            "entry": said["entry_service"],
            "signal": said["signal"],
            "title": TITLE,
        }
    )
    with transaction.atomic():
        source = source_create(workspace=workspace, name=NAME, by=None, is_sample=True)
        for kind, name, is_reference in FILES:
            file_send(
                source=source,
                kind=kind,
                name=name,
                data=(folder / name).read_bytes(),
                by=None,
                is_reference=is_reference,
            )
        return incident_create(workspace=workspace, alert=alert, source=source, by=None)
