"""The language model from the operator's settings: providers, connections, prices.

Importing this module loads pydantic-ai (about 1.5 s and 80 MB); only a worker that runs a model
run should. Anthropic's library is loaded with it but connects to nothing.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from types import MappingProxyType
from typing import Literal
from urllib.parse import urlsplit

import httpx2
from anthropic import AsyncAnthropic
from openai import AsyncOpenAI
from pydantic_ai.messages import ModelRequest
from pydantic_ai.models import Model, ModelRequestParameters
from pydantic_ai.models.anthropic import AnthropicModel
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.anthropic import AnthropicProvider
from pydantic_ai.providers.openai import OpenAIProvider
from pydantic_ai.providers.openai_compatible import OpenAICompatibleProvider
from pydantic_ai.settings import ModelSettings as RequestSettings

from practice.agents.calling import Line, OutputMode, Price, RoleModel
from practice.agents.engine import assemble
from practice.agents.ports import Engine, MalformedReply, ProviderRefused

DEFAULT_TEMPERATURES: Mapping[str, float] = MappingProxyType(
    {
        "proposer": 1.0,
        "solver": 0.0,
        "validator": 0.7,
        "summariser": 0.7,
        "reflector": 0.7,
        "curator": 0.7,
    }
)
OPENAI_URL = "https://api.openai.com/v1"
ANTHROPIC_URL = "https://api.anthropic.com"
CONNECT_TIMEOUT_S = 10.0
#: a whole proposal of 50 tasks fits; Anthropic needs an explicit limit.
ANTHROPIC_MAX_TOKENS = 16_000
#: local servers take any key but insist on one.
NO_KEY = "none"
_KEY_LIKE = re.compile(r"\b(?:sk|rk|key)[-_][\w*.-]{8,}")


@dataclass(frozen=True, slots=True)
class ModelSettings:
    """Everything about the model an operator sets.

    ``price`` is US dollars per million (input, output) tokens; ``None`` uses the library's price
    list. ``temperatures`` and ``models`` override the defaults by role. ``timeout_s`` bounds one
    request as a whole. ``base_url`` ends in the API's version, e.g. ``http://localhost:11434/v1``.
    """

    provider: Literal["openai", "anthropic"]
    model: str
    base_url: str | None = None
    api_key: str = field(default="", repr=False)
    output_mode: OutputMode = "tool"
    timeout_s: float = 120.0
    price: tuple[Decimal, Decimal] | None = None
    temperatures: Mapping[str, float] = field(default_factory=dict)
    models: Mapping[str, str] = field(default_factory=dict)

    def model_of(self, role: str) -> str:
        return self.models.get(role, self.model)

    def temperature_of(self, role: str) -> float:
        return self.temperatures.get(role, DEFAULT_TEMPERATURES[role])

    def scrub(self, text: str) -> str:
        """Return ``text`` without the API key and without anything that looks like one."""
        if self.api_key:
            text = text.replace(self.api_key, "[API key]")
        return _KEY_LIKE.sub("[API key]", text)


def build_engine(settings: ModelSettings, seed: int) -> Engine:
    """Return the model engine. Nothing is connected yet.

    Raises:
        ProviderRefused: the settings name no usable provider or model.
    """
    _checked(settings)
    return assemble(f"model: {settings.model}", lambda role: role_model(settings, role, seed))


def role_model(settings: ModelSettings, role: str, seed: int) -> RoleModel:
    """Return the model ``role`` works with."""
    name = settings.model_of(role)
    request = RequestSettings(
        temperature=settings.temperature_of(role),
        timeout=settings.timeout_s,
        request_timeout=settings.timeout_s,
    )
    if settings.provider == "openai":
        request["seed"] = seed
    else:
        request["max_tokens"] = ANTHROPIC_MAX_TOKENS
    return RoleModel(
        role=role,
        name=name,
        connect=partial(_connect, settings, name),
        settings=request,
        output_mode=settings.output_mode,
        price=Price(*settings.price) if settings.price is not None else None,
        scrub=settings.scrub,
    )


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
async def _connect(settings: ModelSettings, name: str) -> AsyncIterator[Model]:
    """Open a model on a connection pool of its own.

    The SDK retries nothing: the job queue's back-off rules. Redirects are not followed, so that
    the key goes to the configured address only.
    """
    timeout = httpx2.Timeout(settings.timeout_s, connect=min(CONNECT_TIMEOUT_S, settings.timeout_s))
    async with httpx2.AsyncClient(timeout=timeout, follow_redirects=False) as http:
        if settings.provider == "anthropic":
            yield _anthropic_model(settings, name, http)
        else:
            yield _openai_model(settings, name, http)


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
    client = AsyncAnthropic(
        api_key=settings.api_key or NO_KEY,
        base_url=settings.base_url or ANTHROPIC_URL,
        http_client=http,
        max_retries=0,
    )
    return AnthropicModel(name, provider=AnthropicProvider(anthropic_client=client))
