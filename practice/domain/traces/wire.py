"""OTLP requests in protobuf as they lie in the bytes: counted before they are taken apart.

Requests of all signals are built alike: resources, in them scopes, in them spans, log records or
metrics. An empty one takes two bytes and, as an object, over a hundred.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

from google.protobuf.message import DecodeError

from practice.domain.traces.bodies import BodyTooLarge

#: the fields that hold resources in a request, scopes in a resource, and items in a scope.
RESOURCES, SCOPES, ITEMS = 1, 2, 2
#: wire types of protobuf.
VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
Part = TypeVar("Part")


class Counted:
    """What a request holds around its items and those, counted as it is met, up to ``most``."""

    def __init__(self, most: int) -> None:
        self.most, self.seen = most, 0

    def one_more(self) -> None:
        self.seen += 1
        if self.seen > self.most:
            raise BodyTooLarge(
                f"The body holds more than {self.most} parts. Send it in smaller batches."
            )

    def each(self, parts: Iterable[Part]) -> Iterator[Part]:
        for part in parts:
            self.one_more()
            yield part


def request_check(body: bytes, *, most: int) -> None:
    """Count the resources, scopes and items of a request of any signal.

    Raises:
        BodyTooLarge: more than ``most``.
        DecodeError, IndexError: it is no request, or cut off.
    """
    counted = Counted(most)
    for resource in messages(body, RESOURCES, counted):
        for scope in messages(resource, SCOPES, counted):
            for _ in messages(scope, ITEMS, counted):
                pass


def messages(body: bytes, wanted: int, counted: Counted) -> Iterator[bytes]:
    """The messages in one field of a message, by protobuf's wire format; all fields count.

    Raises:
        DecodeError, IndexError: it is no message, or cut off.
    """
    place, end = 0, len(body)
    while place < end:
        counted.one_more()
        tag, place = _varint(body, place)
        number, kind = tag >> 3, tag & 7
        if not number:
            raise DecodeError("A field has no number.")
        if kind == BYTES:
            length, place = _varint(body, place)
            if number == wanted and place + length <= end:
                yield body[place : place + length]
            place += length
        elif kind == VARINT:
            _, place = _varint(body, place)
        elif kind in (FIXED64, FIXED32):
            place += 8 if kind == FIXED64 else 4
        else:
            raise DecodeError(f"Wire type {kind} stands in no OTLP request.")
    if place != end:
        raise DecodeError("The message is cut off.")


def _varint(body: bytes, place: int) -> tuple[int, int]:
    """A number at a place, and the place after it."""
    byte = body[place]
    if byte < 128:
        return byte, place + 1
    value, shift = byte & 127, 7
    while byte >= 128:
        place += 1
        byte = body[place]
        value |= (byte & 127) << shift
        shift += 7
        if shift > 70:
            raise DecodeError("A number has more than 64 bits.")
    return value, place + 1
