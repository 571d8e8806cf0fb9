"""Replay labelled sets of telemetry from a folder, with no server and no database."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from practice.clients.telemetry import UnreadableTelemetry, case, telemetry, topology
from practice.domain.rootcause.analysis import analyse
from practice.domain.rootcause.evaluation import Replayed, Truth, ranking
from practice.domain.rootcause.window import Reference, learn


@dataclass(frozen=True, slots=True)
class CaseSet:
    """A folder with ``cases/``; ``name`` is the folder's."""

    name: str
    folder: Path

    def case_folders(self) -> list[Path]:
        return sorted(p for p in (self.folder / "cases").iterdir() if p.is_dir())

    def truths(self) -> dict[str, Truth] | None:
        """The labels, or ``None`` where the set has none.

        Raises:
            UnreadableTelemetry: ``ground_truth.json`` is not what it should be.
        """
        path = self.folder / "ground_truth.json"
        if not path.exists():
            return None
        try:
            return {
                str(row["case_id"]): Truth(
                    str(row["case_id"]),
                    str(row["root_cause_service"]),
                    str(row.get("fault_type") or ""),
                )
                for row in json.loads(path.read_text())["cases"]
            }
        except (ValueError, KeyError, TypeError) as error:
            raise UnreadableTelemetry(
                f"{path} must be an object with cases, each with case_id and "
                f"root_cause_service ({error})"
            ) from error


def sets_in(folder: Path) -> list[CaseSet]:
    """The set that ``folder`` is, or the sets that lie in it.

    Raises:
        UnreadableTelemetry: neither.
    """
    if not folder.is_dir():
        raise UnreadableTelemetry(f"{folder} is not a folder")
    homes = [folder, *sorted(path for path in folder.iterdir() if path.is_dir())]
    found = [CaseSet(home.resolve().name, home) for home in homes if (home / "cases").is_dir()]
    found = [one for one in found if one.case_folders()]
    if not found:
        raise UnreadableTelemetry(
            f"{folder} holds no set: a set is a folder with cases/<case>/alert.json"
        )
    return found


def replay(case_set: CaseSet) -> Iterator[Replayed]:
    """Analyse every case of a set, in order of name. Labels are not read."""
    pairs = topology(case_set.folder)
    normal = case_set.folder / "normal"
    reference: Reference | None = None
    if normal.is_dir():
        reference = learn(telemetry(normal, pairs)[0])
    for folder in case_set.case_folders():
        began = time.perf_counter()
        one = case(folder, pairs)
        answer = analyse(one.telemetry, one.alert, reference=reference)
        top = answer.causes[0] if answer.causes else None
        yield Replayed(
            case_id=one.case_id,
            ranked=ranking(answer),
            seconds=time.perf_counter() - began,
            visits=answer.spent.visits,
            outcome=answer.outcome.value,
            score=top.score if top else 0.0,
            verified=bool(top and top.verified),
            notes=(*one.notes, *answer.notes),
        )
