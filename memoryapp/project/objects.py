"""The folder of observations that are objects, packed into a backup and unpacked out of it.

An object's name is the SHA-256 of what is in it, so that each one can be proven by itself.
"""

from __future__ import annotations

import hashlib
import tarfile
from collections.abc import Iterable
from pathlib import Path, PurePosixPath


class Damaged(ValueError):
    """An object is not what its name says."""


def pack(folder: Path, archive: Path) -> tuple[int, str]:
    """Write the objects of ``folder`` into a tar file; returns their number and digest.

    What a sweep deletes meanwhile is left out: nothing refers to it any more.
    """
    names = []
    with tarfile.open(archive, "w") as packed:
        for path in sorted(path for path in folder.rglob("*") if _is_object(path)):
            name = path.relative_to(folder).as_posix()
            try:
                packed.add(path, arcname=name)
            except FileNotFoundError:
                continue
            names.append(name)
    return len(names), _digest(names)


def unpack(archive: Path, folder: Path) -> tuple[int, str]:
    """Restore what ``pack`` wrote; returns the number and digest of what is in it.

    Raises:
        Damaged: an object is not what its name says.
    """
    with tarfile.open(archive) as packed:
        packed.extractall(folder, filter="data")
        names = sorted(member.name for member in packed.getmembers() if member.isfile())
    for name in names:
        if hashlib.sha256((folder / name).read_bytes()).hexdigest() != PurePosixPath(name).name:
            raise Damaged(f"{name} of {archive.name} is damaged")
    return len(names), _digest(names)


def _is_object(path: Path) -> bool:
    """A half-written one has a dot before its name; what doctor leaves is named otherwise."""
    return len(path.name) == 64 and path.is_file()


def _digest(names: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(names).encode()).hexdigest()
