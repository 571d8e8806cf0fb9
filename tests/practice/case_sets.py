"""A small labelled set for tests: as files, as an archive, sent and read in."""

from __future__ import annotations

import io
import json
import tarfile
import zipfile
from pathlib import Path
from typing import Any

from practice.models import CaseSet, Replay
from practice.orchestrator import case_sets, replays
from practice.services.case_sets import case_set_send
from practice.services.replays import replay_start
from tests.practice.outages import BEGAN, TOPOLOGY, logs_csv, metrics_csv, traces_csv

#: A real set of failed trajectories.
TRAJECTORIES = Path(__file__).parents[1] / "data" / "rca" / "whowhen-generated"


def use_folder(settings: Any, folder: Path) -> None:
    """Keep data in a folder of the test's own, and nothing of sets that lay in another."""
    settings.DATA_DIR = folder
    for kept in (replays._shared, replays._usual, replays._lines):
        kept.cache_clear()


def trajectory_files() -> dict[str, bytes]:
    names = ("trajectories.jsonl", "ground_truth.json")
    return {f"talks/{name}": (TRAJECTORIES / name).read_bytes() for name in names}


def set_files(cases: int = 2, *, labelled: bool = True) -> dict[str, bytes]:
    files = {"shop/topology.csv": TOPOLOGY}
    truths = []
    for number in range(cases):
        guilty = ("ledger", "shop")[number % 2]
        home = f"shop/cases/case-{number}"
        files[f"{home}/metrics.csv"] = metrics_csv(guilty)
        files[f"{home}/traces.csv"] = traces_csv()
        if guilty == "ledger":
            files[f"{home}/logs.csv"] = logs_csv()
        alert = {
            "alert_ts": BEGAN + 60,
            "entry_service": "web",
            "onset_between": [BEGAN - 60, BEGAN],
        }
        files[f"{home}/alert.json"] = json.dumps(alert).encode()
        truths.append(
            {"case_id": f"case-{number}", "root_cause_service": guilty, "fault_type": "cpu"}
        )
    if labelled:
        files["shop/ground_truth.json"] = json.dumps({"cases": truths}).encode()
    return files


def zipped(files: dict[str, bytes]) -> bytes:
    """The same bytes whenever it is asked: entries carry no time of ours."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def tarred(files: dict[str, bytes], mode: Any = "w:gz") -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as tar:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


def sent(workspace: Any, data: bytes = b"", **changes: Any) -> CaseSet:
    """A set as it was sent; no worker has looked at it."""
    data = data or zipped(set_files(**changes))
    return case_set_send(workspace=workspace, name="shop.zip", data=data, by=None)


def read_in(case_set: CaseSet) -> CaseSet:
    """Read a set that was sent, as a worker would."""
    case_sets.work(case_set.pk)
    case_set.refresh_from_db()
    return case_set


def known(workspace: Any, **changes: Any) -> CaseSet:
    """A set that is sent and read."""
    return read_in(sent(workspace, **changes))


def finished(case_set: CaseSet, *variants: str) -> Replay:
    replay = replay_start(case_set=case_set, variants=variants, by=None)
    while ids := replays.due():
        for pk in ids:
            replays.work(pk)
    replay.refresh_from_db()
    assert replay.state == "finished"
    return replay
