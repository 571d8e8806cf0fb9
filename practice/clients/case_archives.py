"""Labelled sets in the neutral layout that come as one zip or tar, unpacked safely."""

from __future__ import annotations

import io
import re
import shutil
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from practice.clients.telemetry import UnreadableTelemetry

#: What an archive may unpack to; its files are gzipped themselves.
UNPACKED_CAP = 512 << 20
MAX_FILES = 20_000
_NAME = re.compile(r"[A-Za-z0-9._ -]{1,120}")
_DAMAGED = (zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError, OSError)


def unpack(data: bytes, target: Path) -> None:
    """Unpack an archive into ``target``, whole or not at all; what is there already stays.

    Raises:
        UnreadableTelemetry: no archive, damaged, a name that leads outside, or too much in it.
    """
    if target.is_dir():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    unpacked = Path(tempfile.mkdtemp(prefix=".unpacking-", dir=target.parent))
    left, count = UNPACKED_CAP, 0
    try:
        for name, stream in _members(data):
            count += 1
            if count > MAX_FILES:
                raise UnreadableTelemetry(f"The archive holds more than {MAX_FILES} files")
            path = unpacked.joinpath(*_parts(name))
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("wb") as out:
                while piece := stream.read(1 << 20):
                    left -= len(piece)
                    if left < 0:
                        raise UnreadableTelemetry(
                            f"The archive unpacks to more than {UNPACKED_CAP >> 20} MB: "
                            "send its sets one by one"
                        )
                    out.write(piece)
        unpacked.replace(target)
    except UnreadableTelemetry:
        raise
    except _DAMAGED as error:
        if not target.is_dir():  # else another worker was faster
            why = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise UnreadableTelemetry(
                f"The archive is damaged ({why}): send it again, as .zip or .tar.gz"
            ) from error
    finally:
        shutil.rmtree(unpacked, ignore_errors=True)


def _members(data: bytes) -> Iterator[tuple[str, IO[bytes]]]:
    if data[:4] == b"PK\x03\x04":
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for item in archive.infolist():
                if not item.is_dir():
                    with archive.open(item) as stream:
                        yield item.filename, stream
        return
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:*") as tar:
        for member in tar:
            stream_of = tar.extractfile(member) if member.isfile() else None
            if stream_of is not None:
                yield member.name, stream_of


def _parts(name: str) -> list[str]:
    parts = [part for part in name.replace("\\", "/").split("/") if part not in {"", "."}]
    if name.startswith("/") or not parts or not all(_NAME.fullmatch(p) for p in parts):
        raise UnreadableTelemetry(f"The archive holds a name that cannot be used: {name[:80]!r}")
    if ".." in parts:
        raise UnreadableTelemetry(f"The archive holds a name that leads outside: {name[:80]!r}")
    return parts
