"""Rows of long lists, drawn without the template engine. Usage: ``{% load rows %}``.

A page of bullets holds 50 to 200 of them. The engine resolves each name of each row anew, which
took nine tenths of the time of such a page; here a row is one string.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from html import escape
from typing import Any
from urllib.parse import quote

from django import template
from django.urls import reverse
from django.utils.safestring import SafeString, mark_safe

from memoryapp.domain.seen import shown
from memoryapp.models import Bullet, Playbook
from memoryapp.services.curation import section_of
from memoryapp.templatetags.formats import relative_time
from memoryapp.templatetags.ui import memory, memory_marked, status

register = template.Library()

#: what the fields of an address are replaced by, so that it is worked out once for all rows.
_SLUG, _LABEL = "SLUG-OF-IT", "LABEL-OF-IT"


@dataclass(frozen=True, slots=True)
class _Addresses:
    """The addresses of bullets with a place for the slug and the label."""

    playbook: str
    bullet: str
    row: str

    @classmethod
    def now(cls) -> _Addresses:
        return cls(
            reverse("playbook-detail", args=[_SLUG]),
            reverse("bullet-detail", args=[_SLUG, _LABEL]),
            reverse("bullet-row", args=[_SLUG, _LABEL]),
        )


@register.filter
def section_seen(bullet: Bullet) -> str:
    """What a form that moves a bullet sends back of the section its reader saw."""
    return shown(section_of(bullet))


@register.simple_tag(takes_context=True)
def memory_rows(context: template.Context, bullets: Iterable[Any]) -> SafeString:
    """Return bullets of any playbooks as table rows.

    Each has its ``playbook``; ``marked`` where words were searched, and
    ``hit`` where they are ranked. In the context: ``may_decide`` (rows can be selected) and
    ``row_query`` (the filter that their pages go on in).
    """
    to, tags = _Addresses.now(), reverse("entry-list")
    kept = escape(context["row_query"])
    choosable = bool(context.get("may_decide"))
    drawn = []
    for bullet in bullets:
        slug, label = bullet.playbook.slug, escape(bullet.label)
        said = memory_marked(getattr(bullet, "marked", "") or bullet.content)
        url = to.bullet.replace(_SLUG, slug).replace(_LABEL, label)
        lead = f'<a class="row-link" href="{url}{kept}">{said}</a>'
        book = (
            f'<a class="row-link" href="{to.playbook.replace(_SLUG, slug)}">'
            f"{escape(bullet.playbook.name)}</a>"
        )
        pick = _pick(str(bullet.pk), label, "chosen") if choosable else ""
        drawn.append(
            _row(
                bullet,
                pick,
                lead,
                f"{book}{_tags(bullet, tags)}{_places(bullet)}",
                _changed(bullet),
            )
        )
    return mark_safe("".join(drawn))


@register.simple_tag
def released_rows(playbook: Playbook, bullets: Iterable[Mapping[str, str]]) -> SafeString:
    """Return frozen bullets (``label``, ``content``), each with a link to what became of it."""
    to = reverse("bullet-detail", args=[playbook.slug, _LABEL])
    drawn = []
    for bullet in bullets:
        label = escape(bullet["label"])
        drawn.append(
            f'<div class="change"><a class="q" href="{to.replace(_LABEL, label)}">'
            f'<code>{label}</code></a><p class="read">{memory(bullet["content"])}</p></div>'
        )
    return mark_safe("".join(drawn))


@register.simple_tag(takes_context=True)
def playbook_rows(context: template.Context, bullets: Iterable[Any]) -> SafeString:
    """Return bullets of one playbook as table rows that open the peek.

    Each has its ``playbook``. In the context: ``may_decide`` (rows can be
    selected and edited), ``page_query`` (what the page was asked with: the filter that the peek
    keeps, and whose row is open), and ``saved`` after an edit in place.
    """
    to = _Addresses.now()
    may_decide = bool(context.get("may_decide"))
    asked = context["page_query"].copy()
    opened = asked.get("peek")
    for name in ("peek", "edit"):
        asked.pop(name, None)
    kept = f"{asked.urlencode()}&" if asked else ""
    drawn = []
    for bullet in bullets:
        slug, label = bullet.playbook.slug, escape(bullet.label)
        book = to.playbook.replace(_SLUG, slug)
        page = to.bullet.replace(_SLUG, slug).replace(_LABEL, label)
        is_open = bullet.label == opened
        peek = f"{book}?{kept}peek={quote(bullet.label)}"
        lead = (
            f'<a class="row-link" id="b-{label}" {_leads(peek, page, is_open)}>'
            f"{memory(bullet.content)}</a>"
        )
        changed = _changed(bullet)
        if context.get("saved"):
            saved = f"saved as revision {bullet.revision_count}"
            changed = f'<span data-said="{label} {saved}"><b>{saved}</b></span>'
        if may_decide and bullet.status != Bullet.Status.RETIRED:
            row = to.row.replace(_SLUG, slug).replace(_LABEL, label)
            changed += (
                f'<a class="link no-print" href="{page}?edit=1" hx-get="{row}?edit=1"'
                f' hx-target="closest tr" hx-swap="outerHTML" aria-label="Edit {label}">Edit</a>'
            )
        drawn.append(
            _row(
                bullet,
                _pick(label, label, "bullet") if may_decide else "",
                lead,
                _tags(bullet, book),
                changed,
                is_open=is_open,
            )
        )
    return mark_safe("".join(drawn))


def _leads(peek: str, page: str, is_open: bool) -> str:
    """Where a row leads: to the peek beside the list; the one that is open, to its page."""
    if is_open:
        return f'href="{page}" aria-current="true"'
    url = escape(peek)
    # One peek at a time: what is asked for later takes the place of what is on its way.
    return (
        f'href="{url}" hx-get="{url}" hx-target="#bullets" hx-select="#bullets"'
        ' hx-swap="outerHTML" hx-push-url="true" hx-sync="#bullets:replace"'
    )


def _row(
    bullet: Any, pick: str, lead: str, facts: str, changed: str, *, is_open: bool = False
) -> str:
    """Everything but ``bullet``'s own figures is markup already."""
    opened = " open" if is_open else ""
    name, label = escape(bullet.status), escape(bullet.label)
    return (
        f'<tr class="bullet {name}{opened}" id="row-{label}" data-row>{pick}'
        f'<td class="wide"><p class="read">{lead}</p><p class="meta">{status(bullet.status)}'
        f"<code>{label}</code>{facts}{changed}</p></td>{_figures(bullet)}</tr>"
    )


def _pick(value: str, label: str, name: str) -> str:
    return (
        f'<td class="ck"><input type="checkbox" name="{name}" value="{value}" form="picked"'
        f' aria-label="Select {label}"></td>'
    )


def _tags(bullet: Any, url: str) -> str:
    return "".join(
        f'<a class="tagl" href="{url}?tag={quote(tag)}">{escape(tag)}</a>' for tag in bullet.tags
    )


def _places(bullet: Any) -> str:
    """Where each leg of a search put the bullet."""
    hit = getattr(bullet, "hit", None)
    if hit is None:
        return ""
    words = f"words #{hit.text.place}" if hit.text else ""
    meaning = f" meaning #{hit.vector.place}" if hit.vector else ""
    return f'<span title="Place by words, place by meaning">{words}{meaning}</span>'


def _changed(bullet: Any) -> str:
    return f"<span>changed {relative_time(bullet.updated_at)}</span>"


def _figures(bullet: Any) -> str:
    practice = _pair(bullet.practice_helpful, bullet.practice_harmful)
    trials = f"{bullet.verified_wins:,} {_OF} {bullet.verified_losses:,}"
    if not (bullet.verified_wins or bullet.verified_losses):
        trials = '<span class="q">untried</span>'
    live = _pair(bullet.deployed_helpful, bullet.deployed_harmful)
    if not (bullet.deployed_helpful or bullet.deployed_harmful):
        live = '<span class="q">no reports</span>'
    return (
        f'<td class="num" data-label="Evidence">{bullet.evidence_count:,}</td>'
        f'<td class="num minor">{practice}</td><td class="num minor">{trials}</td>'
        f'<td class="num" data-label="Live">{live}</td>'
        f'<td class="num" data-label="Tokens">{bullet.tokens:,}</td>'
    )


_OF = '<span class="q">/</span>'


def _pair(helpful: int, harmful: int) -> str:
    worse = ' class="harmful"' if harmful > helpful else ""
    return f"{helpful:,} {_OF} <span{worse}>{harmful:,}</span>"
