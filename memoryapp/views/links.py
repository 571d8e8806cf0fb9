"""Addresses of filtered lists: every choice is a link that carries its true total."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import urlencode
from uuid import UUID

from django.core.paginator import Page, Paginator
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import patch_vary_headers
from django_htmx.middleware import HtmxDetails

PAGE_SIZE = 50
_PASSING = {"page", "seen"}
Row = TypeVar("Row", bound=Model)


@dataclass(frozen=True, slots=True)
class Chip:
    """A filter. Its count is text where a number would be too exact: ``200+`` is at least so many.

    The link of a pressed chip that ``clears`` takes the filter off.
    """

    label: str
    count: int | str | None
    url: str
    pressed: bool
    clears: bool = False


def at_least(count: int, is_exact: bool) -> int | str | None:
    """A count as a chip shows it where counting may have stopped early."""
    if is_exact:
        return count
    return f"{count:,}+" if count else None


def parameter(request: HttpRequest, name: str) -> str:
    """One parameter of the query string, without the character PostgreSQL cannot store."""
    return request.GET.get(name, "").replace("\x00", "").strip()


def posted(request: HttpRequest, name: str) -> str:
    """One field of a form as it may be stored, with the line ends of stored texts.

    Browsers end lines with carriage returns: a text that nobody touched would count as changed.
    """
    return request.POST.get(name, "").replace("\x00", "").replace("\r\n", "\n")


def with_query(path: str, parameters: Mapping[str, str]) -> str:
    """``path`` with the parameters that are not empty."""
    kept = {name: value for name, value in parameters.items() if value}
    return f"{path}?{urlencode(kept)}" if kept else path


def changed(request: HttpRequest, *, path: str = "", **changes: str) -> str:
    """The current address with some parameters changed; the page number starts anew.

    What a page that looks for news has ``seen`` is no part of its address. ``path`` is the page,
    where a form of another address brought it or a part of it.
    """
    asked = {name: parameter(request, name) for name in request.GET if name not in _PASSING}
    return with_query(path or request.path, asked | changes)


def chips(
    request: HttpRequest,
    name: str,
    choices: Iterable[tuple[str, str]],
    counts: Mapping[str, int],
    *,
    path: str = "",
) -> list[Chip]:
    """One chip for everything, then one per choice that has rows or is chosen.

    The one that is chosen leads back to everything. ``path`` is as in ``changed``.
    """
    chosen = parameter(request, name)
    total = sum(counts.values())
    found = [Chip("All", total, changed(request, path=path, **{name: ""}), pressed=not chosen)]
    for value, label in choices:
        if counts.get(value) or value == chosen:
            is_chosen = value == chosen
            url = changed(request, path=path, **{name: "" if is_chosen else value})
            found.append(Chip(label, counts.get(value, 0), url, is_chosen, clears=is_chosen))
    return found


def page_of(request: HttpRequest, rows: QuerySet[Row], size: int = PAGE_SIZE) -> Page[Row]:
    """The page a reader asked for, or the nearest one there is."""
    return Paginator(rows, size).get_page(request.GET.get("page"))


def uuids_of(request: HttpRequest, name: str) -> list[str]:
    """The ids given under a name, in the address or else in the body; what is no id is dropped."""
    found = []
    for text in request.GET.getlist(name) or request.POST.getlist(name):
        try:
            found.append(str(UUID(text)))
        except ValueError:
            continue
    return found


def uuid_or_404(text: str) -> UUID:
    """Parse an id out of a query string; 404 for anything else."""
    try:
        return UUID(text)
    except ValueError as malformed:
        raise Http404 from malformed


def htmx_of(request: HttpRequest) -> HtmxDetails:
    """What htmx says of a request; false where it was not htmx that asked."""
    details: HtmxDetails = request.htmx  # type: ignore[attr-defined]  # its middleware sets it
    return details


def render_part(
    request: HttpRequest, template: str, part: str, context: Mapping[str, object], status: int = 200
) -> HttpResponse:
    """Render a page, or only its named part where htmx swaps it.

    Going back in the browser asks for the whole page, and caches must keep the two apart.
    """
    htmx = htmx_of(request)
    wants_part = bool(htmx) and not htmx.history_restore_request and not htmx.boosted
    name = f"{template}#{part}" if wants_part else template
    response = render(request, name, dict(context), status=status)
    patch_vary_headers(response, ["HX-Request"])
    if wants_part and request.method == "GET":
        response["HX-Push-Url"] = request.get_full_path()
    return response
