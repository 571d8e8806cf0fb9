"""What a seed task in free text asks for, and which calls ask for the same.

Each clause goes to the tool that is named after what it does; its things and its values have to
turn up in the calls, and what is left over is said. A text whose action, things or values have no
place in calls is not practised: something else would be, under its name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass, field
from typing import Any

from practice.agents.rules import checking, goals, schema
from practice.agents.rules.documents import noun_of
from practice.agents.rules.schema import Role
from practice.agents.rules.words import (
    READ_VERBS,
    STOP,
    content,
    first_sentence,
    nouns,
    parts,
    stem,
    vocabulary,
)
from practice.domain.types import Json, ToolSpec

Call = dict[str, Any]

_STOPS = re.compile(r"(?<=[.!?;])\s+|,?\s+(?:and\s+)?(?:then|after that|afterwards|next)\b[,\s]*")
_AND = re.compile(r",?\s+and\s+")
_VALUE = re.compile(
    r"[\"“](?P<quoted>[^\"”]{1,200})[\"”]|(?P<mail>\b[\w.+-]+@[\w-]+\.\w[\w.-]*\b)|"
    r"(?P<code>\b(?:[A-Za-z]+[-_])+\d[\w-]*\b|\b[A-Z]{2,}\d+\w*\b)|"
    r"(?P<number>(?<![\w.-])\d+(?:\.\d+)?(?![\w-]))"
)
_TAKES = {
    "quoted": (Role.TEXT, Role.NEW, Role.ENTITY),
    "mail": (Role.ENTITY, Role.TEXT, Role.CREDENTIAL),
    "code": (Role.ENTITY, Role.CREDENTIAL),
    "number": (Role.NUMBER, Role.AMOUNT, Role.ENTITY),
}
#: words that only carry a request.
CARRIERS = vocabulary(
    "want wish like make sure me my our us let help ask tell give look see know out up all any "
    "some its their them him her she they also again now still just every each would should who"
)
#: "search the articles for returns", "set the category to billing".
_ABOUT = re.compile(r"\b(?:for|about|named|called|matching)\s+(?P<about>[^,.;]{2,80})$")
_BECOMES = re.compile(r"\b(?:to|as|=)\s+(?P<word>[a-z][\w-]*)\b(?!\s+\w*[-_]?\d)", re.IGNORECASE)
#: what a request to be shown something begins with.
LOOKING = vocabulary("look see know tell give what which how where who")
SEARCHED = vocabulary("query keyword search pattern term")
#: words between a value and the parameter's own word: "order ORD-2", "order number 7".
NEAR = 3
LATER = "It is tried again in the next round."


@dataclass(frozen=True, slots=True)
class World:
    """The tools a seed task may use, and what the proposer knows of them.

    ``draft`` returns the calls that reach a tool with some arguments given, or nothing where the
    others cannot be had yet;
    ``shows`` returns the field of a reader's answer that fills a parameter of a tool, or nothing;
    ``off`` are tools practice may not call.
    """

    tools: Sequence[ToolSpec]
    draft: Callable[[ToolSpec, Json], list[Call] | None]
    shows: Callable[[ToolSpec, ToolSpec, str], str]
    avoided: Set[str] = field(default_factory=frozenset)
    off: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Reading:
    """A seed task as calls; without any, ``why`` there are none.

    ``unused`` are words the calls leave out, ``added`` parameters whose values it does not state.
    """

    calls: tuple[Call, ...] = ()
    unused: tuple[str, ...] = ()
    added: tuple[str, ...] = ()
    why: str = ""


def read(seed: str, world: World, most: int) -> Reading:
    """Return the calls, at most ``most``, that a text asks for."""
    calls: list[Call] = []
    added: list[str] = []
    for clause in clauses(seed, world.tools):
        tool = meant(clause, world.tools)
        if tool is None:
            return Reading(why=_nothing_for(clause, world.off))
        if tool.name in world.avoided:
            return Reading(why=f"It asks for {tool.name}, which is to be left alone.")
        asked = _Clause(clause, tool, world)
        found = asked.calls(calls)
        if isinstance(found, str):
            return Reading(why=found)
        added += asked.added
        calls += [call for call in found if call not in calls]
    if not calls:
        return Reading(why="It asks for nothing that a tool does.")
    if len(calls) > most:
        return Reading(why=f"It takes {len(calls)} calls; a task has at most {most}.")
    known = schema.by_name(world.tools)
    told = frozenset[str]().union(*(_told(known[str(call["tool"])], call) for call in calls))
    return Reading(tuple(calls), _left_over(seed, told), tuple(dict.fromkeys(added)))


def _nothing_for(clause: str, off: Sequence[str]) -> str:
    """Say why no tool does what a clause asks for: none is named after it, or that one is off."""
    said, action = _stems(clause), stem(next(iter(words_of(clause)), ""))
    for name in off:
        own = {stem(word) for word in parts(name)}
        if action in own and own <= said:
            return (
                f"It asks for {name}, which is off. Turn it on in the environment if practice may "
                "call it."
            )
    return f"No tool is named after what “{clause}” asks for."


def _later(tool: ToolSpec, given: Json) -> str:
    """Say what a call of ``tool`` still lacks, as far as its schema tells."""
    lacks = [name for name in tool.required if name not in given]
    if not lacks:
        return _unseen(tool)
    if len(lacks) == 1:
        return f"No {lacks[0]} for {tool.name} was seen yet. {LATER}"
    needs = f"{', '.join(lacks[:-1])} and {lacks[-1]}"
    return f"{tool.name} needs {needs}, of which some were not seen yet. {LATER}"


def _unseen(tool: ToolSpec) -> str:
    return f"What {tool.name} works on was not seen yet. {LATER}"


class _Clause:
    """One request of a text and the tool it asks for."""

    def __init__(self, text: str, tool: ToolSpec, world: World) -> None:
        self._text = text
        self._tool = tool
        self._world = world
        self._nouns = frozenset(stem(word) for t in world.tools for word in nouns(t.name))
        self.added: list[str] = []

    def calls(self, before: Sequence[Call]) -> list[Call] | str:
        """Return the calls of this request after those of earlier ones, or why there are none."""
        tool, world = self._tool, self._world
        known = schema.by_name(world.tools)
        around = frozenset[str]().union(*(_about(known[str(call["tool"])]) for call in before))
        missing = _things(self._text, self._nouns) - _about(tool) - around
        look_up = self._look_up(missing) if missing else None
        if missing and look_up is None:
            thing = next(w for w in words_of(self._text) if stem(w) in missing)
            return f"It speaks of “{thing}”, which {tool.name} has nothing to do with."
        stated, homeless = _stated(self._text, tool, self._nouns)
        if schema.is_read(tool) and any(
            SEARCHED & set(parts(n)) and n not in stated for n in tool.required
        ):
            return f"It does not say what {tool.name} is to look for."
        given = _carried(before, tool) | stated
        looked: list[Call] = []
        if look_up is not None:
            reader, name, shown = look_up
            found, elsewhere = _stated(self._text, reader, self._nouns)
            # An amount that has its place is nobody's number as well: "of the customer, 20 USD".
            amounts = {str(value) for value in stated.values() if str(value).isdigit()}
            filters = {n: v for n, v in found.items() if str(v) not in amounts}
            homeless = [value for value in homeless if value in elsewhere]
            looked = world.draft(reader, filters) or []
            if not looked:
                return _later(reader, filters)
            given[name] = {"$from": reader.name, "$field": shown}
            self.added = _chosen(looked[-1], filters, self._text)
        if homeless:
            return f"It names {homeless[0]}, which no parameter of {tool.name} plainly takes."
        chain = world.draft(tool, given)
        if chain is None:
            return _later(tool, given)
        *first, last = chain
        if any(not schema.is_read(known[str(c["tool"])]) and c not in before for c in first):
            # What it is about would have to be made first, and nobody asked for that.
            return _unseen(tool)
        spoken = words_of(_VALUE.sub(" ", self._text))[1:]
        if spoken and not {stem(word) for word in spoken} & _told(tool, last) and look_up is None:
            return f"Of “{self._text}” only the action can be said in calls."
        self.added += _chosen(last, given, self._text)
        return _needed([*looked, *first], last)

    def _look_up(self, missing: Set[str]) -> tuple[ToolSpec, str, str] | None:
        """Return (reader of a thing, parameter it fills, field) for a thing the tool lacks."""
        for reader in self._world.tools:
            if not schema.is_read(reader) or not missing <= _about(reader):
                continue
            for name in self._tool.required:
                shown = "id" in parts(name) and self._world.shows(reader, self._tool, name)
                if shown:
                    return reader, name, shown
        return None


def _chosen(call: Call, given: Json, clause: str) -> list[str]:
    """Return the parameters of a call that nobody stated; "the first ticket" is any ticket."""
    return [
        name
        for name, value in call["arguments"].items()
        if name not in given
        and not (goals.is_reference(value) and _stems(noun_of(name)) & _stems(clause))
    ]


def _carried(before: Sequence[Call], tool: ToolSpec) -> dict[str, Any]:
    """Return the identifiers earlier requests were about: "… and then refund it"."""
    told = [pair for call in before for pair in call["arguments"].items()]
    return {n: v for n, v in told if "id" in parts(n) and n in tool.parameters}


def _needed(first: Sequence[Call], last: Call) -> list[Call]:
    """Return the last call after those whose values it takes, or they take in turn."""
    kept = [last]
    for call in reversed(first):
        taken = [v for c in kept for v in c["arguments"].values() if goals.is_reference(v)]
        if any(value["$from"] == call["tool"] for value in taken):
            kept.insert(0, call)
    return kept


def clauses(seed: str, tools: Sequence[ToolSpec]) -> list[str]:
    """Return the requests of a text. "and" joins two only before an action of some tool."""
    actions = {stem(word) for tool in tools for word in parts(tool.name)[:1]} | _READS
    found: list[str] = []
    for sentence in _STOPS.split(seed.strip()):
        texts: list[str] = []
        for text in _AND.split(sentence.strip().rstrip(".!?;,")):
            first = next(iter(words_of(text)), "")
            if texts and stem(first) not in actions:
                texts[-1] = f"{texts[-1]} and {text}"
            else:
                texts.append(text)
        found += [text for text in texts if words_of(text)]
    return found


def meant(clause: str, tools: Sequence[ToolSpec]) -> ToolSpec | None:
    """Return the tool named after the action of a clause, or the reader of its thing.

    What a clause begins with is its action, unless it is a thing: "look at the order". An action
    that no tool is named after is asked of none.
    """
    said = _stems(clause)
    things = frozenset(stem(word) for tool in tools for word in nouns(tool.name))
    action = next((stem(word) for word in words_of(clause)), "")
    changes = any(action in _name(tool) for tool in tools if not schema.is_read(tool))
    before = re.findall(r"[a-z]+", clause.lower().partition(next(iter(words_of(clause)), ""))[0])
    looks = action in _READS or bool(LOOKING & set(before)) or (action in things and not changes)
    best: tuple[float, ToolSpec | None] = (0.0, None)
    for tool in tools:
        own = _name(tool) & said
        named = tool.name.lower() in clause.lower()
        # What only reads is asked for in many words (show, look at): its thing is enough.
        meant = own - _READS if looks and schema.is_read(tool) else {action} & own
        if not named and (not meant or (schema.is_read(tool) and not looks)):
            continue
        score = len(own) / len(_name(tool)) + 1.5 * (action in own) + 3 * named
        placed, homeless = _stated(clause, tool, things)
        score += 0.5 * len(placed) - len(homeless)
        score += 0.4 * len(content(first_sentence(tool.description)) & said) / len(said)
        if score > best[0]:
            best = (score, tool)
    return best[1]


def _stated(clause: str, tool: ToolSpec, things: Set[str]) -> tuple[dict[str, Any], list[str]]:
    """Return the arguments a clause states, and the values it states for nothing this tool takes.

    A value goes to the parameter whose word stands before it. Where no thing is named there it
    goes to the only parameter that lists it, or the only one that takes such a value.
    """
    found: dict[str, Any] = {}
    homeless: list[str] = []
    for match in _VALUE.finditer(clause):
        kind = str(match.lastgroup)
        value = str(match.group(kind))
        spoken = re.findall(r"[a-z]+", clause[: match.start()].lower())[-NEAR:]
        before = {stem(word) for word in spoken}
        open_ = [n for n in tool.parameters if n not in found]
        listed = {n: o for n in open_ if (o := _option(tool, n, value)) is not None}
        fits = [n for n in open_ if n in listed or schema.role(tool, n) in _TAKES[kind]]
        named = ((n, stem(w)) for w in reversed(spoken) for n in fits)
        near = [n for n, word in named if word in {stem(w) for w in parts(n)}][:1]
        ids = [n for n in fits if "id" in parts(n)] if kind == "code" else []
        if kind == "number":
            ids = [n for n in fits if schema.role(tool, n) is not Role.ENTITY]
        # "agent AGT-1" is about an agent; "resolve TIC-3" says nothing of what TIC-3 is.
        called = spoken[-1:] if spoken[-1:] and spoken[-1] in words_of(clause)[1:] else []
        other = kind == "code" and (before & things or called)
        names = near or ([] if other else list(listed) or ids or fits)
        if len(names) == 1 or near:
            (name, *_) = names
            found[name] = checking.coerce(listed.get(name, value), tool.parameters[name])
        else:
            homeless.append(value)
    words = {word.lower() for word in re.findall(r"\w+", clause)}
    for name, wanted in tool.parameters.items():
        options = [o for o in schema.choices(wanted) if str(o).lower() in words]
        if options and name not in found and stem(str(options[0]).lower()) not in _name(tool):
            found[name] = options[:1] if schema.role(tool, name) is Role.LIST else options[0]
    return {**_in_words(clause, tool, found), **found}, homeless


def _option(tool: ToolSpec, name: str, value: str) -> Any | None:
    """Return the option of a parameter that a stated value is, as the schema writes it."""
    options = schema.choices(tool.parameters[name])
    return next((o for o in options if str(o).lower() == value.lower()), None)


def _in_words(clause: str, tool: ToolSpec, found: Set[str] | dict[str, Any]) -> dict[str, Any]:
    """Return what a clause says in plain words: what to search for, what a thing becomes."""
    about, becomes = _ABOUT.search(clause), _BECOMES.search(clause)
    told: dict[str, Any] = {}
    for name in tool.parameters:
        words = set(parts(name))
        if name in found or "id" in words:
            continue
        if about and words & SEARCHED and schema.is_read(tool):
            told[name] = about["about"].strip(' "“”')
        elif becomes and {stem(word) for word in words} <= _stems(clause[: becomes.start()]):
            told[name] = becomes["word"]
    return told


def _things(clause: str, nouns_: Set[str]) -> set[str]:
    """Return the words of a clause (stems) that are things to some tool, without its action."""
    return set(nouns_) & {stem(word) for word in words_of(clause)[1:]}


def _name(tool: ToolSpec) -> frozenset[str]:
    stems = {stem(word) for word in parts(tool.name)}
    # "planning" is named after "plan".
    return frozenset(stems | {s[:-1] for s in stems if len(s) > 3 and s[-1] == s[-2]})


def _about(tool: ToolSpec) -> frozenset[str]:
    """Return the stems of everything a tool says it is about."""
    taken = {stem(word) for name in tool.parameters for word in parts(name)}
    options = {stem(str(o).lower()) for p in tool.parameters.values() for o in schema.choices(p)}
    return _name(tool) | content(first_sentence(tool.description)) | taken | options


def _told(tool: ToolSpec, call: Call) -> frozenset[str]:
    """Return the stems a call takes up: what its tool is about, and the values it is given."""
    taken = {stem(word) for name in call["arguments"] for word in parts(name)}
    values = [str(v) for v in call["arguments"].values() if not goals.is_reference(v)]
    described = content(first_sentence(tool.description))
    return _name(tool) | described | taken | _stems(" ".join(values))


def _left_over(seed: str, told: Set[str]) -> tuple[str, ...]:
    plain = _VALUE.sub(" ", seed)
    return tuple(dict.fromkeys(word for word in words_of(plain) if stem(word) not in told | _READS))


def words_of(text: str) -> list[str]:
    """Return the words of a text that say something, as they are written but in small letters."""
    found = re.findall(r"[a-z]{3,}", text.lower())
    return [word for word in found if word not in STOP and word not in CARRIERS]


def _stems(text: str) -> set[str]:
    return {stem(word) for word in re.findall(r"[a-z]{3,}", text.lower())}


_READS = {stem(word) for word in READ_VERBS}
