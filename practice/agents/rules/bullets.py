"""Lessons as sentences a person wants to read: specific, imperative, with the tool names."""

from __future__ import annotations

import keyword
import re
from collections.abc import Mapping, Sequence
from typing import Any

from practice.agents.rules.documents import noun_of
from practice.agents.rules.doing import imperative
from practice.agents.rules.quoting import quotable
from practice.agents.rules.words import READ_VERBS, joined, phrase

SECTIONS = {
    "prerequisite": "strategies",
    "location": "strategies",
    "made": "strategies",
    "effect": "strategies",
    "condition": "pitfalls",
    "ceiling": "pitfalls",
    "span": "pitfalls",
    "refusal": "pitfalls",
    "instead": "pitfalls",
    "enum": "pitfalls",
    "limit": "pitfalls",
    "required": "strategies",
    "spelling": "pitfalls",
    "format": "apis",
    "unit": "apis",
    "pagination": "apis",
    "source": "apis",
    "shape": "apis",
    "sequence": "code_snippets",
}

Lesson = Mapping[str, Any]


def content(lesson: Lesson) -> str:
    """Return the bullet text of a lesson."""
    match lesson["kind"]:
        case "prerequisite":
            return _prerequisite(lesson)
        case "location":
            return _location(lesson)
        case "made":
            return _made(lesson)
        case "enum":
            return _enum(lesson)
        case "limit":
            limits = f"{_limits(lesson)}{_told(lesson)}"
            return f"Keep `{lesson['parameter']}` of `{lesson['tool']}` {limits}."
        case "required":
            return _required(lesson)
        case "ceiling":
            return (
                f"When `{lesson['tool']}` answers {lesson['code'] or 'that it is too much'}, its "
                f"message names the most it takes at that moment; ask for that and no more."
            )
        case "span":
            return (
                f"Ask `{lesson['tool']}` for at most {lesson['days']} days at once "
                f"(`{lesson['first']}` to `{lesson['last']}`) and split a longer period into "
                f"several calls; otherwise it answers {_answer(lesson)}."
            )
        case "unit":
            return (
                f"Pass `{lesson['parameter']}` to {_tools(lesson)} as a decimal such as "
                f"{_v(lesson['written'])}; `{lesson['field']}` of `{lesson['shown_by']}` gives the "
                f"same in cents ({_v(lesson['shown'])})."
            )
        case "spelling":
            return (
                f"Spell `{lesson['parameter']}` of `{lesson['tool']}` exactly as the environment "
                f"does: {_v(lesson['accepted'])} works and {_v(lesson['rejected'])} is not found."
            )
        case "format":
            return _format(lesson)
        case "pagination":
            return _pagination(lesson)
        case "source":
            return _source(lesson)
        case "shape":
            extra = joined([f"`{f}`" for f in lesson["extra"]])
            return (
                f"`{lesson['tool']}` returns summaries; call `{lesson['detail']}` with the ID when "
                f"you need {extra}."
            )
        case "condition":
            where = f" in `{lesson['shown_by']}`" if lesson.get("shown_by") else ""
            return (
                f"Give `{lesson['tool']}` {_a(lesson['parameter'])} whose `{_shown(lesson)}` is "
                f"{_v(lesson['wanted'])}{where}; otherwise it answers {_answer(lesson)}."
            )
        case "refusal":
            return _refusal(lesson)
        case "instead":
            return (
                f"When `{lesson['tool']}` answers {_answer(lesson)}, call `{lesson['other']}` "
                f"instead: it does the same."
            )
        case "effect":
            return (
                f"`{lesson['tool']}` moves `{_shown(lesson)}` from {_v(lesson['from'])} to "
                f"{_v(lesson['to'])}; check it before you call the tool again."
            )
        case _:
            return _sequence(lesson)


def _prerequisite(lesson: Lesson) -> str:
    called = lesson.get("called", {})
    same = joined([f"the same {called.get(n) or _thing(n)}" for n in lesson.get("same", ())])
    about = lesson.get("about") or ""
    if lesson.get("every"):
        return _every(lesson, same)
    how = f" for {same}" if same else ""
    settings = [f"`{k}` = {_v(v)}" for k, v in lesson["settings"].items()]
    if settings:
        how += f" with {joined(settings)}"
    taken = [_taken(n, tool, under) for n, tool, _, under in lesson.get("taken", ())]
    if taken:
        comma = "," if how else ""
        closing = "," if how else ""
        of = "" if same or not about else f" for the same {_thing(about)}"
        how += f"{comma} with {joined(taken)}{of}{closing}"
    tools = joined([f"`{t}`" for t in lesson["tools"]])
    one = len(lesson["tools"]) == 1
    it = "it answers" if one else "they answer"
    return f"Call `{lesson['needs']}`{how} before {tools}; otherwise {it} {_answer(lesson)}."


def _every(lesson: Lesson, same: str) -> str:
    of = f" of {same}" if same else ""
    tools = joined([f"`{t}`" for t in lesson["tools"]])
    return (
        f"Before {tools}, see which {_thing(lesson['every'])}s there are{of} and call "
        f"`{lesson['needs']}` for every one that still needs it; otherwise the answer is "
        f"{_answer(lesson)}."
    )


def _location(lesson: Lesson) -> str:
    tools, names = _consumers(lesson)
    return (
        f"Before you name a {joined(names, 'or')} to {joined(tools, 'or')}, look where it is with "
        f"`{lesson['find']}` and go to its folder with `{lesson['move']}`, one folder at a time; "
        f"from elsewhere the answer is {_answer(lesson)}."
    )


def _made(lesson: Lesson) -> str:
    tools, names = _consumers(lesson)
    told = f" and answers with its `{lesson['field']}`" if lesson["field"] else " under that name"
    return (
        f"The {joined(names, 'or')} given to {joined(tools, 'or')} has to exist: look before you "
        f"call. Where it does not and you may make one, `{lesson['producer']}` makes it{told}."
    )


def _consumers(lesson: Lesson) -> tuple[list[str], list[str]]:
    """Return the tools and the parameters of a lesson about where values come from, marked."""
    tools = dict.fromkeys(f"`{tool}`" for tool, _ in lesson["consumers"])
    return list(tools), sorted({f"`{name}`" for _, name in lesson["consumers"]})


def _taken(name: str, tool: str, under: str) -> str:
    inside = f" under `{under}`" if under else ""
    return f"the `{name}` that `{tool}` shows{inside}"


def _required(lesson: Lesson) -> str:
    when = f" when `{lesson['of']}` is above {lesson['above']}" if lesson.get("above") else ""
    if not lesson.get("producer"):
        although = "" if when else " although its schema calls it optional"
        return (
            f"Pass `{lesson['parameter']}` to `{lesson['tool']}`{when or although}; otherwise it "
            f"answers {_answer(lesson)}."
        )
    same = [_thing(n) for n in lesson.get("same", ())]
    about = f" for the same {joined(same)}" if same else ""
    return (
        f"Pass `{lesson['parameter']}` to `{lesson['tool']}`{when}: call `{lesson['producer']}`"
        f"{about} first and use the `{lesson['field']}` it returns; otherwise `{lesson['tool']}` "
        f"answers {_answer(lesson)}."
    )


def _format(lesson: Lesson) -> str:
    names = joined([f"`{n}`" for n in (lesson["parameter"], *lesson.get("also", ()))])
    shape = str(lesson["example"])
    form = f"as {shape}, for example {_v(lesson['accepted'])}"
    if re.fullmatch(r"\d+\.\d+", shape):
        places = len(shape.partition(".")[2])
        form = f"as a decimal with {places} places, such as {_v(lesson['accepted'])}"
    elif shape == str(lesson["accepted"]) or re.search(r"\d", shape):
        form = f"like {_v(lesson['accepted'])}"
    code = f" with {lesson['code']}" if lesson.get("code") else _told(lesson, " with")
    return f"Write {names} of {_tools(lesson)} {form}; {_v(lesson['rejected'])} is rejected{code}."


def _tools(lesson: Lesson) -> str:
    return joined([f"`{t}`" for t in lesson.get("tools") or [lesson["tool"]]])


def _answer(lesson: Lesson) -> str:
    said = quotable(str(lesson["error"]))
    return lesson["code"] or (f'"{said}"' if said else "with an error")


def _shown(lesson: Lesson) -> str:
    """The name of a field as answers give it; lessons of earlier versions have only the fuller."""
    return str(lesson.get("named") or lesson["field"])


def _thing(name: str) -> str:
    return noun_of(name) or phrase(name)


def _a(name: str) -> str:
    return f"{'an' if name[:1] in 'aeiou' else 'a'} `{name}`"


def _enum(lesson: Lesson) -> str:
    rejected = lesson.get("rejected")
    wrong = f"; {_v(rejected)} is rejected" if rejected not in (None, "") else ""
    values = joined([_v(v) for v in lesson["values"]], "or")
    return f"Set `{lesson['parameter']}` of `{lesson['tool']}` to {values}{wrong}."


def _limits(lesson: Lesson) -> str:
    low, high = lesson.get("low"), lesson.get("high")
    if low is not None and high is not None:
        return f"between {low:g} and {high:g}"
    return f"at {high:g} or below" if high is not None else f"at {low:g} or above"


def _pagination(lesson: Lesson) -> str:
    size = f" {lesson['size']} records at a time" if lesson["size"] > 1 else " one page at a time"
    if lesson.get("counted"):
        return (
            f"`{lesson['tool']}` returns{size} and says how many there are: ask again with the "
            f"next `{lesson['parameter']}` until you have them all, before you count or conclude "
            f"that something is missing."
        )
    return (
        f"`{lesson['tool']}` returns{size}: pass its `{lesson['field']}` as "
        f"`{lesson['parameter']}` and repeat until there is none, before you count or conclude "
        f"that something is missing."
    )


def _source(lesson: Lesson) -> str:
    names = {name for _, name in lesson["consumers"]}
    tools = list(dict.fromkeys(f"`{tool}`" for tool, _ in lesson["consumers"]))
    inside = f", under `{lesson['under']}`" if lesson.get("under") else ""
    # Not the engine's own fuller name for it: what a reader finds in the answer.
    shown = lesson.get("shown") or lesson["field"]
    if names != {shown}:
        inside = f" (its `{shown}`{inside})"
    need = "needs" if len(tools) == 1 else "need"
    wanted = joined([f"`{n}`" for n in sorted(names)])
    if lesson.get("makes"):
        # Not a place to look things up: calling it only for a value would make another one.
        return (
            f"The {wanted} that {joined(tools)} {need} is in the answer of the "
            f"`{lesson['producer']}` that made it{inside}; keep it."
        )
    return f"Get the {wanted} that {joined(tools)} {need} from `{lesson['producer']}`{inside}."


def _refusal(lesson: Lesson) -> str:
    state = [f"{phrase(k)} is {_v(v)}" for k, v in lesson["state"].items() if v is not None]
    when = f" when the {joined(state)}" if state else ""
    code = f"{lesson['code']}: " if lesson["code"] and lesson["code"] not in lesson["error"] else ""
    then = "report that instead of trying again"
    if lesson.get("first"):
        then = "see to that before you call it again, or report it where you cannot"
    said = f"{code}{quotable(str(lesson['error']))}"
    quote = f" ({said})" if said else ""
    return f"`{lesson['tool']}` refuses{when}{quote}; {then}."


def _sequence(lesson: Lesson) -> str:
    lines = []
    names: dict[str, str] = {}
    used = {taken[0] for call in lesson["calls"] for taken in call["arguments"].values() if taken}
    for call in lesson["calls"]:
        tool = str(call["tool"])
        told = [_parameter(n, taken, names) for n, taken in call["arguments"].items()]
        made = f"{tool}({', '.join(told)})"
        if tool in used:
            names[tool] = _variable(tool, names)
            made = f"{names[tool]} = {made}"
        lines.append(made)
    does = imperative(str(lesson["purpose"]), str(lesson["tool"]), looks="see")
    return "\n".join([f"To {does}:", *lines])


def _parameter(name: str, taken: Sequence[str] | None, names: Mapping[str, str]) -> str:
    if taken is None:
        return name
    variable = names.get(taken[0], taken[0])
    path = str(taken[1])
    # ``tickets = search_tickets()`` reads as the list: not ``tickets.tickets[0]``.
    own = path.startswith(f"{variable}[")
    if path.startswith("["):
        return f"{name}={variable}{path}"
    return f"{name}={path if own else f'{variable}.{path}'}"


def _variable(tool: str, names: Mapping[str, str]) -> str:
    words = re.findall(r"[a-z]+", re.sub(r"([A-Z])", r" \1", tool).lower())
    # ``accounts_list()`` answers with accounts.
    word = next((w for w in reversed(words) if w not in READ_VERBS), words[-1])
    taken = word in names.values() or keyword.iskeyword(word)
    return f"{word}_{len(names) + 1}" if taken else word


def _told(lesson: Lesson, link: str = ", or it answers") -> str:
    said = quotable(str(lesson.get("error", "")))
    return f'{link} "{said}"' if said else ""


def _v(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return f"[{', '.join(_v(v) for v in value)}]"
    return f"`{value}`"
