"""What the tabs of a playbook page show."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from memoryapp.access import membership_of
from memoryapp.domain import playbook as domain
from memoryapp.domain.playbook import SECTIONS
from memoryapp.forms import PlaybookChangeForm
from memoryapp.models import Bullet, Candidate, Playbook, Release, ReleaseLabel, Tally
from memoryapp.queries import entries as entry_queries
from memoryapp.queries import playbooks as playbook_queries
from memoryapp.queries import releases as release_queries
from memoryapp.queries.origins import Taught, jobs_of
from memoryapp.queries.use import UseFilter, curve_of
from memoryapp.services.curation import settings_of
from memoryapp.services.releases import PRODUCTION
from memoryapp.views.links import Chip, page_of, parameter, with_query
from memoryapp.views.review_queue import ReviewFilter
from memoryapp.views.snippets import mcp_client, pull_command, pull_python

TABS = ("bullets", "releases", "sources", "use")
TONES = {"strategies": "accent", "pitfalls": "soft", "apis": "past", "code_snippets": "ink"}
#: Releases on the line above the tabs; labeled ones are always among them.
ON_LINE = 5
BULLETS_PER_PAGE = 200
RELEASES_PER_PAGE = 25
MOVES_SHOWN = 20
EVALUATIONS_SHOWN = 5
#: days that the curve of a bullet's use shows; one of those its lists can be narrowed to.
CURVE_DAYS = 30
OFFERED_LABELS = (PRODUCTION, "staging")
#: The name of a run, by whose number Review narrows its list.
_RUN = re.compile(r"Run (\d+)")


def labels_offered(names: Iterable[str]) -> list[str]:
    """Labels that can be moved: ``production``, which a form begins with, then the rest by name."""
    return sorted({*OFFERED_LABELS, *names}, key=lambda name: (name != PRODUCTION, name))


def labels_seen(labels: Iterable[ReleaseLabel]) -> str:
    """Where labels point, as a form that moves one sends back what its reader saw."""
    return " ".join(f"{label.name}:{label.release.number}" for label in labels)


def pointed_at(seen: str, name: str) -> int:
    """The version a label was seen to point at; ``seen`` is what ``labels_seen`` returned.

    0 where it pointed at none, or where ``seen`` is nothing that anybody can have seen.
    """
    pairs = (pair.partition(":") for pair in seen.split())
    found = {label: version for label, _, version in pairs if version.isdecimal()}
    return int(found.get(name.strip(), "0")[:9])


def playbook_context(request: HttpRequest, playbook: Playbook, tab: str) -> dict[str, Any]:
    """The frame of the page and the content of one tab."""
    url = playbook.get_absolute_url()
    # Read before the draft: what is written in between is then told once more, and never left out.
    revision = playbook_queries.newest_revision(playbook) if tab == "releases" else 0
    value = playbook.as_value()
    draft = playbook_queries.draft(playbook, value)
    labels = list(release_queries.labels_of(playbook))
    release_count = playbook.releases.count()
    waiting = playbook_queries.waiting_in(playbook)
    context: dict[str, Any] = {
        "playbook": playbook,
        "tab": tab,
        "may_decide": membership_of(request).may_review,
        "list_url": reverse("playbook-list"),
        "bullets_url": url,
        "releases_url": f"{url}?tab=releases",
        "use_url": f"{url}?tab=use",
        "sources_url": f"{url}?tab=sources",
        "change_url": reverse("playbook-change", args=[playbook.slug]),
        "settings": PlaybookChangeForm.showing(settings_of(playbook)),
        "review_url": with_query(reverse("review"), {"playbook": playbook.slug}),
        "add_url": reverse("bullet-add", args=[playbook.slug]),
        "publish_url": reverse("release-publish", args=[playbook.slug]),
        "move_label_url": reverse("label-move", args=[playbook.slug]),
        "section_names": SECTIONS,
        "label_names": labels_offered(label.name for label in labels),
        "labels": labels,
        "labels_seen": labels_seen(labels),
        "serving": sorted(labels, key=lambda label: label.name != PRODUCTION),
        "bullet_count": draft.bullet_count,
        "release_count": release_count,
        "draft": draft,
        "line": _line(playbook, labels),
        "last_move": _moves(playbook).first(),
        "budget": _budget(playbook, value.live, draft.tokens, waiting),
    }
    if tab == "releases":
        context |= _releases_tab(request, playbook) | _measured(request, playbook, value)
        context |= {"newest_revision": revision, "doubted": _doubted(url, value)}
    elif tab == "sources":
        context |= {
            "jobs": [(job, _decided(playbook, job)) for job in jobs_of(playbook)],
            "undo_url": reverse("run-undo", args=[playbook.slug]),
        }
    elif tab == "use":
        context |= _use_tab(request, playbook, labels)
    else:
        context |= _bullets_tab(request, playbook, value, waiting.total)
    return context


def _doubted(url: str, value: domain.Playbook) -> dict[str, Any]:
    """Bullets of the draft that are in doubt: a release gives them to agents all the same."""
    count = sum(bullet.status is domain.BulletStatus.STALE for bullet in value.live)
    return {"count": count, "url": with_query(url, {"status": Bullet.Status.STALE.value})}


def _decided(playbook: Playbook, job: Taught) -> list[tuple[str, int, str]]:
    """What became of what a job proposed: word, count and, of runs, where Review lists them."""
    run = _RUN.fullmatch(job.name)
    found = []
    for word, count, status in (
        ("Approved", job.approved, Candidate.Status.APPROVED),
        ("Waiting", job.waiting, Candidate.Status.PENDING),
        ("Rejected", job.rejected, Candidate.Status.REJECTED),
        ("Superseded", job.superseded, Candidate.Status.SUPERSEDED),
    ):
        asked = ReviewFilter(status.value, playbook.slug, run=run[1]).url() if run else ""
        found.append((word, count, asked if count else ""))
    return found


def _moves(playbook: Playbook) -> Any:
    return release_queries.label_moves(playbook.label_moves.all())


def _light(playbook: Playbook) -> Any:
    """Releases without their texts."""
    return playbook.releases.light().select_related("published_by")


def _line(playbook: Playbook, labels: Sequence[Any]) -> list[dict[str, Any]]:
    """The newest releases and every labeled one, oldest first."""
    named = release_queries.named_releases(playbook)
    newest = list(named[:ON_LINE])
    known = {release.pk for release in newest}
    labeled = [label.release_id for label in labels if label.release_id not in known]
    shown: list[Release] = [*newest, *(named.filter(pk__in=labeled) if labeled else ())]
    shown.sort(key=lambda release: release.number)
    return [
        {
            "release": release,
            "labels": [label.name for label in labels if label.release_id == release.pk],
            "is_newest": release is shown[-1],
        }
        for release in shown
    ]


def _budget(
    playbook: Playbook, live: Sequence[domain.Bullet], used: int, waiting: playbook_queries.Waiting
) -> dict[str, Any]:
    """Where the tokens go; ``scale`` is the full width of the bar."""
    parts = [
        {
            "name": section,
            "value": sum(bullet.tokens for bullet in bullets),
            "tone": TONES.get(section, "mute"),
        }
        for section, bullets in groupby(live, key=lambda bullet: bullet.section)
    ]
    said = ", ".join(f"{part['name']} {part['value']}" for part in parts)
    return {
        "used": used,
        "of": playbook.token_budget,
        "free": max(0, playbook.token_budget - used),
        "parts": parts,
        "scale": max(playbook.token_budget, used),
        "label": f"{used} of {playbook.token_budget} tokens: {said or 'nothing yet'}",
        "waiting": waiting.added,
        "waiting_tokens": waiting.tokens,
    }


def _bullets_tab(
    request: HttpRequest, playbook: Playbook, value: domain.Playbook, waiting: int
) -> dict[str, Any]:
    status, tag, use = (parameter(request, name) for name in ("status", "tag", "use"))
    # Each row is given the playbook it was reached by; a join would make it anew for each.
    rows = playbook.bullets.in_delivery_order()
    rows = rows.filter(status=status) if status in Bullet.Status.values else rows.live()
    if tag:
        rows = rows.filter(tags__contains=[tag])
    if use in Tally.Use.values:
        rows = rows.used(use)
    page = page_of(request, rows, BULLETS_PER_PAGE)
    shown: list[Any] = list(page.object_list)
    peeked = parameter(request, "peek")
    return {
        "filters": [
            *_bullet_chips(playbook, value, status, waiting),
            *_use_chips(playbook, use, tag),
        ],
        "page_obj": page,
        "arranging": bool(parameter(request, "arrange")) and membership_of(request).may_review,
        "merge_url": reverse("bullets-merge", args=[playbook.slug]),
        "sections": [
            {"name": name, "bullets": held, "tokens": sum(bullet.tokens for bullet in held)}
            for name, held in (
                (name, list(group)) for name, group in groupby(shown, key=lambda b: b.section)
            )
        ],
        "peek": _peek(request, playbook, peeked) if peeked else None,
        "page_query": request.GET,
    }


def _bullet_chips(
    playbook: Playbook, value: domain.Playbook, status: str, waiting: int
) -> list[Chip]:
    url = playbook.get_absolute_url()
    chips = [Chip("In the draft", len(value.live), url, pressed=not status)]
    counts = Counter(bullet.status.value for bullet in value.bullets)
    for name, label in Bullet.Status.choices:
        count, is_chosen = counts[name], name == status
        if count or is_chosen:
            to = url if is_chosen else f"{url}?status={name}"
            chips.append(Chip(label, count, to, is_chosen, clears=is_chosen))
    review = with_query(reverse("review"), {"playbook": playbook.slug})
    return [*chips, Chip("In review", waiting, review, pressed=False)]


def _use_chips(playbook: Playbook, use: str, tag: str) -> list[Chip]:
    """Live bullets that nobody reported on, and the tag that narrows the list."""
    url = playbook.get_absolute_url()
    held = Tally.objects.within(playbook.workspace, kind=Tally.Kind.BULLET, playbook=playbook)
    counts = held.filter(status__in=domain.LIVE).by("use")
    never = Tally.Use.NEVER
    chips = []
    is_chosen = use == never
    if counts[never] or is_chosen:
        to = url if is_chosen else f"{url}?use={never}"
        chips.append(Chip("Never used", counts[never], to, is_chosen, clears=is_chosen))
    if tag:
        chips.append(Chip(f"Tag: {tag}", None, url, pressed=True, clears=True))
    return chips


def _peek(request: HttpRequest, playbook: Playbook, label: str) -> dict[str, Any] | None:
    bullet = playbook.bullets.select_related("playbook").filter(label=label).first()
    if bullet is None:
        return None
    evidence = entry_queries.bullet_evidence(bullet)
    asked = {name: parameter(request, name) for name in request.GET if name != "peek"}
    return {
        "bullet": bullet,
        "evidence": evidence[:5],
        "evidence_total": evidence.count(),
        "revisions": [
            {"revision": revision, "before": before}
            for revision, before in entry_queries.revisions_with_before(bullet)[:3]
        ],
        "served_by": release_queries.served_through(playbook, [bullet.label]),
        "curve": curve_shown(bullet),
        "page_url": bullet.get_absolute_url(),
        "close_url": with_query(playbook.get_absolute_url(), asked),
    }


def curve_shown(bullet: Bullet) -> dict[str, Any]:
    """The curve of a bullet's use with the lists behind it, as parts/curve.html shows it."""
    asked = UseFilter(
        playbook=bullet.playbook.slug, bullet=bullet.label, days=str(CURVE_DAYS)
    ).as_query()
    book, use = bullet.playbook.get_absolute_url(), curve_of(bullet, days=CURVE_DAYS)
    return {
        "days": CURVE_DAYS,
        "use": use,
        "ends": (f"{use.first:%b} {use.first.day}", "today"),
        "pulls_url": f"{reverse('pull-list')}{asked}",
        "votes_url": f"{reverse('vote-list')}{asked}",
        "pull_url": f"{book}?tab=use",
        "releases_url": f"{book}?tab=releases",
    }


def _releases_tab(request: HttpRequest, playbook: Playbook) -> dict[str, Any]:
    page = page_of(request, _light(playbook).prefetch_related("labels"), RELEASES_PER_PAGE)
    return {
        "releases": page.object_list,
        "page_obj": page,
        "moves": _moves(playbook)[:MOVES_SHOWN],
        "move_count": playbook.label_moves.count(),
        "moves_url": with_query(reverse("audit-list"), {"kind": "label.moved", "q": playbook.slug}),
    }


def _measured(request: HttpRequest, playbook: Playbook, value: domain.Playbook) -> dict[str, Any]:
    """What was measured of this playbook, and whether the draft may be published."""
    digest = domain.fingerprint(value)
    shown = list(playbook.evaluations.all()[: EVALUATIONS_SHOWN + 1])
    required = playbook.requires_evaluation
    return {
        "evaluations": shown[:EVALUATIONS_SHOWN],
        "has_more_evaluations": len(shown) > EVALUATIONS_SHOWN,
        "digest": digest,
        "measured": playbook.evaluations.filter(digest=digest).first(),
        "gating": playbook_queries.gating(playbook, digest, PRODUCTION) if required else None,
        "measure_url": with_query(
            reverse("experiment-start"),
            {"playbook": playbook.slug, "is_gate": "on" if required else ""},
        ),
        "measured_url": with_query(reverse("experiment-list"), {"playbook": playbook.slug}),
        "may_administer": membership_of(request).may_administer,
        "requirement_url": reverse("playbook-requirement", args=[playbook.slug]),
    }


def _use_tab(request: HttpRequest, playbook: Playbook, labels: Sequence[Any]) -> dict[str, Any]:
    """How an agent pulls it. ``label`` in the query string chooses the label shown."""
    names = [label.name for label in labels]
    asked = parameter(request, "label")
    label = asked if asked in names else PRODUCTION
    served = playbook.releases.only("bodies").filter(labels__name=label).first()
    url = playbook.get_absolute_url()
    return {
        "host": request.build_absolute_uri("/").rstrip("/"),
        "pull_label": label,
        "is_served": served is not None,
        "label_chips": [
            Chip(name, None, f"{url}?tab=use&label={name}", pressed=name == label) for name in names
        ],
        "snippets": [
            {
                "id": "snippet-curl",
                "title": "curl",
                "code": pull_command(request, playbook.slug, label=label),
            },
            {
                "id": "snippet-python",
                "title": "Python",
                "code": pull_python(request, playbook.slug, label=label),
            },
            {"id": "snippet-mcp", "title": "MCP client", "code": mcp_client(request)},
        ],
        "keys_url": reverse("key-list"),
        "body": served.bodies["md"] if served else "",
    }
