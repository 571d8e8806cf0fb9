"""Labelled sets in the neutral layout that come as one zip or tar, unpacked safely."""

from __future__ import annotations

import fcntl
import gzip
import io
import re
import shutil
import struct
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

from practice.clients.telemetry import UnreadableTelemetry

#: What an archive may unpack to; its files are gzipped themselves.
UNPACKED_CAP = 512 << 20
MAX_FILES = 20_000
_BLOCK = tarfile.BLOCKSIZE
#: What a tar may say of one member beside its header; tarfile holds it whole.
_ABOUT_CAP = 1 << 16
_ABOUT = {
    tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK,
    tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE,
}  # fmt: skip
_NAME = re.compile(r"[A-Za-z0-9._ -]{1,120}")
#: With the folder it is unpacked into, a path must not be longer than the system takes.
_PATH_CAP = 1_000
#: What Python's own readers raise of damaged ones: names in no encoding, empty names, offsets
#: before the beginning, versions of the future, …
_DAMAGED = (
    *(zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError, gzip.BadGzipFile, struct.error),
    *(ValueError, LookupError, NotImplementedError, OverflowError),
)


def look(data: bytes) -> int:
    """Go through an archive without writing anything; the bytes its files unpack to.

    Raises:
        UnreadableTelemetry: no archive, cut off or damaged, a name that leads outside, locked with
            a password, or too much in it. One line that says what to do.
    """
    total = count = 0
    with _damage_told():
        for name, size in _zip_listing(data) if _is_zip(data) else _tar_listing(_tar(data)):
            _parts(name)
            total, count = total + size, count + 1
            if count > MAX_FILES:
                raise UnreadableTelemetry(
                    f"The archive holds more than {MAX_FILES} files: send its sets one by one"
                )
            if total > UNPACKED_CAP:
                raise _too_much()
    return total


def unpack(data: bytes, target: Path, told: Callable[[float], None] = lambda share: None) -> None:
    """Unpack an archive into ``target``, whole or not at all; what is there already stays.

    ``told`` hears which share is unpacked; what it raises ends the unpacking.

    Raises:
        UnreadableTelemetry: as ``look`` does, or the files are not what the archive says of them.
    """
    total = max(1, look(data))
    target.parent.mkdir(parents=True, exist_ok=True)
    with _alone_in(target.parent):
        if target.is_dir():
            return
        # We alone unpack here, so what lies half unpacked is left from a worker that died.
        for dead in target.parent.glob(".unpacking-*"):
            shutil.rmtree(dead, ignore_errors=True)
        unpacked = Path(tempfile.mkdtemp(prefix=".unpacking-", dir=target.parent))
        try:
            with _damage_told():
                _write(data, unpacked, lambda done: told(min(1.0, done / total)))
            unpacked.replace(target)
        finally:
            shutil.rmtree(unpacked, ignore_errors=True)


def _write(data: bytes, folder: Path, told: Callable[[int], None]) -> None:
    """Write an archive's files into ``folder``; ``told`` hears of how many bytes are written."""
    done = 0
    for name, stream in _members(data):
        path = folder.joinpath(*_parts(name))
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as out:
            while piece := stream.read(1 << 20):
                done += len(piece)
                if done > UNPACKED_CAP:
                    raise _too_much()
                out.write(piece)
                told(done)


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """One at a time on this machine; the lock goes with the process that holds it."""
    with (folder / ".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def _damage_told() -> Iterator[None]:
    try:
        yield
    except UnreadableTelemetry:
        raise
    except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
        raise UnreadableTelemetry(
            "The archive holds a file and a folder of one name: pack the set's own folder again"
        ) from error
    except _DAMAGED as error:
        why = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UnreadableTelemetry(
            f"The archive is cut off or damaged ({why}): send it again, as .zip or .tar.gz"
        ) from error


def _too_much() -> UnreadableTelemetry:
    return UnreadableTelemetry(
        f"The archive unpacks to more than {UNPACKED_CAP >> 20} MB: send its sets one by one"
    )


def _is_zip(data: bytes) -> bool:
    return data[:2] == b"PK"


def _zip_listing(data: bytes) -> Iterator[tuple[str, int]]:
    if not zipfile.is_zipfile(io.BytesIO(data)):  # a zip's list of files is at its end
        raise EOFError("it ends too early")
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for item in archive.infolist():
            if item.flag_bits & 1:
                raise UnreadableTelemetry("The archive has a password: send it without one")
            # Other methods are unpacked in one go, however much that is.
            if item.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
                raise UnreadableTelemetry(
                    "The archive is packed in an uncommon way: send it as a plain .zip or .tar.gz"
                )
            if not item.is_dir():
                yield item.filename, item.file_size


class _Bounded:
    """The bytes of a tar, no more of them than an archive may unpack to."""

    def __init__(self, raw: IO[bytes]) -> None:
        self._raw = raw
        # Headers and padding come on top of what the files are.
        self._left = UNPACKED_CAP + MAX_FILES * 4 * _BLOCK

    def read(self, size: int) -> bytes:
        piece = self._raw.read(size)
        self._left -= len(piece)
        if self._left < 0:
            raise _too_much()
        return piece


def _tar(data: bytes) -> _Bounded:
    packed = io.BytesIO(data)
    is_gzip = data[:2] == b"\x1f\x8b"
    return _Bounded(cast("IO[bytes]", gzip.GzipFile(fileobj=packed)) if is_gzip else packed)


def _tar_listing(stream: _Bounded) -> Iterator[tuple[str, int]]:
    """Regular files. Unlike tarfile, it does not take an archive that ends early for a whole."""
    first = True
    while True:
        block = stream.read(_BLOCK)
        if block and not any(block):
            break
        if len(block) < _BLOCK and not first:
            raise EOFError("it ends too early")
        try:
            member = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
        except tarfile.HeaderError as error:
            if not first:
                raise
            raise UnreadableTelemetry(
                "This is not an archive: send one set as .zip or .tar.gz"
            ) from error
        first = False
        if member.type == tarfile.GNUTYPE_SPARSE:
            raise UnreadableTelemetry("The archive holds sparse files: pack it without them")
        if member.type in _ABOUT and member.size > _ABOUT_CAP:
            raise UnreadableTelemetry("The archive holds a name that is too long: shorten it")
        if member.isreg():
            yield member.name, member.size
        if member.isreg() or member.type in _ABOUT or member.type not in tarfile.SUPPORTED_TYPES:
            _skip(stream, -(-member.size // _BLOCK) * _BLOCK)
    while stream.read(1 << 20):  # what is packed carries its checksum at the end
        pass


def _skip(stream: _Bounded, size: int) -> None:
    while size > 0:
        piece = stream.read(min(size, 1 << 20))
        if not piece:
            raise EOFError("it ends too early")
        size -= len(piece)


def _members(data: bytes) -> Iterator[tuple[str, IO[bytes]]]:
    if _is_zip(data):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for item in archive.infolist():
                if not item.is_dir():
                    with archive.open(item) as stream:
                        yield item.filename, stream
        return
    stream_of_tar: Any = _tar(data)
    with tarfile.open(fileobj=stream_of_tar, mode="r|") as tar:
        for member in tar:
            stream_of = tar.extractfile(member) if member.isfile() else None
            if stream_of is not None:
                yield member.name, stream_of


def _parts(name: str) -> list[str]:
    parts = [part for part in name.replace("\\", "/").split("/") if part not in {"", "."}]
    if len(name) > _PATH_CAP:
        raise UnreadableTelemetry("The archive holds a name that is too long: shorten it")
    if name.startswith("/") or not parts or not all(_NAME.fullmatch(p) for p in parts):
        raise UnreadableTelemetry(
            f"The archive holds a name that cannot be used: {name[:80]!r}. "
            "Use letters, digits, spaces, dots, - and _"
        )
    if ".." in parts:
        raise UnreadableTelemetry(
            f"The archive holds a name that leads outside: {name[:80]!r}. Pack the set's own folder"
        )
    return parts
