"""Agent Skills read back: a ``SKILL.md``, or its folder as a zip in base64. Pure.

What :func:`memoryapp.domain.delivery.as_skill` wrote comes back with its labels. Of any other
skill, each list item and each paragraph becomes a bullet of the section its heading names.
"""

from __future__ import annotations

import base64
import io
import lzma
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import yaml

from memoryapp.domain.formats import digest
from memoryapp.domain.playbook import LABEL, SECTION_NAME
from memoryapp.domain.readings import CHARACTERS_MOST, Problem, ReadBullet, Reading, Unreadable
from memoryapp.domain.yaml_merges import BoundedMerges

#: how every zip begins, in base64.
ZIP_MARK = "UEsDB"
FILES_MOST = 200
FRONT_MOST = 20_000
MAIN, WHOLE = "SKILL.md", "playbook.md"
ELSEWHERE = "strategies"
_FRONT = re.compile(r"---\n(.*?)^---[ \t]*(?:\n|\Z)", re.DOTALL | re.MULTILINE)
_HEADING = re.compile(r"(#{1,6})\s+(.+?)\s*")
_FENCE = re.compile(r"(```+|~~~+)")
_ITEM = re.compile(r"(?:[-*+]|\d{1,4}[.)])\s(.*)")
_LABELLED = re.compile(rf"(.*) \[({LABEL.pattern})\]")
#: what Python's zipfile raises for damaged ones: negative offsets, names in no encoding, …
_DAMAGED = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, EOFError, OSError),
    *(ValueError, LookupError),
)
#: what PyYAML raises for a value that does not fit its own tag, such as ``!!bool 5``.
_NO_VALUE = (RecursionError, ValueError, LookupError, AttributeError, TypeError, OverflowError)


class _Front(BoundedMerges, yaml.SafeLoader):
    pass


def read_skill(text: str) -> Reading:
    """Read a skill. Reading the same one again gives the same labels and ids.

    Raises:
        Unreadable: no zip, no ``SKILL.md`` in it, too much, or no name and description in front.
    """
    files = _unpacked(text) if text.lstrip().startswith(ZIP_MARK) else {MAIN: text}
    path = _main(files)
    folder = path.removesuffix(MAIN)
    about, body, first = _parted(files[path])
    metadata = about.get("metadata")
    is_ours = isinstance(metadata, Mapping) and {"release", "sha256"} <= set(metadata)
    bodies = [(path, body, first)]
    if is_ours and folder + WHOLE in files:
        bodies = [(folder + WHOLE, files[folder + WHOLE], 1)]
    read = {path, *(name for name, _, _ in bodies)}
    problems = [
        Problem(name, f"Only {MAIN} of a skill is read; left out.")
        for name in sorted(files)
        if name not in read
    ]
    rows = _own if is_ours else partial(_foreign, name=about["name"])
    bullets = [bullet for found in bodies for bullet in rows(*found) if bullet.content]
    return Reading(tuple(bullets), tuple(problems))


def _unpacked(text: str) -> Mapping[str, str]:
    """The texts of a zip by their paths, and never more than may be read."""
    try:
        packed = base64.b64decode("".join(text.split()), validate=True)
    except ValueError as error:  # binascii.Error is one, and so is what is said of other letters
        raise Unreadable("The zip of the skill is not complete base64.") from error
    files, left = {}, CHARACTERS_MOST
    try:
        with zipfile.ZipFile(io.BytesIO(packed)) as archive:
            entries = [entry for entry in archive.infolist() if not entry.is_dir()]
            if len(entries) > FILES_MOST:
                raise Unreadable(f"The folder holds more than {FILES_MOST} files.")
            for entry in entries:
                with archive.open(entry) as file:
                    read = file.read(left + 1)
                left -= len(read)
                if left < 0:
                    raise Unreadable("The folder is larger than 20 million bytes unpacked.")
                files[entry.filename] = read.decode("utf-8", "replace")
    except Unreadable:
        raise
    except _DAMAGED as error:
        raise Unreadable("The zip of the skill is damaged.") from error
    except (NotImplementedError, RuntimeError) as error:
        raise Unreadable(
            "The zip is encrypted or packed in a way that is not supported."
        ) from error
    return files


def _main(files: Mapping[str, str]) -> str:
    found = sorted(p for p in files if p == MAIN or re.fullmatch(rf"[^/]+/{re.escape(MAIN)}", p))
    if len(found) != 1:
        raise Unreadable(f"The folder of a skill holds one {MAIN}; this one holds {len(found)}.")
    return found[0]


def _parted(text: str) -> tuple[Mapping[str, Any], str, int]:
    """What stands in front, the body, and the number of its first line."""
    plain = text.replace("\r\n", "\n").removeprefix("\ufeff")
    front = _FRONT.match(plain)
    if front is None or len(front[1]) > FRONT_MOST:
        raise Unreadable(f"A {MAIN} begins with its name and description between two lines ---.")
    try:
        about = yaml.load(front[1], Loader=_Front)
    except (yaml.YAMLError, *_NO_VALUE) as error:
        raise Unreadable(f"The block at the top of {MAIN} is not valid YAML.") from error
    named = isinstance(about, Mapping) and all(
        isinstance(about.get(name), str) and about[name].strip() for name in ("name", "description")
    )
    if not named:
        raise Unreadable(f"A {MAIN} names the skill and describes it: name: … and description: ….")
    return about, plain[front.end() :], plain[: front.end()].count("\n") + 1


def _own(path: str, body: str, first: int) -> Iterator[ReadBullet]:
    """The bullets ``formats.as_markdown`` wrote: an item each, its label at the end of its first
    line, the other lines indented by two spaces.
    """
    section, at, label, lines = ELSEWHERE, "", "", list[str]()
    for number, line in enumerate([*body.split("\n"), "## "], start=first):
        if label and line.startswith("  "):
            lines.append(line[2:])
            continue
        if label and line:
            yield _bullet(at, label, section, lines)
            label = ""
        if heading := _HEADING.fullmatch(line):
            section = _section(heading[2])
        elif line.startswith("- ") and (found := _LABELLED.fullmatch(line[2:])):
            at, label, lines = f"{path} line {number}", found[2], [found[1]]


def _foreign(path: str, body: str, first: int, name: str) -> Iterator[ReadBullet]:
    """List items and paragraphs, each with the code that stands under it."""
    section, at, lines, blank, fence = ELSEWHERE, first, list[str](), 0, ""
    is_item = False

    def bullet() -> ReadBullet:
        label = f"skill:{name[:64]}:{digest(_joined(lines))[:16]}"
        return _bullet(f"{path} line {at}", label, section, lines)

    for number, line in enumerate(body.split("\n"), start=first):
        mark, heading, item = _FENCE.match(line), _HEADING.fullmatch(line), _ITEM.fullmatch(line)
        if not fence and not line.strip():
            blank += 1
            continue
        indented = is_item and line.startswith("  ")
        if lines and (fence or mark or indented or not (blank or heading or item)):
            lines += [""] * blank + [line.removeprefix("  ") if indented and not fence else line]
        else:
            if lines:
                yield bullet()
            is_item, at, lines = item is not None, number, [item[1] if item else line]
            if heading:
                section, lines = _section(heading[2]), []
        blank = 0
        if fence:
            fence = "" if line.rstrip() == fence else fence
        elif mark:
            fence = mark[1]
    if lines:
        yield bullet()


def _section(title: str) -> str:
    plain = title.lower().replace(" ", "_")
    if SECTION_NAME.fullmatch(plain):
        return plain
    plain = re.sub(r"[^a-z0-9]+", "_", title.lower()).strip("_0123456789")[:60].strip("_")
    return plain if SECTION_NAME.fullmatch(plain) else ELSEWHERE


def _bullet(place: str, label: str, section: str, lines: Sequence[str]) -> ReadBullet:
    content = _joined(lines)
    return ReadBullet(
        place=place, label=label, section=section, content=content, details={"id": label}
    )


def _joined(lines: Sequence[str]) -> str:
    return "\n".join(lines).strip()
