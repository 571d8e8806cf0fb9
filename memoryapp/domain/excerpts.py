"""What a tool answered, shown briefly: the part a bullet rests on, and all of it laid out. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

#: An answer up to this long is its own digest.
WHOLE_CHARS = 200
#: A digest of a longer one, and the places it shows at most.
DIGEST_CHARS, MOST_PLACES = 160, 3
#: Names and values of a bullet that are looked for in an answer.
MOST_NAMED = 40
#: Limits for laying out JSON that was cut: characters, and levels, as deeper ones fit no page.
CUT_MOST, DEEPEST_CUT = 20_000, 30
_QUOTED = re.compile(r'`([^`\n]+)`|"([^"\n]{2,80})"|“([^”\n]{2,80})”')
_WORD = re.compile(r"(?<!\w)\w(?:[\w.-]*\w)?")
#: What marks a word as a number, an id or a name in code.
_TELLING = re.compile(r"[\d_]")
#: A string, whole or cut; a bracket; a comma; what stands between them.
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*(?:"|\\?\Z)|[{}\[\],]|[^"{}\[\],]+')
_PLAIN = re.compile(r"(?::\s*)?(?:-?\d[\d.eE+-]*|true|false|null)?")


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a digest; ``is_named`` where the bullet speaks of it."""

    text: str
    is_named: bool = False


def named_in(bullet: str) -> tuple[str, ...]:
    """Return the names and values a bullet speaks of, the most telling first.

    >>> named_in("`search` gives 5 rows; pass its `next_cursor` as YYYY-MM-DD or ORD-17.")
    ('next_cursor', 'search', 'ORD-17', '5')
    """
    quoted = [next(filter(None, match.groups())) for match in _QUOTED.finditer(bullet)]
    telling = filter(_TELLING.search, _WORD.findall(bullet))
    found = dict.fromkeys([*quoted, *telling])
    return tuple(sorted(found, key=len, reverse=True)[:MOST_NAMED])


def digest(answer: str, named: Sequence[str]) -> list[Piece]:
    """Return an answer on one line, or of a longer one the places where ``named`` occur.

    Where none of them occurs, its beginning.
    """
    flat = " ".join(answer.split())
    spans = sorted(_places(flat, named))
    if len(flat) <= WHOLE_CHARS:
        return list(_pieces(flat, [(0, len(flat))], spans))
    if not spans:
        return [Piece(_up_to(flat, DIGEST_CHARS) + " …")]
    shown = sum(end - start for start, end in spans)
    around = max(12, (DIGEST_CHARS - shown) // (2 * len(spans)))
    return list(_pieces(flat, _windows(flat, spans, around), spans))


def laid_out(text: str) -> str:
    """Return JSON with indents, also where it was cut; any other text as it is."""
    if not text.lstrip().startswith(("{", "[")):
        return text
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except RecursionError:
        return text
    except ValueError:
        return _cut_laid_out(text) if len(text) <= CUT_MOST else text


def _cut_laid_out(text: str) -> str:
    """The same for JSON whose end is missing, token by token."""
    out: list[str] = []
    depth, before = 0, ""
    tokens = _TOKEN.findall(text)
    for place, token in enumerate(tokens):
        opens, closes = token in "{[", token in "}]"
        if not opens and not closes and token != "," and not token.startswith('"'):
            token = token.strip()
            if not _PLAIN.fullmatch(token) and place < len(tokens) - 1:
                return text
            token = re.sub(r"^:\s*", ": ", token)
            if not token:
                continue
        depth -= closes
        if depth < 0 or depth > DEEPEST_CUT:
            return text
        if (before and before in "{[," and not closes) or (closes and before not in "{["):
            out.append("\n" + "  " * depth)
        out.append(token)
        depth += opens
        before = token
    return "".join(out)


def _places(text: str, named: Iterable[str]) -> Iterator[tuple[int, int]]:
    """Where the first few of ``named`` occur in a text, without overlaps."""
    taken: list[tuple[int, int]] = []
    for name in named:
        found = re.search(rf"(?<![\w.-]){re.escape(name)}(?![\w-]|\.\w)", text, re.IGNORECASE)
        if found and not any(start < found.end() and found.start() < end for start, end in taken):
            taken.append(found.span())
            yield found.span()
        if len(taken) == MOST_PLACES:
            return


def _windows(text: str, spans: Sequence[tuple[int, int]], around: int) -> list[tuple[int, int]]:
    """The spans widened by ``around`` characters to whole words, and joined where they meet."""
    found: list[tuple[int, int]] = []
    for first, last in spans:
        start, end = max(0, first - around), min(len(text), last + around)
        if start and (space := text.find(" ", start, first)) >= 0:
            start = space + 1
        if end < len(text) and (space := text.rfind(" ", last, end)) > last:
            end = space
        if found and start <= found[-1][1] + 2:
            start = found.pop()[0]
        found.append((start, end))
    return found


def _pieces(
    text: str, windows: Sequence[tuple[int, int]], spans: Sequence[tuple[int, int]]
) -> Iterator[Piece]:
    for start, end in windows:
        at = start
        lead = "… " if start else ""
        for first, last in spans:
            if start <= first and last <= end:
                yield Piece(lead + text[at:first])
                yield Piece(text[first:last], is_named=True)
                at, lead = last, ""
        tail = " " if end < len(text) else ""
        yield Piece(lead + text[at:end] + tail)
    if windows[-1][1] < len(text):
        yield Piece("…")


def _up_to(text: str, most: int) -> str:
    """The beginning of a text, up to the last whole word."""
    space = text.rfind(" ", most // 2, most)
    return text[: space if space > 0 else most]
