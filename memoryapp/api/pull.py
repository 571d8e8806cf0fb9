"""The contract with agents: a released playbook, by label or version, in the form they read."""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Mapping

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.http import parse_etags
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.exceptions import APIException, ValidationError
from rest_framework.request import Request
from rest_framework.views import APIView

from memoryapp.api import serializers as s
from memoryapp.api.contract import PROBLEM, PULLING, StoredForm
from memoryapp.api.limits import caller_of
from memoryapp.api.permissions import HasScope, bound_to, workspace_of
from memoryapp.clients import pull_cache
from memoryapp.domain.delivery import ACCEPTED, FORMS, agent_problem
from memoryapp.models import ApiKey
from memoryapp.services.pulls import ONE_OF_TWO, Pulled, playbook_pull, receipt_leave
from memoryapp.services.releases import PRODUCTION

CACHE_CONTROL = "private, max-age=60, stale-while-revalidate=600"
AGENT_HEADER = "X-Agent-Id"
PARAMETERS = ("label", "version", "format", "max_tokens")


class NotAcceptable(APIException):
    status_code = 406
    default_code = "not_acceptable"


class PlaybookPull(APIView):
    permission_classes = (HasScope,)
    content_negotiation_class = StoredForm
    scopes = PULLING

    @extend_schema(
        operation_id="playbooks_pull",
        parameters=[
            OpenApiParameter("label", str, description="Default: production."),
            OpenApiParameter("version", int, description="A release number instead of a label."),
            OpenApiParameter("format", str, enum=[*FORMS], description="Or Accept."),
            OpenApiParameter(
                "max_tokens",
                int,
                description="Only the most proven bullets that fit this many estimated tokens.",
            ),
            OpenApiParameter(
                AGENT_HEADER,
                str,
                OpenApiParameter.HEADER,
                description="Your name for the agent, up to 120 characters: kept with the receipt, "
                "and the same agent always gets the same release of a canary.",
            ),
            OpenApiParameter(
                "If-None-Match", str, OpenApiParameter.HEADER, description="The ETag you hold."
            ),
        ],
        responses={
            (200, "application/json"): s.PlaybookDocument,
            (200, "text/markdown"): OpenApiTypes.STR,
            (200, "text/plain"): OpenApiTypes.STR,
            (200, "application/zip"): OpenApiTypes.BINARY,
            304: OpenApiResponse(description="You hold this content already."),
            400: PROBLEM,
            401: PROBLEM,
            403: PROBLEM,
            404: PROBLEM,
            406: PROBLEM,
            410: PROBLEM,
            429: PROBLEM,
        },
    )
    def get(self, request: Request, slug: str) -> HttpResponse:
        """The playbook at a label (default ``production``) or version.

        The ETag is the digest of the content: send it back as If-None-Match and an unchanged
        playbook answers 304 without a body. A withdrawn release answers 410 and names the one that
        replaces it. A playbook without a release answers 404 ``not-released-yet``
        and says what to do first.
        """
        generation = _generation(request._request)
        _check_parameters(request)
        agent = agent_of(request)
        pulled = playbook_pull(
            workspace=workspace_of(request),
            slug=slug,
            agent=agent or caller_of(request),
            label=request.query_params.get("label", PRODUCTION),
            version=_whole(request, "version", "A version is a whole number, such as 3."),
            form=_form(request),
            max_tokens=_whole(request, "max_tokens", "A whole number, such as 2000.") or 0,
            bound_to=bound_to(request),
        )
        key = request.auth if isinstance(request.auth, ApiKey) else None
        etag = f'"{pulled.etag}"'
        headers = _headers(pulled, slug, etag)
        if key is not None and generation is not None:
            pull_cache.keep(
                fingerprint(request._request),
                generation=generation,
                until=_until(key),
                caller=caller_of(request),
                limit=key.requests_a_minute,
                etag=etag,
                release=pulled.release_id,
                key=key.pk,
                label=pulled.label,
                form=pulled.form,
                headers=headers,
            )
        is_held = _is_held(request._request, etag)
        if not getattr(request._request, "pull_is_counted", False):
            receipt_leave(
                release=pulled.release_id,
                label=pulled.label,
                form=pulled.form,
                key=key,
                agent=agent,
                unchanged=is_held,
            )
        return pull_answer(headers, None if is_held else pulled.body())


def pull_answer(headers: Mapping[str, str], body: bytes | None) -> HttpResponse:
    """The answer to a pull; ``body`` is ``None`` for who holds it already."""
    answer = HttpResponse(body or b"", status=200 if body is not None else 304, headers=headers)
    if body is not None:
        # What is answered before Django's own middleware would go without, in chunks.
        answer.headers["Content-Length"] = str(len(body))
    else:
        for name in ("Content-Type", "Content-Disposition"):
            answer.headers.pop(name, None)
    return answer


def fingerprint(request: HttpRequest) -> str:
    """One exact request of one key: all that an answer to a pull depends on."""
    asked = (
        request.headers.get("Authorization", ""),
        request.path,
        request.META.get("QUERY_STRING", ""),
        request.headers.get("Accept", ""),
        request.headers.get(AGENT_HEADER, ""),
    )
    return hashlib.sha256("\0".join(asked).encode("utf-8", "surrogateescape")).hexdigest()


def held_tags(request: HttpRequest) -> list[str]:
    """The tags the caller holds. Compared weakly: a compressing proxy weakens them."""
    sent = request.headers.get("If-None-Match", "")
    return [tag.removeprefix("W/") for tag in parse_etags(sent)] if sent else []


def _generation(request: HttpRequest) -> str | None:
    """The generation as it was when the request came in, before the key was looked up."""
    if not settings.PULL_CACHE:
        return None
    generation: str | None = getattr(request, "pull_generation", None)
    return generation


def _is_held(request: HttpRequest, etag: str) -> bool:
    held = held_tags(request)
    return "*" in held or etag in held


def _headers(pulled: Pulled, slug: str, etag: str) -> dict[str, str]:
    form = FORMS[pulled.form]
    headers = {
        "Content-Type": form.content_type,
        "ETag": etag,
        "Cache-Control": CACHE_CONTROL,
        "Vary": f"Accept, Authorization, {AGENT_HEADER}",
        "X-Playbook-Version": str(pulled.number),
        "X-Release-Id": str(pulled.release_id),
        "X-Content-Type-Options": "nosniff",
    }
    if pulled.form == "skill":
        name = f"{slug}-v{pulled.number}.{form.suffix}"
        headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return headers


def _until(key: ApiKey) -> float:
    """When this key may stop to be good, in seconds since the epoch."""
    ends = [end.timestamp() for end in (key.expires_at, key.previous_until) if end is not None]
    return min((end for end in ends if end > time.time()), default=math.inf)


def agent_of(request: Request) -> str:
    """What the caller calls itself; empty where it says nothing."""
    agent = request.headers.get(AGENT_HEADER, "").strip()
    if problem := agent_problem(agent):
        raise ValidationError({AGENT_HEADER: [problem]})
    return agent


def _check_parameters(request: Request) -> None:
    """Refuse what a pull does not take: a mistyped ``label`` would be ``production``, and of two
    values one would be passed over.
    """
    said = f"There is no such parameter. A pull takes {', '.join(PARAMETERS)}."
    asked = request.query_params
    unknown = [name for name in asked if name not in PARAMETERS]
    if unknown:
        raise ValidationError({name[:100]: [said] for name in unknown[:20]})
    twice = [name for name in asked if len(asked.getlist(name)) > 1]
    if twice:
        raise ValidationError({name: ["Send it only once."] for name in twice})
    if asked.get("label") == "":
        # Most likely a variable that was never set: production may not be what it was to name.
        raise ValidationError({"label": [f"Name a label, or leave it out for {PRODUCTION}."]})
    if "label" in asked and "version" in asked:
        raise ValidationError({"version": [ONE_OF_TWO]})


def _form(request: Request) -> str:
    asked = request.query_params.get("format")
    if asked is not None:
        if asked not in FORMS:
            raise ValidationError({"format": [f"Choose one of: {', '.join(FORMS)}."]})
        return asked
    wanted = _wanted(request.headers.get("Accept", "") or "*/*")
    for kind in wanted:
        if kind in ACCEPTED:
            return ACCEPTED[kind]
        main, _, sub = kind.partition("/")
        if sub == "*" and main in {"*", "application"}:
            return "json"
        if kind == "text/*":
            return "md"
    known = ", ".join(ACCEPTED)
    raise NotAcceptable(f"A playbook is served as {known}; or name a form with ?format=.")


def _wanted(accept: str) -> list[str]:
    """Media types of an Accept header, the most wanted first; those at q=0 are left out."""
    found = []
    for place, part in enumerate(accept.split(",")):
        kind, *parameters = (piece.strip().lower() for piece in part.split(";"))
        weight = 1.0
        for parameter in parameters:
            name, _, value = parameter.partition("=")
            if name.strip() == "q":
                try:
                    weight = float(value)
                except ValueError:
                    weight = 0.0
        if kind and weight > 0:
            found.append((-weight, place, kind))
    return [kind for _, _, kind in sorted(found)]


def _whole(request: Request, name: str, says: str) -> int | None:
    asked = request.query_params.get(name)
    if asked is None:
        return None
    if not (asked.isascii() and asked.isdecimal()) or len(asked) > 9 or int(asked) == 0:
        raise ValidationError({name: [says]})
    return int(asked)
