"""Language models and embeddings: which, where, at what price. Part of the settings."""

from __future__ import annotations

from memoryapp.project import variables
from memoryapp.project.environment import env

LLM_PROVIDER = env.choice("LLM_PROVIDER", "", among=("openai", "anthropic"))
LLM_MODEL = env.text("LLM_MODEL")
if LLM_PROVIDER and not LLM_MODEL:
    env.wrong("LLM_MODEL", f"must name the model at {LLM_PROVIDER}, or leave LLM_PROVIDER empty.")
if LLM_MODEL and not LLM_PROVIDER:
    env.wrong("LLM_PROVIDER", "must say whose model LLM_MODEL is: openai or anthropic.")
#: The roles a language model plays; naming them in the engine would load its libraries here.
MODEL_ROLES = (
    *("proposer", "solver", "condenser", "validator", "summariser", "reflector", "curator"),
    *("consolidator", "investigator", "explainer"),
)
LLM_ROLE_MODELS = env.by_name(
    "LLM_ROLE_MODELS", variables.words, names=MODEL_ROLES, example='{"validator": "gpt-5-mini"}.'
)
LLM_TEMPERATURES = env.by_name(
    "LLM_TEMPERATURES",
    variables.temperature,
    names=MODEL_ROLES,
    example='{"proposer": 0.8}, each from 0 to 2.',
)
LLM_BASE_URL = env.address(
    "LLM_BASE_URL",
    schemes=("http", "https"),
    example="http://localhost:11434/v1",
    check=variables.service,
)
LLM_API_KEY = env.secret("LLM_API_KEY")
if LLM_PROVIDER and not (LLM_API_KEY or LLM_BASE_URL or env.source.get("LLM_API_KEY")):
    env.wrong(
        "LLM_API_KEY",
        f"must be set for {LLM_PROVIDER}; with LLM_BASE_URL, of a model of your own, it may be "
        "empty.",
    )
LLM_OUTPUT_MODE = env.choice("LLM_OUTPUT_MODE", "tool", among=("tool", "native", "prompted"))
LLM_TIMEOUT_SECONDS = env.number("LLM_TIMEOUT_SECONDS", 120.0, least=0.1, most=1800)
#: US dollars per million input and output tokens, for models without a listed price.
LLM_PRICE_INPUT = env.number("LLM_PRICE_INPUT", -1.0, most=1_000_000)
LLM_PRICE_OUTPUT = env.number("LLM_PRICE_OUTPUT", -1.0, most=1_000_000)
if (LLM_PRICE_INPUT < 0) != (LLM_PRICE_OUTPUT < 0):
    missing = "LLM_PRICE_INPUT" if LLM_PRICE_INPUT < 0 else "LLM_PRICE_OUTPUT"
    env.wrong(missing, "must be set with the other of the two prices.")

EMBEDDING_PROVIDER = env.choice("EMBEDDING_PROVIDER", "", among=("local", "openai"))
EMBEDDING_MODEL = env.text("EMBEDDING_MODEL")
if EMBEDDING_PROVIDER == "openai" and not EMBEDDING_MODEL:
    env.wrong("EMBEDDING_MODEL", "must name the model when EMBEDDING_PROVIDER is openai.")
EMBEDDING_MODEL_DIR = env.folder("EMBEDDING_MODEL_DIR")
EMBEDDING_BASE_URL = env.address(
    "EMBEDDING_BASE_URL",
    "https://api.openai.com/v1",
    schemes=("http", "https"),
    example="http://localhost:11434/v1",
    check=variables.service,
)
EMBEDDING_API_KEY = env.secret("EMBEDDING_API_KEY")
EMBEDDING_TIMEOUT_SECONDS = env.number("EMBEDDING_TIMEOUT_SECONDS", 10.0, least=0.1, most=600)
