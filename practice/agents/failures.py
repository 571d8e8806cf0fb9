"""What went wrong with a model, named after what could not be done and whether to retry."""

from __future__ import annotations

from collections.abc import Callable

from pydantic_ai.exceptions import (
    AgentRunError,
    ContentFilterError,
    ModelAPIError,
    ModelAuthenticationError,
    ModelConnectionError,
    ModelContextWindowExceededError,
    ModelHTTPError,
    ModelNotFoundError,
    ModelQuotaExceededError,
    ModelRateLimitError,
    ModelRequestRejectedError,
    ModelRequestTimeout,
    ModelServerError,
    ModelTimeoutError,
    ModelUnavailableError,
    UserError,
)

from practice.agents.ports import (
    AgentError,
    MalformedReply,
    ModelSilent,
    ProviderRefused,
    ProviderUnavailable,
)

DETAIL_CAP = 300
#: statuses that mean "again, later" although they are neither 429 nor 5xx.
_TRANSIENT = frozenset({408, 409, 425})

#: what it was, and what to do about it.
_REFUSALS: tuple[tuple[type[ModelAPIError], str, str], ...] = (
    (
        ModelQuotaExceededError,
        "The provider says the account has no quota left for {model}.",
        "Raise it there, or choose another model.",
    ),
    (
        ModelAuthenticationError,
        "The provider rejected the API key for {model}.",
        "Correct LLM_API_KEY and restart.",
    ),
    (
        ModelNotFoundError,
        "The provider does not know the model {model} at this address.",
        "Correct LLM_MODEL, LLM_ROLE_MODELS or LLM_BASE_URL and restart.",
    ),
    (
        ModelContextWindowExceededError,
        "The prompt is longer than the context of {model}.",
        "Choose a model with a longer one, or turn tools off that are not needed.",
    ),
    (ModelRequestRejectedError, "The provider rejected the request to {model}.", ""),
)


def as_agent_error(
    error: AgentRunError | UserError, *, role: str, model: str, scrub: Callable[[str], str]
) -> AgentError:
    """Return the error of our ports for an error of the model library.

    ``scrub`` masks the API key: a provider may echo it in the body of an error.
    """
    if isinstance(error, ModelAPIError):
        return _provider_error(error, role, model, scrub)
    detail = scrub(error.message)[:DETAIL_CAP]
    if isinstance(error, ContentFilterError):
        return ProviderRefused(
            f"{model} refused to work as {role}: {detail.rstrip('.')}. If it goes on refusing, "
            "give the role another model with LLM_ROLE_MODELS, or another prompt under Prompts of "
            "the environment."
        )
    if isinstance(error, UserError):
        return ProviderRefused(f"{model} cannot be asked as {role}: {detail}")
    return not_of_an_api(role=role, model=model)


def not_of_an_api(*, role: str, model: str) -> MalformedReply:
    """The error for an answer that has not the shape the provider's own documents give it.

    What the library says of it is about its own classes and helps nobody who reads a run.
    """
    return MalformedReply(
        f"{model} did not give the {role}'s reply in a form that can be read: what came back is "
        "not a reply of a model API. Check the address of the model, and that it serves this API."
    )


def _provider_error(
    error: ModelAPIError, role: str, model: str, scrub: Callable[[str], str]
) -> AgentError:
    wait = error.retry_after
    if isinstance(error, ModelRateLimitError):
        when = f" It asked to wait {wait:g} s." if wait is not None else ""
        return ProviderUnavailable(
            f"The provider limits requests to {model} (429).{when}", retry_after=wait
        )
    if isinstance(error, ModelTimeoutError | ModelRequestTimeout):
        return ModelSilent(f"{model} did not answer in time.", timed_out=True)
    for kind, sentence, help_ in _REFUSALS:
        if isinstance(error, kind):
            said = (sentence.format(model=model) + _detail(error, scrub)).rstrip()
            end = "" if said.endswith((".", "!", "?")) else "."
            return ProviderRefused(f"{said}{end} {help_}" if help_ else said)
    if isinstance(error, ModelConnectionError):
        return ModelSilent(
            f"The connection to {model} failed: {scrub(error.message)[:DETAIL_CAP]}",
            timed_out=False,
        )
    if isinstance(error, ModelUnavailableError | ModelServerError):
        return ProviderUnavailable(
            f"The provider of {model} failed.{_detail(error, scrub)}", retry_after=wait
        )
    if isinstance(error, ModelHTTPError):
        sentence = f"The provider did not serve {model}.{_detail(error, scrub)}"
        if error.status_code in _TRANSIENT or error.status_code >= 500:
            return ProviderUnavailable(sentence, retry_after=wait)
        return ProviderRefused(sentence)
    return not_of_an_api(role=role, model=model)


def _detail(error: ModelAPIError, scrub: Callable[[str], str]) -> str:
    """Return the status and the provider's own words, where there are any."""
    status = f" HTTP {error.status_code}." if isinstance(error, ModelHTTPError) else ""
    said = error.body.get("message") if isinstance(error.body, dict) else None
    words = f" It said: {scrub(said)[:DETAIL_CAP]}" if isinstance(said, str) and said else ""
    return status + words
