"""A fresh folder for one attempt: a copy of the seed, a home and a place for temporary files.

The process that practises gets a home of its own, so that nothing it remembers there outlives the
attempt and nothing of the operator's home (keys, cloud credentials) is within its usual reach.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from practice.agents.ports import EnvironmentUnavailable
from practice.domain.kept_files import place_of


@dataclass(frozen=True, slots=True)
class Workplace:
    """The folders of one attempt. ``work`` holds the seed copy and is the working directory."""

    work: Path
    home: Path
    scratch: Path


@contextmanager
def workplace(seed_folder: Path | None) -> Iterator[Workplace]:
    """Make the folders, copy the seed, and delete everything on exit.

    Raises:
        EnvironmentUnavailable: the seed folder is missing, cannot be copied (no space, unreadable
            files), or holds a link that leads out of it.
    """
    root = _make_root()
    place = Workplace(root / "work", root / "home", root / "tmp")
    try:
        for folder in (place.home, place.scratch):
            folder.mkdir()
        _copy(seed_folder, place.work)
        yield place
    finally:
        _remove(root)


def digest_of(seed: Path) -> tuple[str, int]:
    """SHA-256 (hex) over a seed's names, contents, links and execute bits, and its size in bytes.

    Raises:
        EnvironmentUnavailable: a file cannot be read.
    """
    total, size = hashlib.sha256(), 0
    try:
        for path in sorted(seed.rglob("*")):
            name = path.relative_to(seed).as_posix()
            if path.is_symlink():
                seen = ("link", name, str(path.readlink()))
            elif path.is_dir():
                seen = ("folder", name, "")
            else:
                with path.open("rb") as opened:
                    content = hashlib.file_digest(opened, "sha256").hexdigest()
                size += path.stat().st_size
                seen = ("program" if path.stat().st_mode & stat.S_IXUSR else "file", name, content)
            total.update("\0".join(seen).encode("utf-8", "surrogateescape") + b"\n")
    except OSError as error:
        raise EnvironmentUnavailable(
            f"The seed folder {seed} cannot be read: {error.strerror or error}. Make it readable."
        ) from error
    return total.hexdigest(), size


def keep(seed: Path, store: Path) -> tuple[str, int]:
    """Copy a seed into ``store`` under its digest, once; return digest and size in bytes.

    The copy is what is hashed, so that a seed that is changed meanwhile still matches its name.

    Raises:
        EnvironmentUnavailable: it cannot be copied, or holds a link that leads out of it.
    """
    try:
        store.mkdir(mode=0o700, parents=True, exist_ok=True)
        room = Path(tempfile.mkdtemp(prefix="taking-", dir=store))
    except OSError as error:
        raise EnvironmentUnavailable(
            f"Snapshots cannot be stored in {store}: {error.strerror or error}. "
            "Make the folder writable and check the free space."
        ) from error
    try:
        _copy(seed, room / "seed")
        digest, size = digest_of(room / "seed")
        if not (store / digest).exists():
            with suppress(OSError):  # somebody else just kept the same
                (room / "seed").rename(store / digest)
        return digest, size
    finally:
        _remove(room)


def kept(digest: str, store: Path) -> Path:
    """The folder kept under ``digest``, found to be what it was.

    Raises:
        EnvironmentUnavailable: it is gone or was changed.
    """
    folder = place_of(store, digest)
    if not folder.is_dir():
        raise EnvironmentUnavailable(
            f"The files of this snapshot are gone: {folder} does not exist. "
            "Put the folder back, or take another snapshot."
        )
    if digest_of(folder)[0] != digest:
        raise EnvironmentUnavailable(
            f"The files of this snapshot were changed: {folder} is not what was kept. "
            "Put the original files back, or take another snapshot."
        )
    return folder


def forget(digest: str, store: Path) -> None:
    """Delete what is kept under ``digest``."""
    if digest:
        _remove(place_of(store, digest))


def sweep() -> int:
    """Delete folders left behind by workers that were killed; return how many.

    A folder carries the id of the process that made it. Folders of living processes stay. A server
    that hung when its worker was killed still works in its folder and is ended first.
    """
    stale = [
        folder
        for folder in attempts_folder().iterdir()
        if not _is_alive(folder.name.partition("-")[0])
    ]
    for folder in stale:
        _end_processes_in(folder)
        _remove(folder)
    return len(stale)


def _end_processes_in(folder: Path) -> None:
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if (process / "cwd").readlink().is_relative_to(folder):
                os.kill(int(process.name), signal.SIGKILL)


def attempts_folder() -> Path:
    """The folder that holds those of all attempts, so that one of them can be kept from the others.

    It is made where it is missing, and nobody else may look into it.

    Raises:
        EnvironmentUnavailable: it cannot be made, or somebody else made it.
    """
    folder = Path(tempfile.gettempdir()).resolve() / f"greenroom-attempts-{os.getuid()}"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
    except OSError as error:
        raise EnvironmentUnavailable(
            f"The folder {folder} for attempts could not be made: {error.strerror or error}. Free "
            "some disk space, or remove what already has its name."
        ) from error
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise EnvironmentUnavailable(
            f"The folder {folder} for attempts is not Greenroom's alone. Remove it, or set TMPDIR "
            "to a folder of Greenroom's own."
        )
    return folder


def _make_root() -> Path:
    try:
        return Path(tempfile.mkdtemp(prefix=f"{os.getpid()}-", dir=attempts_folder()))
    except OSError as error:
        raise EnvironmentUnavailable(
            f"No folder could be made for the attempt: {error.strerror or error}. Free some disk "
            "space and try again."
        ) from error


def _copy(seed: Path | None, target: Path) -> None:
    if seed is None:
        target.mkdir()
        return
    if not seed.is_dir():
        raise EnvironmentUnavailable(
            f"The seed folder {seed} does not exist. Correct the environment's seed folder."
        )
    _refuse_outward_links(seed)
    try:
        shutil.copytree(seed, target, symlinks=True)
    except (OSError, shutil.Error) as error:
        raise EnvironmentUnavailable(
            f"The seed folder {seed} could not be copied: {_reason(error)}. "
            "Make it readable and check the free space."
        ) from error
    _make_writable(target)


def _refuse_outward_links(seed: Path) -> None:
    """A link out of the seed would let practice change what it points to."""
    inside = seed.resolve()
    for folder, names, files in os.walk(seed):
        for name in (*names, *files):
            path = Path(folder, name)
            if path.is_symlink() and (
                path.readlink().is_absolute() or not path.resolve().is_relative_to(inside)
            ):
                raise EnvironmentUnavailable(
                    "The seed folder holds a link that leads out of it "
                    f"({path.relative_to(seed)}). Replace the link by the files it points to."
                )


def _make_writable(root: Path) -> None:
    """Seeds are often read-only (a checkout, a container image); their copies must not be."""
    root.chmod(root.stat().st_mode | stat.S_IRWXU)
    for folder, names, files in os.walk(root):
        for name in names:
            _widen(Path(folder, name), stat.S_IRWXU)
        for name in files:
            _widen(Path(folder, name), stat.S_IRUSR | stat.S_IWUSR)


def _widen(path: Path, bits: int) -> None:
    if not path.is_symlink():
        path.chmod(path.stat().st_mode | bits)


def _remove(root: Path) -> None:
    with suppress(OSError):  # what cannot be widened is left to rmtree, which passes over it
        _make_writable(root)
    shutil.rmtree(root, ignore_errors=True)


def _is_alive(pid: str) -> bool:
    try:
        os.kill(int(pid), 0)
    except ValueError:
        return True  # not a folder of ours
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _reason(error: OSError | shutil.Error) -> str:
    if isinstance(error, shutil.Error) and error.args and isinstance(error.args[0], list):
        return str(error.args[0][0][-1])
    return str(getattr(error, "strerror", None) or error)
