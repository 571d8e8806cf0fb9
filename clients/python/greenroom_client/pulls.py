"""Released playbooks: from the copy where that is good enough, else from the server."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from greenroom_client.cache import Copies, Copy
from greenroom_client.errors import (
    GreenroomError,
    NotFound,
    NotReleased,
    Refused,
    Unreachable,
    Withdrawn,
)
from greenroom_client.http import Answer, Connection

FRESH, STALE = 60.0, 600.0
#: seconds without another request to a server that was away, where a copy is at hand.
AWAY = 10.0
PRODUCTION = "production"
#: the form that is the folder of an Agent Skill, packed.
ARCHIVE = "skill"


@dataclass(frozen=True)
class Receipt:
    """Which release an agent worked with, for what it reports afterwards."""

    playbook: str
    release: str
    version: int
    etag: str
    source: str


@dataclass(frozen=True)
class Pulled:
    """A playbook as text. ``source`` is server, copy, stale copy or fallback."""

    text: str
    source: str
    age_seconds: float
    receipt: Receipt | None

    def __str__(self) -> str:
        return self.text


class Pulls:
    """What an agent is handed, over one connection. Without ``copies`` none are kept."""

    def __init__(self, http: Connection, copies: Copies | None) -> None:
        self.http = http
        self._copies = copies
        self._looking: set[str] = set()
        self._lock = threading.Lock()
        self._away_until = 0.0

    def pull(
        self,
        playbook: str,
        *,
        label: str = "",
        version: int | None = None,
        form: str = "md",
        max_tokens: int = 0,
        fallback: str | None = None,
        follow: bool = False,
        fresh: bool = False,
    ) -> Pulled:
        """Return a released playbook, from the copy where that is good enough.

        It is the one at ``label``, which is ``production`` unless you name another, or ``version``.
        ``follow`` takes the replacement of a release that was withdrawn. ``fresh`` asks the server
        first, whatever the copy's age.

        Raises:
            Unreachable: no answer, no copy and no fallback.
            NotReleased: nothing of the playbook is released yet, and there is no fallback.
            Withdrawn, NotFound, NotAllowed: the server said so; no copy is used against its word.
            Refused: a form that is no text, a label and a version, or a name that is no slug.
        """
        if form == ARCHIVE:
            raise Refused(f"The form {ARCHIVE} is a zip, not text: use archive().")
        query = _query(label, version, form, max_tokens)
        name = Copies.name(
            self.http.url, self.http.key, self.http.agent, playbook, sorted(query.items(), key=str)
        )
        copy = self._copies.get(name) if self._copies else None
        at_hand = None if fresh else copy
        if at_hand is not None and at_hand.is_fresh:
            return _pulled(playbook, at_hand, "copy")
        if at_hand is not None and at_hand.is_usable_meanwhile:
            self._look_after(name, playbook, query, at_hand)
            return _pulled(playbook, at_hand, "copy")
        if at_hand is not None and time.monotonic() < self._away_until:
            return _pulled(playbook, at_hand, "stale copy")
        try:
            # With a copy at hand one try will do: a server that hangs must not hold up the agent.
            found = self._ask(name, playbook, query, copy, tries=1 if at_hand else None)
            self._away_until = 0.0
            return _pulled(playbook, found, "server")
        except Withdrawn as gone:
            if follow and gone.replacement is not None and gone.replacement != version:
                return self.pull(
                    playbook,
                    version=gone.replacement,
                    form=form,
                    max_tokens=max_tokens,
                    fallback=fallback,
                    fresh=fresh,
                )
            raise
        except NotReleased:
            if fallback is None:
                raise
            return Pulled(fallback, "fallback", float("inf"), None)
        except Unreachable:
            if copy is not None:
                self._away_until = time.monotonic() + AWAY
                return _pulled(playbook, copy, "stale copy")
            if fallback is not None:
                return Pulled(fallback, "fallback", float("inf"), None)
            raise

    def archive(
        self,
        playbook: str,
        *,
        label: str = "",
        version: int | None = None,
        form: str = ARCHIVE,
        max_tokens: int = 0,
        follow: bool = False,
    ) -> bytes:
        """A playbook in a form that is no text, such as the folder of an Agent Skill as a zip.

        ``follow`` takes the replacement of a release that was withdrawn. No copy is kept.
        """
        query = _query(label, version, form, max_tokens)
        try:
            return self._released(playbook, query).body
        except Withdrawn as gone:
            if not follow or gone.replacement in {None, version}:
                raise
            return self.archive(
                playbook, version=gone.replacement, form=form, max_tokens=max_tokens
            )

    def _ask(
        self,
        name: str,
        playbook: str,
        query: Mapping[str, Any],
        copy: Copy | None,
        tries: int | None = None,
    ) -> Copy:
        headers = {"If-None-Match": f'"{copy.etag}"'} if copy else {}
        try:
            answer = self._released(playbook, query, headers, tries)
        except (Withdrawn, NotFound):
            # The server's word ends the copy: what was withdrawn must not come back from the disk.
            if self._copies:
                self._copies.forget(name)
            raise
        fresh, stale = _times(answer)
        if answer.status == 304 and copy is not None:
            assert self._copies is not None
            return self._copies.confirm(name, copy, fresh, stale)
        made = Copy(
            text=answer.body.decode("utf-8"),
            etag=answer.headers.get("etag", "").removeprefix("W/").strip('"'),
            version=int(answer.headers.get("x-playbook-version", "0")),
            release=answer.headers.get("x-release-id", ""),
            fresh_seconds=fresh,
            stale_seconds=stale,
            checked_at=time.time(),
        )
        if self._copies:
            self._copies.put(name, made)
        return made

    def _released(
        self,
        playbook: str,
        query: Mapping[str, Any],
        headers: Mapping[str, str] | None = None,
        tries: int | None = None,
    ) -> Answer:
        answer = self.http.get(path_of(playbook), query, headers, tries)
        if "x-release-id" not in answer.headers:
            # A proxy's page for signing in, or another server: no agent is to take it for lessons.
            raise Unreachable(
                f"{self.http.url} answered, but it is not a Greenroom server. Check its address."
            )
        return answer

    def _look_after(self, name: str, playbook: str, query: Mapping[str, Any], copy: Copy) -> None:
        """Ask in the background whether the copy still holds; at most one question at a time."""
        with self._lock:
            if name in self._looking:
                return
            self._looking.add(name)

        def look() -> None:
            try:
                self._ask(name, playbook, query, copy)
            except GreenroomError:
                pass  # the next pull meets it in the open
            finally:
                with self._lock:
                    self._looking.discard(name)

        threading.Thread(target=look, name="greenroom-refresh", daemon=True).start()


def path_of(playbook: str, *more: str) -> str:
    """The path of a playbook, or of ``more`` under it.

    Raises:
        Refused: the name would make another path of it.
    """
    if "/" in playbook or not playbook.strip("."):
        raise Refused(f"A playbook is named by its slug, such as help-desk, not {playbook!r}.")
    return "/".join(("playbooks", playbook, *more))


def _query(label: str, version: int | None, form: str, max_tokens: int) -> dict[str, Any]:
    if label and version is not None:
        raise Refused("Give a label or a version, not both.")
    return {
        "label": label or PRODUCTION if version is None else None,
        "version": version,
        "format": form,
        "max_tokens": max_tokens or None,
    }


def _pulled(playbook: str, copy: Copy, source: str) -> Pulled:
    receipt = Receipt(playbook, copy.release, copy.version, copy.etag, source)
    return Pulled(copy.text, source, copy.age(), receipt)


def _times(answer: Answer) -> list[float]:
    """How long an answer is fresh and how long it may be used meanwhile, in seconds."""
    said = answer.headers.get("cache-control", "")
    found = []
    for word, default in (("max-age", FRESH), ("stale-while-revalidate", STALE)):
        match = re.search(rf"(?:^|[ ,]){word}=(\d+)", said)
        found.append(float(match[1]) if match else default)
    return found
