"""Identifiers and sentences as words: what lets one schema be compared with another."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise

#: words, names and sentences each cache of a process keeps: a large OpenAPI document has about as
#: many names; more would only fill a worker that has practiced for weeks.
KEPT_WORDS, KEPT_NAMES, KEPT_SENTENCES = 8_192, 16_384, 4_096


def vocabulary(text: str) -> frozenset[str]:
    """Return the words of ``text`` as a set."""
    return frozenset(text.split())


STOP = vocabulary(
    "a an and any are as at be been before by can cannot could currently do does for from "
    "given has have here how if in into is it its must need needs no not of on one only or "
    "please so tool that the then there these this those to use used user using via was what "
    "when where which will with you your belongs allows users company various aspects such "
    "etc returns return first provided specified based default defaults optional"
)
READ_VERBS = vocabulary(
    "get list search find fetch retrieve read show view display query lookup look check count "
    "describe browse estimate calculate compute convert validate verify compare preview ping "
    "status history summarize inspect track"
)
LIST_VERBS = vocabulary("list search find browse query all available history lookup")
NEW_VERBS = vocabulary(
    "add create new make register post open submit insert write upload touch mkdir set update "
    "edit rename send comment reply draft log"
)
#: HTTP methods that are no verbs elsewhere: what names made of method and path begin with.
METHODS = vocabulary("head put patch delete")
GENERIC = vocabulary("id name key code number title value type status result data item")
#: participles that no ending shows, by their verb: "must be paid" asks for ``pay_invoice``.
_PARTICIPLES = {
    "paid": "pay",
    "sent": "send",
    "built": "build",
    "bought": "buy",
    "sold": "sell",
    "held": "hold",
    "made": "make",
    "left": "leave",
    "taken": "take",
    "given": "give",
    "written": "write",
    "chosen": "choose",
    "drawn": "draw",
    "begun": "begin",
    "dug": "dig",
    "withdrawn": "withdraw",
}
_IRREGULAR = {
    "ids": "id",
    "addresses": "address",
    "status": "status",
    "news": "news",
    "series": "series",
    "tickets": "ticket",
    "matches": "match",
    "cities": "city",
    "people": "person",
    "indices": "index",
}


#: where a documentation string stops saying what a tool does.
_LISTING = re.compile(
    r"\n\s*\n|\n\s*(?:args|arguments|parameters|params|returns|raises|examples?)\s*:?\s*\n|\n\s*:param",
    re.IGNORECASE,
)
#: what makes of a look another act: to check in, to look after.
_TURNING = vocabulary("in out off after")


@lru_cache(maxsize=KEPT_WORDS)
def singular(word: str) -> str:
    """Return a plain singular of an English noun; unknown shapes come back as they are."""
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    if len(word) < 4 or word.endswith(("ss", "us", "is")):
        return word
    if word.endswith("ies"):
        return f"{word[:-3]}y"
    if word.endswith(("ches", "shes", "xes", "sses")):
        return word[:-2]
    return word.removesuffix("s")


@lru_cache(maxsize=KEPT_WORDS)
def stem(word: str) -> str:
    """Return a crude stem, so that locked, locks and locking meet ``lock``."""
    word = singular(word)
    word = _PARTICIPLES.get(word, word)
    if word.endswith("ied") and len(word) > 4:
        return f"{word[:-3]}y"
    for ending in ("ation", "ating", "ated", "ate", "ing", "ed", "e"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word[: -len(ending)]
    return word


#: what stands for an identifier at the end of a name: ``bedRef``, ``staff_no``, ``asset_uuid``.
_IDENTIFYING = vocabulary("ref refs no nos nr uuid guid")


@lru_cache(maxsize=KEPT_NAMES)
def parts(identifier: str) -> tuple[str, ...]:
    """Split ``orderId``, ``order_id``, ``order-ids`` or ``orderRef`` into ("order", "id")."""
    spaced = re.sub(r"([a-z0-9])([A-Z])", r"\1 \2", identifier)
    spaced = re.sub(r"([A-Za-z])(\d+)$", r"\1 \2", spaced)
    words = [singular(w) for w in re.findall(r"[a-z]+|\d+", spaced.lower())]
    if len(words) > 1 and words[-1] in _IDENTIFYING:
        words[-1] = "id"
    return tuple(words)


def plural(identifier: str) -> bool:
    """Whether an identifier ends in a plural: ``get_orders``."""
    words = re.findall(r"[a-z]+", re.sub(r"([a-z])([A-Z])", r"\1 \2", identifier).lower())
    return bool(words) and singular(words[-1]) != words[-1]


def many(identifier: str) -> frozenset[str]:
    """Return, as one of them each, what an identifier names many of: "bed" for ``beds_page``."""
    words = re.findall(r"[a-z]+", re.sub(r"([a-z])([A-Z])", r"\1 \2", identifier).lower())
    return frozenset(singular(w) for w in words if singular(w) != w)


def phrase(identifier: str) -> str:
    """Return an identifier as words: ``order_id`` becomes ``order ID``."""
    spaced = re.sub(r"([a-z0-9])([A-Z])", r"\1 \2", identifier)
    words = re.findall(r"[A-Za-z]+|\d+", spaced)
    return " ".join("ID" if w.lower() == "id" else w.lower() for w in words)


@lru_cache(maxsize=KEPT_SENTENCES)
def content(text: str) -> frozenset[str]:
    """Return the stems of the meaningful words of ``text``."""
    spaced = re.sub(r"([a-z0-9])([A-Z])", r"\1 \2", text)
    words = re.findall(r"[a-z]+", spaced.lower())
    return frozenset(stem(w) for w in words if w not in STOP and len(w) > 1)


@lru_cache(maxsize=KEPT_SENTENCES)
def first_sentence(text: str) -> str:
    """Return the first sentence of ``text`` without its full stop."""
    line = " ".join(_LISTING.split(text.strip(), maxsplit=1)[0].split())
    head = re.split(r"(?<=[a-z0-9)'\"])\.(?:\s|$)", line, maxsplit=1)[0]
    return head.strip().rstrip(".")


def reads(words: Sequence[str]) -> bool:
    """Whether the words of a tool's name say that it reads: nobody is looked at by ``check_in``."""
    acts = {w for w, after in pairwise(words) if after in _TURNING}
    return bool(READ_VERBS & set(words) - acts)


@lru_cache(maxsize=KEPT_SENTENCES)
def nouns(tool: str) -> tuple[str, ...]:
    """Return the words of a tool name that are not its verb: ``get_order`` gives ("order",)."""
    verbs = READ_VERBS | NEW_VERBS | LIST_VERBS
    first, *rest = parts(tool) or ("",)
    words = [w for w in ([] if first in METHODS else [first]) + rest if w not in verbs]
    return tuple(w for w in words if w not in STOP) or parts(tool)[-1:]


#: verbs that take back what the other does, beside those that say so: ``unblock`` and ``block``.
_TAKEN_BACK = frozenset(
    {("reopen", "close"), ("resume", "pause"), ("restore", "delete"), ("restore", "archive")}
)


def takes_back(tool: str, other: str) -> bool:
    """Whether ``tool`` takes back what ``other`` does, by their names: unblock and block."""
    does = set(parts(other))
    bare = {w.removeprefix(p) for w in parts(tool) for p in ("un", "de", "dis") if w.startswith(p)}
    return bool(bare & does) or any((w, v) in _TAKEN_BACK for w in parts(tool) for v in does)


def joined(items: list[str] | tuple[str, ...], last: str = "and") -> str:
    """Join as prose: "a", "a and b", "a, b and c"."""
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} {last} {items[-1]}"


def sentence(text: str) -> str:
    """Return ``text`` with a capital first letter and one closing full stop."""
    text = text.strip()
    if not text:
        return ""
    end = "" if text[-1] in ".?" else "."
    return f"{text[0].upper()}{text[1:]}{end}"
