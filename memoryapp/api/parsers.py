"""Reading request bodies, never more than a process can hold."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import IO, Any

from django.conf import settings
from rest_framework.exceptions import APIException, ParseError
from rest_framework.parsers import JSONParser


class TooLarge(APIException):
    """The body has more bytes than are read. ``detail`` says how many are."""

    status_code = 413
    default_code = "body_too_large"


class BoundedJSONParser(JSONParser):
    """JSON of a size that fits and nesting that Python can follow; the rest is refused."""

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        most = settings.INGEST_MAX_BYTES
        body = stream.read(most + 1)
        if len(body) > most:
            raise TooLarge(f"The body has more than {most} bytes. Send it in smaller parts.")
        try:
            parsed: dict[str, Any] = super().parse(io.BytesIO(body), media_type, parser_context)
        except RecursionError as error:
            raise ParseError("The JSON is nested too deeply.") from error
        return parsed
