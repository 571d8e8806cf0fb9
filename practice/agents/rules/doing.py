"""What a tool does, said as an instruction: descriptions are sentences, commands or mere names."""

from __future__ import annotations

import re

from practice.agents.rules.words import (
    METHODS,
    NEW_VERBS,
    READ_VERBS,
    first_sentence,
    phrase,
    vocabulary,
)

#: characters of a description that are read: no sentence is longer, and patterns take their time.
LONGEST = 600
#: a description that begins so says when a tool is for, not what it does.
_CLAUSE = re.compile(r"(?:once|after|before|when|whenever|while|if|given|as)\b", re.IGNORECASE)
#: what says no more than that it is a tool.
_TOOL = re.compile(
    r"(?:(?:this|the|a) (?:tool|function|endpoint|operation|method|api)|tool)\b,? "
    r"(?:(?:that|which) )?(?:(?:can be|is) used (?:to|for) "
    r"|(?:lets|allows|enables) (?:you|users?|agents?) (?:to )?|to )?"
    r"|use (?:this(?: (?:tool|function))?|it) (?:to|for) ",
    re.IGNORECASE,
)
VERBS = (
    (READ_VERBS - vocabulary("history status"))
    | NEW_VERBS
    | METHODS
    | vocabulary(
        "accept acknowledge activate adjust admit allow append apply approve archive ask assign "
        "attach authenticate block book bring buy calculate call cancel change choose clear clone "
        "close commit complete confirm connect convert copy deactivate decline deploy determine "
        "disable discharge disconnect dispatch displays download dismiss drop echo email enable "
        "ensure enter escalate evaluate examine execute export extend extract fill filter finish "
        "flag follow forward generate give grant grep group hold identify import increase "
        "initialize insert install invite invoke issue join keep label launch leave let link load "
        "lock log logout mark measure merge monitor mount move mute name navigate notify obtain "
        "order output page parse pause pay perform place plan play post predict prepare press "
        "print process produce propose provide publish pull purchase push put rank rate read "
        "reassign rebuild receive recommend record redeem refund refresh reject release reload "
        "remove reopen repeat replace reply report request reserve reset resolve respond restart "
        "restore resume retrieve return reverse revoke roll rotate run save say scale scan "
        "schedule see select send share ship sign simulate skip sort split stage start stop store "
        "subscribe sum suspend switch sync synchronize take tell terminate test toggle transfer "
        "translate trigger turn unassign unblock undo unlock unmute unsubscribe use verify void "
        "wait withdraw work"
    )
)
#: verbs that are as often the name of a thing: what follows tells which.
_EITHER = vocabulary(
    "account block book call comment contact filter flag group hold label log measure message "
    "name note order page plan post print rate record report request schedule share sort stage "
    "store test track transfer use work"
)
_DETERMINERS = vocabulary(
    "a an the all any each every one some that this these those its their your our new whether "
    "no how what which who if up in out"
)
#: what begins the name of a thing and never a command.
_NAMING = _DETERMINERS | vocabulary("everything everybody everyone details information")


def imperative(description: str, tool: str, *, reads: bool = True, looks: str = "show me") -> str:
    """Return what a tool does as an instruction: "Activates the brake" becomes "activate …".

    Many descriptions are no sentence but name what a tool answers with ("Orders by state.", "List
    of wards."): a person asks to be shown it, in the words of ``looks``. Of a tool that acts its
    name says what it does where its description does not.
    """
    said = first_sentence(description)[:LONGEST]
    text = re.sub(r"\s*\([^)]*\)|, optionally\b.*", "", said) or phrase(tool)
    text = _TOOL.sub("", text, count=1) if _TOOL.match(text) else text
    if _CLAUSE.match(text):
        text = phrase(tool)
    first, _, rest = text.partition(" ")
    if _names_a_thing(first, rest, tool, reads=reads):
        return f"{looks} {_named(text)}" if reads else phrase(tool)
    return f"{_plain(first.lower())} {rest}".strip()


def _plain(verb: str) -> str:
    """The verb of "Activates", "Copies", "Searches"."""
    if verb.endswith("ies"):
        return f"{verb[:-3]}y"
    if verb.endswith(("sses", "shes", "ches", "xes", "oes")):
        return verb[:-2]
    return verb[:-1] if verb.endswith("s") and not verb.endswith(("ss", "us")) else verb


def _names_a_thing(first: str, rest: str, tool: str, *, reads: bool) -> bool:
    """Whether a description begins with a noun; of a tool that acts, unknown words are verbs."""
    word, following = first.lower().rstrip(",;:"), rest.partition(" ")[0].lower()
    if rest and (word in _NAMING or following == "of"):
        return True
    if word != _plain(word) and word in phrase(tool).split():
        return True
    if following in _DETERMINERS:
        return False
    return reads and (_plain(word) not in VERBS or word in _EITHER)


def _named(text: str) -> str:
    first, _, rest = text.partition(" ")
    # A name or an abbreviation keeps its capitals.
    lowered = first.lower() if first[1:] == first[1:].lower() else first
    if lowered == "list" and rest.startswith("of "):
        return f"the {lowered} {rest}"
    article = "the " if rest.startswith("of ") and _plain(lowered) == lowered else ""
    return f"{article}{lowered} {rest}".strip()
