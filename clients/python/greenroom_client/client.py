"""The client: what an agent calls."""

from __future__ import annotations

import hashlib
import os
import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any
from urllib.parse import unquote

from greenroom_client.cache import Copies, Copy, default_folder
from greenroom_client.errors import GreenroomError, NotFound, Refused, Unreachable, Withdrawn
from greenroom_client.http import Answer, Connection

FRESH, STALE = 60.0, 600.0
PIECE = 64 * 1024
#: the form that is the folder of an Agent Skill, packed.
ARCHIVE = "skill"
RUN_ENDED = frozenset({"finished", "failed", "cancelled"})
EXPORT_ENDED = frozenset({"done", "failed", "removed"})


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


class Greenroom:
    """One server, one key. ``url`` and ``key`` default to GREENROOM_URL and GREENROOM_KEY.

    ``agent`` is your name for this agent: the server keeps it with each pull. ``cache`` is a folder
    for copies; ``None`` keeps none.
    """

    def __init__(
        self,
        url: str | None = None,
        key: str | None = None,
        *,
        agent: str = "",
        cache: Path | str | None = "default",
        timeout: float = 10.0,
    ) -> None:
        key = key or os.environ.get("GREENROOM_KEY", "")
        if not key:
            raise Refused("There is no API key: set GREENROOM_KEY, or give key=.")
        address = url or os.environ.get("GREENROOM_URL") or "http://localhost:8000"
        self.http = Connection(address, key, agent=agent, timeout=timeout)
        folder = default_folder() if cache == "default" else cache
        self._copies = Copies(Path(folder)) if folder is not None else None
        self._looking: set[str] = set()
        self._lock = threading.Lock()

    def pull(
        self,
        playbook: str,
        *,
        label: str = "production",
        version: int | None = None,
        form: str = "md",
        max_tokens: int = 0,
        fallback: str | None = None,
        follow: bool = False,
        fresh: bool = False,
    ) -> Pulled:
        """Return a released playbook, from the copy where that is good enough.

        ``follow`` takes the replacement of a release that was withdrawn. ``fresh`` asks the server
        first, whatever the copy's age.

        Raises:
            Unreachable: no answer, no copy and no fallback.
            Withdrawn, NotFound, NotAllowed: the server said so; no copy is used against its word.
            Refused: a form that is no text.
        """
        if form == ARCHIVE:
            raise Refused(f"The form {ARCHIVE} is a zip and no text: take archive().")
        query = {"label": None if version else label, "version": version, "format": form}
        query["max_tokens"] = max_tokens or None
        name = Copies.name(
            self.http.url, self.http.key, self.http.agent, playbook, sorted(query.items(), key=str)
        )
        copy = self._copies.get(name) if self._copies else None
        if copy is not None and copy.is_fresh and not fresh:
            return _pulled(playbook, copy, "copy")
        if copy is not None and copy.is_usable_meanwhile and not fresh:
            self._look_after(name, playbook, query, copy)
            return _pulled(playbook, copy, "copy")
        try:
            return _pulled(playbook, self._ask(name, playbook, query, copy), "server")
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
        except Unreachable:
            if copy is not None:
                return _pulled(playbook, copy, "stale copy")
            if fallback is not None:
                return Pulled(fallback, "fallback", float("inf"), None)
            raise

    def archive(
        self,
        playbook: str,
        *,
        label: str = "production",
        version: int | None = None,
        form: str = ARCHIVE,
        max_tokens: int = 0,
        follow: bool = False,
    ) -> bytes:
        """A playbook in a form that is no text, such as the folder of an Agent Skill as a zip.

        ``follow`` takes the replacement of a release that was withdrawn. No copy is kept.
        """
        query = {"label": None if version else label, "version": version, "format": form}
        query["max_tokens"] = max_tokens or None
        try:
            return self._released(playbook, query).body
        except Withdrawn as gone:
            if not follow or gone.replacement in {None, version}:
                raise
            return self.archive(
                playbook, version=gone.replacement, form=form, max_tokens=max_tokens
            )

    def search(
        self, playbook: str, query: str, *, k: int = 8, max_tokens: int = 0, **more: Any
    ) -> Mapping[str, Any]:
        """Lessons of one playbook that bear on a question, with how much is known of it."""
        asked: dict[str, Any] = {"query": query, "k": k, **more}
        if max_tokens:
            asked["max_tokens"] = max_tokens
        found: Mapping[str, Any] = self.http.post(f"playbooks/{playbook}/retrieve", asked)
        return found

    def report(
        self,
        receipt: Receipt | None,
        *,
        outcome: str = "",
        bullets: Sequence[Mapping[str, Any]] = (),
        task: str = "",
    ) -> Mapping[str, Any]:
        """Say how a task went with a release: success or failure.

        ``bullets`` are ``{"id": label, "vote": "helpful" | "harmful" | "neutral"}``. ``task`` is
        your name for the task: what is said of it twice counts once. Without a receipt, of a
        fallback, there is no release to say anything of: nothing is sent and the answer is empty.
        """
        if receipt is None:
            return {}
        said: dict[str, Any] = {"release": int(receipt.release), "bullets": list(bullets)}
        named = (("outcome", outcome), ("task", task), ("agent", self.http.agent))
        said.update({name: value for name, value in named if value})
        found: Mapping[str, Any] = self.http.post("feedback", said)
        return found

    def import_playbook(
        self, playbook: str, content: str, *, form: str, on_conflict: str, dry_run: bool
    ) -> Mapping[str, Any]:
        """Add the bullets of a file to a playbook; the answer has a row for each."""
        body = {"format": form, "content": content, "on_conflict": on_conflict, "dry_run": dry_run}
        found: Mapping[str, Any] = self.http.post(f"playbooks/{playbook}/import", body)
        return found

    def export_start(self) -> Mapping[str, Any]:
        """Have everything of the key's workspace written into a zip; one on its way will do.

        Follow it with ``export_watch`` and fetch it with ``export_fetch``.
        """
        try:
            found: Mapping[str, Any] = self.http.post("workspace/exports", {})
        except Refused as refusal:
            number = refusal.problem.get("export")
            if number is None:
                raise
            return self.export(number)
        return found

    def export(self, number: int) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.http.get(f"workspace/exports/{number}").json()
        return found

    def export_watch(
        self, number: int, *, every: float = 2.0, sleep: Callable[[float], None] = time.sleep
    ) -> Iterator[Mapping[str, Any]]:
        """Yield an export as it grows, until it has ended; a server that is away is waited for."""
        return _followed(lambda: self.export(number), EXPORT_ENDED, every, sleep)

    def export_fetch(self, number: int, into: IO[bytes]) -> None:
        """Write the file of an export into ``into``; what came is checked against its digest.

        Raises:
            Withdrawn: the file has gone.
            Unreachable: something else came than was written.
        """
        said = self.export(number)
        self.http.send("GET", f"workspace/exports/{number}/file", into=into)
        into.seek(0)
        came = hashlib.sha256()
        while piece := into.read(PIECE):
            came.update(piece)
        if came.hexdigest() != said["sha256"]:
            raise Unreachable(f"What came of export {number} is not what was written. Try again.")

    def export_remove(self, number: int) -> None:
        """Stop an export, or remove its file before its time."""
        self.http.send("DELETE", f"workspace/exports/{number}")

    def import_workspace(
        self, file: IO[bytes], length: int, *, slug: str = ""
    ) -> Mapping[str, Any]:
        """Make a workspace of such a zip, under another slug where one is given."""
        headers = {"Content-Type": "application/zip", "Content-Length": str(length)}
        found: Mapping[str, Any] = self.http.send(
            "POST", "workspace/import", file, {"slug": slug}, headers
        ).json()
        return found

    def fine_tuning(self, form: str, into: IO[bytes], *, environment: str = "") -> None:
        """Write approved trajectories into a file: ``sft`` or ``dpo``, as OpenAI's JSONL."""
        asked = {"format": form, "environment": environment}
        self.http.send("GET", "trajectories/fine-tuning", query=asked, into=into)

    def send(
        self, trajectories: Sequence[Mapping[str, Any]], *, playbook: str, environment: str
    ) -> Mapping[str, Any]:
        """Send native trajectories; the answer counts what was taken and lists what was refused."""
        body = {
            "playbook": playbook,
            "environment": environment,
            "trajectories": list(trajectories),
        }
        found: Mapping[str, Any] = self.http.post("trajectories", body)
        return found

    def push(
        self,
        pieces: Iterable[bytes],
        *,
        form: str,
        playbook: str = "",
        environment: str = "",
        packed: bool = False,
    ) -> Mapping[str, Any]:
        """Send an export of another tool as it is read; ``packed`` where it is gzip already."""
        headers = {"Content-Type": "application/x-ndjson"}
        if packed:
            headers["Content-Encoding"] = "gzip"
        query = {"format": form, "playbook": playbook, "environment": environment}
        body = b"".join(pieces)  # with a length: not every proxy takes a chunked body
        found: Mapping[str, Any] = self.http.send(
            "POST", "trajectories/import", body, query, headers
        ).json()
        return found

    def run_start(self, *, environment: str, playbook: str, **plan: Any) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.http.post(
            "runs", {"environment": environment, "playbook": playbook, **plan}
        )
        return found

    def run(self, number: int) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.http.get(f"runs/{number}").json()
        return found

    def watch(
        self, number: int, *, every: float = 2.0, sleep: Callable[[float], None] = time.sleep
    ) -> Iterator[Mapping[str, Any]]:
        """Yield a run as it moves, until it has ended; a server that is away is waited for."""
        return _followed(lambda: self.run(number), RUN_ENDED, every, sleep)

    def pages(self, path: str, **query: Any) -> Iterator[Any]:
        """Every row of a list, page after page."""
        cursor: str | None = None
        while True:
            page = self.http.get(path, {**query, "cursor": cursor}).json()
            if isinstance(page, list):
                yield from page
                return
            yield from page["results"]
            found = re.search(r"[?&]cursor=([^&]+)", page.get("next") or "")
            if found is None:
                return
            cursor = unquote(found[1])

    def _ask(self, name: str, playbook: str, query: Mapping[str, Any], copy: Copy | None) -> Copy:
        headers = {"If-None-Match": f'"{copy.etag}"'} if copy else {}
        try:
            answer = self._released(playbook, query, headers)
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
    ) -> Answer:
        answer = self.http.get(f"playbooks/{playbook}", query, headers)
        if "x-release-id" not in answer.headers:
            # A proxy's page for signing in, or another server: no agent is to take it for lessons.
            raise Unreachable(
                f"{self.http.url} answered, but no Greenroom did: is that its address?"
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


def _followed(
    look: Callable[[], Mapping[str, Any]],
    ended: frozenset[str],
    every: float,
    sleep: Callable[[float], None],
) -> Iterator[Mapping[str, Any]]:
    """What ``look`` sees now and then, until its status is one of ``ended``."""
    missed = 0
    while True:
        try:
            found = look()
            missed = 0
        except Unreachable:
            missed += 1
            if missed > 30:
                raise
            sleep(every)
            continue
        yield found
        if found["status"] in ended:
            return
        sleep(every)


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
