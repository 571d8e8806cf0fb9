"""Pulls of the Python client: copies, and what happens while the server is away."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from greenroom_client import (
    Greenroom,
    NotAllowed,
    NotFound,
    NotReleased,
    Refused,
    Unreachable,
    Withdrawn,
    cache,
    http,
)

from tests.clients.server import AWAY, OK, Server, playbook


def settled(condition: Callable[[], bool]) -> bool:
    """Wait for the background; by the monotonic clock, which tests leave alone."""
    deadline = time.monotonic() + 10
    while not condition() and time.monotonic() < deadline:
        threading.Event().wait(0.01)
    return condition()


def test_it_asks_once_while_the_copy_is_fresh(client: Any, clock: list[float]) -> None:
    memory, server = client(playbook("Verify."))
    first = memory.pull("desk")
    clock[0] += 59
    again = memory.pull("desk")
    assert (first.source, again.source, again.text) == ("server", "copy", "Verify.")
    assert (again.receipt.release, again.receipt.version) == ("17", 3)
    assert len(server.asked) == 1


def test_it_uses_a_stale_copy_at_once_and_looks_after_it(client: Any, clock: list[float]) -> None:
    memory, server = client(playbook("Old."), playbook("New.", etag='"e2"'))
    memory.pull("desk")
    clock[0] += 120
    assert memory.pull("desk").text == "Old."
    assert settled(lambda: memory.pull("desk").text == "New.")
    assert server.asked[1][2] == {"If-None-Match": '"e1"'}


def test_it_asks_first_when_the_copy_is_too_old(client: Any, clock: list[float]) -> None:
    memory, server = client(playbook("Verify."), (304, OK, b""))
    memory.pull("desk")
    clock[0] += 3600
    found = memory.pull("desk")
    assert (found.text, found.source, found.age_seconds) == ("Verify.", "server", 0)
    assert server.asked[1][2] == {"If-None-Match": '"e1"'}


def test_it_takes_any_copy_while_the_server_is_away(client: Any, clock: list[float]) -> None:
    memory, server = client(playbook("Verify."), AWAY)
    memory.pull("desk")
    clock[0] += 30 * 24 * 3600
    assert memory.pull("desk").source == "stale copy"
    assert len(server.asked) == 2  # who has a copy waits for one try
    with pytest.raises(Unreachable):
        memory.pull("sales")
    assert len(server.asked) == 2 + http.TRIES


def test_it_leaves_a_server_alone_that_was_away_a_moment_ago(
    client: Any, clock: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    memory, server = client(playbook("Old."), AWAY, playbook("New.", etag='"e2"'))
    memory.pull("desk")
    clock[0] += 3600
    found = [memory.pull("desk").source for _ in range(3)]
    assert (found, len(server.asked)) == (["stale copy"] * 3, 2)
    now[0] += 11
    assert memory.pull("desk").text == "New."


def test_what_is_asked_for_afresh_is_asked_of_a_server_that_was_away(
    client: Any, clock: list[float]
) -> None:
    memory, server = client(playbook("Old."), AWAY, AWAY, playbook("New.", etag='"e2"'))
    memory.pull("desk")
    clock[0] += 3600
    assert memory.pull("desk").source == "stale copy"
    assert memory.pull("desk", fresh=True).text == "New."
    assert len(server.asked) == 4


def test_it_takes_the_fallback_where_there_is_no_copy(client: Any) -> None:
    memory, _ = client(AWAY)
    assert memory.pull("desk", fallback="Nothing yet.").text == "Nothing yet."
    with pytest.raises(Unreachable):
        memory.pull("desk")


def test_it_never_uses_a_copy_against_the_servers_word(client: Any, clock: list[float]) -> None:
    gone = Withdrawn("v3 was recalled.", {"replacement": {"version": 4}})
    memory, _ = client(playbook("Bad advice."), gone, AWAY)
    memory.pull("desk")
    clock[0] += 3600
    with pytest.raises(Withdrawn) as refused:
        memory.pull("desk")
    assert refused.value.replacement == 4
    with pytest.raises(Unreachable):
        memory.pull("desk")


def test_it_follows_to_what_replaces_a_withdrawn_release(client: Any) -> None:
    gone = Withdrawn("v3 was recalled.", {"replacement": {"version": 4}})
    memory, server = client(gone, playbook("Better.", etag='"e4"'))
    assert memory.pull("desk", follow=True).text == "Better."
    assert "version=4" in server.asked[1][1]
    assert "label" not in server.asked[1][1]


def test_before_the_first_release_it_gives_the_fallback(client: Any, clock: list[float]) -> None:
    memory, _ = client(NotReleased("Desk has no release yet."), playbook("Verify."))
    early = memory.pull("desk", fallback="Ask a person.")
    assert (early.text, early.source, early.receipt) == ("Ask a person.", "fallback", None)
    assert memory.pull("desk", fallback="Ask a person.").text == "Verify."


def test_before_the_first_release_it_says_what_to_do_where_there_is_no_fallback(
    httpserver: Any,
) -> None:
    told = {"type": "urn:greenroom:problem:not-released-yet", "detail": "Publish one first."}
    httpserver.expect_request("/api/v1/playbooks/desk").respond_with_json(told, status=404)
    memory = Greenroom(httpserver.url_for("/"), "gr_k", cache=None)
    for take in (memory.pull, memory.archive):
        with pytest.raises(NotReleased, match=r"Publish one first\."):
            take("desk")


@pytest.mark.parametrize("problem", [NotAllowed("no"), NotFound("no")])
def test_a_refusal_is_no_reason_to_use_a_copy(
    client: Any, clock: list[float], problem: Exception
) -> None:
    memory, _ = client(playbook("Verify."), problem)
    memory.pull("desk")
    clock[0] += 3600
    with pytest.raises(type(problem)):
        memory.pull("desk", fallback="x")


def test_copies_of_different_keys_and_requests_are_apart(client: Any) -> None:
    memory, server = client(playbook("Verify."))
    memory.pull("desk")
    memory.pull("desk", label="beta")
    memory.pull("desk", form="json")
    client(playbook("Other."), key="gr_other")[0].pull("desk")
    assert len(server.asked) == 3


def test_a_broken_copy_is_no_copy(client: Any, tmp_path: Path) -> None:
    memory, _ = client(playbook("Verify."))
    memory.pull("desk")
    (file,) = tmp_path.glob("*.json")
    file.write_text('{"text": ')
    assert memory.pull("desk").source == "server"
    assert "gr_k" not in file.read_text() + file.name


def test_it_works_where_nothing_can_be_written(client: Any, tmp_path: Path) -> None:
    memory, _ = client(playbook("Verify."))
    memory._copies = cache.Copies(tmp_path / "file" / "folder")
    (tmp_path / "file").write_text("")
    assert memory.pull("desk").text == "Verify."


def test_a_clock_set_back_makes_a_copy_old_not_young(client: Any, clock: list[float]) -> None:
    memory, server = client(playbook("Verify."), (304, OK, b""))
    memory.pull("desk")
    clock[0] -= 24 * 3600
    assert memory.pull("desk").source == "server"
    assert len(server.asked) == 2


@pytest.mark.parametrize("body", [b"<h1>Sign in to the guest network</h1>", b'{"ok": true}'])
def test_what_another_server_says_is_no_playbook(
    client: Any, clock: list[float], body: bytes
) -> None:
    page = (200, {"content-type": "text/html"}, body)
    memory, _ = client(page)
    with pytest.raises(Unreachable, match="not a Greenroom server"):
        memory.pull("desk")
    memory, _ = client(playbook("Verify."), page)
    memory.pull("desk")
    clock[0] += 1_000
    assert memory.pull("desk").source == "stale copy"
    assert memory.pull("desk", label="beta", fallback="Ask.").text == "Ask."


def test_what_is_asked_for_afresh_is_asked_of_the_server(client: Any, clock: list[float]) -> None:
    memory, server = client(playbook("Old."), playbook("New.", etag='"e2"'), AWAY)
    memory.pull("desk")
    assert memory.pull("desk").text == "Old."
    assert memory.pull("desk", fresh=True).text == "New."
    assert server.asked[1][2] == {"If-None-Match": '"e1"'}
    found = memory.pull("desk", fresh=True)
    assert (found.text, found.source) == ("New.", "stale copy")


def test_a_fallback_also_stands_for_what_replaces_a_withdrawn_release(
    client: Any, clock: list[float]
) -> None:
    gone = Withdrawn("v3 was recalled.", {"replacement": {"version": 4}})
    memory, _ = client(gone, AWAY)
    assert memory.pull("desk", follow=True, fallback="Be careful.").source == "fallback"


def test_a_zip_is_no_text(client: Any, clock: list[float]) -> None:
    memory, server = client(playbook("x"))
    with pytest.raises(Refused, match=r"archive\(\)"):
        memory.pull("desk", form="skill")
    memory.archive("desk", version=2, max_tokens=500)
    assert server.asked[0][1].endswith("/desk?version=2&format=skill&max_tokens=500")


def test_who_has_no_home_keeps_no_copies(monkeypatch: pytest.MonkeyPatch) -> None:
    """A container's user may be a bare number."""

    def nowhere() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", nowhere)
    memory = Greenroom("http://desk.example", "gr_k")
    monkeypatch.setattr(memory.http, "_once", Server([playbook("Verify.")]).once)
    assert memory.pull("desk").source == "server"


def test_a_page_for_signing_in_is_no_archive(client: Any, clock: list[float]) -> None:
    memory, _ = client((200, {"content-type": "text/html"}, b"<h1>Sign in</h1>"))
    with pytest.raises(Unreachable, match="not a Greenroom server"):
        memory.archive("desk")


def test_an_archive_follows_to_what_replaces_it_where_it_is_told_to(
    client: Any, clock: list[float]
) -> None:
    gone = Withdrawn("v3 was recalled.", {"replacement": {"version": 4}})
    memory, server = client(gone, gone, playbook("packed"))
    with pytest.raises(Withdrawn):
        memory.archive("desk")
    assert memory.archive("desk", follow=True, max_tokens=9) == b"packed"
    assert server.asked[2][1].endswith("/desk?version=4&format=skill&max_tokens=9")
    memory, server = client(gone)
    with pytest.raises(Withdrawn):  # it replaces itself: nothing would come of asking again
        memory.archive("desk", version=4, follow=True)
    assert len(server.asked) == 1


@pytest.mark.parametrize("take", ["pull", "archive"])
def test_a_label_and_a_version_are_one_of_the_two(client: Any, take: str) -> None:
    memory, server = client()
    with pytest.raises(Refused, match="not both"):
        getattr(memory, take)("desk", label="production", version=3)
    assert server.asked == []
