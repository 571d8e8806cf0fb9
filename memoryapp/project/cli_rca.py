"""``greenroom rca evaluate FOLDER``: replay labelled sets from the command line."""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from practice.clients.telemetry import UnreadableTelemetry
from practice.clients.telemetry_sets import replay, sets_in
from practice.domain.rootcause.evaluation import Truth, report

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]

#: So many notes are printed, the most frequent first; ``--json`` has them all.
_NOTES = 10
ERRORS = (UnreadableTelemetry,)


def add(commands: Commands) -> None:
    rca = commands.add_parser("rca", help="root causes")
    actions = rca.add_subparsers(title="actions", required=True, metavar="ACTION")
    evaluate = actions.add_parser(
        "evaluate", help="rank the causes of every case of a set, and score against its labels"
    )
    evaluate.add_argument("folder", type=Path, help="a set, or a folder of sets")
    evaluate.add_argument("--json", action="store_true", help="one JSON object per set")
    evaluate.set_defaults(run=_evaluate)


def _evaluate(asked: argparse.Namespace) -> int:
    """Print a report per set; 1 where one, or its labels, could not be read. The others follow."""
    code = 0
    for case_set in sets_in(asked.folder):
        truths: dict[str, Truth] | None = None
        try:
            truths, unread = case_set.labels()
            for note in unread:
                code = _said(f"{note}. The others are scored")
        except UnreadableTelemetry as error:
            code = _said(f"{error}. {case_set.name} is ranked and not scored")
        try:
            replayed = list(replay(case_set))
        except UnreadableTelemetry as error:
            code = _said(str(error))
            continue
        code = _labels_told(case_set.name, {one.case_id for one in replayed}, truths) or code
        found = report(case_set.name, replayed, truths)
        sys.stdout.write(json.dumps(found) + "\n" if asked.json else _table(found))
        sys.stdout.flush()
    return code


def _labels_told(name: str, cases: set[str], truths: dict[str, Truth] | None) -> int:
    """Say which labels are of no case; 1 where that is all of them, so that nothing is scored."""
    strange = sorted(set(truths or ()) - cases)
    if not truths or not strange:
        return 0
    if len(strange) == len(truths):
        return _said(f"no label of {name} is of a case in it, so it is ranked and not scored")
    _said(f"labels of {name} without a case are not scored: {', '.join(strange[:5])}")
    return 0


def _said(message: str) -> int:
    sys.stderr.write(f"greenroom: {message}\n")
    return 1


def _table(found: dict[str, Any]) -> str:
    lines = [f"{found['set']}: {found['cases']} cases"]
    if "r_at_1" in found:
        rows = {"all": found, **found["by_fault_type"]}
        lines += [
            f"  {kind:<20} {row['cases']:>4}  R@1 {row['r_at_1']:.2f}  R@3 {row['r_at_3']:.2f}"
            f"  R@5 {row['r_at_5']:.2f}  MRR {row['mrr']:.2f}"
            + (f"  agent {row['agent_at_1']:.2f}" if "agent_at_1" in row else "")
            for kind, row in rows.items()
        ]
    lines += [
        f"  {case['case_id']:<28} {case['outcome']:<8} {', '.join(case['ranked'][:3])}"
        for case in found["per_case"]
    ]
    notes = Counter(note for case in found["per_case"] for note in case.get("notes", ()))
    lines += [f"  note: {note} ({count} cases)" for note, count in notes.most_common(_NOTES)]
    return "\n".join(lines) + "\n"
