"""Reading request bodies, never more than a process can hold."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from typing import IO, Any

from django.conf import settings
from rest_framework.exceptions import APIException, ParseError
from rest_framework.parsers import BaseParser, JSONParser

from memoryapp.domain.nesting import nested_beyond

#: levels a body may have. What is read entry by entry is held to less, so that one bad entry is
#: refused and not the batch; deeper than this no parser and no encoder can be relied on.
DEEPEST_BODY = 200
TOO_DEEP = (
    f"The body is nested more than {DEEPEST_BODY} levels deep. Nothing was saved: send deep "
    "values as text."
)


class TooLarge(APIException):
    """The body has more bytes than are read. ``detail`` says how many are."""

    status_code = 413
    default_code = "too_large"


class Encoded(APIException):
    """The body is compressed where only plain ones are read."""

    status_code = 415
    default_code = "unsupported_encoding"


class AsItComes(BaseParser):
    """Hands the body over unread: the view reads it in pieces."""

    def parse(self, stream: Any, media_type: Any = None, parser_context: Any = None) -> Any:
        return stream


class AsZip(AsItComes):
    media_type = "application/zip"


class BoundedJSONParser(JSONParser):
    """JSON of a size that fits and nesting that Python can follow; the rest is refused."""

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        if encoding := _encoding((parser_context or {}).get("request")):
            raise Encoded(
                f"Content-Encoding {encoding[:40]!r} is not supported here; only spans may be "
                "sent as gzip. Send this body uncompressed."
            )
        most = settings.INGEST_MAX_BYTES
        body = stream.read(most + 1)
        if len(body) > most:
            raise TooLarge(f"The body has more than {most} bytes. Send it in smaller parts.")
        try:
            parsed: dict[str, Any] = super().parse(io.BytesIO(body), media_type, parser_context)
        except RecursionError as error:
            raise ParseError(TOO_DEEP) from error
        except ParseError as error:
            raise ParseError(_why(error.__context__)) from error
        if nested_beyond(parsed, DEEPEST_BODY):
            raise ParseError(TOO_DEEP)
        return parsed


def _why(problem: BaseException | None) -> str:
    """Why a body is not JSON, in words for its sender; Python's own say how to set up Python."""
    if isinstance(problem, json.JSONDecodeError):
        at = f"line {problem.lineno}, column {problem.colno}"
        return f"The body is not JSON: {problem.msg} at {at}. Nothing was saved."
    if isinstance(problem, UnicodeDecodeError):
        return f"The body is not valid {problem.encoding} at byte {problem.start}. Send UTF-8."
    if str(problem).startswith("Out of range float"):
        return "NaN and Infinity are not JSON numbers. Send null or a string."
    return "A number in the body has too many digits. Send it as a string."


def _encoding(request: Any) -> str:
    """How the body is compressed; empty where it is not."""
    named = "" if request is None else request.headers.get("Content-Encoding", "")
    said: str = named.strip().lower()
    return "" if said == "identity" else said
