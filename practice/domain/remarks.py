"""What is to be said of a trajectory that was taken, in one line for whoever sent it. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from practice.domain.deployment import OF_A_SERVER, Sent
from practice.domain.traces.counts import DEAREST
from practice.domain.types import OBSERVATION_CAP

MAX_REMARK = 300
#: steps a remark on what was cut names, and tools one on what is missing.
NAMED_STEPS = 10
NAMED_TOOLS = 3
#: a clock further ahead than this is wrong, whatever its zone.
AHEAD = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Place:
    """The environment a trajectory is sent to, by its name, and the tools it offers.

    Without tools nobody knows yet what it offers.
    """

    name: str
    tools: frozenset[str]


def remark_on(sent: Sent, now: datetime, place: Place) -> str:
    """What its sender should know of what was taken; empty where there is nothing to say."""
    said = (
        tools_remark(sent, place),
        clock_remark(sent, now),
        length_remark(sent),
        cut_remark(sent),
        cost_remark(sent),
        subagent_remark(sent),
    )
    return " ".join(filter(None, said))[:MAX_REMARK]


def tools_remark(sent: Sent, place: Place) -> str:
    """What is to be said of tools that worked for the agent and that the environment lacks.

    What needs them counts as nothing that can be done there, so nothing of it is learned.
    """
    worked = dict.fromkeys(step["tool"] for step in sent.steps if not step["is_error"])
    there = tools_there((step["tool"] for step in sent.steps), place.tools)
    called = (there[tool] for tool in worked)
    missing = [tool[:40] for tool in called if tool not in place.tools] if place.tools else []
    if not missing:
        return ""
    more = f" and {len(missing) - NAMED_TOOLS} more" if len(missing) > NAMED_TOOLS else ""
    return (
        f"{place.name[:60]} has no tool {', '.join(missing[:NAMED_TOOLS])}{more}, so nothing is "
        "learned of it there: name the environment that your agent works in."
    )


def tools_there(called: Iterable[str], tools: Collection[str]) -> dict[str, str]:
    """The names that an agent's tools have among ``tools``, by what the agent called them.

    An agent may put that of a server before a name. Where the tools of two servers come to one
    name, one of them is another environment's, and nobody could say which: both keep theirs.
    """
    there = {tool: _tool_there(tool, tools) for tool in called}
    counts = Counter(there.values())
    return {tool: name if counts[name] == 1 else tool for tool, name in there.items()}


def _tool_there(tool: str, tools: Collection[str]) -> str:
    rest = tool.removeprefix(OF_A_SERVER)
    while tool not in tools and rest != tool and "__" in rest:
        # The name of the server may itself have two underscores in it, that of the tool too.
        _, _, rest = rest.partition("__")
        tool = rest if rest in tools else tool
    return tool


def length_remark(sent: Sent) -> str:
    """What is to be said of steps that are not kept; empty where all are."""
    if not sent.left_out:
        return ""
    return f"Of its {len(sent.steps) + sent.left_out:,} steps the first {len(sent.steps)} are kept."


def cut_remark(sent: Sent) -> str:
    """What is to be said of observations that were cut; empty where all were kept."""
    if not sent.cut_steps:
        return ""
    named = ", ".join(str(number) for number in sent.cut_steps[:NAMED_STEPS])
    more = len(sent.cut_steps) - NAMED_STEPS
    which = f"step {named}" if len(sent.cut_steps) == 1 else f"steps {named}"
    return (
        f"Of the observation of {which}{f' and {more} more' if more > 0 else ''} the first "
        f"{OBSERVATION_CAP:,} characters are kept."
    )


def subagent_remark(sent: Sent) -> str:
    """What is to be said of the work of subagents, where it and its session are apart."""
    if sent.subagent_of:
        return f"A subagent did it for the session {sent.subagent_of[:40]}."
    if not sent.subagents_missing:
        return ""
    many = f"its {sent.subagents_missing} subagents did is not here: their files were"
    which = "its subagent did is not here: its file was" if sent.subagents_missing == 1 else many
    return f"What {which} not sent with it."


def cost_remark(sent: Sent) -> str:
    """What is to be said of costs that could not be read; empty where all could."""
    if not sent.costs_unread:
        return ""
    many = f"{sent.costs_unread:,} of its costs are no numbers"
    which = "One of its costs is no number" if sent.costs_unread == 1 else many
    return f"{which} of US dollars from 0 to {DEAREST:,}, and left out."


def clock_remark(sent: Sent, now: datetime) -> str:
    """What is to be said of the sender's clock; empty where it may be right."""
    if sent.ended_at is None or sent.ended_at <= now + AHEAD:
        return ""
    return (
        f"Its clock is ahead: it ended at {sent.ended_at:%Y-%m-%d %H:%M} UTC. It was taken; the "
        "order and the length of its steps are as its sender says."
    )
