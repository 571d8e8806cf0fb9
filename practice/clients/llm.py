"""The language model from the operator's settings: providers, connections, prices.

Importing this module loads pydantic-ai (about 1.5 s and 80 MB, for good); only a worker that runs a
model run should, and a web process whose reader tries the connection. Anthropic's library, as much
again, is loaded by whoever asks a model of Anthropic's.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, cast
from urllib.parse import urlsplit

import httpx2
from openai import AsyncOpenAI
from pydantic_ai.messages import ModelRequest
from pydantic_ai.models import Model, ModelRequestParameters
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider
from pydantic_ai.providers.openai_compatible import OpenAICompatibleProvider
from pydantic_ai.settings import ModelSettings as RequestSettings

from practice.agents.calling import Line
from practice.agents.condenser import Condenser
from practice.agents.engine import assemble
from practice.agents.masking import KEY, KEY_CHARS, Mask
from practice.agents.ports import Engine, MalformedReply, ProviderRefused
from practice.agents.prompting import built_in
from practice.agents.role_model import RoleModel, Tokens, always, unrecorded
from practice.agents.typed import OutputMode
from practice.clients.price_list import ANTHROPIC_URL, OPENAI_URL
from practice.domain.calls import CallRecord
from practice.domain.prices import Price, price_for
from practice.domain.prompts import PromptText

if TYPE_CHECKING:
    from pydantic_ai.models.anthropic import AnthropicModelSettings

DEFAULT_TEMPERATURES: Mapping[str, float] = MappingProxyType(
    {
        "proposer": 1.0,
        "solver": 0.0,
        "condenser": 0.0,
        "validator": 0.7,
        "summariser": 0.7,
        "reflector": 0.7,
        "curator": 0.7,
        "consolidator": 0.3,
        "investigator": 0.0,
        "explainer": 0.3,
    }
)
CONNECT_TIMEOUT_S = 10.0
#: a whole proposal of 50 tasks fits; Anthropic needs an explicit limit.
ANTHROPIC_MAX_TOKENS = 16_000
#: local servers take any key but insist on one.
NO_KEY = "none"
_KEY_LIKE = re.compile(r"\b(?:sk|rk|key)[-_][\w*.-]{8,}")


@dataclass(frozen=True, slots=True)
class ModelSettings:
    """Everything about the model an operator sets.

    ``prices`` is the workspace's price table; ``price`` is US dollars per million (input, output)
    tokens for models that are not in it; ``None`` uses the library's price list.
    ``temperatures`` and ``models`` override the defaults by role. ``timeout_s`` bounds one
    request as a whole. ``base_url`` ends in the API's version, e.g. ``http://localhost:11434/v1``.
    """

    provider: Literal["openai", "anthropic"]
    model: str
    base_url: str | None = None
    api_key: str = field(default="", repr=False)
    output_mode: OutputMode = "tool"
    timeout_s: float = 120.0
    price: tuple[Decimal, Decimal] | None = None
    prices: Mapping[str, Price] = field(default_factory=dict)
    temperatures: Mapping[str, float] = field(default_factory=dict)
    models: Mapping[str, str] = field(default_factory=dict)

    def model_of(self, role: str) -> str:
        return self.models.get(role, self.model)

    def temperature_of(self, role: str) -> float:
        return self.temperatures.get(role, DEFAULT_TEMPERATURES[role])

    def price_of(self, model: str) -> Price | None:
        """The operator's own price; ``None`` leaves it to the library's list."""
        found = price_for(self.prices, model)
        if found is None and self.price is not None:
            return Price(*self.price)
        return found

    def scrub(self, text: str) -> str:
        """Return ``text`` without the API key and without anything that looks like one."""
        if len(self.api_key) >= KEY_CHARS:
            text = text.replace(self.api_key, KEY)
        return _KEY_LIKE.sub(KEY, text)


@dataclass(frozen=True, slots=True)
class Wiring:
    """What one run connects its roles to.

    ``prompts`` holds the environment's own prompts by role; other roles use the built-in ones.
    ``record`` is told of every request. ``condenses`` has long observations summed up. ``votes``
    is how often the validator's model is asked about one attempt, at most. ``masks_named`` is off
    where nothing is real (``Environment.is_made_up``). ``wanted`` says whether anybody
    still waits for an answer.
    """

    prompts: Mapping[str, PromptText] = field(default_factory=dict)
    record: Callable[[CallRecord], None] = unrecorded
    condenses: bool = False
    votes: int = 1
    masks_named: bool = True
    wanted: Callable[[], bool] = always


UNWIRED = Wiring()


def build_engine(settings: ModelSettings, seed: int, wiring: Wiring = UNWIRED) -> Engine:
    """Return the model engine. Nothing is connected yet.

    Raises:
        ProviderRefused: the settings name no usable provider or model.
    """
    _checked(settings)
    return assemble(
        f"model: {settings.model}",
        lambda role: role_model(settings, role, seed, wiring),
        wiring.votes,
    )


def condenser(settings: ModelSettings, seed: int, wiring: Wiring = UNWIRED) -> Condenser:
    """Return the condenser alone, whether or not a run would use one."""
    _checked(settings)
    return Condenser(role_model(settings, "condenser", seed, wiring))


def role_model(
    settings: ModelSettings, role: str, seed: int, wiring: Wiring = UNWIRED
) -> RoleModel:
    """Return the model ``role`` works with."""
    name = settings.model_of(role)
    request = RequestSettings(
        temperature=settings.temperature_of(role),
        timeout=settings.timeout_s,
        request_timeout=settings.timeout_s,
    )
    if settings.provider == "openai":
        # OpenAI caches the longest stable beginning of a request by itself.
        request["seed"] = seed
    else:
        request["max_tokens"] = ANTHROPIC_MAX_TOKENS
        request = _cached(request, role)
    return RoleModel(
        role=role,
        name=name,
        connect=partial(_connect, settings, name),
        settings=request,
        output_mode=settings.output_mode,
        prompt=wiring.prompts.get(role) or built_in(role),
        price=settings.price_of(name),
        scrub=settings.scrub,
        mask=Mask(named=wiring.masks_named, key=settings.api_key),
        record=wiring.record,
        condenses=wiring.condenses,
        marks_cache=settings.provider == "anthropic",
        wanted=wiring.wanted,
    )


def _cached(request: RequestSettings, role: str) -> AnthropicModelSettings:
    """Have tools and instructions cached, and the solver's conversation as it grows.

    Marks on single blocks, not the top-level setting: gateways that speak Anthropic's format know
    the former. A reply that is asked for once is not read back, so its message is not written.
    """
    cached = cast("AnthropicModelSettings", {**request})
    cached["anthropic_cache_tool_definitions"] = True
    cached["anthropic_cache_instructions"] = True
    cached["anthropic_cache_messages"] = role == "solver"
    return cached


def check_connection(settings: ModelSettings) -> str:
    """Ask the model one short question and return a sentence for the operator.

    Raises:
        ProviderUnavailable, ProviderRefused, MalformedReply: with what to do about it.
    """
    _checked(settings)
    model = role_model(settings, "validator", seed=0)
    ask = ModelRequest.user_text_prompt("Reply with the single word: ready")
    with Line(model) as line:
        response = line.request([ask], ModelRequestParameters())
    if not response.parts:
        raise MalformedReply(f"{model.name} answered with nothing.")
    spent = response.usage
    return (
        f"{response.model_name or model.name} answered "
        f"({spent.input_tokens} tokens in, {spent.output_tokens} out)."
    )


def _checked(settings: ModelSettings) -> None:
    if settings.provider not in ("openai", "anthropic"):
        raise ProviderRefused(
            f"LLM_PROVIDER is {settings.provider!r}; it must be openai or anthropic."
        )
    if not settings.model:
        raise ProviderRefused("No model is named. Set LLM_MODEL.")
    if settings.base_url and not settings.base_url.startswith(("http://", "https://")):
        raise ProviderRefused("LLM_BASE_URL must begin with http:// or https://.")
    if not settings.api_key and settings.base_url is None:
        raise ProviderRefused(f"{settings.provider} needs an API key. Set LLM_API_KEY.")


@asynccontextmanager
async def _connect(
    settings: ModelSettings, name: str, hear: Callable[[Tokens], None]
) -> AsyncIterator[Model]:
    """Open a model on a connection pool of its own, and tell ``hear`` what each answer used.

    The SDK retries nothing: the job queue's back-off rules. Redirects are not followed, so that
    the key goes to the configured address only.
    """
    timeout = httpx2.Timeout(settings.timeout_s, connect=min(CONNECT_TIMEOUT_S, settings.timeout_s))

    async def listen(answer: httpx2.Response) -> None:
        await answer.aread()
        if (used := tokens_of(answer.content)) is not None:
            hear(used)

    async with httpx2.AsyncClient(
        timeout=timeout, follow_redirects=False, event_hooks={"response": [listen]}
    ) as http:
        if settings.provider == "anthropic":
            yield _anthropic_model(settings, name, http)
        else:
            yield _openai_model(settings, name, http)


def tokens_of(body: bytes) -> Tokens | None:
    """What an answer reports to have used, whatever else is wrong with it.

    ``None`` where it reports nothing.
    """
    try:
        usage = json.loads(body)["usage"]
        told = {name: max(int(n), 0) for name, n in usage.items() if isinstance(n, int)}
        details = usage.get("prompt_tokens_details") or {}
        cached = details.get("cached_tokens") or told.get("cache_read_input_tokens", 0)
        if "prompt_tokens" in told:  # OpenAI counts what was cached among them
            return Tokens(told["prompt_tokens"], told.get("completion_tokens", 0), int(cached))
        if "input_tokens" not in told:
            return None
        beside = told.get("cache_creation_input_tokens", 0) + int(cached)
        return Tokens(told["input_tokens"] + beside, told.get("output_tokens", 0), int(cached))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, OverflowError):
        return None


def _openai_model(settings: ModelSettings, name: str, http: httpx2.AsyncClient) -> Model:
    base_url = settings.base_url or OPENAI_URL
    client = AsyncOpenAI(
        api_key=settings.api_key or NO_KEY, base_url=base_url, http_client=http, max_retries=0
    )
    host = urlsplit(base_url).hostname
    if host == urlsplit(OPENAI_URL).hostname:
        return OpenAIChatModel(name, provider=OpenAIProvider(openai_client=client))
    # Another server's model may share a name with OpenAI's; it shares neither price nor features.
    provider = OpenAICompatibleProvider(host or "openai-compatible", openai_client=client)
    return OpenAIChatModel(name, provider=provider)


def _anthropic_model(settings: ModelSettings, name: str, http: httpx2.AsyncClient) -> Model:
    from anthropic import AsyncAnthropic  # noqa: PLC0415
    from pydantic_ai.models.anthropic import AnthropicModel  # noqa: PLC0415
    from pydantic_ai.providers.anthropic import AnthropicProvider  # noqa: PLC0415

    client = AsyncAnthropic(
        api_key=settings.api_key or NO_KEY,
        base_url=settings.base_url or ANTHROPIC_URL,
        http_client=http,
        max_retries=0,
    )
    return AnthropicModel(name, provider=AnthropicProvider(anthropic_client=client))
