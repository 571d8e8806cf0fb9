"""Requests over the standard library: retried where that is safe, errors as exceptions."""

from __future__ import annotations

import http.client
import json
import random
import shutil
import ssl
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import IO, Any
from urllib.parse import quote, urlencode, urlsplit

from greenroom_client import errors

TRIES = 3
LONGEST_WAIT = 10.0
AGAIN = (429, 502, 503, 504)
#: The type of the answer to a request whose first try is being worked on, under the same key.
WORKING = "urn:greenroom:problem:still-working"
KINDS = {
    401: errors.NotAllowed,
    403: errors.NotAllowed,
    404: errors.NotFound,
    410: errors.Withdrawn,
}
#: What is told by its type where the status says less.
TYPES = {"urn:greenroom:problem:not-released-yet": errors.NotReleased}

Body = bytes | Iterable[bytes] | None


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """Return the body as a value.

        Raises:
            Unreachable: it is not JSON, so somebody else has answered.
        """
        try:
            return json.loads(self.body) if self.body else None
        except ValueError as error:
            raise errors.Unreachable(
                "The response is not JSON, so this is not a Greenroom server. Check its address."
            ) from error


@dataclass
class Connection:
    """One server and one key. Safe to share between threads: it keeps no connection open."""

    url: str
    key: str = field(repr=False)  # logs and error reports show what an object looks like
    agent: str = ""
    timeout: float = 10.0
    tries: int = TRIES
    _opener: urllib.request.OpenerDirector = field(
        default_factory=lambda: urllib.request.build_opener(_NoRedirect(), _Plain(), _Secured()),
        repr=False,
    )

    def __post_init__(self) -> None:
        self.url, self.key = self.url.rstrip("/"), self.key.strip()
        # What no header can hold is said here: the library's own words for it would quote the key.
        if not (self.key.isascii() and self.key.isprintable() and " " not in self.key):
            raise errors.Refused("The API key contains characters that no key has. Copy it again.")
        if not self.agent.isprintable() or any(ord(letter) > 255 for letter in self.agent):
            raise errors.Refused("The name of an agent must be one line of Latin characters.")
        if not self.url.startswith(("http://", "https://")):
            raise errors.Refused(
                "GREENROOM_URL is an address such as https://greenroom.example.com, "
                f"not {self.url!r}."
            )

    def get(
        self,
        path: str,
        query: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        tries: int | None = None,
    ) -> Answer:
        return self.send("GET", path, query=query, headers=headers, tries=tries)

    def post(self, path: str, value: Any, query: Mapping[str, Any] | None = None) -> Any:
        """Send JSON and return the JSON of the answer. The same request is never done twice."""
        headers = {"Content-Type": "application/json", "Idempotency-Key": str(uuid.uuid4())}
        return self.send("POST", path, json.dumps(value).encode(), query, headers).json()

    def send(
        self,
        method: str,
        path: str,
        body: Body = None,
        query: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        into: IO[bytes] | None = None,
        tries: int | None = None,
    ) -> Answer:
        """One request, tried again after 429, 502, 503, 504, broken connections, and while what a
        broken one began is still being worked on.

        A body that is no bytes is sent as it comes, and once: it cannot be read a second time.
        With ``into``, the body of the answer goes there piece by piece instead.

        Raises:
            GreenroomError: one of its kinds; 304 is an answer, not an error.
        """
        asked = {name: value for name, value in (query or {}).items() if value not in (None, "")}
        url = f"{self.url}/api/v1/{quote(path)}" + (f"?{urlencode(asked)}" if asked else "")
        most = tries or self.tries
        tries = most if body is None or isinstance(body, bytes) else 1
        wait = 0.0
        problem: Exception = errors.Unreachable("No attempt was made.")
        for number in range(tries):
            if number:
                time.sleep(wait)
            try:
                return self._once(method, url, body, headers or {}, into)
            except _Later as later:
                problem, wait = later.problem, later.wait(number)
        raise problem

    def _once(
        self,
        method: str,
        url: str,
        body: Body,
        headers: Mapping[str, str],
        into: IO[bytes] | None,
    ) -> Answer:
        request = urllib.request.Request(url, data=body, method=method)
        request.add_header("Authorization", f"Bearer {self.key}")
        request.add_header("User-Agent", "greenroom-client/0.1")
        if self.agent:
            request.add_header("X-Agent-Id", self.agent)
        for name, value in headers.items():
            request.add_header(name, value)
        try:
            with self._opener.open(request, timeout=self.timeout) as answer:
                if into is not None:
                    into.seek(0)
                    into.truncate()
                    shutil.copyfileobj(answer, into)
                    _complete(answer, into.tell())
                read = b"" if into is not None else answer.read()
                return Answer(answer.status, _lower(answer.headers), read)
        except urllib.error.HTTPError as error:
            with error:
                return self._refused(error)
        except (OSError, ValueError, http.client.HTTPException) as error:
            reason = getattr(error, "reason", error)
            raise _Later(errors.Unreachable(f"{self.url} cannot be reached: {reason}.")) from error

    def _refused(self, error: urllib.error.HTTPError) -> Answer:
        headers = _lower(error.headers)
        if error.code == 304:
            return Answer(304, headers, b"")
        try:
            problem = _problem(error.read())
        except (OSError, http.client.HTTPException):  # it broke off; the status says enough
            problem = {}
        said = problem.get("detail") or f"The server answered {error.code} {error.reason}."
        if 300 <= error.code < 400:
            said = self._elsewhere(headers.get("location", ""), str(said))
        fields = problem.get("errors")
        if isinstance(fields, Mapping):
            more = [f"{name}: {_words(value)}" for name, value in fields.items()]
            said = " ".join([str(said), *(words for words in more if words not in str(said))])
        is_later = error.code in AGAIN or problem.get("type") == WORKING
        if is_later or error.code >= 500:
            again = errors.Unreachable(str(said), problem)
            raise _Later(again, headers.get("retry-after")) if is_later else again
        kind = TYPES.get(str(problem.get("type")), KINDS.get(error.code, errors.Refused))
        raise kind(str(said), problem)

    def _elsewhere(self, location: str, said: str) -> str:
        """What to do about a redirect, which is not followed: most lead from http to https."""
        try:
            there = urlsplit(location)
        except ValueError:
            return said
        address = f"{there.scheme}://{there.netloc.rpartition('@')[2]}"
        if not there.hostname or self.url.startswith(address):
            return said
        return f"{self.url} redirects to {address}. If that server is yours, use it as the URL."


class _Later(Exception):
    """It may go well another time."""

    def __init__(self, problem: errors.GreenroomError, retry_after: str | None = None) -> None:
        super().__init__(str(problem))
        self.problem, self._retry_after = problem, retry_after

    def wait(self, number: int) -> float:
        """Seconds until the next try: what the server asked for, else more each time, jittered."""
        if self._retry_after and self._retry_after.isascii() and self._retry_after.isdigit():
            return min(float(self._retry_after), LONGEST_WAIT)
        return min(0.2 * float(2**number) * (0.5 + random.random()), LONGEST_WAIT)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A key must not travel to an address its owner never named."""

    def redirect_request(self, *given: Any, **more: Any) -> None:
        return None


class _Hearing(http.client.HTTPConnection):
    """A connection that reads the answer of a server which did not want the whole body.

    Such a server answers and closes while the body is still being sent, so that sending breaks;
    what it said is there to be read all the same.
    """

    _is_closed = False

    def send(self, data: Any) -> None:
        if self._is_closed:
            return
        # what breaks here is told by what comes, or does not come, instead of an answer
        try:
            super().send(data)
        except (BrokenPipeError, ConnectionResetError, ssl.SSLEOFError, ssl.SSLZeroReturnError):
            self._is_closed = True


class _HearingSecured(_Hearing, http.client.HTTPSConnection):
    pass


class _Plain(urllib.request.HTTPHandler):
    def http_open(self, req: urllib.request.Request) -> Any:
        return self.do_open(_Hearing, req)


class _Secured(urllib.request.HTTPSHandler):
    def https_open(self, req: urllib.request.Request) -> Any:
        return self.do_open(_HearingSecured, req)


def _complete(answer: Any, taken: int) -> None:
    """A connection that broke looks like the end of the body to who reads it in pieces."""
    said = answer.headers.get("Content-Length")
    if said is not None and int(said) != taken:
        raise OSError(f"only {taken} of {said} bytes arrived")


def _lower(headers: Any) -> Mapping[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def _problem(body: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(body)
    except ValueError:
        return {}
    return found if isinstance(found, Mapping) else {}


def _words(value: Any) -> str:
    return " ".join(map(_words, value)) if isinstance(value, list) else str(value)
