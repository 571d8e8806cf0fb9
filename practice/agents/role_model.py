"""The model one role works with, as a plain value: its name, prompt and price, and who hears."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from decimal import Decimal

from pydantic_ai.messages import CachePoint, UserContent, UserPromptPart
from pydantic_ai.models import Model
from pydantic_ai.settings import ModelSettings
from pydantic_ai.usage import UsageBase

from practice.agents.masking import EVERYTHING, Mask
from practice.agents.prompting import Prompt, fill
from practice.agents.typed import OutputMode
from practice.domain.calls import CallRecord
from practice.domain.prices import Price
from practice.domain.prompts import PromptText
from practice.domain.types import TaskSpec, Usage


def unrecorded(call: CallRecord) -> None:
    """Keep no record: nobody asked for one."""


def always() -> bool:
    """Somebody waits for the answer, as long as it takes."""
    return True


@dataclass(frozen=True, slots=True)
class Tokens:
    """What one answer of a provider reports to have used; ``cached`` is a part of ``input``."""

    input: int = 0
    output: int = 0
    cached: int = 0


@dataclass(frozen=True, slots=True)
class RoleModel:
    """The model one role works with. ``connect`` opens it; everything else is a plain value.

    What ``connect`` is given is told the tokens each answer reports, read or not.
    ``record`` is told of every request on the caller's thread. What is sent and received passes
    ``mask``, a provider's own words pass ``scrub``. ``condenses`` has long observations reduced by
    structure instead of cut. ``marks_cache`` where the provider wants to be told how far a prompt
    stays the same. While an answer is awaited ``wanted`` is asked, on the caller's
    thread too, whether anybody still waits for it.
    """

    role: str
    name: str
    connect: Callable[[Callable[[Tokens], None]], AbstractAsyncContextManager[Model]] = field(
        repr=False
    )
    settings: ModelSettings
    prompt: PromptText = field(repr=False)
    output_mode: OutputMode = "tool"
    price: Price | None = None
    scrub: Callable[[str], str] = field(default=str, repr=False)
    mask: Mask = field(default=EVERYTHING, repr=False)
    record: Callable[[CallRecord], None] = field(default=unrecorded, repr=False)
    condenses: bool = False
    marks_cache: bool = False
    wanted: Callable[[], bool] = field(default=always, repr=False)

    def fill(self, **blocks: str) -> Prompt:
        """Fill the role's prompt: the built-in one, or the environment's own version."""
        return fill(self.prompt, **blocks)

    def about(self, task: TaskSpec) -> str | None:
        """What observations are reduced for; ``None`` where they are cut as the paper does."""
        return task.instruction if self.condenses else None

    def message(self, prompt: Prompt) -> UserPromptPart:
        """The data half, with a mark after what other calls of the run share."""
        if not (self.marks_cache and prompt.constant):
            return UserPromptPart(prompt.message)
        shared, rest = prompt.message[: prompt.constant], prompt.message[prompt.constant :]
        content: list[UserContent] = [shared, CachePoint(), rest]
        return UserPromptPart(content)

    def usage(self, parts: Iterable[UsageBase], *, requests: int) -> Usage:
        """Add up what the provider reported. The cost is unknown if any part of it is."""
        counted = list(parts)
        costs = [self.cost(part) for part in counted]
        known = [cost for cost in costs if cost is not None]
        return Usage(
            role=self.role,
            model=self.name,
            requests=requests,
            input_tokens=sum(part.input_tokens for part in counted),
            output_tokens=sum(part.output_tokens for part in counted),
            cached_tokens=sum(part.cache_read_tokens for part in counted),
            cost=sum(known, Decimal(0)) if len(known) == len(costs) else None,
        )

    def cost(self, part: UsageBase) -> Decimal | None:
        """US dollars by the operator's price, else by the library's list; ``None`` by neither.

        An answer without tokens reports none: what it cost is unknown, not nothing.
        """
        if not part.input_tokens and not part.output_tokens:
            return None
        if self.price is None:
            return part.cost
        return self.price.cost(
            input_tokens=part.input_tokens,
            output_tokens=part.output_tokens,
            cached_tokens=part.cache_read_tokens,
        )
