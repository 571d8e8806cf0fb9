"""BFCL v3 multi-turn as one practice environment: eight stateful backends, 128 functions.

The backends, their documentation and their scenarios come from the ``bfcl-eval`` package (extra
``bfcl``). Each backend starts from the ``initial_config`` of a test entry chosen by seed, and each
``open()`` is a fresh deep copy. Methods are called by name with JSON arguments, never evaluated.

Signing in needs an account, which in BFCL the user states in the prompt. Here the operator gives a
practice account as JSON Schema ``examples`` of the credential parameters; ``accounts=False`` leaves
them out.
"""

from __future__ import annotations

import copy
import importlib
import json
import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bfcl_eval

from practice.domain.cutting import whole
from practice.domain.types import OBSERVATION_CAP, Json, Observation, TaskSpec, ToolSpec

_DATA = Path(bfcl_eval.__file__).parent / "data"
_SOURCE = "bfcl_eval.eval_checker.multi_turn_eval.func_source_code"
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


def build(scenario: int) -> BfclEnvironment:
    """The pack's world (see ``practice.clients.packs``)."""
    return BfclEnvironment(scenario)


class BfclEnvironment:
    """The eight backends as one environment; ``seed`` chooses the scenario of each backend.

    ``states`` gives the initial state per backend instead; one that is not in it starts empty.
    """

    def __init__(
        self, seed: int, *, accounts: bool = True, states: Mapping[str, Json] | None = None
    ) -> None:
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
            chosen = rng.choice(configs) if states is None else states.get(backend.name, {})
            config = copy.deepcopy(chosen)
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
        yield self._fresh()

    def _fresh(self) -> BfclSession:
        return BfclSession(
            self.tools, copy.deepcopy(self._instances), self._methods, reset=self._fresh
        )


@dataclass(frozen=True, slots=True)
class _Made:
    """One call a session made; ``answer`` is the result as text."""

    tool: str
    arguments: Json
    result: Any
    answer: str


class BfclSession:
    """One live copy of the eight backends."""

    def __init__(
        self,
        tools: tuple[ToolSpec, ...],
        instances: list[Any],
        methods: Mapping[str, int],
        *,
        reset: Callable[[], BfclSession],
    ) -> None:
        self._tools = tools
        self._instances = instances
        self._methods = methods
        self._reset = reset
        self._made: list[_Made] = []

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
        self._made.append(_Made(tool, arguments, result, text))
        return Observation(
            text=text[:OBSERVATION_CAP],
            is_error=_is_error(result),
            structured=result,
            truncated=len(text) > OBSERVATION_CAP,
            whole=whole(text),
        )

    def truth(self, task: TaskSpec) -> bool | None:
        """Whether this world is as if the goal of ``task`` had been carried out in a fresh one.

        BFCL's own two checks: the public attributes of every backend are equal, and every answer
        the goal's calls give was given here too. Where a goal says "a value that an earlier call
        shows", the value this session took is the goal's, if it stood under the field the goal
        names. ``None`` where it did not, or where the goal is no list of calls that succeed in a
        fresh world: then nobody knows.
        """
        goal = task.goal.get("calls") or ()
        if not goal or task.goal.get("report_refusal") or any(c.get("all_pages") for c in goal):
            return None
        calls = []
        for call in goal:
            places = self._places(call)
            if not places:
                return False
            calls += [found for place in places if (found := self._bound(call, place))][:1]
        if len(calls) < len(goal):
            return None
        fresh = self._reset()
        if any(fresh.call(call["tool"], call["arguments"]).is_error for call in calls):
            return None
        given = [made.answer for made in self._made]
        for wanted in fresh._made:
            if wanted.answer not in given:
                return False
            given.remove(wanted.answer)
        pairs = zip(self._instances, fresh._instances, strict=True)
        return all(_state(mine) == _state(theirs) for mine, theirs in pairs)

    def _places(self, call: Json) -> list[int]:
        """Where this session may have made a goal's call; one without references needs no place."""
        wanted = call.get("arguments", {})
        if not any(map(_is_reference, wanted.values())):
            return [0]
        return [
            place
            for place, made in enumerate(self._made)
            if made.tool == call["tool"]
            and set(made.arguments) == set(wanted)
            and all(_is_reference(wanted[n]) or wanted[n] == v for n, v in made.arguments.items())
        ]

    def _bound(self, call: Json, place: int) -> Json | None:
        """The goal's call with the values taken at ``place``, if they stood where it says."""
        wanted = call.get("arguments", {})
        shown = [before.result for before in self._made[:place]]
        bound = {}
        for name, value in wanted.items():
            bound[name] = self._made[place].arguments[name] if _is_reference(value) else value
            field = str(value["$field"]) if _is_reference(value) else ""
            if field and not any(_shows(result, field, bound[name]) for result in shown):
                return None
        return {"tool": call["tool"], "arguments": bound}


def _is_reference(value: Any) -> bool:
    """A value that an earlier call shows (``practice.agents.rules.goals``)."""
    return isinstance(value, Mapping) and "$field" in value


def _shows(result: Any, field: str, value: Any) -> bool:
    """Whether ``value`` stands under ``field`` somewhere in a result, alone or in a list."""
    if isinstance(result, Mapping):
        under = result.get(field)
        found = under == value or (isinstance(under, list) and value in under)
        return found or any(_shows(item, field, value) for item in result.values())
    return isinstance(result, list) and any(_shows(item, field, value) for item in result)


def _state(instance: Any) -> dict[str, Any]:
    return {name: value for name, value in vars(instance).items() if not name.startswith("_")}


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
