"""How an environment of each transport is reached: what was asked, checked and made storable."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from django.conf import settings

from memoryapp.domain.addresses import carries_credentials, url_problem
from memoryapp.domain.errors import UnableToConnect
from practice.orchestrator import worlds

SCHEMES = ("", "bearer", "basic", "header", "query", "cookie")
RESET_METHODS = ("POST", "PUT", "PATCH", "DELETE", "GET")
SCENARIO_LIMIT = 9_999
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class OpenApiAsked:
    """An OpenAPI service: a ``document`` (JSON or YAML text) or the address it is fetched from.

    ``scheme`` is one of ``SCHEMES`` and ``parameter`` the header, query parameter or cookie the
    ``credential`` travels in. ``reset`` is a line such as ``POST /reset``.
    """

    document: str = ""
    base_url: str = ""
    scheme: str = ""
    parameter: str = ""
    credential: str = ""
    reset: str = ""

    def options(self, url: str) -> dict[str, Any]:
        """What to store, the credential aside.

        Raises:
            UnableToConnect: neither document nor address, an unusable document, or a credential or
                reset that cannot be sent.
        """
        if bool(self.document.strip()) == bool(url):
            raise UnableToConnect(
                "An OpenAPI service needs either the address of its document or the document "
                "itself, not both."
            )
        for field, address in (("url", url), ("base_url", self.base_url)):
            if address:
                check_url(address, field=field)
        if self.document.strip():
            problem = worlds.document_problem(self.document, base_url=self.base_url)
            if problem:
                raise UnableToConnect(problem, field="document")
        made = {"document": self.document.strip(), "base_url": self.base_url, **self.access()}
        return {key: value for key, value in made.items() if value}

    def access(self) -> dict[str, Any]:
        """What to store of how the credential is sent and what resets the service.

        Raises:
            UnableToConnect: a credential or reset that cannot be sent.
        """
        self._check_credential()
        made: dict[str, Any] = {}
        if self.scheme:
            made["auth"] = {"scheme": self.scheme, "name": self.parameter}
        if self.reset.strip():
            made["reset"] = self._reset()
        return made

    def secrets(self) -> dict[str, str]:
        return {worlds.CREDENTIAL: self.credential} if self.scheme else {}

    def _check_credential(self) -> None:
        if self.scheme not in SCHEMES:
            raise UnableToConnect(
                f"The credential must be sent as one of: {', '.join(SCHEMES[1:])}.", field="scheme"
            )
        if not self.scheme:
            if self.credential:
                raise UnableToConnect(
                    "Say how the credential is sent, or leave it out.", field="scheme"
                )
            return
        if not self.credential or _CONTROL.search(self.credential):
            raise UnableToConnect("The credential must be one line of text.", field="credential")
        if self.scheme == "basic" and ":" not in self.credential:
            raise UnableToConnect(
                "The credential for basic access must be user:password.", field="credential"
            )
        if self.scheme in {"header", "query", "cookie"} and not _TOKEN.fullmatch(self.parameter):
            raise UnableToConnect(
                f"Name the {self.scheme} the credential travels in, such as X-API-Key.",
                field="parameter",
            )

    def _reset(self) -> dict[str, str]:
        method, _, path = self.reset.strip().partition(" ")
        path = path.strip()
        if method.upper() not in RESET_METHODS or not path.startswith("/") or _CONTROL.search(path):
            raise UnableToConnect(
                "The reset must be a method and a path below the service's address, such as POST "
                "/reset.",
                field="reset",
            )
        try:
            has_credentials = carries_credentials(path) or "[redacted" in path
        except ValueError as error:
            raise UnableToConnect(
                f"The path of the reset cannot be read: {error}.", field="reset"
            ) from error
        if has_credentials:
            raise UnableToConnect(
                "The reset is shown, so it may hold no credential. Enter it as the credential of "
                "the environment, which is sent with the reset too and stored encrypted.",
                field="reset",
            )
        return {"method": method.upper(), "path": path}


@dataclass(frozen=True, slots=True)
class PackAsked:
    """An installed pack and the scenario it starts from."""

    name: str
    scenario: int = 1

    def options(self) -> dict[str, Any]:
        """What to store.

        Raises:
            UnableToConnect: no such pack, one that is not installed, or a scenario out of range.
        """
        pack = next((pack for pack in worlds.packs() if pack.name == self.name), None)
        if pack is None:
            known = ", ".join(pack.name for pack in worlds.packs())
            raise UnableToConnect(
                f"There is no pack {self.name!r}. Known are: {known}.", field="pack"
            )
        if not pack.is_installed:
            raise UnableToConnect(pack.how_to_install, field="pack")
        if not 0 <= self.scenario <= SCENARIO_LIMIT:
            raise UnableToConnect(
                f"The scenario must be a number from 0 to {SCENARIO_LIMIT}.", field="scenario"
            )
        return {"pack": pack.name, "scenario": self.scenario}


def check_url(url: str, *, field: str = "url") -> None:
    """Raises ``UnableToConnect`` for an address no environment may have."""
    problem = url_problem(url, private_allowed=settings.ENVIRONMENT_PRIVATE_ADDRESSES)
    if problem:
        raise UnableToConnect(problem, field=field)
    if carries_credentials(url):
        raise UnableToConnect(
            "Put credentials into a header or the field for the credential, not into the address: "
            "addresses are shown, and those two are stored encrypted.",
            field=field,
        )
