"""The solver on a language model: one request, the playbook, and a live environment.

The loop is ours and runs on the caller's thread: the environment session and ``on_step`` (which
writes to a database) must not be called from a library's helper threads or inside an event loop.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from pydantic_ai.messages import (
    ModelMessage,
    ModelRequest,
    ModelRequestPart,
    ModelResponse,
    TextPart,
    ThinkingPart,
    ToolCallPart,
    ToolReturnPart,
    UserPromptPart,
)
from pydantic_ai.models import ModelRequestParameters
from pydantic_ai.usage import RequestUsage

from memoryapp.domain.playbook import Playbook
from memoryapp.domain.text import storable
from practice.agents.calling import CUT_OFF, RETRIES, Line
from practice.agents.condenser import Condenser
from practice.agents.ports import (
    EnvironmentSession,
    MalformedReply,
    ModelSilent,
    ProviderUnavailable,
    SolverLimits,
)
from practice.agents.prompting import Prompt, clipped, playbook_block, tool_output
from practice.agents.reducing import reduced
from practice.agents.role_model import RoleModel
from practice.agents.toolbox import Toolbox, WrongCall, readable_arguments
from practice.domain.types import (
    OBSERVATION_CAP,
    Observation,
    Outcome,
    Step,
    TaskSpec,
    Trajectory,
    Usage,
)

THOUGHT_CAP = 4_000
ANSWER_CAP = 20_000
#: characters of tool output a conversation may hold. Beyond it the oldest outputs are shortened
#: until half of it is free again: seldom and by much, because every change of what was sent before
#: costs the provider's cache.
CONTEXT_CHARS = 300_000
SHORTENED = 500
#: seconds until a provider that limits requests or is overloaded is asked again, where it names
#: none: together more than the minute that limits are counted by.
PAUSES = (5.0, 10.0, 20.0, 40.0)
#: the longest an attempt is kept open for; who asks for more is asked again in a later try.
LONGEST_WAIT = 60.0
#: how often it is looked meanwhile whether the attempt is to stop.
LOOK_SECONDS = 2.0
BLANK = (
    "Your reply was empty. Call a tool, or give your final answer in plain words without a tool "
    "call."
)
TOO_LONG = (
    "Your reply was cut off at its length limit before it was complete. Go on with a tool call, or "
    "give the whole answer in fewer words."
)
CALL_CUT = " The reply was cut off at its length limit: call with shorter arguments."
LAST_WORD = (
    "You have used all your tool calls. Reply without a tool call: say what was achieved and what "
    "was not."
)


#: tool name and what it said, to what the model reads of it.
Reader = Callable[[str, Observation], str]


class ModelSolver:
    """Sees one instruction, the playbook and the environment; never proposer memory."""

    def __init__(self, model: RoleModel, condenser: Condenser | None = None) -> None:
        self._model, self._condenser = model, condenser

    def solve(
        self,
        task: TaskSpec,
        playbook: Playbook,
        session: EnvironmentSession,
        limits: SolverLimits,
    ) -> Trajectory:
        """Work on the task until the model answers, runs out of calls, or is told to stop.

        A call with wrong arguments, or of a tool that does not exist, is answered with an error
        and recorded as a step like any other failed call.

        Raises:
            EnvironmentUnavailable: from the session, as it is.
            AgentError: see ``practice.agents.ports``.
        """
        prompt = self._model.fill(
            steps=str(limits.steps),
            playbook=playbook_block(playbook),
            instruction=task.instruction,
        )
        with Line(self._model) as line:
            talk = _Conversation(self._model, line, session, limits, prompt)
            talk.offers(task, playbook)
            talk.reads = self._reader(task)
            return talk.held()

    def _reader(self, task: TaskSpec) -> Reader:
        """How a tool's output is brought to a length the model can read."""
        condenser = self._condenser
        if condenser is None:
            return _cut_alike
        return lambda tool, seen: condenser.condense(task, tool, seen.whole or seen.text)


def _cut_alike(tool: str, seen: Observation) -> str:
    """Cut at the paper's cap."""
    return seen.text[:OBSERVATION_CAP]


@dataclass(frozen=True, slots=True)
class _Said:
    """What one reply of the model holds besides its calls."""

    thought: str
    usage: RequestUsage
    cut_off: bool = False


class _Conversation:
    """One attempt: the messages so far, the steps so far, what it has cost."""

    def __init__(
        self,
        model: RoleModel,
        line: Line,
        session: EnvironmentSession,
        limits: SolverLimits,
        prompt: Prompt,
    ) -> None:
        self._model, self._line = model, line
        self._session, self._limits = session, limits
        self._toolbox = Toolbox(session.tools())
        self._parameters = ModelRequestParameters()
        self.reads: Reader = _cut_alike
        self._instructions = prompt.instructions
        self._messages: list[ModelMessage] = [self._request(model.message(prompt))]
        self._steps: list[Step] = []
        self._usages: list[RequestUsage] = []
        self._began = time.monotonic()

    def offers(self, task: TaskSpec, playbook: Playbook) -> None:
        """Offer the tools, in the same words for the whole attempt."""
        told = self._toolbox.definitions(task.instruction, playbook_block(playbook))
        self._parameters = ModelRequestParameters(function_tools=told)

    def held(self) -> Trajectory:
        """Hold the conversation. Every turn makes a step, ends it, or is one of few blanks."""
        blanks = 0
        while not self._limits.should_stop():
            response = self._answered()
            if response is None:
                break
            self._usages.append(response.usage)
            calls = [part for part in response.parts if isinstance(part, ToolCallPart)]
            text = _text(response)
            if calls:
                if self._full or not self._carried_out(response, calls):
                    return self._trajectory(text, Outcome.STEP_LIMIT)
            elif text and not (response.finish_reason == CUT_OFF and blanks < RETRIES):
                return self._trajectory(text, Outcome.FINISHED)
            elif blanks < RETRIES:
                blanks += 1
                # Providers reject a conversation with an empty turn.
                turn: list[ModelMessage] = [response] if text else []
                asked = self._request(UserPromptPart(TOO_LONG if text else BLANK))
                self._messages += [*turn, asked]
            else:
                raise MalformedReply(
                    f"{self._model.name} replied {blanks + 1} times with neither a tool call nor "
                    f"an answer. {len(self._steps)} steps were kept."
                )
        return self._trajectory("", Outcome.STEP_LIMIT)

    def _answered(self) -> ModelResponse | None:
        """The model's next turn; none where the attempt was stopped before there was one.

        A provider that limits requests is waited for once there are steps: another try would begin
        without them, and pay for them again.
        """
        for pause in PAUSES:
            try:
                return self._line.request(self._messages, self._parameters)
            except ModelSilent:
                raise
            except ProviderUnavailable as error:
                told = error.retry_after
                wait = pause if told is None else max(told, pause / 5)
                if not self._steps or wait > LONGEST_WAIT:
                    raise
            if not self._waited(wait):
                return None
        return self._line.request(self._messages, self._parameters)

    def _waited(self, seconds: float) -> bool:
        """Wait so long; false where the attempt was stopped meanwhile."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            if self._limits.should_stop():
                return False
            time.sleep(min(left, LOOK_SECONDS))
        return True

    @property
    def _full(self) -> bool:
        return len(self._steps) >= self._limits.steps

    def _request(self, *parts: ToolReturnPart | UserPromptPart) -> ModelRequest:
        return ModelRequest(parts=list(parts), instructions=self._instructions)

    def _carried_out(self, response: ModelResponse, calls: list[ToolCallPart]) -> bool:
        """Carry out the calls of one reply in order; false where a limit cut them short."""
        cut_off = response.finish_reason == CUT_OFF
        said = _Said(_thought(response), response.usage, cut_off)
        parts: list[ToolReturnPart | UserPromptPart] = []
        for call in calls:
            if self._full or self._limits.should_stop():
                return False
            step = self._step(call, said)
            parts.append(
                ToolReturnPart(
                    tool_name=call.tool_name,
                    content=tool_output(step.observation, is_error=step.is_error),
                    tool_call_id=call.tool_call_id,
                )
            )
            # One reply costs its tokens once, however many calls it holds.
            said = _Said("", RequestUsage(), cut_off)
        if self._full:
            parts.append(UserPromptPart(LAST_WORD))
        self._messages += [response, self._request(*parts)]
        self._messages = shortened(self._messages)
        return True

    def _step(self, call: ToolCallPart, said: _Said) -> Step:
        started = time.monotonic()
        try:
            arguments = self._toolbox.arguments_of(call)
        except WrongCall as error:
            arguments = readable_arguments(call)
            seen = Observation(text=f"{error}{CALL_CUT if said.cut_off else ''}", is_error=True)
        else:
            seen = self._session.call(self._toolbox.name_of(call), arguments)
        ended = time.monotonic()
        observation = storable(self.reads(self._toolbox.name_of(call), seen))
        step = Step(
            number=len(self._steps) + 1,
            tool=self._toolbox.name_of(call),
            arguments=self._model.mask.value(arguments),
            observation=observation,
            is_error=seen.is_error,
            thought=said.thought,
            started_ms=round((started - self._began) * 1000),
            duration_ms=round((ended - started) * 1000),
            input_tokens=said.usage.input_tokens,
            output_tokens=said.usage.output_tokens,
            cost=self._model.cost(said.usage),
            whole=storable(seen.whole),
        )
        self._steps.append(step)
        self._limits.on_step(step)
        return step

    def _trajectory(self, answer: str, outcome: Outcome) -> Trajectory:
        usage: Usage = self._model.usage(self._usages, requests=len(self._usages))
        return Trajectory(
            steps=tuple(self._steps),
            answer=clipped(answer, ANSWER_CAP),
            outcome=outcome,
            usage=usage,
        )


def _text(response: ModelResponse) -> str:
    texts = [part.content for part in response.parts if isinstance(part, TextPart)]
    return "\n".join(texts).strip()


def _thought(response: ModelResponse) -> str:
    """Return the text before the calls, or the model's reasoning where it wrote no text."""
    reasoning = [part.content for part in response.parts if isinstance(part, ThinkingPart)]
    return clipped(_text(response) or storable("\n".join(reasoning).strip()), THOUGHT_CAP)


def shortened(messages: list[ModelMessage]) -> list[ModelMessage]:
    """Return the conversation as it is, or once its tool outputs exceed the budget a shorter one.

    The newest outputs stay whole up to half the budget. The trajectory keeps every observation;
    only what the model re-reads each turn shrinks.
    """
    if sum(map(_size, messages)) <= CONTEXT_CHARS:
        return messages
    room = CONTEXT_CHARS // 2
    kept: list[ModelMessage] = []
    for message in reversed(messages):
        room -= _size(message)
        if room < 0 and isinstance(message, ModelRequest) and _size(message):
            message = replace(message, parts=[_cut(part) for part in message.parts])
        kept.append(message)
    return kept[::-1]


def _size(message: ModelMessage) -> int:
    """Characters of tool output in a message."""
    if not isinstance(message, ModelRequest):
        return 0
    return sum(len(str(p.content)) for p in message.parts if isinstance(p, ToolReturnPart))


def _cut(part: ModelRequestPart) -> ModelRequestPart:
    if not isinstance(part, ToolReturnPart):
        return part
    head, _, rest = str(part.content).partition("\n")
    body, _, foot = rest.rpartition("\n")
    return ToolReturnPart(
        tool_name=part.tool_name,
        content=f"{head}\n{reduced(body, SHORTENED)}\n{foot}",
        tool_call_id=part.tool_call_id,
    )
