"""Talking to a language model from synchronous code: one line per call of a role.

A ``Line`` owns an event loop in a thread of its own and the connections opened on it, and closes
both when the role is done. So nothing is shared between Celery tasks, threads or forks, no loop is
ever re-used after it closed, and tools and database callbacks stay on the caller's thread.

Each request is recorded on that thread as soon as it is answered or has failed, so that tokens
spent before a role gives up are never lost.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import wait
from contextlib import ExitStack, suppress
from decimal import Decimal
from types import TracebackType
from typing import Literal, Self, TypeVar

from anyio.from_thread import BlockingPortal, start_blocking_portal
from pydantic import BaseModel
from pydantic_ai import ModelRetry
from pydantic_ai.direct import model_request
from pydantic_ai.exceptions import AgentRunError, ContentFilterError, UserError
from pydantic_ai.messages import ModelMessage, ModelRequest, ModelResponse
from pydantic_ai.models import Model, ModelRequestParameters
from pydantic_ai.usage import RequestUsage

from practice.agents import recording, typed
from practice.agents.failures import as_agent_error, not_of_an_api
from practice.agents.ports import AgentError, MalformedReply, ModelSilent, NoLongerWanted
from practice.agents.prompting import Prompt
from practice.agents.repairing import Unreadable, read_reply
from practice.agents.role_model import RoleModel, Tokens
from practice.domain.calls import CallRecord
from practice.domain.types import Usage

RETRIES = 2
#: the most a column of the ledger holds.
MOST_TOKENS, MOST_DOLLARS = 2**31 - 1, Decimal("999999.999999")
#: how often it is looked whether anybody still waits for an answer that takes long.
LOOK_SECONDS = 2.0
#: finish reason of a reply that ran into the provider's length limit.
CUT_OFF = "length"
AGAIN = "{} Correct this and reply again."

Reply = TypeVar("Reply", bound=BaseModel)
T = TypeVar("T")


class Line:
    """An open line to a role's model. Use it as a context manager, from one thread.

    Every method raises the errors of ``practice.agents.ports``: ``ProviderUnavailable``,
    ``ProviderRefused``, ``MalformedReply`` or ``NoLongerWanted``.
    """

    def __init__(self, model: RoleModel) -> None:
        self._of = model
        self._stack = ExitStack()
        self._portal: BlockingPortal
        self._model: Model
        #: the conversation as the provider has seen it, to record only what is new in a request.
        self._seen: list[ModelMessage] = []
        #: what the newest answer said it used, for one that cannot be read.
        self._heard: Tokens | None = None
        #: each message as it was given and as it was sent, by the identity of the former.
        self._sent: dict[int, tuple[ModelMessage, ModelMessage]] = {}

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._portal = stack.enter_context(start_blocking_portal())
            self._model = stack.enter_context(
                self._portal.wrap_async_context_manager(self._of.connect(self._hear))
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

    def _hear(self, used: Tokens) -> None:
        self._heard = used

    def request(
        self,
        messages: Sequence[ModelMessage],
        parameters: ModelRequestParameters,
        *,
        problem_of: Callable[[ModelResponse], str] = lambda _: "",
    ) -> ModelResponse:
        """Send the conversation, record the request, and return the model's next turn.

        Secrets are masked on the way out and on the way in; calls of tools come back as written.
        ``problem_of`` says what of the turn cannot be used, for the record.
        """
        going = self._masked(messages)

        async def send() -> ModelResponse:
            return await model_request(
                self._model,
                going,
                model_settings=self._of.settings,
                model_request_parameters=parameters,
            )

        began = time.monotonic()
        self._heard = None
        try:
            response = self._guarded(lambda: self._awaited(send))
        except AgentError as error:
            self._record(going, parameters, began, failed=error)
            raise
        _price(response)
        self._of.mask.receive(response, {tool.name for tool in parameters.function_tools})
        refused = None
        if response.finish_reason == "content_filter":
            reason = (response.provider_details or {}).get("refusal", "content filter")
            refused = self._error(ContentFilterError(str(reason)))
        unread = "" if refused is not None else problem_of(response)
        self._record(going, parameters, began, response, refused, unread)
        if refused is not None:
            raise refused
        return response

    def _awaited(self, send: Callable[[], Coroutine[None, None, ModelResponse]]) -> ModelResponse:
        """The answer, unless nobody waits for it any more: then the connection is closed."""
        answer = self._portal.start_task_soon(send)
        try:
            while not wait([answer], timeout=LOOK_SECONDS).done:
                if not self._of.wanted():
                    raise NoLongerWanted("The run ended while the model was being asked.")
            return answer.result()
        finally:
            answer.cancel()

    def _record(
        self,
        messages: Sequence[ModelMessage],
        parameters: ModelRequestParameters,
        began: float,
        response: ModelResponse | None = None,
        failed: AgentError | None = None,
        unread: str = "",
    ) -> None:
        spent = response.usage if response is not None else self._unread()
        unanswered = _silence(failed)
        # A refusal and a connection that failed cost nothing; a provider nobody waited for any
        # longer may have counted, and so may one whose answer cannot be read.
        is_free = response is None and not self._heard and unanswered in ("", "connection")
        is_free = is_free and not isinstance(failed, MalformedReply)
        cost = Decimal(0) if is_free else self._of.cost(spent)
        parts = recording.sent(messages, self._repeated(messages), parameters)
        turn = self._masked([response] if response is not None else [])
        self._seen = [*messages, *turn] if turn else []
        self._of.record(
            CallRecord(
                role=self._of.role,
                model=self._of.name,
                request=parts,
                reply=recording.replied(turn),
                error=self._of.scrub(str(failed or unread))[: recording.ERROR_CAP],
                unanswered=unanswered,
                prompt=self._of.prompt.name,
                input_tokens=_storable(spent.input_tokens),
                output_tokens=_storable(spent.output_tokens),
                cached_tokens=_storable(spent.cache_read_tokens),
                cost=cost if cost is None else min(max(cost, Decimal(0)), MOST_DOLLARS),
                latency_ms=round((time.monotonic() - began) * 1000),
            )
        )

    def _unread(self) -> RequestUsage:
        """What an answer that could not be read had used, by its own figures."""
        used = self._heard or Tokens()
        return RequestUsage(
            input_tokens=used.input, output_tokens=used.output, cache_read_tokens=used.cached
        )

    def _masked(self, messages: Sequence[ModelMessage]) -> list[ModelMessage]:
        """The messages as they are sent; one that was sent before goes out as it did then."""
        for message in messages:
            if id(message) not in self._sent:
                self._sent[id(message)] = (message, self._of.mask.message(message))
        return [self._sent[id(message)][1] for message in messages]

    def _repeated(self, messages: Sequence[ModelMessage]) -> int:
        """How many messages the call before sent or returned; 0 where any of them was changed."""
        known = self._seen
        same = len(known) <= len(messages) and all(
            mine is theirs for mine, theirs in zip(known, messages, strict=False)
        )
        return len(known) if same else 0

    def ask(
        self, prompt: Prompt, reply: type[Reply], *, check: Callable[[Reply], Reply] | None = None
    ) -> tuple[Reply, Usage]:
        """Return the model's reply as ``reply``, asking again at most twice, and what it cost.

        A reply that is almost JSON is mended before the model is asked again. ``check`` may raise
        ``pydantic_ai.ModelRetry`` with what the model has to correct.
        """
        parameters = typed.parameters(self._of.output_mode, reply)
        told = prompt.instructions
        messages: list[ModelMessage] = [
            ModelRequest(parts=[self._of.message(prompt)], instructions=told)
        ]
        spent: list[RequestUsage] = []
        found: list[Reply] = []
        problem = ""

        def unusable(response: ModelResponse) -> str:
            nonlocal problem
            try:
                read = read_reply(typed.written(response), reply)
                found.append(check(read) if check is not None else read)
                return ""
            except (Unreadable, ModelRetry) as error:
                problem = str(error)
            if response.finish_reason == CUT_OFF:
                problem = "The reply was cut off at its length limit. Write a shorter one."
            return problem

        for _ in range(1 + RETRIES):
            response = self.request(messages, parameters, problem_of=unusable)
            spent.append(response.usage)
            if found:
                return found[0], self._of.usage(spent, requests=len(spent))
            # Providers reject a conversation with an empty turn.
            turn: list[ModelMessage] = [response] if response.parts else []
            messages += [*turn, typed.again(response, AGAIN.format(problem), told)]
        raise MalformedReply(
            self._of.scrub(
                f"{self._of.name} did not give the {self._of.role}'s reply in a form that can be "
                f"read, asked {1 + RETRIES} times. It was told last: “{problem}”"
            )
        )

    def _guarded(self, call: Callable[[], T]) -> T:
        try:
            return call()
        except (AgentRunError, UserError) as error:
            # Not chained: the library's message may carry the whole body of a provider's answer.
            raise self._error(error) from None
        except (IndexError, KeyError, TypeError, AttributeError) as error:
            # An answer of another shape than the provider's own documents, such as no choices.
            raise not_of_an_api(role=self._of.role, model=self._of.name) from error

    def _error(self, error: AgentRunError | UserError) -> AgentError:
        return as_agent_error(error, role=self._of.role, model=self._of.name, scrub=self._of.scrub)


def _silence(failed: AgentError | None) -> Literal["", "timeout", "connection", "dropped"]:
    if isinstance(failed, NoLongerWanted):
        return "dropped"
    if not isinstance(failed, ModelSilent):
        return ""
    return "timeout" if failed.timed_out else "connection"


def _storable(tokens: int) -> int:
    """A count a provider reported, within what a column holds."""
    return min(max(tokens, 0), MOST_TOKENS)


def _price(response: ModelResponse) -> None:
    """Fill in the cost from the price list; outside of an agent run nobody else does."""
    if response.usage.cost is None:
        # An unknown model or provider, or a reply without usage or model name: no known cost.
        with suppress(LookupError, ValueError, AssertionError):
            response.usage.cost = response.cost().total_price
