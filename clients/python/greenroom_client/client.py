"""The client: what an agent calls."""

from __future__ import annotations

import hashlib
import os
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any
from urllib.parse import unquote

from greenroom_client.batches import added_up, batches
from greenroom_client.cache import Copies, default_folder
from greenroom_client.errors import Refused, Unreachable
from greenroom_client.http import Connection
from greenroom_client.pulls import Pulls, Receipt, path_of

PIECE = 64 * 1024
#: forms of an export whose lines stand each for itself.
LINES = ("jsonl", "messages")
RUN_ENDED = frozenset({"finished", "failed", "cancelled"})
EXPORT_ENDED = frozenset({"done", "failed", "removed"})


class Greenroom(Pulls):
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
            raise Refused("There is no API key: set GREENROOM_KEY, or give one (key=, --key).")
        address = url or os.environ.get("GREENROOM_URL") or "http://localhost:8000"
        folder = default_folder() if cache == "default" else cache
        super().__init__(
            Connection(address, key, agent=agent, timeout=timeout),
            Copies(Path(folder)) if folder is not None else None,
        )

    def search(
        self, playbook: str, query: str, *, k: int = 8, max_tokens: int = 0, **more: Any
    ) -> Mapping[str, Any]:
        """Lessons of one playbook that bear on a question, with how much is known of it."""
        asked: dict[str, Any] = {"query": query, "k": k, **more}
        if max_tokens:
            asked["max_tokens"] = max_tokens
        found: Mapping[str, Any] = self.http.post(path_of(playbook, "retrieve"), asked)
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

    def propose(
        self,
        playbook: str,
        lesson: str,
        *,
        section: str = "",
        reason: str = "",
        task: str = "",
        evidence: str = "",
    ) -> Mapping[str, Any]:
        """Propose a lesson: what to do, so that another agent can act on it.

        It waits for a person, who reads it with ``evidence``: what was observed, word for word.
        """
        named = (("section", section), ("reason", reason), ("task", task), ("evidence", evidence))
        said = {"content": lesson} | {name: value for name, value in named if value}
        found: Mapping[str, Any] = self.http.post(path_of(playbook, "proposals"), said)
        return found

    def import_playbook(
        self, playbook: str, content: str, *, form: str, on_conflict: str, dry_run: bool
    ) -> Mapping[str, Any]:
        """Add the bullets of a file to a playbook; the answer has a row for each."""
        body = {"format": form, "content": content, "on_conflict": on_conflict, "dry_run": dry_run}
        found: Mapping[str, Any] = self.http.post(path_of(playbook, "import"), body)
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
            raise Unreachable(f"The download of export {number} is damaged. Try again.")

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
        """Send an export of another tool; ``packed`` where it is gzip already.

        JSON lines of any length are sent in batches. Of the other forms an entry may stand in rows
        that are far apart, so they are sent whole, as much as the server reads.
        """
        query = {"format": form, "playbook": playbook, "environment": environment}
        headers = {"Content-Type": "application/x-ndjson"}
        if form in LINES:
            parts = batches(pieces, packed=packed)
            return added_up((part, self._import(part, query, headers)) for part in parts)
        if packed:
            headers["Content-Encoding"] = "gzip"
        # with a length: not every proxy takes a chunked body
        return self._import(b"".join(pieces), query, headers)

    def _import(
        self, body: bytes, query: Mapping[str, Any], headers: Mapping[str, str]
    ) -> dict[str, Any]:
        answer = self.http.send("POST", "trajectories/import", body, query, headers)
        found: dict[str, Any] = answer.json()
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
