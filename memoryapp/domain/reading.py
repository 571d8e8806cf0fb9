"""Playbooks read back from the forms they are written in. A form a line: ``READERS``.

Reading is strict about what a value is and forgiving about what is missing; what it cannot
understand is named by its place and left out. Pure.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from memoryapp.domain.formats import SCHEMA_VERSION, digest
from memoryapp.domain.json_texts import each_text
from memoryapp.domain.masking import encodable, redact
from memoryapp.domain.playbook import SECTION_NAME
from memoryapp.domain.readings import CHARACTERS_MOST, Problem, ReadBullet, Reading, Unreadable
from memoryapp.domain.skills import read_skill

BULLETS_MOST = 20_000
#: votes that a bullet may come with.
COUNT_MOST = 2_000_000_000
#: More entries than this that are no bullets mean another form; the rest is not read.
PROBLEMS_MOST = 10_000
_ACE_HEADER = re.compile(r"##\s+(.+?)\s*")
_ACE_BULLET = re.compile(
    rf"\[({SECTION_NAME.pattern})-(\d{{1,8}})\]"
    r"\s+helpful=(\d{1,9})\s+harmful=(\d{1,9})\s+::\s?(.*)",
    re.DOTALL,
)


def read(form: str, text: str) -> Reading:
    """Read ``text`` as ``form``, one of ``READERS``.

    Raises:
        Unreadable: an unknown form, too much, or a text that is no such form at all.
    """
    reader = READERS.get(form)
    if reader is None:
        raise Unreadable(f"A playbook is read from {', '.join(READERS)}, not from {form[:40]!r}.")
    if len(text) > CHARACTERS_MOST:
        raise Unreadable("The file is larger than 20 million characters. Split it.")
    reading = reader(encodable(text).removeprefix("\ufeff"))
    if len(reading.bullets) > BULLETS_MOST:
        raise Unreadable(f"The file holds more than {BULLETS_MOST} bullets. Split it.")
    return reading


def _note(problems: list[Problem], place: str, message: str) -> None:
    """Note what is left out of a file.

    Raises:
        Unreadable: it is more than ``PROBLEMS_MOST``.
    """
    problems.append(Problem(place, message))
    if len(problems) > PROBLEMS_MOST:
        raise Unreadable(
            f"More than {PROBLEMS_MOST} entries are not bullets: is the format right? "
            f"The first is {problems[0].place}: {problems[0].message}"
        )


def read_ace(text: str) -> Reading:
    """ACE text as ``formats.as_ace`` writes it; lines of other kinds are reported.

    Raises:
        Unreadable: it holds no bullet, or too many other lines.
    """
    section = ""
    bullets: list[ReadBullet] = []
    problems: list[Problem] = []
    for number, line in enumerate(text.split("\n"), start=1):
        place = f"line {number}"
        if not line.strip():
            continue
        if header := _ACE_HEADER.fullmatch(line):
            section = header[1].strip().lower().replace(" ", "_")
            continue
        found = _ACE_BULLET.fullmatch(line)
        if found is None:
            _note(problems, place, "It is neither a section nor a bullet; left out.")
            continue
        prefix, count, helpful, harmful, content = found.groups()
        label = f"{prefix}-{int(count):03d}"
        bullets.append(
            ReadBullet(
                place=place,
                label=label,
                section=section or prefix,
                content=_unescaped(content),
                helpful=int(helpful),
                harmful=int(harmful),
                details={"id": f"{prefix}-{count}"},
            )
        )
    if not bullets and text.strip():
        raise Unreadable("The text holds no ACE bullet such as [pitfalls-00001] helpful=0 …")
    return Reading(tuple(bullets), tuple(problems))


def _unescaped(text: str) -> str:
    return re.sub(r"\\(n|\\)", lambda m: "\n" if m[1] == "n" else "\\", text)


def read_json(text: str) -> Reading:
    """The native document. A bullet whose text does not match its hash is left out.

    Raises:
        Unreadable: it is another document or schema, or too many of its entries are not bullets.
    """
    document = _object(text)
    version = document.get("schema_version")
    if version != SCHEMA_VERSION:
        raise Unreadable(
            f"The document says schema_version {version!r}; only {SCHEMA_VERSION} can be read."
        )
    rows = document.get("sections")
    if not isinstance(rows, list):
        raise Unreadable("The document has no list named sections.")
    bullets: list[ReadBullet] = []
    problems: list[Problem] = []
    for place, section in enumerate(rows):
        at = f"sections[{place}]"
        if not isinstance(section, Mapping) or not isinstance(section.get("bullets"), list):
            _note(problems, at, "It is not a section with a list of bullets; left out.")
            continue
        for number, row in enumerate(section["bullets"]):
            spot = f"{at}.bullets[{number}]"
            said = _native_problem(row)
            if said:
                _note(problems, spot, said)
                continue
            bullets.append(
                ReadBullet(
                    place=spot,
                    label=row["label"],
                    section=str(section.get("name", "")),
                    content=row["content"],
                    details={"id": str(row.get("id") or row["label"])},
                    **_counts(row, "helpful", "harmful"),
                )
            )
    return Reading(tuple(bullets), tuple(problems))


def _native_problem(row: Any) -> str:
    if not isinstance(row, Mapping):
        return "It is not a bullet; left out."
    if not isinstance(row.get("label"), str) or not isinstance(row.get("content"), str):
        return "A bullet needs a label and content, both strings; left out."
    told = row.get("sha256")
    if told is not None and told != digest(row["content"]):
        return "Its text does not match its sha256: it was changed since; left out."
    return ""


def read_preping(text: str) -> Reading:
    """``playbook.json`` of Preping's released code.

    Raises:
        Unreadable: no section has a list of bullets, or too many entries are something else.
    """
    document = _object(text)
    bullets: list[ReadBullet] = []
    problems: list[Problem] = []
    if not any(isinstance(rows, list) for rows in document.values()):
        raise Unreadable("The file has no section with a list of bullets, so it is not a playbook.")
    for section, rows in document.items():
        if not isinstance(rows, list):
            _note(problems, str(section), "It is not a list of bullets; left out.")
            continue
        for number, row in enumerate(rows):
            spot = f"{section}[{number}]"
            if not isinstance(row, Mapping) or not isinstance(row.get("content"), str):
                _note(problems, spot, "A bullet needs a content; left out.")
                continue
            metadata = row.get("metadata")
            counts = metadata if isinstance(metadata, Mapping) else {}
            bullets.append(
                ReadBullet(
                    place=spot,
                    label=str(row.get("id") or ""),
                    section=str(row.get("section") or section),
                    content=row["content"],
                    details={"id": str(row.get("id") or ""), **counts},
                    **_counts(counts, "helpful_count", "harmful_count"),
                )
            )
    return Reading(tuple(bullets), tuple(problems))


def _object(text: str) -> Mapping[str, Any]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Unreadable("The text is not a JSON document.") from error
    if not isinstance(document, Mapping):
        raise Unreadable("The document is not a JSON object.")
    # Only an escape can bring half a character into a whole text.
    return each_text(document, encodable) if "\\u" in text else document


def _counts(row: Mapping[str, Any], helpful: str, harmful: str) -> dict[str, Any]:
    """The counters of a bullet, with a remark on what cannot be one.

    A counter is a whole number from 0 to ``COUNT_MOST``. One outside that counts as the nearest,
    and anything else as 0.
    """
    counts, remarks = [], []
    for name in (helpful, harmful):
        given = row.get(name)
        whole = given if isinstance(given, int) and not isinstance(given, bool) else None
        counts.append(min(max(whole or 0, 0), COUNT_MOST))
        if given is not None and whole != counts[-1]:
            said = redact(json.dumps(given))[:40]
            remarks.append(f"Its {name} is {said} in the file and counts as {counts[-1]}.")
    return {"helpful": counts[0], "harmful": counts[1], "remark": " ".join(remarks)}


READERS: Mapping[str, Callable[[str], Reading]] = {
    "json": read_json,
    "ace": read_ace,
    "preping": read_preping,
    "skill": read_skill,
}
