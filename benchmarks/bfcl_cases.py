"""Attempts at BFCL v3's multi-turn base tasks whose truth is known: ground truth, mutated, cut off.

A case is a list of calls per user turn, carried out by name in the world of its test entry. Whether
it is valid is what BFCL's own state and response checks say of it, turn by turn, and never follows
from how it was made: a mutation that leaves state and responses as they should be is valid.
"""

from __future__ import annotations

import ast
import copy
import importlib
import inspect
import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import bfcl_eval
from bfcl_eval.eval_checker.multi_turn_eval.multi_turn_checker import (
    response_checker,
    state_checker,
)

from benchmarks.bfcl_world import BACKENDS, BfclEnvironment
from practice.agents.rules import schema
from practice.agents.rules.linking import kinship
from practice.domain.types import OBSERVATION_CAP, Json, Step, ToolSpec

_DATA = Path(bfcl_eval.__file__).parent / "data"
_SOURCE = "bfcl_eval.eval_checker.multi_turn_eval.func_source_code"
_BACKENDS = {backend.name: backend for backend in BACKENDS}
MUTATIONS = ("wrong_value", "sibling_tool", "dropped_call", "extra_change", "swapped_arguments")


@dataclass(frozen=True, slots=True)
class Call:
    """One call by name; ``turn`` is the user turn it answers (0-based)."""

    tool: str
    arguments: Json
    turn: int


@dataclass(frozen=True, slots=True)
class Entry:
    """One test entry: what the user says per turn, the world it starts from, the ground truth."""

    id: str
    turns: tuple[str, ...]
    config: Json
    backends: tuple[str, ...]
    truth: tuple[Call, ...]

    @property
    def number(self) -> int:
        return int(self.id.rsplit("_", 1)[1])

    @property
    def tools(self) -> tuple[ToolSpec, ...]:
        """The functions of the backends this entry involves, as BFCL shows them to a model."""
        return tuple(tool for name in self.backends for tool in _documented()[name])


@dataclass(frozen=True, slots=True)
class Case:
    """One attempt at an entry. ``origin`` says how it was made, ``valid`` what BFCL says of it."""

    entry: Entry
    origin: str
    calls: tuple[Call, ...]
    steps: tuple[Step, ...] = ()
    valid: bool = False


@cache
def entries() -> tuple[Entry, ...]:
    """Return the 200 entries of the base split with their ground truth as calls."""
    answers = {a["id"]: a["ground_truth"] for a in _lines("possible_answer")}
    return tuple(
        Entry(
            id=raw["id"],
            turns=tuple(
                " ".join(m["content"] for m in turn if m["role"] == "user")
                for turn in raw["question"]
            ),
            config=raw["initial_config"],
            backends=tuple(raw["involved_classes"]),
            truth=tuple(
                _call(text, number)
                for number, turn in enumerate(answers[raw["id"]])
                for text in turn
            ),
        )
        for raw in _lines("")
    )


def cases(entry: Entry, seed: int) -> Iterator[Case]:
    """Yield the ground truth of ``entry``, its mutations and its truncations, each list once."""
    seen: list[tuple[Call, ...]] = []
    for origin, calls in _variants(entry, seed):
        if calls in seen:
            continue
        seen.append(calls)
        steps, results = World(entry).run(calls)
        yield Case(entry, origin, calls, steps, valid=official(entry, calls, results))


def official(entry: Entry, calls: Sequence[Call], results: Sequence[str]) -> bool:
    """Return what BFCL's multi-turn checker says: state and responses after each turn.

    ``results`` are the responses to ``calls``. A turn with ground truth and without a call fails,
    as it does there. The state at the end of each turn is rebuilt by running the calls up to it.
    """
    ours, theirs = World(entry), World(entry)
    said: list[str] = []
    for turn in range(len(entry.turns)):
        mine = [c for c in calls if c.turn == turn]
        wanted = [c for c in entry.truth if c.turn == turn]
        for call in mine:
            ours.call(call)
        said += [r for c, r in zip(calls, results, strict=True) if c.turn == turn]
        expected = [theirs.call(call)[1] for call in wanted]
        if not wanted:
            continue
        if not mine or not state_checker(ours.instances, theirs.instances)["valid"]:
            return False
        if not response_checker(said, expected, turn)["valid"]:
            return False
    return True


class World:
    """The backends of one entry in their initial state."""

    def __init__(self, entry: Entry) -> None:
        self.instances: dict[str, Any] = {}
        for name in entry.backends:
            backend = _BACKENDS[name]
            made = _class(name)()
            if backend.stateful:
                made._load_scenario(copy.deepcopy(entry.config.get(name, {})), long_context=False)
            self.instances[name] = made

    def run(self, calls: Sequence[Call]) -> tuple[tuple[Step, ...], list[str]]:
        """Carry out ``calls``; return the steps an agent would see and BFCL's responses."""
        steps, results = [], []
        for number, call in enumerate(calls, start=1):
            step, result = self.call(call)
            steps.append(replace(step, number=number))
            results.append(result)
        return tuple(steps), results

    def call(self, call: Call) -> tuple[Step, str]:
        """Carry out one call; return its step (number 1) and its response as BFCL writes it."""
        try:
            value = getattr(self._holder(call.tool), call.tool)(**copy.deepcopy(call.arguments))
        except Exception as error:  # BFCL shows a backend's own exception to the model
            said = f"Error during execution: {error}"
            return Step(1, call.tool, call.arguments, said, is_error=True), said
        text = json.dumps(value, default=str, ensure_ascii=False)[:OBSERVATION_CAP]
        failed = isinstance(value, dict) and bool(value.get("error"))
        return Step(1, call.tool, call.arguments, text, is_error=failed), _response(value)

    def state(self) -> list[dict[str, Any]]:
        """Return a copy of the public attributes of every backend."""
        return [
            copy.deepcopy({k: v for k, v in vars(i).items() if not k.startswith("_")})
            for i in self.instances.values()
        ]

    def _holder(self, tool: str) -> Any:
        for instance in self.instances.values():
            if not tool.startswith("_") and callable(getattr(instance, tool, None)):
                return instance
        raise AttributeError(f"No backend of this entry has {tool}.")


def _response(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        try:
            return json.dumps(value)
        except TypeError:
            return str(value)
    return str(value)


def _variants(entry: Entry, seed: int) -> Iterator[tuple[str, tuple[Call, ...]]]:
    truth = entry.truth
    yield "ground_truth", truth
    makers = {
        "wrong_value": _wrong_value,
        "sibling_tool": _sibling_tool,
        "dropped_call": _dropped_call,
        "extra_change": _extra_change,
        "swapped_arguments": _swapped,
    }
    for origin in MUTATIONS:
        made = makers[origin](entry, random.Random(f"{seed}:{entry.id}:{origin}"))
        if made is not None and made != truth:
            yield origin, made
    if len(truth) > 1:
        yield "last_call_missing", truth[:-1]
    if len(truth) > 3:
        yield "last_two_calls_missing", truth[:-2]
    last = truth[-1].turn
    if last > 0:
        yield "last_turn_missing", tuple(c for c in truth if c.turn < last)


def _put(calls: Sequence[Call], place: int, *made: Call) -> tuple[Call, ...]:
    return (*calls[:place], *made, *calls[place + 1 :])


def _wrong_value(entry: Entry, rng: random.Random) -> tuple[Call, ...] | None:
    """Give one argument another value: a listed one, one of another task, or a shifted number."""
    options = [(place, name) for place, c in enumerate(entry.truth) for name in c.arguments]
    if not options:
        return None
    place, name = rng.choice(options)
    call = entry.truth[place]
    value = _other(entry, call, name, rng)
    changed = replace(call, arguments={**call.arguments, name: value})
    return _put(entry.truth, place, changed)


def _other(entry: Entry, call: Call, name: str, rng: random.Random) -> Any:
    value = call.arguments[name]
    if isinstance(value, bool):
        return not value
    spec = next(t for t in entry.tools if t.name == call.tool)
    listed = [c for c in schema.choices(spec.parameters.get(name, {})) if c != value]
    used = [
        c.arguments[name]
        for other in entries()
        for c in other.truth
        if c.tool == call.tool and name in c.arguments
    ]
    others = listed if isinstance(value, str) and listed else [u for u in used if u != value]
    if isinstance(value, (int, float)) and rng.random() < 0.5:
        return value + rng.choice((1, 2, 10))
    if others:
        return rng.choice(others)
    return value + 1 if isinstance(value, (int, float)) else f"{value} 2"


def _sibling_tool(entry: Entry, rng: random.Random) -> tuple[Call, ...] | None:
    """Call another tool of the same backend with the same arguments, its nearest kin first."""
    place = rng.randrange(len(entry.truth))
    call = entry.truth[place]
    family = next(
        tools
        for tools in (_documented()[name] for name in entry.backends)
        if any(t.name == call.tool for t in tools)
    )
    kin = kinship(family)
    fit = [
        t for t in family if t.name != call.tool and len(t.required) <= max(1, len(call.arguments))
    ]
    if not fit:
        return None
    fit.sort(key=lambda t: (-kin(call.tool, t.name), t.name))
    chosen = rng.choice(fit[:3])
    return _put(entry.truth, place, Call(chosen.name, _carried(call, chosen), call.turn))


def _carried(call: Call, tool: ToolSpec) -> dict[str, Any]:
    """Return a call's arguments under the names of another tool, in order where names differ."""
    kept = {k: v for k, v in call.arguments.items() if k in tool.parameters}
    spare = [v for k, v in call.arguments.items() if k not in kept]
    missing = [n for n in tool.required if n not in kept]
    return {**kept, **dict(zip(missing, spare, strict=False))}


def _dropped_call(entry: Entry, rng: random.Random) -> tuple[Call, ...] | None:
    """Leave out one call that is not the last."""
    if len(entry.truth) < 2:
        return None
    place = rng.randrange(len(entry.truth) - 1)
    return _put(entry.truth, place)


def _extra_change(entry: Entry, rng: random.Random) -> tuple[Call, ...] | None:
    """Add a call nobody asked for that works and changes something where it is made.

    It is a call of another task, or one that takes up values of this one, evenly.
    """
    known = {t.name: t for t in entry.tools}
    foreign = [c for e in entries() if e is not entry for c in e.truth if c.tool in known]
    values = {(k, repr(v)): v for c in entry.truth for k, v in c.arguments.items()}
    own = [
        Call(tool.name, dict(zip(tool.required, (v,), strict=False)), 0)
        for tool in entry.tools
        if len(tool.required) <= 1
        for (name, _), v in values.items()
        if not tool.required or name == tool.required[0]
    ]
    pools = [foreign, own] if rng.random() < 0.5 else [own, foreign]
    for call in (c for pool in pools for c in rng.sample(pool, len(pool))[:40]):
        place = rng.randint(0, len(entry.truth))
        turn = entry.truth[min(place, len(entry.truth) - 1)].turn
        made = replace(call, turn=turn)
        if made not in entry.truth and _changes(entry, entry.truth[:place], made):
            return (*entry.truth[:place], made, *entry.truth[place:])
    return None


def _changes(entry: Entry, before: Sequence[Call], call: Call) -> bool:
    world = World(entry)
    world.run(before)
    state = world.state()
    step, _ = world.call(call)
    return not step.is_error and world.state() != state


def _swapped(entry: Entry, rng: random.Random) -> tuple[Call, ...] | None:
    """Exchange the values two calls give to the parameters they share."""
    pairs = []
    for i, one in enumerate(entry.truth):
        for j, two in enumerate(entry.truth[i + 1 :], start=i + 1):
            shared = [n for n in one.arguments if n in two.arguments]
            if any(one.arguments[n] != two.arguments[n] for n in shared):
                pairs.append((i, j, shared))
    if not pairs:
        return None
    i, j, shared = rng.choice(pairs)
    one, two = entry.truth[i], entry.truth[j]
    first = {**one.arguments, **{n: two.arguments[n] for n in shared}}
    second = {**two.arguments, **{n: one.arguments[n] for n in shared}}
    made = _put(entry.truth, i, replace(one, arguments=first))
    return _put(made, j, replace(two, arguments=second))


def _call(text: str, turn: int) -> Call:
    """Read one ground-truth call, its arguments as literals, positional ones by signature.

    Raises:
        ValueError: the text is not a call with literal arguments.
    """
    node = ast.parse(text, mode="eval").body
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name)):
        raise ValueError(f"A ground-truth entry is not a call: {text}")
    name = node.func.id
    given = {str(k.arg): ast.literal_eval(k.value) for k in node.keywords}
    if node.args:
        holder = next(c for c in map(_class, _BACKENDS) if callable(getattr(c, name, None)))
        names = [n for n in inspect.signature(getattr(holder, name)).parameters if n != "self"]
        values = [ast.literal_eval(a) for a in node.args]
        given = {**dict(zip(names, values, strict=False)), **given}
    return Call(name, given, turn)


@cache
def _class(backend: str) -> Any:
    found = _BACKENDS[backend]
    return getattr(importlib.import_module(f"{_SOURCE}.{found.module}"), found.name)


@cache
def _documented() -> dict[str, tuple[ToolSpec, ...]]:
    """Return each backend's tools as the practice environment describes them, without accounts."""
    tools = {tool.name: tool for tool in BfclEnvironment(0, accounts=False).tools}
    return {
        backend.name: tuple(
            tools[json.loads(line)["name"]]
            for line in (_DATA / "multi_turn_func_doc" / f"{backend.doc}.json")
            .read_text("utf-8")
            .splitlines()
        )
        for backend in BACKENDS
    }


def _lines(folder: str) -> list[dict[str, Any]]:
    path = _DATA / folder / "BFCL_v4_multi_turn_base.json"
    return [json.loads(line) for line in path.read_text("utf-8").splitlines() if line.strip()]
