"""Bodies as they come and go over the wire, so that no view has to think about it.

A body in chunks has no length, so Django takes it for empty: it is gathered before Django sees the
request. And whoever is refused while still sending must be able to read why: most clients look for
the answer only once all is sent, and a connection that is closed before breaks under them. So what
a refused request still sends is read and thrown away, for a while. And whoever falls silent in the
middle of a body is let go: nothing else would ever give its thread back. So is whoever asks for
much and does not read it, or reads so slowly that a dozen of them would hold all threads.
"""

from __future__ import annotations

import errno
import json
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, suppress
from http import HTTPStatus
from tempfile import SpooledTemporaryFile
from typing import IO, Any

from gunicorn.http.errors import ParseException

from memoryapp.domain.problems import CONTENT_TYPE, problem_document

PIECE = 64 * 1024
#: a body in chunks up to this size never touches the disk.
IN_MEMORY = 2**20
#: seconds a body in chunks may take to come, and a refused one is listened to: a thread waits.
CHUNKS_SECONDS, REST_SECONDS = 60.0, 10.0
#: seconds a sender may be silent before the end of its body; the server itself waits for good.
SILENT_SECONDS = 30.0
#: seconds a reader may take for a piece of an answer, and those that readers are waited for in all
#: before they must have been reading that many bytes a second: a thread waits.
UNREAD_SECONDS, ANSWER_SECONDS, SLOWEST = 30.0, 60.0, 16 * 1024
#: bytes of a refused body that are thrown away before its connection is closed after all.
REST_MOST = 512 * 2**20
BROKEN = "The body ended early, or its chunks are malformed. Nothing was saved."

Environ = dict[str, Any]


class Bodies:
    """A WSGI application around another. ``most`` is how many bytes a body in chunks may have."""

    def __init__(self, application: Any, *, most: int) -> None:
        self._application = application
        self._most = most

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        wire, status = _Wire(environ), 200

        def start(line: str, *more: Any) -> Any:
            nonlocal status
            status = int(line[:3])
            wire.listen(UNREAD_SECONDS)
            wire.write = start_response(line, *more)
            return wire.write

        if "chunked" in environ.get("HTTP_TRANSFER_ENCODING", "").lower():
            file = SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115  # closed with the answer
            if refusal := self._gather(wire, file):
                return _Closing(_problem(start, *refusal), file.close, wire.drain)
            environ["wsgi.input"], environ["CONTENT_LENGTH"] = file, str(file.tell())
            file.seek(0)
            return _Closing(wire.sent(self._application(environ, start)), file.close)
        if environ.get("CONTENT_LENGTH", "0") not in {"", "0"}:
            wire.listen(SILENT_SECONDS)
        answer = wire.sent(self._application(environ, start))
        if status < 400 or environ.get("CONTENT_LENGTH", "0") == "0":
            return answer
        return _Closing(answer, wire.drain)

    def _gather(self, wire: _Wire, file: IO[bytes]) -> tuple[HTTPStatus, str, str] | None:
        """Bring all chunks into ``file``, or say why not: status, type and detail."""
        wire.deadline = time.monotonic() + CHUNKS_SECONDS
        try:
            while piece := wire.read():
                if file.tell() + len(piece) > self._most:
                    said = f"A chunked body may have at most {self._most} bytes. Nothing was saved."
                    return HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too-large", said
                file.write(piece)
        except (OSError, ParseException):
            return HTTPStatus.BAD_REQUEST, "invalid", BROKEN
        return None


class _Wire:
    """What a client still sends, until ``deadline``, and how fast it reads what it is sent."""

    def __init__(self, environ: Environ) -> None:
        self._read = environ["wsgi.input"].read
        self._socket = environ.get("gunicorn.socket")
        self._file: type | tuple[()] = environ.get("wsgi.file_wrapper", ())
        self.write: Callable[[bytes], object] | None = None
        self.deadline = 0.0

    def sent(self, answer: Iterable[bytes]) -> Iterable[bytes]:
        """An answer that ends where its reader is too slow. A file the kernel sends by itself."""
        if self._socket is None or isinstance(answer, self._file):
            return answer
        after = [answer.close] if hasattr(answer, "close") else []
        return _Closing(self._pieces(answer), *after)

    def _pieces(self, answer: Iterable[bytes]) -> Iterator[bytes]:
        """Send all of it from here, where it is seen how long that takes; nothing is left over.

        Raises:
            ConnectionResetError: as if the reader had gone.
        """
        waited, sent = 0.0, 0
        for part in answer:
            for at in range(0, len(part), PIECE):
                piece = part[at : at + PIECE]
                began = time.monotonic()
                try:
                    self.write(piece)  # type: ignore[misc]  # set before the first part
                except TimeoutError as error:
                    raise _gone() from error
                waited, sent = waited + time.monotonic() - began, sent + len(piece)
                if waited > ANSWER_SECONDS + sent / SLOWEST:
                    raise _gone()
        yield from ()

    def read(self) -> bytes:
        """The next bytes, none at the end of the body.

        Raises:
            OSError, ParseException: the client is silent or gone; what it sends is no chunk.
        """
        seconds = self.deadline - time.monotonic()
        if seconds <= 0:
            raise TimeoutError
        if self._socket is None:
            return bytes(self._read(PIECE))
        self._socket.settimeout(seconds)
        try:
            return bytes(self._read(PIECE))
        finally:
            self._socket.settimeout(None)

    def listen(self, seconds: float | None) -> None:
        """Wait this long for each next piece; for good with ``None``."""
        if self._socket is not None:
            self._socket.settimeout(seconds)

    def drain(self) -> None:
        """Throw away what comes, so that a client that still sends comes to read its answer."""
        self.deadline = time.monotonic() + REST_SECONDS
        left = REST_MOST
        with suppress(OSError, ParseException):
            while left > 0 and (piece := self.read()):
                left -= len(piece)


def _gone() -> ConnectionResetError:
    return ConnectionResetError(errno.ECONNRESET, "The answer is read too slowly.")


class _Closing:
    """An answer after which something is to be done."""

    def __init__(self, answer: Iterable[bytes], *after: Callable[[], None]) -> None:
        self._answer = answer
        self._after = after

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._answer)

    def close(self) -> None:
        with ExitStack() as all_of_it:
            for call in reversed(self._after):
                all_of_it.callback(call)
            if hasattr(self._answer, "close"):
                self._answer.close()


def _problem(
    start: Callable[..., Any], status: HTTPStatus, kind: str, detail: str
) -> Iterable[bytes]:
    said = json.dumps(problem_document(status, kind, detail)).encode()
    headers = {"Content-Type": CONTENT_TYPE, "Content-Length": str(len(said))}
    start(f"{status.value} {status.phrase}", [*headers.items()])
    return [said]
