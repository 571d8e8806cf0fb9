"""What somebody selected in a list, kept while they look at what they are about to do to it.

An address holds some ninety ids, and a page that answers a form cannot be loaded again without
sending the form again. So the selection is kept in the session, and the address names it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from django.contrib.sessions.backends.base import UpdateError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from memoryapp.domain.formats import digest
from memoryapp.views.links import parameter, uuids_of, with_query

KEY = "picked"
NAME_HEX = 16
#: selections of a session that are kept; a new one lets the oldest go.
MOST = 3
LOST = (
    "Your selection is gone: you were signed out, or have selected other things since. "
    "Nothing was done; go back and select again."
)


@dataclass(frozen=True, slots=True)
class Picked:
    """A selection; without ids once it is forgotten.

    ``done`` is the key of the job made of it; its ids are forgotten then.
    """

    name: str
    ids: Sequence[str] = ()
    done: int | None = None

    @property
    def error(self) -> str:
        """Why nothing can be done: a lost selection must not pass for none, which covers all."""
        return "" if self.ids or self.done else LOST


def pick(request: HttpRequest, asked: Mapping[str, str]) -> HttpResponse | None:
    """Keep the rows that a list posts, and lead to the page that shows what they come to.

    A list posts without an ``action``: nobody does anything to what they were not shown. ``asked``
    is the filter of the list, which says what is covered where no row is selected. Returns ``None``
    where something else is asked for.
    """
    if request.method != "POST" or "action" in request.POST:
        return None
    name = ""
    if request.POST.getlist("chosen"):
        ids = uuids_of(request, "chosen")
        name = digest(" ".join(ids))[:NAME_HEX]
        _keep(request, name, {"ids": ids})
    return redirect(with_query(request.path, {**asked, KEY: name}))


def picked(request: HttpRequest) -> Picked | None:
    """The selection that the address names, if any. It is lost with the session."""
    name = parameter(request, KEY)
    if not name:
        return None
    return Picked(name, **request.session.get(KEY, {}).get(name, {}))


def picked_done(request: HttpRequest, selection: Picked, made: int) -> None:
    """Remember which job was made of a selection, so that a second click makes no other.

    It is stored at once: the first rows are decided before this request ends, and people click
    again while they wait.
    """
    _keep(request, selection.name, {"done": made})
    with suppress(UpdateError):  # signed out meanwhile, as the end of the request will say
        request.session.save()


def _keep(request: HttpRequest, name: str, kept: dict[str, object]) -> None:
    others = {key: held for key, held in request.session.get(KEY, {}).items() if key != name}
    request.session[KEY] = dict([*others.items(), (name, kept)][-MOST:])
