"""Prompts: our own text from ``prompts/*.md``, or an environment's version of it, filled with data.

A prompt has two halves, parted by a line ``---``: what the role is told (constant, so that a
provider can cache it) and the message that carries the data, what stays the same longest first.
Data is substituted in one pass and fenced, so that nothing a tool said can close its fence or be
read as a placeholder.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from pathlib import Path
from string import Template

from memoryapp.domain.playbook import CHARS_PER_TOKEN, Playbook
from practice.agents.reducing import reduced
from practice.domain.prompts import PromptText, built_in_name
from practice.domain.types import OBSERVATION_CAP, Outcome, Step, Trajectory

PROMPTS = Path(__file__).parent / "prompts"
TRAJECTORY_TOKENS = 24_000
TOOLS_TOKENS = 6_000
ANSWER_CAP = 8_000
ARGUMENTS_CAP = 2_000
THOUGHT_CAP = 1_000
OBSERVATION_FLOOR = 200

_FENCES = re.compile(
    r"<(?=/?\s*(?:tools|facts|history|wishes|playbook|task|trajectory|step|answer|analysis|"
    r"evidence|tool_output)\b)",
    re.IGNORECASE,
)
#: blocks that are the same for all attempts of a round, or nearly all.
_SHARED = frozenset({"tools", "playbook"})
_NAMED = re.compile(r"\$\{?([a-z_]+)")
_STOPPED = {
    Outcome.FINISHED: "it said it was done",
    Outcome.STEP_LIMIT: "it ran out of tool calls",
}


@dataclass(frozen=True, slots=True)
class Prompt:
    """What one call of a role says: constant instructions and the message with the data.

    The first ``constant`` characters of the message (the tools, the playbook) are the same for
    many calls of a run; 0 where nothing is.
    """

    instructions: str
    message: str
    constant: int = 0


@cache
def built_in_text(role: str) -> str:
    """The prompt a role ships with, as its file has it."""
    return (PROMPTS / f"{role}.md").read_text(encoding="utf-8")


@cache
def built_in(role: str) -> PromptText:
    text = built_in_text(role)
    return PromptText.read(built_in_name(text), text)


def fill(prompt: PromptText, **blocks: str) -> Prompt:
    """Fill both halves of a prompt.

    Raises:
        KeyError: a placeholder of the text has no block.
    """
    same, changing = _parted(prompt.message)
    constant = Template(same).substitute(blocks)
    return Prompt(
        Template(prompt.told).substitute(blocks),
        constant + Template(changing).substitute(blocks),
        len(constant),
    )


def _parted(message: str) -> tuple[str, str]:
    """Part a message at the paragraph whose data changes from call to call."""
    changing = [m.start() for m in _NAMED.finditer(message) if m.group(1) not in _SHARED]
    end = message.rfind("\n\n", 0, min(changing, default=0)) + 2
    return (message[:end], message[end:]) if end > 1 else ("", message)


def fenced(text: str) -> str:
    """Return ``text`` with our own tags made harmless, for use between tags."""
    return _FENCES.sub("&lt;", text)


def clipped(text: str, cap: int) -> str:
    """Return at most ``cap`` characters of ``text``, saying how many are left out."""
    if len(text) <= cap:
        return text
    return f"{text[:cap]}… ({len(text) - cap} more characters left out)"


def tool_output(observation: str, *, is_error: bool) -> str:
    """Return what a tool said as the solver reads it: fenced data with its status."""
    status = "error" if is_error else "ok"
    return f'<tool_output status="{status}">\n{fenced(observation)}\n</tool_output>'


def stopped(outcome: Outcome) -> str:
    return _STOPPED[outcome]


def playbook_block(playbook: Playbook) -> str:
    """Return the live bullets with their labels, by section in delivery order."""
    lines = []
    for section, bullets in groupby(playbook.live, key=lambda bullet: bullet.section):
        lines.append(f"## {section}")
        lines += [f"- [{bullet.label}] {fenced(bullet.content)}" for bullet in bullets]
    return "\n".join(lines) or "(empty)"


def trajectory_block(
    trajectory: Trajectory,
    *,
    observation_cap: int = OBSERVATION_CAP,
    token_budget: int = TRAJECTORY_TOKENS,
    about: str | None = None,
) -> str:
    """Return every step in order, observations shortened alike until ``token_budget`` suffices.

    With ``about`` (the task) observations are reduced to what their structure and the task make
    worth keeping; without it they are cut as the paper does. A trajectory that is too long even so
    loses steps from its middle, and says how many.
    """
    if not trajectory.steps:
        return "(the agent made no tool call)"
    room = token_budget * CHARS_PER_TOKEN
    cap = observation_cap
    steps = [_step(step, cap, about) for step in trajectory.steps]
    while sum(map(len, steps)) > room and cap > OBSERVATION_FLOOR:
        cap = max(OBSERVATION_FLOOR, cap // 2)
        steps = [_step(step, cap, about) for step in trajectory.steps]
    return "\n".join(_without_middle(steps, room))


def _without_middle(steps: Sequence[str], room: int) -> list[str]:
    head, tail, used = 0, 0, 0
    while head + tail < len(steps):
        following = steps[head] if head <= tail else steps[-1 - tail]
        if used + len(following) > room:
            left_out = len(steps) - head - tail
            note = f"({left_out} steps left out here)"
            return [*steps[:head], note, *(steps[-tail:] if tail else [])]
        used += len(following)
        head, tail = (head + 1, tail) if head <= tail else (head, tail + 1)
    return list(steps)


def _step(step: Step, observation_cap: int, about: str | None) -> str:
    if about is None:
        shown = clipped(step.observation, observation_cap)
    else:
        shown = reduced(step.observation, observation_cap, about=about)
    arguments = clipped(json.dumps(dict(step.arguments), ensure_ascii=False), ARGUMENTS_CAP)
    lines = [f'<step number="{step.number}">']
    if step.thought:
        lines.append(f"thought: {fenced(clipped(step.thought, THOUGHT_CAP))}")
    lines.append(f"call: {step.tool} {fenced(arguments)}")
    lines.append("failed with:" if step.is_error else "returned:")
    lines.append(tool_output(shown, is_error=step.is_error))
    lines.append("</step>")
    return "\n".join(lines)
