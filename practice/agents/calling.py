"""Talking to a language model from synchronous code: one line per call of a role.

A ``Line`` owns an event loop in a thread of its own and the connections opened on it, and closes
both when the role is done. So nothing is shared between Celery tasks, threads or forks, no loop is
ever re-used after it closed, and tools and database callbacks stay on the caller's thread.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, ExitStack, suppress
from dataclasses import dataclass, field
from decimal import Decimal
from types import TracebackType
from typing import Literal, Self, TypeVar

from anyio.from_thread import BlockingPortal, start_blocking_portal
from pydantic import BaseModel
from pydantic_ai import Agent, ModelRetry, NativeOutput, PromptedOutput, ToolOutput, UsageLimits
from pydantic_ai.direct import model_request
from pydantic_ai.exceptions import AgentRunError, ContentFilterError, UserError
from pydantic_ai.messages import ModelMessage, ModelResponse, TextPart
from pydantic_ai.models import Model, ModelRequestParameters
from pydantic_ai.settings import ModelSettings
from pydantic_ai.usage import UsageBase

from practice.agents.failures import as_agent_error
from practice.agents.ports import AgentError
from practice.agents.prompting import Prompt, storable
from practice.domain.types import Usage

OutputMode = Literal["tool", "native", "prompted"]
ROLES = ("proposer", "solver", "validator", "summariser", "reflector", "curator")
RETRIES = 2
_MILLION = Decimal(1_000_000)

Reply = TypeVar("Reply", bound=BaseModel)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars per million tokens, set by the operator; it outranks the library's price list."""

    input: Decimal
    output: Decimal


@dataclass(frozen=True, slots=True)
class RoleModel:
    """The model one role works with. ``connect`` opens it; everything else is a plain value."""

    role: str
    name: str
    connect: Callable[[], AbstractAsyncContextManager[Model]] = field(repr=False)
    settings: ModelSettings
    output_mode: OutputMode = "tool"
    price: Price | None = None
    scrub: Callable[[str], str] = field(default=str, repr=False)

    def usage(self, parts: Iterable[UsageBase], *, requests: int) -> Usage:
        """Add up what the provider reported. The cost is unknown if any part of it is."""
        counted = list(parts)
        sent = sum(part.input_tokens for part in counted)
        written = sum(part.output_tokens for part in counted)
        return Usage(
            role=self.role,
            model=self.name,
            requests=requests,
            input_tokens=sent,
            output_tokens=written,
            cached_tokens=sum(part.cache_read_tokens for part in counted),
            cost=self._cost(counted, sent, written),
        )

    def _cost(self, parts: Sequence[UsageBase], sent: int, written: int) -> Decimal | None:
        if self.price is not None:
            return (sent * self.price.input + written * self.price.output) / _MILLION
        known = [part.cost for part in parts if part.cost is not None]
        return sum(known, Decimal(0)) if len(known) == len(parts) else None


class Line:
    """An open line to a role's model. Use it as a context manager, from one thread.

    Every method raises the errors of ``practice.agents.ports``: ``ProviderUnavailable``,
    ``ProviderRefused`` or ``MalformedReply``.
    """

    def __init__(self, model: RoleModel) -> None:
        self._of = model
        self._stack = ExitStack()
        self._portal: BlockingPortal
        self._model: Model

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._portal = stack.enter_context(start_blocking_portal())
            self._model = stack.enter_context(
                self._portal.wrap_async_context_manager(self._of.connect())
            )
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    def request(
        self, messages: Sequence[ModelMessage], parameters: ModelRequestParameters
    ) -> ModelResponse:
        """Send the conversation and return the model's next turn."""

        async def send() -> ModelResponse:
            return await model_request(
                self._model,
                messages,
                model_settings=self._of.settings,
                model_request_parameters=parameters,
            )

        response = self._guarded(lambda: self._portal.call(send))
        _price(response)
        for part in response.parts:
            if isinstance(part, TextPart):
                # Half a character would break the next request, which sends this text back.
                part.content = storable(part.content)
        if response.finish_reason == "content_filter":
            reason = (response.provider_details or {}).get("refusal", "content filter")
            raise self._error(ContentFilterError(str(reason)))
        return response

    def ask(
        self, prompt: Prompt, reply: type[Reply], *, check: Callable[[Reply], Reply] | None = None
    ) -> tuple[Reply, Usage]:
        """Return the model's reply as ``reply``, asking again at most twice, and what it cost.

        ``check`` may raise ``pydantic_ai.ModelRetry`` with what the model has to correct.
        """
        agent = Agent(
            self._model,
            output_type=_output(self._of.output_mode, reply),
            instructions=prompt.instructions,
            model_settings=self._of.settings,
            retries=RETRIES,
            name=self._of.role,
        )
        agent.output_validator(_without_nul)
        if check is not None:
            agent.output_validator(check)

        async def run() -> tuple[Reply, Usage]:
            limits = UsageLimits(request_limit=RETRIES + 2)
            result = await agent.run(prompt.message, usage_limits=limits)
            spent = result.usage
            return result.output, self._of.usage([spent], requests=spent.requests)

        return self._guarded(lambda: self._portal.call(run))

    def _guarded(self, call: Callable[[], T]) -> T:
        try:
            return call()
        except (AgentRunError, UserError) as error:
            # Not chained: the library's message may carry the whole body of a provider's answer.
            raise self._error(error) from None

    def _error(self, error: AgentRunError | UserError) -> AgentError:
        return as_agent_error(error, role=self._of.role, model=self._of.name, scrub=self._of.scrub)


def _without_nul(reply: Reply) -> Reply:
    """Have the model leave out the one character no database text can hold."""
    if "\\u0000" in reply.model_dump_json():
        raise ModelRetry("Your reply contains a NUL character. Leave it out.")
    return reply


def _price(response: ModelResponse) -> None:
    """Fill in the cost from the price list; outside of an agent run nobody else does."""
    if response.usage.cost is None:
        # An unknown model or provider, or a reply without usage or model name: no known cost.
        with suppress(LookupError, ValueError, AssertionError):
            response.usage.cost = response.cost().total_price


def _output(
    mode: OutputMode, reply: type[Reply]
) -> ToolOutput[Reply] | NativeOutput[Reply] | PromptedOutput[Reply]:
    """Return how the typed reply is asked for: some servers know no forced tool choice."""
    match mode:
        case "tool":
            return ToolOutput(reply, name="reply", description="Give your reply.")
        case "native":
            return NativeOutput(reply)
        case "prompted":
            return PromptedOutput(reply)
