"""What an OpenAPI service answered, as observations of practice."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from memoryapp.domain.masking import redact, redact_value
from practice.clients.answers import hide, remarks_on
from practice.clients.discovery import mismatch
from practice.clients.openapi_exchange import BODY_CAP, Answer
from practice.clients.openapi_operations import is_json
from practice.domain.cutting import clip, whole
from practice.domain.reading import TooDeep, read_json, whole_text
from practice.domain.types import Observation, ToolSpec

_TEXTUAL = ("text/", "application/xml", "application/yaml", "application/javascript")
_NOTHING = object()
#: longest body that is compared with its schema; a longer one says nothing new.
_COMPARED = 256 * 1024


def observe(answer: Answer, secrets: Mapping[str, str]) -> Observation:
    """Turn an answer into an observation: JSON and text as sent, anything else by its size.

    ``secrets`` are the environment's own, by name: a service may echo them.
    """
    is_error = not 200 <= answer.status < 300
    parsed = _parsed(answer)
    text = hide(_text(answer, is_json_body=parsed is not _NOTHING), secrets)
    structured = None if parsed is _NOTHING else hide(parsed, secrets)
    if is_error:
        text = f"HTTP {answer.status}: {text}"
    shown, truncated = clip(text)
    truncated = truncated or answer.is_cut
    return Observation(
        text=shown,
        is_error=is_error,
        structured=None if truncated or structured is None else redact_value(structured),
        truncated=truncated,
        whole=whole(text),
    )


def remark(spec: ToolSpec, seen: Observation, answer: Answer) -> Iterator[str]:
    """Say where an answer is not what the document promised."""
    if answer.status in {405, 501}:
        yield f"{spec.name} is in the document, but the service no longer has it."
    yield from remarks_on(spec.name, seen)
    if seen.is_error or not 0 < len(answer.body) <= _COMPARED:
        return
    parsed = _parsed(answer)
    if parsed is _NOTHING:
        if spec.output_schema is not None or _is_broken(answer):
            yield _not_json(spec.name, answer)
        return
    if spec.output_schema is None:
        return
    wrong = mismatch(parsed, spec.output_schema)
    if wrong:
        yield f"{spec.name} answered other than its document says ({redact(wrong).rstrip('.')})."


def _not_json(name: str, answer: Answer) -> str:
    if is_json(answer.media):
        return f"{name} says that it answers with JSON ({answer.media}), but what it sent is not."
    media = answer.media or "no content type"
    return f"{name} answered with {media}, where its document promises JSON."


def _parsed(answer: Answer) -> Any:
    """The JSON of an answer, or ``_NOTHING``; some services send JSON as plain text."""
    if answer.is_cut or not answer.body or not (is_json(answer.media) or _is_text(answer)):
        return _NOTHING
    try:
        parsed = read_json(answer.body)
    except ValueError:
        return _NOTHING
    return parsed if is_json(answer.media) or isinstance(parsed, dict | list) else _NOTHING


def _is_broken(answer: Answer) -> bool:
    """Whether a whole body is called JSON and is not."""
    if answer.is_cut or not answer.body or not is_json(answer.media):
        return False
    try:
        read_json(answer.body)
    except TooDeep:
        return False
    except ValueError:
        return True
    return False


def _text(answer: Answer, *, is_json_body: bool) -> str:
    if 300 <= answer.status < 400:
        where = _place(answer.location)
        return f"a redirect to {where}, which is not followed."
    if not answer.body:
        where = f", location {answer.location}" if answer.location else ""
        return f"[HTTP {answer.status}, no content{where}]"
    if not (is_json_body or is_json(answer.media) or _is_text(answer)):
        return f"[{answer.media or 'bytes of no stated type'}, {len(answer.body):,} bytes]"
    text = _decoded(answer)
    if not is_json_body and _is_broken(answer):
        text = f"[sent as {answer.media}, but it is not JSON]\n{text}"
    if answer.is_cut:
        text += f"\n[more than {BODY_CAP // 2**20} MB were sent and not read]"
    return text


def _is_text(answer: Answer) -> bool:
    """By its type; without one, by whether it reads as text at all."""
    if answer.media:
        return answer.media.startswith(_TEXTUAL) or answer.media.endswith("+xml")
    return b"\0" not in answer.body[:1024]


def _place(location: str) -> str:
    """Where a redirect leads, without what may be secret in an address."""
    try:
        parts = urlsplit(location)
        return f"{parts.scheme}://{parts.hostname}" if parts.hostname else "another address"
    except ValueError:  # no address at all
        return "another address"


def _decoded(answer: Answer) -> str:
    """The body as text by the charset it names, where that is one of text; by UTF-8 else."""
    try:
        return whole_text(answer.body.decode(answer.charset or "utf-8", "replace"))
    except (LookupError, ValueError):
        return answer.body.decode("utf-8", "replace")
