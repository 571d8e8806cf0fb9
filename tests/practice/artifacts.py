"""Files as the released artifact of the paper writes them, and bringing them in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from practice.services.artifact import artifact_import

FOLDER = Path(__file__).parents[1] / "domain" / "artifact"
MEMORY = json.loads((FOLDER / "proposer_memory.json").read_text())
PLAYBOOK = json.loads((FOLDER / "playbook.json").read_text())


def imported(environment: Any, playbook: Any, document: Any, **more: Any) -> Any:
    file = "playbook.json" if "entries" not in document else "proposer_memory.json"
    return artifact_import(
        environment=environment, playbook=playbook, file=file, document=document, by=None, **more
    )
