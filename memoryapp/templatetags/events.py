"""Rows of the audit log in words. Usage in a template: ``{% load events %}``."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django import template
from django.core.serializers.json import DjangoJSONEncoder
from django.utils.dateparse import parse_datetime
from django.utils.html import format_html
from django.utils.timezone import localtime

from memoryapp.domain import moments
from memoryapp.domain.event_kinds import in_words
from memoryapp.models import Event
from memoryapp.templatetags.ui import op_word, section_title

register = template.Library()

#: What ``event_changes`` shows of a row, from what to what.
SHOWN = frozenset({"before", "after"})
#: What the product needs of a row to take it back; exports have it.
UNSAID = frozenset({"taken_back"})
#: SHA-256 in hex, which nobody reads to its end; exports have it whole.
DIGEST = re.compile(r"[0-9a-f]{64}")
DIGEST_SHOWN = 12
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d\S*")
NOTHING = "nothing"
EMPTY: tuple[Any, ...] = (None, "", {}, [])
#: Subjects whose names machines say: labels of bullets, names of tools.
CODED = frozenset({"bullet", "environmenttool"})


@dataclass(frozen=True, slots=True)
class Changed:
    """One thing a row says both sides of. ``is_text`` is memory text, to be compared by words."""

    name: str
    before: str
    after: str
    is_text: bool

    @property
    def is_new(self) -> bool:
        return self.before == NOTHING


@register.filter
def event_words(kind: str) -> str:
    """Return the kind of an audit row in words: ``label.moved`` reads ``Label moved``."""
    return in_words(kind)


@register.filter
def event_subject(event: Event) -> str:
    """Return what a row is about: a candidate reads ``Add, APIs``; what machines say is code."""
    if event.subject_type in CODED:
        return format_html("<code>{}</code>", event.subject_name)
    if event.subject_type != "candidate":
        return event.subject_name
    op, _, section = event.subject_name.partition(" ")
    return f"{op_word(op)}, {section_title(section)}"


@register.filter
def event_details(data: Mapping[str, Any] | None) -> list[tuple[str, str]]:
    """Return what a row keeps besides, by name: ``stale bullets``, ``2``."""
    kept = data or {}
    # The text of a decided candidate stands among the changes of its bullets.
    hidden = SHOWN | UNSAID | ({"bullets", "text"} if _bullets(kept) else set())
    return [(_name(name), _plain(item)) for name, item in kept.items() if name not in hidden]


@register.filter
def event_changes(data: Mapping[str, Any] | None) -> list[Changed]:
    """Return what was changed, each with what it was before and after."""
    kept = data or {}
    found = list(_sides("", kept.get("before"), kept.get("after")))
    for label, sides in _bullets(kept).items():
        found += _sides(label, sides.get("before"), sides.get("after"))
    return found


def _bullets(data: Mapping[str, Any]) -> Mapping[str, Any]:
    """The bullets a decision changed, by label; a release only says how many it holds."""
    kept = data.get("bullets")
    return kept if isinstance(kept, Mapping) else {}


def _sides(name: str, before: Any, after: Any) -> Iterator[Changed]:
    if not (isinstance(before, Mapping) or isinstance(after, Mapping)):
        is_text = name.rpartition(" ")[2] == "text"
        was, now = _said(before, is_text), _said(after, is_text)
        if was != now:
            yield Changed(name, was, now, is_text)
        return
    one, other = (side if isinstance(side, Mapping) else {} for side in (before, after))
    if one and other and one.keys().isdisjoint(other):
        # What there was, and what was done with it: none of it became nothing.
        one, other = {}, {**one, **other}
    for part in dict.fromkeys((*one, *other)):
        yield from _sides(f"{name} {_name(part)}".strip(), one.get(part), other.get(part))


def _said(value: Any, is_text: bool) -> str:
    if value in EMPTY:
        return "" if is_text else NOTHING
    return ", ".join(map(_plain, value)) if isinstance(value, list) else _plain(value)


def _name(name: str) -> str:
    return name.replace("_", " ")


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return f"{value[:DIGEST_SHOWN]}…" if DIGEST.fullmatch(value) else _read_time(value)
    if isinstance(value, Mapping):
        value = {name: item for name, item in value.items() if item not in EMPTY}
        if not any(isinstance(item, Mapping | list) for item in value.values()):
            said = (f"{_name(name)} {_plain(item)}" for name, item in value.items())
            return ", ".join(said) or NOTHING
    return json.dumps(value, ensure_ascii=False, cls=DjangoJSONEncoder)


def _read_time(value: str) -> str:
    """A moment as people read it; any other text as it is."""
    moment = parse_datetime(value) if TIME.fullmatch(value) else None
    if moment is None or moment.tzinfo is None:
        return value
    return moments.exact(localtime(moment))
