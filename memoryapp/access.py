"""The one gate: who may read, review, edit or administer. Views and API ask it for every object."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar
from urllib.parse import urlsplit

from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse

from memoryapp.models import ApiKey, Membership, Role, Workspace
from memoryapp.models.tokens import Scope

Row = TypeVar("Row", bound=Model)
Params = ParamSpec("Params")
View = Callable[Concatenate[HttpRequest, Params], HttpResponseBase]

SESSION_KEY = "workspace"
#: Where a page says which workspace it was drawn in: a field of its forms, a header of its htmx.
DRAWN_IN_FIELD, DRAWN_IN_HEADER = "_workspace", "X-Workspace"
KEPT_KEY = "kept_form"
#: When somebody was last seen in a session, in seconds since 1970; begins with signing in.
SEEN_KEY = "seen_at"
#: Fields of forms that hold a person's words, and how many characters are kept of a form.
TYPED = frozenset({"content", "description", "instruction", "note", "notes", "reason", "text"})
KEPT_CHARS = 2_000_000
#: Says, signed, who used this browser last; it outlives their session.
READER_COOKIE = "reader"
READER_SECONDS = 365 * 24 * 60 * 60
_SECRET = re.compile(r"(?i)password|secret|token(?!_budget)|key")


class Right(StrEnum):
    READ = "read"
    REVIEW = "review"
    EDIT = "edit"
    ADMINISTER = "administer"


class NoWorkspace(PermissionDenied):
    """Somebody has an account and belongs to no workspace: it is not their role that is in the way.

    They never took an invitation up, or were removed.
    """


class LeftWorkspace(PermissionDenied):
    """The page was drawn in a workspace that its reader does not belong to any more."""


class SecondFactorMissing(PermissionDenied):
    """The installation demands a second factor of this role, and the person has set up none."""


def membership_of(request: HttpRequest) -> Membership:
    """The current user's membership in the workspace of the page they act on.

    Where the page does not say (``gate``), in the one their session is in.

    Raises:
        NoWorkspace: the user belongs to none.
        LeftWorkspace: they do not belong to that of the page any more.
        SecondFactorMissing: their role there needs one.
    """
    cached: Membership | None = getattr(request, "_membership", None)
    if cached is not None:
        return cached
    found = memberships_of(request)
    membership = _chosen(request, found)
    if membership is None:
        raise NoWorkspace("You do not belong to a workspace. Ask an admin of one for a link.")
    if drawn := getattr(request, "_drawn_in", ""):
        named = next((each for each in found if str(each.workspace_id) == drawn), None)
        if named is None:
            raise LeftWorkspace("You no longer belong to the workspace of this page.")
        membership = named
    membership.user = request.user  # type: ignore[assignment]
    needed = membership.role in settings.SECOND_FACTOR_ROLES
    if needed and not Authenticator.objects.filter(user=membership.user).exists():
        raise SecondFactorMissing(
            f"As {membership.get_role_display().lower()} you need a second factor here. "
            "Set one up under Your account."
        )
    request._membership = membership  # type: ignore[attr-defined]
    return membership


def _chosen(request: HttpRequest, found: Sequence[Membership]) -> Membership | None:
    """The membership of their session: the one they chose, else the oldest."""
    chosen = request.session.get(SESSION_KEY, "")
    membership = next((each for each in found if each.workspace.slug == chosen), None)
    return membership or (found[0] if found else None)


def drawn_for(request: HttpRequest) -> str:
    """The workspace that the answer to a request is drawn in; empty where it is in none."""
    membership: Membership | None = getattr(request, "_membership", None)
    return str(membership.workspace_id) if membership is not None else ""


def memberships_of(request: HttpRequest) -> list[Membership]:
    """All memberships of the current user with their workspaces, the oldest first. One query."""
    cached: list[Membership] | None = getattr(request, "_memberships", None)
    if cached is None:
        found = Membership.objects.filter(user__pk=request.user.pk or 0)
        cached = list(found.select_related("workspace").order_by("pk"))
        request._memberships = cached  # type: ignore[attr-defined]
    return cached


def workspace_of(request: HttpRequest) -> Workspace:
    return membership_of(request).workspace


def allows(membership: Membership, right: Right) -> bool:
    """Whether a membership carries a right."""
    return {
        Right.READ: True,
        Right.REVIEW: membership.may_review,
        Right.EDIT: membership.may_edit,
        Right.ADMINISTER: membership.may_administer,
    }[right]


#: What a person in the browser may do by role, a key may do by scope.
RIGHT_OF_SCOPE = {
    Scope.PULL: Right.READ,
    Scope.FEEDBACK: Right.REVIEW,
    Scope.TRAJECTORIES: Right.REVIEW,
    Scope.READ: Right.READ,
    Scope.WRITE: Right.REVIEW,
    Scope.ADMIN: Right.ADMINISTER,
}


def key_problem(key: ApiKey, scopes: Sequence[str]) -> str:
    """Say why a key may not do what any of ``scopes`` allows; empty where it may.

    A key may do what its scopes say, while its maker may still do it in its workspace.
    """
    carried = set(scopes) & set(key.scopes)
    if not carried:
        return f"This needs a key with the scope {' or '.join(scopes)}."
    maker = Membership.objects.filter(workspace=key.workspace, user=key.created_by).first()
    if maker is None or not any(allows(maker, RIGHT_OF_SCOPE[Scope(one)]) for one in carried):
        return "The person who made this key may no longer do this. Make a new key."
    return ""


def role_problem(membership: Membership, scopes: Sequence[str]) -> str:
    """Say why a person may not do what any of ``scopes`` allows; empty where they may.

    Whoever is signed in has a role and no key, so the answer speaks of roles.
    """
    wanted = {RIGHT_OF_SCOPE[Scope(scope)] for scope in scopes}
    if any(allows(membership, right) for right in wanted):
        return ""
    # Roles are in rising order, so the first that may is the lowest.
    least = next(
        role for role in Role if any(allows(Membership(role=role), right) for right in wanted)
    )
    return (
        f"You are {Role(membership.role).label.lower()} in {membership.workspace}, and this takes "
        f"{least.label.lower()}. Ask an admin of the workspace."
    )


def gate(right: Right) -> Callable[[View[Params]], View[Params]]:
    """Let a view run only for a signed-in member with ``right``; remembered for the URL walk."""

    def decorate(view: View[Params]) -> View[Params]:
        @wraps(view)
        def gated(
            request: HttpRequest, *args: Params.args, **kwargs: Params.kwargs
        ) -> HttpResponseBase:
            if not request.user.is_authenticated:
                return _signed_out(request)
            request._drawn_in = _drawn_in(request)  # type: ignore[attr-defined]
            try:
                membership = membership_of(request)
            except LeftWorkspace as left:
                return _left(request, left)
            except SecondFactorMissing as missing:
                messages.error(request, str(missing))
                return redirect("mfa_index")
            if not allows(membership, right):
                raise PermissionDenied(
                    "Your role does not allow this. Ask an admin of the workspace."
                )
            _go_along(request, membership)
            return _answered(request, membership, view(request, *args, **kwargs))

        wrapped: Any = gated
        wrapped.gate = right
        return wrapped  # type: ignore[no-any-return]

    return decorate


def _drawn_in(request: HttpRequest) -> str:
    """The workspace that the page was drawn in, by primary key; empty where it does not say."""
    if request.method == "POST" and (said := request.POST.get(DRAWN_IN_FIELD)):
        return str(said)
    return request.headers.get(DRAWN_IN_HEADER, "")


def _left(request: HttpRequest, said: LeftWorkspace) -> HttpResponseBase:
    """Refuse what was sent from a page of a workspace one has left, and lose nothing typed."""
    if request.headers.get("HX-Request") and not request.headers.get("HX-Boosted"):
        return HttpResponse(f"{said} Nothing was changed.", status=403)
    context = typed_of(fields_of(request))
    return render(request, "memoryapp/left_workspace.html", context, status=403)


def _go_along(request: HttpRequest, membership: Membership) -> None:
    """Have the session follow somebody who acts on a page of another workspace than it is in.

    The page that answers is of that workspace, so the next one has to be.
    """
    if request.method in {"GET", "HEAD"} or membership is _chosen(request, memberships_of(request)):
        return
    request.session[SESSION_KEY] = membership.workspace.slug
    messages.info(request, f"You are in {membership.workspace} again: that page was opened there.")


def _signed_out(request: HttpRequest) -> HttpResponseBase:
    """Ask to sign in, and lose nothing that was typed before the session ran out.

    htmx gets a 401, which leaves the page as it is. A form sent without scripts is kept in the
    session and shown again to whoever wrote it once they are back.
    """
    if request.headers.get("HX-Request") and not request.headers.get("HX-Boosted"):
        return HttpResponse("You are signed out. Nothing was changed.", status=401)
    if request.method == "POST" and _keep(request):
        return redirect_to_login(reverse("kept-form"))
    return redirect_to_login(_way_back(request))


def _keep(request: HttpRequest) -> bool:
    """Keep what was typed in the session, for whoever used this browser last.

    False where nothing was typed, it is too much, or nobody was signed in here.
    """
    reader, fields = _reader(request), fields_of(request)
    size = sum(len(value) for values in fields.values() for value in values)
    typed = any(name in TYPED and any(values) for name, values in fields.items())
    if not reader or not typed or size > KEPT_CHARS:
        return False
    if not Membership.objects.filter(user__pk=reader).exists():
        return False  # whoever was removed could store any amount with what they still hold
    request.session[KEPT_KEY] = {
        "reader": reader,
        "path": request.get_full_path(),
        "fields": fields,
    }
    return True


def fields_of(request: HttpRequest) -> dict[str, list[str]]:
    """The values of a form that was sent, by name, but for what is secret."""
    return {
        name: request.POST.getlist(name)
        for name in request.POST
        if name != "csrfmiddlewaretoken" and not _SECRET.search(name)
    }


def typed_of(fields: Mapping[str, Sequence[str]]) -> dict[str, list[tuple[str, str]]]:
    """For ``memoryapp/parts/typed.html``: a person's words, and what was sent beside them."""
    sent = [(name, value) for name, values in fields.items() for value in values]
    words = [(name, value) for name, value in sent if name in TYPED and value]
    return {"typed": words, "others": [field for field in sent if field not in words]}


def holds_all(request: HttpRequest) -> bool:
    """Whether ``fields_of`` is all of the form: neither a secret nor a file was sent with it."""
    names = set(request.POST) - {"csrfmiddlewaretoken", *fields_of(request)}
    secret = any(any(request.POST.getlist(name)) for name in names)
    return not secret and not request.FILES


def kept_form_of(request: HttpRequest) -> dict[str, Any] | None:
    """What the reader sent after their session had run out; what somebody else sent is not theirs.

    Shapes: ``path`` is where it was sent, ``fields`` the values by name.
    """
    kept: dict[str, Any] | None = request.session.get(KEPT_KEY)
    return kept if kept and kept.get("reader") == str(request.user.pk) else None


def kept_form_forget(request: HttpRequest) -> None:
    if kept_form_of(request) is not None:
        del request.session[KEPT_KEY]


def session_end(request: HttpRequest, *, forget: bool) -> None:
    """Sign somebody out. What another person left in this browser waits on for them.

    ``forget``: what the reader themselves left goes with them.
    """
    if forget:
        kept_form_forget(request)
    kept = request.session.get(KEPT_KEY)
    logout(request)
    if kept:
        request.session[KEPT_KEY] = kept


def _reader(request: HttpRequest) -> str:
    """Who used this browser last, by primary key; empty where nobody is known to have."""
    return request.get_signed_cookie(READER_COOKIE, default="", salt=READER_COOKIE) or ""


def _answered(
    request: HttpRequest, membership: Membership, response: HttpResponseBase
) -> HttpResponseBase:
    """Tell the browser who uses it, and forget a kept form once it was taken.

    Not before: a second click, or a connection that broke, would lose what was typed.
    """
    reader = str(membership.user_id)
    if _reader(request) != reader:
        response.set_signed_cookie(
            READER_COOKIE,
            reader,
            salt=READER_COOKIE,
            max_age=READER_SECONDS,
            secure=settings.SESSION_COOKIE_SECURE,
            httponly=True,
            samesite="Lax",
        )
    if request.method == "POST" and response.status_code < 400:
        kept = kept_form_of(request)
        if kept and kept["path"] == request.get_full_path():
            del request.session[KEPT_KEY]
    return response


def _way_back(request: HttpRequest) -> str:
    """Where to go after signing in: to the page of a form, not to the address it posts to."""
    if request.method in {"GET", "HEAD"}:
        return request.get_full_path()
    try:
        came_from = urlsplit(request.headers.get("Referer", ""))
    except ValueError:  # whoever writes it by hand may write no address
        return "/"
    return came_from.path if came_from.netloc == request.get_host() else "/"


class NothingHere(Http404):
    """No row of yours is called what was asked for: what is not yours does not exist for you.

    ``field`` is the field of the body, or the parameter, that named it; empty for the address.
    """

    def __init__(self, kind: str, value: Any, field: str) -> None:
        shown = repr(value[:80]) if isinstance(value, str) else value
        super().__init__(f"There is no {kind} {shown} here.")
        self.field = field


def object_or_404(rows: QuerySet[Row], named_in: str = "", **lookup: Any) -> Row:
    """The one row. ``named_in`` is the field that named it, where the address does not.

    Raises:
        NothingHere: there is no such row among ``rows``.
    """
    try:
        return rows.get(**lookup)
    except (rows.model.DoesNotExist, ValueError) as missing:  # type: ignore[attr-defined]
        if not lookup:
            raise Http404 from missing
        kind = str(rows.model._meta.verbose_name)
        raise NothingHere(kind, [*lookup.values()][-1], named_in) from missing
