"""Icons, badges, key hints, chips, memory text and word diffs.

Usage in a template: ``{% load ui %}``. Everything here returns escaped markup without style
attributes and without scripts, as the content security policy demands.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from html import escape
from typing import Any

from django import template
from django.core.paginator import Page
from django.templatetags.static import static
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from memoryapp.domain.diff import Segment, word_diff
from memoryapp.templatetags.looks import SECTIONS, Look, look_of

register = template.Library()

THEMES = ("light", "dark", "auto")

_CODE = re.compile(r"`([^`\n]+)`")
#: A line that is a call, in a text of several lines: ``order = get_order(order_id=order_id)``.
_CALL = re.compile(r"(?:[\w\ue000\ue001]+ = )?[\w.\ue000\ue001]+\(.*\)")
#: Categories no reader can see: format characters, private use, surrogates, unassigned.
_UNSEEN_CATEGORIES = frozenset({"Cf", "Co", "Cs", "Cn", "Cc"})
_HARMLESS = frozenset("\n\r\t")


@register.simple_tag(takes_context=True)
def theme(context: template.Context) -> str:
    """Return ``light``, ``dark`` or ``auto`` from the cookie ``theme``."""
    cookies = getattr(context.get("request"), "COOKIES", {})
    chosen = str(cookies.get("theme", ""))
    return chosen if chosen in THEMES else "auto"


@register.simple_block_tag
def kept(content: str) -> str:
    """Return what stands between the tags, so that it is drawn once and shown twice.

    ``{% kept as name %}…{% endkept %}`` shows nothing by itself.
    """
    return content


@register.simple_tag
def icon(name: str, label: str = "", *, small: bool = False) -> SafeString:
    """Return a Lucide icon from the sprite; with ``label`` it speaks, without it is decoration."""
    return _icon(name, label, small)


@lru_cache(maxsize=1024)
def _icon(name: str, label: str, small: bool) -> SafeString:
    # A page has dozens, nearly all of them alike.
    role = format_html('role="img" aria-label="{}"', label) if label else 'aria-hidden="true"'
    return format_html(
        '<svg class="i{}" {}><use href="{}#{}"></use></svg>',
        " s" if small else "",
        mark_safe(role),
        static("img/icons.svg"),
        name,
    )


@register.simple_tag
def key(keys: str) -> SafeString:
    """Return the hint for a key; several keys are separated by white space."""
    return format_html_join(" ", '<kbd aria-hidden="true">{}</kbd>', ((k,) for k in keys.split()))


@register.simple_tag
def badge(state: Any, label: str = "") -> SafeString:
    """Return the filled badge of a title. Once per page."""
    return _stated("badge", state, label)


@register.simple_tag
def status(state: Any, label: str = "") -> SafeString:
    """Return a state for lists: colored icon and word, no fill."""
    return _stated("st", state, label)


def _stated(kind: str, state: Any, label: str) -> SafeString:
    return _look_shown(kind, look_of(state), label)


@lru_cache(maxsize=2_000)
def _look_shown(kind: str, look: Look, label: str) -> SafeString:
    return format_html(
        '<span class="{}">{}{}</span>',
        f"{kind} {look.tone}".strip(),
        icon(look.icon, small=True),
        label or look.word,
    )


@register.simple_tag
def op_icon(op: Any) -> SafeString:
    """Return the small icon of a candidate's operation."""
    return icon(look_of(op).icon, small=True)


@register.filter
def op_word(op: Any) -> str:
    """Return ``Add``, ``Update``, ``Merge`` or ``Retire``."""
    return look_of(op).word


@register.simple_tag
def called(label: str, section: str, classes: str = "") -> SafeString:
    """Return what a candidate is about: the label of its bullet, else the title of its section."""
    if label == section:
        return format_html('<span class="s12 q {}">{}</span>', classes, section_title(section))
    return format_html('<code class="q {}">{}</code>', classes, label)


@register.filter
def section_title(name: str) -> str:
    """Return the title of a section; a custom one is its own name in words."""
    return SECTIONS.get(name, (name.replace("_", " ").capitalize(), ""))[0]


@register.filter
def section_hint(name: str) -> str:
    """Return what belongs into a section, empty for a custom one."""
    return SECTIONS.get(name, ("", ""))[1]


@register.filter
def memory(text: str) -> SafeString:
    """Return the text of a bullet: names in backticks as code, unseen characters made visible.

    In a text of several lines, a line that is a call is code as well.
    """
    if "\n" not in text:
        return mark_safe(_coded(text))
    lines = text.split("\n")
    return mark_safe(
        "\n".join(
            f"<code>{_with_unseen(line)}</code>" if _CALL.fullmatch(line.strip()) else _coded(line)
            for line in lines
        )
    )


@register.filter
def memory_start(text: str, most: int) -> SafeString:
    """Return the first ``most`` characters of a bullet as ``memory`` shows them.

    A name that the cut falls into stays code; a call that it falls into is left out whole.
    """
    if len(text) <= most:
        return memory(text)
    start = text[: most - 1].rstrip()
    line_start = start.rfind("\n") + 1
    whole_line = text[line_start:].split("\n", 1)[0]
    if line_start and _CALL.fullmatch(whole_line.strip()) and start[line_start:] != whole_line:
        return memory(f"{start[:line_start]}…")
    if start[line_start:].count("`") % 2 == 0:
        return memory(f"{start}…")
    return memory(f"{start[:-1].rstrip()}…" if start.endswith("`") else f"{start}…`")


def _coded(line: str) -> str:
    out = []
    for place, piece in enumerate(_CODE.split(line)):
        shown = _with_unseen(piece)
        out.append(f"<code>{shown}</code>" if place % 2 else shown)
    return "".join(out)


#: Around the words a search found; the query puts them there and takes them out of the text first.
MARK_START, MARK_END = "\ue000", "\ue001"


def memory_marked(text: str) -> SafeString:
    """Return the text of a bullet as ``memory`` does, with the words a search found marked."""
    shown = str(memory(text))
    if text.count(MARK_START) == text.count(MARK_END):
        shown = shown.replace(_with_unseen(MARK_START), "<mark>")
        shown = shown.replace(_with_unseen(MARK_END), "</mark>")
    return mark_safe(shown)


@register.filter
def found(text: str, words: str) -> SafeString:
    """Return a text as ``memory`` does, with each place marked where ``words`` stand in it."""
    if not words:
        return memory(text)
    bare = text.replace(MARK_START, "").replace(MARK_END, "")
    marked = rf"{MARK_START}\g<0>{MARK_END}"
    return memory_marked(re.sub(re.escape(words), marked, bare, flags=re.IGNORECASE))


def _with_unseen(text: str) -> str:
    if text.isascii() and text.isprintable():  # nearly all texts, and the queue has many
        return escape(text)
    return "".join(
        f'<span class="unseen">U+{ord(char):04X}</span>' if _is_unseen(char) else escape(char)
        for char in text
    )


def _is_unseen(char: str) -> bool:
    return char not in _HARMLESS and unicodedata.category(char) in _UNSEEN_CATEGORIES


@register.simple_tag
def worddiff(before: str, after: str, *, small: bool = False) -> SafeString:
    """Return the word diff of two texts as ``ins`` and ``del`` in serif."""
    body, deleted = [], ""
    for segment in word_diff(before, after):
        touches = bool(deleted) and not deleted[-1:].isspace()
        body.append(_segment(segment, close=touches))
        deleted = segment.text if segment.kind == "delete" else ""
    return format_html(
        '<div class="diff{}">{}</div>', " small" if small else "", mark_safe("".join(body))
    )


def _segment(segment: Segment, *, close: bool) -> SafeString:
    """Mark one segment; the white space at its ends stays outside of the mark.

    ``close`` says that it follows a deletion without a space, so the eye needs a small gap.
    """
    text = segment.text
    if segment.kind == "equal" or not text.strip():
        return memory(text)
    start, end = text[: len(text) - len(text.lstrip())], text[len(text.rstrip()) :]
    if segment.kind == "delete":
        return format_html("{}<del>{}</del>{}", start, memory(text.strip()), end)
    gap = mark_safe(' class="close"') if close and not start else ""
    return format_html("{}<ins{}>{}</ins>{}", start, gap, memory(text.strip()), end)


@register.simple_tag
def filter_chip(chip: Any) -> SafeString:
    """Return a filter (``views.links.Chip``) as a link. A total in words is shown as it is."""
    count = chip.count
    total = "" if count is None else f"{count:,}" if isinstance(count, int) else count
    return format_html(
        '<a class="chip" href="{}"{}>{}{}{}</a>',
        chip.url,
        mark_safe(' aria-current="true"') if chip.pressed else "",
        chip.label,
        format_html(' <span class="c">{}</span>', total) if total else "",
        mark_safe('<span class="sr">: clear this filter</span>') if chip.clears else "",
    )


@register.simple_tag
def options(choices: Iterable[tuple[Any, Any]], chosen: Any = "") -> SafeString:
    """Return the options of a select: (value, word) pairs, the chosen value selected."""
    return mark_safe(
        "".join(
            f'<option value="{escape(str(value))}"{" selected" if str(value) == chosen else ""}>'
            f"{escape(str(word))}</option>"
            for value, word in choices
        )
    )


@register.inclusion_tag("components/pagination.html", takes_context=True)
def pagination(
    context: template.Context, page: Page[Any], noun: str = "rows", path: str = ""
) -> dict[str, Any]:
    """Show which rows of how many these are, and links to the pages beside.

    ``path`` is the page they are of, where a form of another address may have brought it.
    """
    return {"page_obj": page, "noun": noun, "path": path, "request": context.get("request")}


@register.filter
def initials(user: Any) -> str:
    """Return up to two initials of a user or a name."""
    full = getattr(user, "get_full_name", None)
    name = (full() if callable(full) else "") or str(user)
    words = [word for word in re.split(r"[\s._@-]+", name) if word]
    return "".join(word[0] for word in words[:2]).upper() or "?"


@register.filter
def author_of(revision: Any) -> str:
    """Return who wrote a revision: a person, or Greenroom where a policy or a job did."""
    return "Greenroom" if revision.is_automatic else person(revision.author)


@register.filter
def person(user: Any) -> str:
    """Return the name of a user as history shows it; a deleted one stays a somebody."""
    if user is None or not str(user):
        return "a removed user"
    full = getattr(user, "get_full_name", None)
    return (full() if callable(full) else "") or str(user)
