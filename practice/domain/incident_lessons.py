"""What a decided incident teaches, as an operation on a playbook; and its report. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from memoryapp.domain.playbook import Delta, Op
from memoryapp.domain.shares import percent
from practice.domain.causal_layout import KIND_WORDS, path_of, short, verdicts
from practice.domain.rootcause import serial
from practice.domain.rootcause.naming import name_of
from practice.domain.rootcause.types import (
    Analysis,
    Cause,
    Confirmed,
    Evidence,
    Fingerprint,
    MemoryEntry,
    MemoryKey,
    Outcome,
    Verdict,
)

SECTION = "incidents"
OUTCOME_WORDS = {
    Outcome.FOUND: "A cause was found",
    Outcome.NONE: "No cause found",
    Outcome.OUTSIDE: "The cause is outside what can be seen",
}


def lesson(found: Analysis, *, cause: str, system: str, name: str, note: str, kind: str) -> Delta:
    """ADD a bullet that says where trouble at the entry came from and how it showed.

    Its rule carries the verdict as the engine reads it back (``types.MemoryEntry``).
    """
    evidence = strongest(found, cause)
    entry = f" at `{found.alert.entry}`" if found.alert.entry else ""
    shown = "; ".join(item.statement.rstrip(".") for item in evidence[:3])
    said = f" It shows as: {shown}." if shown else ""
    words = f" {note.rstrip('.')}." if note else ""
    content = (
        f"When there is trouble{entry}{f' of {system}' if system else ''}, look at "
        f"`{short(cause)}` first: it was the root cause in {name}.{said}{words}"
    )
    return Delta(
        op=Op.ADD,
        section=SECTION,
        content=content,
        reason=f"{name} was decided by a person.",
        rule={
            "kind": kind,
            "key": f"{kind}:{system}:{cause}:{evidence[0].kind.value if evidence else ''}",
            "entry": serial.to_json(as_memory(found, cause, system)),
        },
    )


def as_memory(found: Analysis, cause: str, system: str) -> MemoryEntry:
    """The verdict to remember: what the analysis learned of the cause, put right by a person."""
    learned = next((e for e in found.learned if e.key.component in {cause, short(cause)}), None)
    evidence = strongest(found, cause)
    callees = sorted(edge.target for edge in found.edges if edge.source == cause)
    # Verdicts go by the engine's own names, which only of hosts are those of nodes.
    key = MemoryKey(system, name_of(cause), "", evidence[0].kind.value if evidence else "")
    print_ = Fingerprint(
        tuple((e.kind.value, e.direction.value, min(9, int(e.deviation))) for e in evidence),
        ",".join(callees),
    )
    return MemoryEntry(
        entry_id="",
        key=learned.key if learned else key,
        fingerprint=learned.fingerprint if learned else print_,
        verdict=Verdict.OWN,
        inherited_from=(),
        confidence=1.0,
        at=found.alert.at,
        until=found.alert.at,
        alert_id=found.alert.alert_id,
        evidence=tuple(item.evidence_id for item in evidence),
        outcome=Confirmed.CONFIRMED,
    )


def strongest(found: Analysis, node: str) -> list[Evidence]:
    """The evidence on a node, the farthest from usual first."""
    mine = [item for item in found.evidence if item.node == node]
    return sorted(mine, key=lambda item: (-item.weight, -item.deviation, item.evidence_id))


def report(
    found: Analysis,
    *,
    title: str,
    name: str,
    status: str,
    cause: str,
    said: str,
    notes: Sequence[str],
    words: Sequence[str],
    alerts: Sequence[tuple[float, str, str]],
    recalled: Sequence[Mapping[str, Any]] = (),
) -> str:
    """The incident as Markdown: answer first, then the path, evidence and what stayed open."""
    lines = [
        f"# {_plain(title)}",
        "",
        f"{name}, {status}.",
        "",
        f"**{OUTCOME_WORDS[found.outcome]}.** {_plain(found.statement)}",
        "",
    ]
    if not cause and said:
        lines += [f"A person dismissed it: {_plain(_ended(said))}", ""]
    if cause:
        why = f": {_plain(_ended(said))}" if said else "."
        lines += [f"A person named {_code(short(cause))}{why}", ""]
    if words:
        lines += ["In a model's words:", "", *(f"- {_plain(text)}" for text in words), ""]
    lines += ["## Alerts", ""]
    lines += [
        f"- {_time(at)} {_code(entry or 'unknown')} {_plain(signal)}"
        for at, entry, signal in alerts
    ]
    lines += ["", "## Ranked causes", "", *_causes(found)]
    if recalled:
        lines += ["", "## Lessons considered", "", *map(_recalled, recalled)]
    lines += ["", "## How it was found", "", *_tree(found)]
    lines += ["", "## Evidence", "", *(list(map(_evidence, found.evidence)) or ["None."])]
    if missing := [*_missing(found), *notes]:
        lines += ["", "## What was missing", "", *(f"- {_plain(note)}" for note in missing)]
    return "\n".join([*lines, "", "## Budget", "", _budget(found), ""])


def _causes(found: Analysis) -> list[str]:
    """The ranked causes as a table; scores only where one of them is the cause."""
    is_found = found.outcome is Outcome.FOUND
    rows = [
        "| rank | component | score | kind | verified | evidence |",
        "| ---: | --- | ---: | --- | --- | --- |",
        *(_cause_row(item, is_scored=is_found) for item in found.causes),
    ]
    if found.causes and not is_found:
        rows += ["", "None stands out far enough to be called the cause, so none has a score."]
    return rows


def _cause_row(cause: Cause, *, is_scored: bool) -> str:
    path = " → ".join(f"{_code(short(node))}" for node in path_of(cause))
    score = percent(cause.score) if is_scored else "–"
    kind = KIND_WORDS[cause.kind] if cause.evidence else "–"
    return (
        f"| {cause.rank} | {_code(short(cause.node))} | {score} "
        f"| {kind} | {'yes: ' + path if cause.verified else 'no'} "
        f"| {', '.join(cause.evidence)} |"
    )


def _recalled(one: Mapping[str, Any]) -> str:
    return (
        f"- {_code(short(one['node']))}, from {_plain(one['incident'])}, "
        f"{percent(one['alike'])} alike: {_plain(one['said'])}."
    )


def _evidence(item: Evidence) -> str:
    return (
        f"- **{item.evidence_id}** {_code(short(item.node))} ({item.modality.value}, "
        f"{KIND_WORDS[item.kind]}): {_plain(item.statement)}"
    )


def _missing(found: Analysis) -> list[str]:
    return [
        f"No {kind.value}. What they would have shown is not guessed." for kind in found.missing
    ]


def _budget(found: Analysis) -> str:
    budget, spent = found.budget, found.spent
    return (
        f"{spent.visits} of {budget.visits} visits, {spent.model_calls} of {budget.model_calls} "
        f"model calls, {spent.seconds:.2f} of {budget.seconds:.0f} s, "
        f"{len(found.open_visits)} branches open."
    )


def _tree(found: Analysis) -> list[str]:
    """One indented line per visit, in the order they were made below their parent."""
    below: dict[str | None, list[str]] = {}
    by_id = {visit.visit_id: visit for visit in found.visits}
    for visit in found.visits:
        parent = visit.parent if visit.parent in by_id else None
        below.setdefault(parent, []).append(visit.visit_id)
    lines: list[str] = []
    stack = [(name, 0) for name in reversed(below.get(None, []))]
    while stack:
        name, depth = stack.pop()
        visit = by_id[name]
        memory = ", from memory" if visit.hit else ""
        cited = f" ({', '.join(visit.evidence)})" if visit.evidence else ""
        lines.append(
            f"{'  ' * depth}- {_code(short(visit.node))} {visit.verdict.value}{memory}: "
            f"{_plain(visit.reason)}{cited}"
        )
        stack.extend((child, depth + 1) for child in reversed(below.get(name, [])))
    return lines or ["Nothing was visited."]


def open_nodes(found: Analysis) -> list[str]:
    """Components that stayed open, each once."""
    return [node for node, visit in verdicts(found).items() if visit.verdict is Verdict.OPEN]


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _ended(text: str) -> str:
    """What a person wrote, with a full stop where it has none."""
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _code(name: str) -> str:
    """A name of telemetry as code; what would end the code, its line or its cell is left out."""
    return f"`{' '.join(name.replace('`', '').replace('|', '').split()) or '?'}`"


def _plain(text: str) -> str:
    """Text of telemetry on one line, so that it cannot make headings, tables or links."""
    one_line = " ".join(text.split())
    for mark in ("\\", "`", "|", "<", "[", "]", "*", "#"):
        one_line = one_line.replace(mark, f"\\{mark}")
    return one_line
