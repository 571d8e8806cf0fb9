"""BFCL v3 multi-turn as one practice environment: eight stateful backends, 128 functions.

The backends, their documentation and their scenarios come from the ``bfcl-eval`` package (extra
``bfcl``). Each backend starts from the ``initial_config`` of a test entry chosen by seed, and each
``open()`` is a fresh deep copy. Methods are called by name with JSON arguments, never evaluated.

Signing in needs an account, which in BFCL the user states in the prompt. Here the operator gives a
practice account as JSON Schema ``examples`` of the credential parameters; ``accounts=False`` leaves
them out.
"""

from __future__ import annotations

import ast
import copy
import importlib
import json
import random
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bfcl_eval

from practice.domain.types import OBSERVATION_CAP, Json, Observation, ToolSpec

_DATA = Path(bfcl_eval.__file__).parent / "data"
_SOURCE = "bfcl_eval.eval_checker.multi_turn_eval.func_source_code"
SPLITS = ("base", "long_context", "miss_func", "miss_param")
_TYPES = {"dict": "object", "float": "number", "tuple": "array", "any": "string"}
_PREAMBLE = "Tool description:"


@dataclass(frozen=True, slots=True)
class Backend:
    """Where one backend's class and documentation live."""

    name: str
    module: str
    doc: str
    stateful: bool = True


BACKENDS = (
    Backend("GorillaFileSystem", "gorilla_file_system", "gorilla_file_system"),
    Backend("MathAPI", "math_api", "math_api", stateful=False),
    Backend("MessageAPI", "message_api", "message_api"),
    Backend("TwitterAPI", "posting_api", "posting_api"),
    Backend("TicketAPI", "ticket_api", "ticket_api"),
    Backend("TradingBot", "trading_bot", "trading_bot"),
    Backend("TravelAPI", "travel_booking", "travel_booking"),
    Backend("VehicleControlAPI", "vehicle_control", "vehicle_control"),
)


class BfclEnvironment:
    """The eight backends as one environment; ``seed`` chooses the scenario of each backend."""

    def __init__(self, seed: int, *, accounts: bool = True) -> None:
        rng = random.Random(seed)
        entries = _lines(_DATA / "BFCL_v4_multi_turn_base.json")
        self.tools: tuple[ToolSpec, ...] = ()
        self._instances: list[Any] = []
        self._methods: dict[str, int] = {}
        for backend in BACKENDS:
            configs = [
                e["initial_config"][backend.name]
                for e in entries
                if backend.name in e["initial_config"]
            ]
            config = copy.deepcopy(rng.choice(configs))
            instance = _instance(backend, config)
            account = _account(vars(instance)) if accounts else {}
            specs = [
                _tool(doc, account)
                for doc in _lines(_DATA / "multi_turn_func_doc" / f"{backend.doc}.json")
            ]
            self.tools += tuple(specs)
            self._methods |= {spec.name: len(self._instances) for spec in specs}
            self._instances.append(instance)

    @contextmanager
    def open(self) -> Iterator[BfclSession]:
        """Yield a session over a fresh copy of every backend."""
        yield BfclSession(self.tools, copy.deepcopy(self._instances), self._methods)


class BfclSession:
    """One live copy of the eight backends."""

    def __init__(
        self, tools: tuple[ToolSpec, ...], instances: list[Any], methods: Mapping[str, int]
    ) -> None:
        self._tools = tools
        self._instances = instances
        self._methods = methods

    def tools(self) -> tuple[ToolSpec, ...]:
        return self._tools

    def call(self, tool: str, arguments: Json) -> Observation:
        """Call a backend method; exceptions and ``{"error": …}`` results are error observations."""
        place = self._methods.get(tool)
        if place is None:
            return Observation(text=f"Unknown tool {tool}.", is_error=True)
        try:
            result = getattr(self._instances[place], tool)(**arguments)
        except Exception as error:  # a backend's own exception is what BFCL shows the model
            return Observation(text=f"{type(error).__name__}: {error}", is_error=True)
        text = json.dumps(result, default=str, ensure_ascii=False)
        return Observation(
            text=text[:OBSERVATION_CAP],
            is_error=_is_error(result),
            structured=result,
            truncated=len(text) > OBSERVATION_CAP,
        )


def target_calls() -> Counter[str]:
    """Return test-time calls per tool over the 800 multi-turn ground truths. For scoring only."""
    counts: Counter[str] = Counter()
    for split in SPLITS:
        for entry in _lines(_DATA / "possible_answer" / f"BFCL_v4_multi_turn_{split}.json"):
            for turn in entry["ground_truth"]:
                counts.update(_called(call) for call in turn)
    return counts


def _called(call: str) -> str:
    node = ast.parse(call, mode="eval").body
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name)):
        raise ValueError(f"A ground-truth entry is not a call: {call}")
    return node.func.id


def _is_error(result: Any) -> bool:
    first = result[0] if isinstance(result, list) and result else result
    if isinstance(first, str):
        return first.startswith("Error")
    return isinstance(first, Mapping) and bool(first.get("error"))


def _instance(backend: Backend, config: Json) -> Any:
    made = getattr(importlib.import_module(f"{_SOURCE}.{backend.module}"), backend.name)()
    if backend.stateful:
        made._load_scenario(copy.deepcopy(config), long_context=False)
    return made


def _account(state: Json) -> dict[str, Any]:
    """Return the practice account of a backend: its own where it has one."""
    name = state.get("username") or state.get("current_user") or "rehearsal"
    first = state.get("user_first_name") or "Robin"
    last = state.get("user_last_name") or "Marsh"
    account = {
        "username": name,
        "password": state.get("password") or "rehearsal-only",
        "client_id": "rehearsal-client",
        "client_secret": "rehearsal-only",
        "refresh_token": "rehearsal-refresh",
        "user_first_name": first,
        "user_last_name": last,
    }
    if state.get("access_token"):
        account["access_token"] = state["access_token"]
    return account


def _tool(doc: Json, account: Json) -> ToolSpec:
    preamble, _, own = str(doc["description"]).partition(_PREAMBLE)
    parameters = _schema(doc["parameters"])
    for name, given in parameters.get("properties", {}).items():
        if name in account:
            given["examples"] = [account[name]]
    return ToolSpec(
        name=doc["name"],
        description=f"{own.strip().rstrip('.')}. {preamble.strip()}",
        input_schema=parameters,
        output_schema=_schema(doc.get("response") or {"type": "dict"}),
    )


def _schema(node: Json) -> dict[str, Any]:
    """Return a BFCL schema as JSON Schema."""
    made = dict(node)
    if "type" in made:
        made["type"] = _TYPES.get(str(made["type"]), made["type"])
    if made.get("default") == "None":
        made.pop("default")
    if "properties" in made:
        made["properties"] = {k: _schema(v) for k, v in made["properties"].items()}
    if isinstance(made.get("items"), Mapping):
        made["items"] = _schema(made["items"])
    return made


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines() if line.strip()]
