"""Reading alerts, and which of them belong together."""

from __future__ import annotations

from typing import Any

import pytest

from practice.domain.alerts import (
    NotAnAlert,
    Sent,
    Standing,
    explained,
    joins,
    moment,
    read,
    read_alertmanager,
)

AT = 1_795_000_000.0


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("text", "An alert is an object"),
        ({}, "at is missing"),
        ({"at": "yesterday"}, "at is a time"),
        ({"at": True}, "at is a time"),
        ({"at": AT * 1000}, "divide milliseconds"),
        ({"at": "nan"}, "at is a time"),
        ({"at": float("nan")}, "not a time in seconds"),
        ({"at": 10**400}, "not a time in seconds"),
        ({"at": -(10**400)}, "not a time in seconds"),
        ({"at": AT, "onset_between": [AT]}, "two times"),
        ({"at": AT, "onset_between": [AT, AT - 60]}, "swap the two times"),
        ({"at": AT, "entry": ["web"]}, "entry is a text"),
        ({"at": AT, "labels": "a=b"}, "labels is an object"),
        ({"at": AT, "onset": [AT, AT]}, "There is no field onset. An alert takes id, at, entry"),
    ],
)
def test_it_refuses_what_is_no_alert_in_one_line(given: Any, message: str) -> None:
    with pytest.raises(NotAnAlert, match=message) as refusal:
        read(given)
    assert "\n" not in str(refusal.value)


def test_it_reads_times_with_and_without_a_zone() -> None:
    assert moment("2026-11-20T09:12:00Z", "at") == moment("2026-11-20T09:12:00", "at")
    assert moment("2026-11-20T10:12:00+01:00", "at") == moment("2026-11-20T09:12:00Z", "at")


def test_the_same_alert_gets_the_same_name_where_the_sender_has_none() -> None:
    assert read({"at": AT, "entry": "web"}) == read({"at": AT, "entry": "web"})
    assert read({"at": AT, "entry": "web"}).external_id != read({"at": AT}).external_id


def test_it_keeps_no_character_that_nothing_can_store() -> None:
    given = {"at": AT, "entry": "w\ud800eb", "signal": "s\0low", "labels": {"a\0": "b\udfff"}}
    sent = read(given)
    assert (sent.entry, sent.signal, sent.labels) == ("w\ufffdeb", "slow", {"a": "b\ufffd"})
    alert = {"startsAt": AT, "fingerprint": "f\ud800\0", "labels": {"alertname": "n\udfff"}}
    ((sent,), _) = read_alertmanager({"alerts": [alert]})
    assert (sent.external_id, sent.title) == (f"f\ufffd-{AT:.0f}", "n\ufffd")


def test_it_masks_secrets_in_labels_and_texts() -> None:
    sent = read({"at": AT, "signal": "failed with Bearer sk-abcdefghijklmnopqrstuvwxyz123456"})
    assert "abcdefghijklmnop" not in sent.signal


def test_it_reads_alertmanagers_webhook_and_reports_what_it_cannot_read() -> None:
    body = {
        "version": "4",
        "status": "firing",
        "alerts": [
            {
                "status": "resolved",
                "labels": {"alertname": "Slow", "service": "web", "severity": "page"},
                "annotations": {"summary": "web is slow"},
                "startsAt": "2026-11-20T09:12:00Z",
                "endsAt": "2026-11-20T09:20:00Z",
                "fingerprint": "ab12",
            },
            {"labels": {"alertname": "Bad"}, "startsAt": "soon"},
            "text",
        ],
    }
    found, refused = read_alertmanager(body)
    assert [(a.entry, a.title, a.severity) for a in found] == [("web", "web is slow", "page")]
    assert found[0].resolved_at == found[0].at + 480
    assert found[0].external_id.startswith("ab12-")
    assert [line.partition(":")[0] for line in refused] == ["Alert 1", "Alert 2"]


@pytest.mark.parametrize(
    ("labels", "system", "is_part"),
    [
        ({"namespace": "pay"}, "pay", True),
        ({"namespace": "pay", "cluster": "eu"}, "eu", False),
        ({"cluster": "eu"}, "eu", False),
        ({}, "", False),
    ],
)
def test_a_namespace_is_a_part_of_a_system(
    labels: dict[str, str], system: str, is_part: bool
) -> None:
    alert = {"startsAt": AT, "labels": {"alertname": "Slow", **labels}}
    ((sent,), _) = read_alertmanager({"alerts": [alert]})
    assert (sent.system, sent.is_part) == (system, is_part)


@pytest.mark.parametrize("body", [{}, [], {"alerts": "x"}, None])
def test_it_refuses_another_body_than_alertmanagers(body: Any) -> None:
    with pytest.raises(NotAnAlert, match="webhook_config"):
        read_alertmanager(body)


def _sent(**changes: Any) -> Sent:
    given: dict[str, Any] = {"external_id": "a", "at": AT, "entry": "web"}
    return Sent(**given | changes)


STANDING = Standing("web", "shop", AT - 60, AT + 60, frozenset({"web", "ledger"}))


@pytest.mark.parametrize(
    ("alert", "expected"),
    [
        (_sent(), True),
        (_sent(entry=""), True),
        (_sent(entry="ledger"), True),
        (_sent(entry="mail"), False),
        (_sent(system="shop"), True),
        (_sent(system="bank"), False),
        (_sent(system="bank", entry="ledger"), False),
        (_sent(system="bank", entry="ledger", is_part=True), True),
        (_sent(system="bank", entry="ledger", is_part=True, at=AT + 661), False),
        (_sent(system="bank", entry="mail", is_part=True), False),
        (_sent(system="bank", is_part=True), False),
        (_sent(system="bank", entry="", is_part=True), False),
        (_sent(at=AT + 60 + 600), True),
        (_sent(at=AT + 60 + 601), False),
        (_sent(at=AT - 60 - 601), False),
    ],
)
def test_an_alert_joins_what_it_belongs_to(alert: Sent, expected: bool) -> None:
    assert joins(alert, STANDING) is expected


@pytest.mark.parametrize(
    ("entry", "known", "expected"),
    [("", (), True), ("", ("web", "shop"), True), ("", ("mail",), False), ("mail", (), False)],
)
def test_an_incident_from_nowhere_takes_anything_while_nothing_is_known_of_it(
    entry: str, known: tuple[str, ...], expected: bool
) -> None:
    standing = Standing(entry, "shop", AT - 60, AT + 60, frozenset(known))
    assert joins(_sent(), standing) is expected


def test_a_cause_explains_the_alerts_that_reach_it_even_in_a_cycle() -> None:
    calls = {("web", "shop"), ("shop", "ledger"), ("ledger", "shop"), ("mail", "queue")}
    assert explained("ledger", ["web", "shop", "mail", ""], calls) == 3
    assert explained("queue", ["web", "mail"], calls) == 1
