"""Replay labelled sets of telemetry or of agent trajectories from a folder, with no server."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from practice.clients.telemetry import UnreadableTelemetry, alert, case, telemetry, topology
from practice.clients.telemetry_columns import cannot_open
from practice.clients.telemetry_tables import inside, lying
from practice.clients.trajectory_sets import Entry, entries, storable
from practice.domain.rootcause.analysis import analyse
from practice.domain.rootcause.evaluation import Replayed, Truth, of_telemetry, of_trajectory
from practice.domain.rootcause.telemetry import Telemetry
from practice.domain.rootcause.trajectories import analyse_trajectory
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

    def cases(self) -> dict[str, Path]:
        """The folders of the cases by name, or by path where two have one name.

        They lie in ``cases``, at any of three depths; without such a folder in the set's own. A
        folder with an alert that is asked for by itself is a set of one.
        """
        home = lying(self.folder, "cases")
        if home.is_dir():
            found = [p for part in _folders(home) for p in _within(part, _DEPTH) or [part]]
        else:
            home = self.folder
            found = [p for p in _folders(home) if _is_case(p)]
            if not found and _is_case(home):
                return {home.resolve().name: home}
        often = Counter(p.name for p in found)
        return {p.name if often[p.name] == 1 else p.relative_to(home).as_posix(): p for p in found}

    def case_folders(self) -> list[Path]:
        return list(self.cases().values())

    @property
    def trajectories(self) -> Path | None:
        """The file of failed agent trajectories, where the set is one of those."""
        names = ("trajectories.jsonl.gz", "trajectories.jsonl")
        return next((p for n in names if (p := lying(self.folder, n)).exists()), None)

    def truths(self) -> dict[str, Truth] | None:
        """The labels that can be read, or ``None`` where the set has none.

        Raises:
            UnreadableTelemetry: as ``labels``.
        """
        return self.labels()[0]

    def labels(self) -> tuple[dict[str, Truth] | None, tuple[str, ...]]:
        """The labels, ``None`` where the set has none; and a note on each that cannot be read.

        Raises:
            UnreadableTelemetry: ``ground_truth.json`` is not what it should be, or none of it is.
        """
        path = lying(self.folder, "ground_truth.json")
        if not path.exists():
            return None, ()
        try:
            rows = _rows(json.loads(path.read_text(encoding="utf-8-sig")))
        except _NO_LABEL as error:
            raise _no_labels(path, error) from error
        except OSError as error:
            raise cannot_open(path, error) from error
        found: dict[str, Truth] = {}
        trouble: list[Exception] = []
        notes: list[str] = []
        for place, row in enumerate(rows, 1):
            try:
                truth = _truth(row)
            except _NO_LABEL as error:
                trouble.append(error)
                notes.append(f"label {place} of {path.name} cannot be read ({_in_a_line(error)})")
            else:
                found[truth.case_id] = truth
        if trouble and not found:
            raise _no_labels(path, trouble[0]) from trouble[0]
        return self._placed(found), tuple(notes)

    def _placed(self, truths: dict[str, Truth]) -> dict[str, Truth]:
        """The labels by case, also where they name an alert's ``case_id`` and not the folder."""
        cases = {} if self.trajectories else self.cases()
        strange = truths.keys() - cases.keys()
        if not strange or not cases:
            return truths
        found = {name: truth for name, truth in truths.items() if name in cases}
        for name in cases.keys() - found.keys():
            try:
                known = alert(cases[name]).alert_id
            except UnreadableTelemetry:
                continue
            if known in strange:
                found[name] = replace(truths[known], case_id=name)
                strange = strange - {known}
        return found | {name: truths[name] for name in strange}


#: What reading a broken label raises.
_NO_LABEL = (ValueError, KeyError, TypeError, AttributeError, RecursionError)


def _no_labels(path: Path, error: Exception) -> UnreadableTelemetry:
    return UnreadableTelemetry(
        f"{path} must be an object with cases, each with case_id and "
        f"root_cause_service or mistake_step ({_in_a_line(error)})"
    )


def _in_a_line(error: Exception) -> str:
    """An error in words: one on a key says the key alone."""
    said = f"it has no {error}" if isinstance(error, KeyError) else str(error)
    return " ".join(said.split())


def _folders(home: Path) -> list[Path]:
    return [path for path in inside(home) if path.is_dir()]


def _is_case(folder: Path) -> bool:
    return lying(folder, "alert.json").is_file()


def _within(folder: Path, depth: int) -> list[Path]:
    """The cases that a folder is or holds, none where nothing in it has an alert."""
    if _is_case(folder):
        return [folder]
    return [p for part in _folders(folder) for p in _within(part, depth - 1)] if depth else []


#: Under what name a label says what is wrong: a service, or a host or pod where it is that.
_CAUSES = ("root_cause_service", "root_cause", "service", "root_cause_host", "root_cause_pod")


def _truth(row: dict[str, Any]) -> Truth:
    # Trajectories without a kind of fault are told apart by how hard their task was.
    level = f"level {row['level']}" if row.get("level") else ""
    cause = next((row[name] for name in _CAUSES if row.get(name)), None)
    if isinstance(cause, list):
        if len(cause) != 1:
            raise ValueError(f"{row['case_id']} names {len(cause)} causes: name one")
        cause = cause[0]
    cause = row["mistake_step"] if "mistake_step" in row else cause or row[_CAUSES[0]]
    return Truth(
        storable(row["case_id"]),
        storable(cause),
        storable(row.get("fault_type") or level),
        storable(row.get("mistake_agent") or ""),
    )


def _rows(labels: Any) -> list[dict[str, Any]]:
    """The labels of a set: a list, or an object with a list or with a label per case."""
    rows = labels
    if not isinstance(labels, list):
        rows = labels["cases"] if "cases" in labels or not labels else labels
    if isinstance(rows, list):
        return rows
    return [{"case_id": name, **(row if isinstance(row, dict) else {"root_cause": row})}
            for name, row in rows.items()]  # fmt: skip


def sets_in(folder: Path) -> list[CaseSet]:
    """The set that ``folder`` is, or the sets that lie in it, up to three folders deep.

    Raises:
        UnreadableTelemetry: neither.
    """
    if not folder.is_dir():
        raise UnreadableTelemetry(f"{folder} is not a folder")
    homes, level = [folder], [folder]
    for _ in range(_DEPTH):
        level = [p for home in level for p in _folders(home) if _may_be_set(home, p)]
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
    is_part = path.name.lower() in {"cases", "normal"} or lying(home, "cases").is_dir()
    return not is_part and not _is_case(path)


def replay(case_set: CaseSet) -> Iterator[Replayed]:
    """Analyse every case of a set, in order of name. Labels are not read."""
    if case_set.trajectories is not None:
        yield from _replay_trajectories(case_set.trajectories)
        return
    common = shared(case_set)
    reference = learn(common.normal) if common.normal is not None else None
    for name, folder in case_set.cases().items():
        began = time.perf_counter()
        try:
            one = case(folder, common.topology)
        except UnreadableTelemetry as error:
            # One broken case must not cost the others their answer.
            seconds = time.perf_counter() - began
            yield Replayed(name, (), seconds, 0, outcome=UNREADABLE, notes=(str(error),))
            continue
        try:
            answer = analyse(one.telemetry, one.alert, reference=reference)
        except (ArithmeticError, LookupError, ValueError, TypeError, MemoryError) as error:
            # Telemetry nobody thought of: said on its case, and the others keep their answer.
            note = f"it could not be analysed ({type(error).__name__}: {error})"
            seconds = time.perf_counter() - began
            yield Replayed(name, (), seconds, 0, outcome="failed", notes=(note,))
            continue
        seconds = time.perf_counter() - began
        yield of_telemetry(name, answer, seconds, (*one.notes, *common.notes))


def shared(case_set: CaseSet) -> Shared:
    """Topology and fault-free telemetry of a set. What cannot be read is as good as missing."""
    notes: list[str] = []
    pairs: tuple[tuple[str, str], ...] = ()
    try:
        pairs = topology(case_set.folder)
    except UnreadableTelemetry as error:
        notes.append(f"{error}. Who calls whom was read off the spans")
    home = lying(case_set.folder, "normal")
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


def _replay_trajectories(path: Path) -> list[Replayed]:
    """Each trajectory of a file. One that cannot be read costs the others nothing.

    Raises:
        UnreadableTelemetry: no line of it is a trajectory.
    """
    found = []
    began = time.perf_counter()
    for entry in entries(path):
        found.append(_trajectory(entry, began))
        began = time.perf_counter()
    if found and all(one.outcome == UNREADABLE for one in found):
        raise UnreadableTelemetry(found[0].notes[0])
    return found


def _trajectory(entry: Entry, began: float) -> Replayed:
    if entry.case is None:
        return Replayed(entry.case_id, (), 0.0, 0, outcome=UNREADABLE, notes=(entry.trouble,))
    answer = analyse_trajectory(entry.case.actions, task=entry.case.task)
    return of_trajectory(entry.case_id, answer, time.perf_counter() - began)
