"""Messages as values: signed as Standard Webhooks says, tried again with growing waits."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta

import pytest

from memoryapp.domain.webhooks import (
    TRIES,
    body_of,
    message,
    next_try,
    signature,
    written_secret,
)
from tests.webhooks.receiver import key_of

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


def test_it_signs_as_the_specifications_own_example() -> None:
    secret = key_of("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    signed = signature(
        [secret], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}'
    )
    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_it_signs_with_every_secret_that_still_counts() -> None:
    both = signature([b"new", b"old"], "id", 1, b"{}").split(" ")
    assert both == [signature([s], "id", 1, b"{}") for s in (b"new", b"old")]


def test_a_secret_reads_back() -> None:
    assert key_of(written_secret(b"\x00\xff" * 12)) == b"\x00\xff" * 12


def test_it_sends_the_very_bytes_it_signs() -> None:
    body = body_of(message("release.published", NOW, {"subject": "v3", "note": "größer"}))
    assert body.decode().startswith('{"type":"release.published","timestamp":"2026-11-25T12:00:00')
    assert "größer".encode() in body
    assert base64.b64decode(signature([b"s"], "i", 1, body).removeprefix("v1,"))


def test_it_waits_longer_each_time_and_gives_up_after_six() -> None:
    waits = [next_try(tries, NOW) for tries in range(TRIES + 1)]
    assert TRIES == 6
    assert waits[-1] is None
    given = [when - NOW for when in waits if when is not None]
    assert given == sorted(given)
    assert given[1] == timedelta(seconds=5)


@pytest.mark.parametrize(("asked", "seconds"), [(None, 60), (90, 90), (10, 60), (10**6, 3600)])
def test_it_heeds_what_the_receiver_asks_within_reason(asked: int | None, seconds: int) -> None:
    assert next_try(2, NOW, asked=asked) == NOW + timedelta(seconds=seconds)
