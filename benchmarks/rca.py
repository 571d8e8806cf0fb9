"""Measure the root-cause engine: one JSON line per figure, simpler methods in the same run.

    python -m benchmarks.rca [--data FOLDER] [--only ranking renamed memory …]

The data folder (or ``GREENROOM_RCA_DATA``) holds sets in the neutral layout of
``docs/rootcause.md``. Labels are read to score, never by the engine.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import rca_changes as changes
from benchmarks.rca_peers import PEERS
from practice.clients import telemetry as files
from practice.clients.telemetry_sets import CaseSet, sets_in
from practice.domain.calibration import Opinion, expected_calibration_error
from practice.domain.rootcause.analysis import analyse
from practice.domain.rootcause.evaluation import (
    Truth,
    figures,
    rank_of,
    ranking,
)
from practice.domain.rootcause.findings import Finding
from practice.domain.rootcause.memory import WINDOW_SECONDS
from practice.domain.rootcause.types import Alert, Analysis, EvidenceKind, MemoryEntry, Verdict
from practice.domain.rootcause.window import Reference, examine, learn

ABLATIONS = {
    "without changed steps": {
        EvidenceKind.MISSING_STEP, EvidenceKind.MISSING_CALL, EvidenceKind.OWN_ERROR,
        EvidenceKind.ERROR,
    },
    "without own time": {EvidenceKind.SELF_TIME},
    "without gaps": {EvidenceKind.NETWORK_GAP},
    "without resources": {EvidenceKind.RESOURCE},
    "without latency metrics": {EvidenceKind.LATENCY},
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Loaded:
    """One set in memory."""

    name: str
    folder: Path
    truths: dict[str, Truth]
    cases: tuple[files.Case, ...]
    normal: Any
    reference: Reference


def load(case_set: CaseSet) -> Loaded:
    pairs = files.topology(case_set.folder)
    normal, _ = files.telemetry(case_set.folder / "normal", pairs)
    return Loaded(
        case_set.name,
        case_set.folder,
        case_set.truths() or {},
        tuple(files.case(folder, pairs) for folder in case_set.case_folders()),
        normal,
        learn(normal),
    )


def say(figure: str, **values: Any) -> None:
    rounded = {k: round(v, 4) if isinstance(v, float) else v for k, v in values.items()}
    sys.stdout.write(json.dumps({"figure": figure, **rounded}) + "\n")
    sys.stdout.flush()


def scored(loaded: Loaded, answers: Iterable[tuple[str, Sequence[str]]]) -> dict[str, Any]:
    return figures(rank_of(loaded.truths[case_id], ranked) for case_id, ranked in answers)


def analyses(loaded: Loaded) -> list[Analysis]:
    return [
        analyse(case.telemetry, case.alert, reference=loaded.reference) for case in loaded.cases
    ]


def ranking_figures(loaded: Loaded) -> None:
    found = analyses(loaded)
    answers = [(a.alert.alert_id, ranking(a)) for a in found]
    kinds = sorted({truth.fault_type for truth in loaded.truths.values()})
    kind_of = {case_id: truth.fault_type for case_id, truth in loaded.truths.items()}
    by_type = {
        kind: scored(loaded, [one for one in answers if kind_of[one[0]] == kind])["r_at_1"]
        for kind in kinds
    }
    say(
        "ranking", set=loaded.name, method="engine", **scored(loaded, answers), by_type=by_type,
        verified=sum(a.causes[0].verified for a in found) / len(found),
        abstained=sum(a.outcome != "found" for a in found) / len(found),
        visits=sum(a.spent.visits for a in found) / len(found),
    )  # fmt: skip
    for name, method in PEERS.items():
        listed = [(c.alert.alert_id, method(c.telemetry, c.alert)) for c in loaded.cases]
        say("ranking", set=loaded.name, method=name, **scored(loaded, listed))


def renamed_figures(loaded: Loaded) -> None:
    names = set().union(*(changes.services(c.telemetry) for c in loaded.cases))
    words = changes.renamed(names | changes.services(loaded.normal), seed=11)
    reference = learn(changes.rename(loaded.normal, words))
    same, answers = 0, []
    for case in loaded.cases:
        alert = replace(case.alert, entry=words.get(case.alert.entry, case.alert.entry))
        again = analyse(changes.rename(case.telemetry, words), alert, reference=reference)
        plain = analyse(case.telemetry, case.alert, reference=loaded.reference)
        back = {word: name for name, word in words.items()}
        listed = [back[name] for name in ranking(again)]
        truth = loaded.truths[case.alert.alert_id]
        same += rank_of(truth, listed) == rank_of(truth, ranking(plain))
        answers.append((case.alert.alert_id, listed))
    say("renamed", set=loaded.name, same_rank=same, **scored(loaded, answers))


def robustness_figures(loaded: Loaded) -> None:
    tried: dict[str, changes.Change] = {
        "no metrics": changes.without_metrics,
        "no traces": changes.without_traces,
        "no logs": changes.without_logs,
        "one trace in ten": changes.sampled_traces,
        "clocks 2 s apart": changes.shifted_clocks,
    }
    for name, change in tried.items():
        answers, floor = [], {method: [] for method in PEERS if method != "random"}
        for case in loaded.cases:
            telemetry, alert = change(case.telemetry, case.alert)
            found = analyse(telemetry, alert, reference=loaded.reference)
            answers.append((alert.alert_id, ranking(found)))
            for method, lists in floor.items():
                lists.append((alert.alert_id, PEERS[method](telemetry, alert)))
        say(
            "robustness", set=loaded.name, change=name, **scored(loaded, answers),
            **{f"{m}_r_at_1": scored(loaded, lists)["r_at_1"] for m, lists in floor.items()},
        )  # fmt: skip


def ablation_figures(loaded: Loaded) -> None:
    windows = [examine(c.telemetry, c.alert, loaded.reference) for c in loaded.cases]
    for name, kinds in ABLATIONS.items():
        answers = []
        for case, window in zip(loaded.cases, windows, strict=True):
            left: tuple[Finding, ...] = tuple(f for f in window.findings if f.kind not in kinds)
            found = analyse(
                case.telemetry, case.alert, reference=loaded.reference,
                window=replace(window, findings=left),
            )  # fmt: skip
            answers.append((case.alert.alert_id, ranking(found)))
        say("ablation", set=loaded.name, change=name, **scored(loaded, answers))


def calm_figures(loaded: Loaded) -> None:
    entry = loaded.cases[0].alert.entry
    found = [
        analyse(window, replace(alert, entry=entry), reference=reference).outcome
        for window, alert, reference in changes.fault_free(loaded.normal)
    ]
    false = sum(outcome == "found" for outcome in found)
    say("fault-free windows", set=loaded.name, windows=len(found), false_cause=false / len(found))


def calibration_figures(everything: Sequence[Loaded]) -> None:
    said = []
    for loaded in everything:
        for found in analyses(loaded):
            right = ranking(found)[0] == loaded.truths[found.alert.alert_id].service
            said.append(Opinion(admitted=True, confidence=found.causes[0].score, valid=right))
    error = expected_calibration_error(said)
    say("calibration", cases=len(said), expected_calibration_error=error)


def _slowest(case: files.Case, count: int = 5) -> list[Alert]:
    """One alert per slow request: the traces whose longest span is longest."""
    spans = case.telemetry.spans
    longest = np.zeros(len(spans.trace_id.names))
    late = spans.start >= (case.alert.onset or (0.0, 0.0))[0]
    np.maximum.at(longest, spans.trace_id.codes[late], np.nan_to_num(spans.duration[late]))
    return [
        replace(
            case.alert,
            alert_id=f"{case.alert.alert_id}/{n}",
            trace_id=spans.trace_id.names[int(code)],
            at=case.alert.at + n,
        )
        for n, code in enumerate(np.argsort(-longest, kind="stable")[:count])
        if longest[code] > 0
    ]


def memory_figures(loaded: Loaded) -> None:
    for poisoned in (False, True):
        plain = remembering = right_plain = right = last_right = last = asked = 0
        memory: list[MemoryEntry] = []
        for case in loaded.cases:
            truth = loaded.truths[case.alert.alert_id].service
            window = examine(case.telemetry, case.alert, loaded.reference)
            alerts = _slowest(case)
            for number, alert in enumerate(alerts):
                without = analyse(case.telemetry, alert, reference=loaded.reference, window=window)
                found = analyse(
                    case.telemetry, alert, reference=loaded.reference, window=window, memory=memory
                )
                asked += 1
                plain += without.spent.visits
                remembering += found.spent.visits
                right_plain += ranking(without)[0] == truth
                hit = ranking(found)[0] == truth
                right += hit
                if number == len(alerts) - 1:
                    last += 1
                    last_right += hit and not any(
                        e.key.component == truth and e.verdict is Verdict.NORMAL
                        for e in memory
                        if e.entry_id not in found.forgotten and e.until >= alert.at
                    )
                memory = [e for e in memory if e.entry_id not in found.forgotten]
                memory.extend(
                    _poison(found.learned, truth) if poisoned and number == 0 else found.learned
                )
        say(
            "memory, first verdict of each fault forced wrong" if poisoned else "memory",
            set=loaded.name, alerts=asked, window_seconds=WINDOW_SECONDS,
            visits_without=plain, visits_with=remembering, fewer=1 - remembering / max(plain, 1),
            r_at_1_without=right_plain / max(asked, 1), r_at_1_with=right / max(asked, 1),
            recovered_by_last=last_right / max(last, 1),
        )  # fmt: skip


def _poison(entries: Sequence[MemoryEntry], truth: str) -> list[MemoryEntry]:
    """The true cause remembered as normal, and the first other component as the cause."""
    other = next((e.key.component for e in entries if e.key.component != truth), "")
    wrong = {truth: Verdict.NORMAL, other: Verdict.OWN}
    return [replace(e, verdict=wrong.get(e.key.component, e.verdict)) for e in entries]


def scale_figures(loaded: Loaded) -> None:
    case = max(loaded.cases, key=lambda c: len(c.telemetry.spans))
    seconds = []
    for times in (1, 10):
        telemetry = changes.repeated(case.telemetry, times)
        best = min(
            _timed(lambda t=telemetry: analyse(t, case.alert, reference=loaded.reference))
            for _ in range(3)
        )
        seconds.append(best)
    say(
        "ten times the spans", set=loaded.name, spans=len(case.telemetry.spans),
        cpu_seconds=seconds[0], cpu_seconds_ten=seconds[1], ratio=seconds[1] / seconds[0],
    )  # fmt: skip


def _timed(run: Callable[[], object]) -> float:
    """Processor seconds, which other programs on the machine do not lengthen much."""
    began = time.process_time()
    run()
    return time.process_time() - began


def speed_figures(case_set: CaseSet) -> None:
    """The command line as a user runs it, reading included, in a process of its own."""
    command = [sys.executable, "-m", "memoryapp.project.cli", "rca", "evaluate", "--json"]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [*command, str(case_set.folder)], check=True, capture_output=True, text=True
    )
    found = json.loads(done.stdout)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    say(
        "speed", set=case_set.name, seconds_median=found["seconds_median"],
        seconds_max=found["seconds_max"], cpu_seconds_per_case=spent / found["cases"],
        peak_mib=after.ru_maxrss / 1024, r_at_1=found["r_at_1"],
        r_at_3=found["r_at_3"], mrr=found["mrr"], agent_at_1=found.get("agent_at_1"),
    )  # fmt: skip


PARTS: dict[str, Callable[[Loaded], None]] = {
    "ranking": ranking_figures,
    "renamed": renamed_figures,
    "robustness": robustness_figures,
    "ablation": ablation_figures,
    "calm": calm_figures,
    "memory": memory_figures,
    "scale": scale_figures,
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    data = os.environ.get("GREENROOM_RCA_DATA")
    parser.add_argument("--data", type=Path, default=Path(data) if data else None)
    parser.add_argument("--only", nargs="*", choices=[*PARTS, "speed", "calibration"])
    asked = parser.parse_args()
    if asked.data is None:
        parser.error("name the data: --data FOLDER or GREENROOM_RCA_DATA")
    parts = asked.only or [*PARTS, "speed", "calibration"]
    found = sets_in(asked.data)
    if "speed" in parts:
        for case_set in found:
            speed_figures(case_set)
    everything = [load(one) for one in found if one.trajectories is None]
    for loaded in everything:
        for part in parts:
            if part in PARTS:
                PARTS[part](loaded)
    if "calibration" in parts:
        calibration_figures(everything)
    return 0


if __name__ == "__main__":
    sys.exit(main())
