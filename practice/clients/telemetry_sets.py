"""Replay labelled sets of telemetry or of agent trajectories from a folder, with no server."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from practice.clients.telemetry import UnreadableTelemetry, alert, case, lines, telemetry, topology
from practice.clients.telemetry_columns import cannot_open
from practice.domain.rootcause.analysis import analyse
from practice.domain.rootcause.evaluation import Replayed, Truth, ranking
from practice.domain.rootcause.telemetry import Telemetry
from practice.domain.rootcause.trajectories import Action, analyse_trajectory
from practice.domain.rootcause.window import learn

_DEPTH = 3
#: How a case ended whose files, or a trajectory whose line, cannot be read.
UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class Shared:
    """What all cases of a set share; ``notes`` say what of it could not be used.

    ``topology`` are caller → callee pairs, ``normal`` is fault-free telemetry.
    """

    topology: tuple[tuple[str, str], ...] = ()
    normal: Telemetry | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CaseSet:
    """A folder with ``cases/``; ``name`` is the folder's."""

    name: str
    folder: Path

    def case_folders(self) -> list[Path]:
        home = self.folder / "cases"
        return sorted(p for p in home.iterdir() if p.is_dir()) if home.is_dir() else []

    @property
    def trajectories(self) -> Path | None:
        """The file of failed agent trajectories, where the set is one of those."""
        names = ("trajectories.jsonl.gz", "trajectories.jsonl")
        return next((p for n in names if (p := self.folder / n).exists()), None)

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
                    str(row["mistake_step" if "mistake_step" in row else "root_cause_service"]),
                    str(row.get("fault_type") or ""),
                    str(row.get("mistake_agent") or ""),
                )
                for row in _rows(json.loads(path.read_text(encoding="utf-8-sig")))
            }
        except (ValueError, KeyError, TypeError) as error:
            raise UnreadableTelemetry(
                f"{path} must be an object with cases, each with case_id and "
                f"root_cause_service or mistake_step ({error})"
            ) from error
        except OSError as error:
            raise cannot_open(path, error) from error


def _rows(labels: Any) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = labels if isinstance(labels, list) else labels["cases"]
    return rows


def sets_in(folder: Path) -> list[CaseSet]:
    """The set that ``folder`` is, or the sets that lie in it, up to three folders deep.

    Raises:
        UnreadableTelemetry: neither.
    """
    if not folder.is_dir():
        raise UnreadableTelemetry(f"{folder} is not a folder")
    homes, level = [folder], [folder]
    for _ in range(_DEPTH):
        level = sorted(p for home in level for p in home.iterdir() if _may_be_set(home, p))
        homes.extend(level)
    sets = [CaseSet(home.resolve().name, home) for home in homes]
    found = [one for one in sets if one.trajectories or one.case_folders()]
    if not found:
        raise UnreadableTelemetry(
            f"{folder} holds no set: a set is a folder with cases/<case>/alert.json"
        )
    return found


def _may_be_set(home: Path, path: Path) -> bool:
    """Whether ``path``, inside ``home``, may be a set or hold one. A case is neither."""
    is_case = path.name in {"cases", "normal"} or (home / "cases").is_dir()
    return path.is_dir() and not is_case


def replay(case_set: CaseSet) -> Iterator[Replayed]:
    """Analyse every case of a set, in order of name. Labels are not read."""
    if case_set.trajectories is not None:
        yield from _replay_trajectories(case_set.trajectories)
        return
    common = shared(case_set)
    reference = learn(common.normal) if common.normal is not None else None
    for folder in case_set.case_folders():
        began = time.perf_counter()
        try:
            one = case(folder, common.topology)
        except UnreadableTelemetry as error:
            # One broken case must not cost the others their answer.
            seconds = time.perf_counter() - began
            yield Replayed(folder.name, (), seconds, 0, outcome=UNREADABLE, notes=(str(error),))
            continue
        try:
            answer = analyse(one.telemetry, one.alert, reference=reference)
        except (ArithmeticError, LookupError, ValueError, TypeError, MemoryError) as error:
            # Telemetry nobody thought of: said on its case, and the others keep their answer.
            note = f"it could not be analysed ({type(error).__name__}: {error})"
            seconds = time.perf_counter() - began
            yield Replayed(folder.name, (), seconds, 0, outcome="failed", notes=(note,))
            continue
        top = answer.causes[0] if answer.causes else None
        yield Replayed(
            case_id=one.case_id,
            ranked=ranking(answer),
            seconds=time.perf_counter() - began,
            visits=answer.spent.visits,
            outcome=answer.outcome.value,
            score=top.score if top else 0.0,
            verified=bool(top and top.verified),
            notes=(*one.notes, *common.notes, *answer.notes),
        )


def shared(case_set: CaseSet) -> Shared:
    """Topology and fault-free telemetry of a set. What cannot be read is as good as missing."""
    notes: list[str] = []
    pairs: tuple[tuple[str, str], ...] = ()
    try:
        pairs = topology(case_set.folder)
    except UnreadableTelemetry as error:
        notes.append(f"{error}. Who calls whom was read off the spans")
    home = case_set.folder / "normal"
    if not home.is_dir():
        return Shared(pairs, notes=tuple(notes))
    try:
        normal, said = telemetry(home, pairs, near=_some_time(case_set))
    except UnreadableTelemetry as error:
        return Shared(pairs, notes=(*notes, f"normal/{error}"))
    notes += [f"normal/{note}" for note in said]
    return Shared(pairs, normal if normal.present() else None, tuple(notes))


def _some_time(case_set: CaseSet) -> float | None:
    """When one of the set's alerts was raised."""
    for folder in case_set.case_folders():
        try:
            return alert(folder).at
        except UnreadableTelemetry:
            continue
    return None


# What a terminal answers in a chat: a report on an action, not an action.
_REPORT = re.compile(r"exit ?code:|There is no code", re.I)


def _replay_trajectories(path: Path) -> list[Replayed]:
    """Each trajectory of a file. A line that is none costs its own answer, and a cut the rest.

    Raises:
        UnreadableTelemetry: no line of it is a trajectory.
    """
    found: list[Replayed] = []
    number = 0
    try:
        for number, line in enumerate(lines(path), start=1):
            if line.strip():
                found.append(_trajectory(path, number, line))
    except UnreadableTelemetry as error:
        found.append(_unread(number + 1, str(error)))
    if found and all(one.outcome == UNREADABLE for one in found):
        raise UnreadableTelemetry(found[0].notes[0])
    return found


def _unread(number: int, why: str) -> Replayed:
    return Replayed(f"line {number}", (), 0.0, 0, outcome=UNREADABLE, notes=(why,))


def _trajectory(path: Path, number: int, line: str) -> Replayed:
    began = time.perf_counter()
    try:
        data = json.loads(line)
        actions = [
            Action(
                index=int(step["i"]),
                actor=str(step["agent"]),
                text=str(step["content"]),
                observation=bool(_REPORT.match(str(step["content"]))),
            )
            for step in data["steps"]
        ]
        name, task = str(data["case_id"]), str(data.get("question") or "")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        return _unread(
            number,
            f"{path.name} line {number} must be an object with case_id and steps, each with "
            f"i, agent and content ({error})",
        )
    answer = analyse_trajectory(actions, task=task)
    return Replayed(
        case_id=name,
        ranked=tuple(str(cause.index) for cause in answer.causes),
        seconds=time.perf_counter() - began,
        visits=len(answer.visits),
        outcome=answer.outcome.value,
        score=answer.causes[0].score if answer.causes else 0.0,
        agent=answer.causes[0].actor if answer.causes else "",
    )
