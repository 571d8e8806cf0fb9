"""A script for ``ScriptedOpenAI`` that plays every role of the model engine in any environment.

It reads what a model would read (prompts, tool schemas, tool results) and nothing else, so a whole
practice run can be driven over real HTTP. It is predictable, not clever.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from tests.fakes import Answer, Asked, call, failing, text, typed

LOOKUPS = 2
TRIES = 2
_ASKS = (
    "Find out what {words} gives and report the first entry.",
    "I need to know the outcome of {words}; tell me the most important value.",
    "Please take care of {words} and confirm what came of it.",
    "For the weekly report, use {words} and say how many results there were.",
    "A colleague asked about {words}; what is the answer?",
)
_STEP = re.compile(r"call: (\S+) .*?\n(failed with|returned):\n<tool_output[^>]*>\n(.*?)\n</", re.S)


class RolePlayer:
    """Answers each request as the role that asks; unknown roles get an HTTP 400."""

    def __init__(self) -> None:
        self._target: dict[str, str] = {}
        self._proposed = 0

    def __call__(self, asked: Asked) -> Answer:
        match asked.role:
            case "proposer":
                return self._propose(asked)
            case "solver":
                return self._solve(asked)
            case "validator":
                return _validate(asked)
            case "environment summariser":
                return _summarise(asked)
            case "reflector":
                return _reflect(asked)
            case "curator":
                return _curate(asked)
            case "consolidator":
                return typed(changes=[])
        return failing(400, message=f"Nobody plays {asked.role!r}.")

    def _propose(self, asked: Asked) -> Answer:
        effects = dict(re.findall(r"^## (\S+) \((\w+)\)$", asked.prompt, re.M))
        never = re.search(r"Tools never used yet: (.*?)\.$", asked.prompt, re.M)
        fresh = [tool for tool in never[1].split(", ") if tool in effects] if never else []
        order = [*fresh, *(tool for tool in effects if tool not in fresh)]
        wanted = re.search(r"Write (\d+) tasks", asked.prompt)
        tasks = []
        for number in range(int(wanted[1]) if wanted else 1):
            tool = order[number % len(order)]
            ask = _ASKS[(number // len(order) + self._proposed) % len(_ASKS)]
            instruction = ask.format(words=tool.replace("_", " "))
            self._target[instruction] = tool
            kind = "query" if effects[tool] == "read" else "action"
            tasks.append({"instruction": instruction, "kind": kind, "intended_tools": [tool]})
        self._proposed += 1
        return typed(tasks=tasks)

    def _solve(self, asked: Asked) -> Answer:
        instruction = asked.prompt.rpartition("## Request")[2].strip()
        target = self._target.get(instruction, next(iter(asked.tools), ""))
        made = _calls_made(asked)
        results = asked.tool_results
        tried = made.count(target)
        if tried and 'status="ok"' in results[-1]:
            return text(f"Done. The result: {_inside(results[-1])[:200]}")
        if tried >= TRIES or target not in asked.tools:
            last = _inside(results[-1])[:200] if results else "there is no such tool"
            return text(f"It could not be done: {last}")
        schema = asked.tools[target]
        missing = [n for n in schema.get("required", ()) if _known(n, results) is None]
        lookup = _lookup(asked.tools, made)
        if missing and lookup and len(made) < LOOKUPS:
            return call(lookup, {}, thought=f"I need {missing[0]} first.")
        return call(target, _arguments(schema, results), thought=f"{target} answers this.")


def _calls_made(asked: Asked) -> list[str]:
    return [
        made["function"]["name"]
        for message in asked.messages
        for made in message.get("tool_calls") or ()
    ]


def _inside(result: str) -> str:
    return re.sub(r"</?tool_output[^>]*>", "", result).strip()


def _lookup(tools: Mapping[str, Mapping[str, Any]], made: Sequence[str]) -> str | None:
    """Return a listing tool that needs nothing and was not called yet."""
    free = (name for name, schema in tools.items() if not schema.get("required"))
    return next((n for n in free if n.startswith(("list", "search")) and n not in made), None)


def _known(name: str, results: Sequence[str]) -> Any:
    """Return the first value of this name that a result shows."""
    keys = [name, "id"] if name.endswith("id") else [name]
    for key in keys:
        for result in results:
            found = re.search(rf'"{re.escape(key)}"\s*:\s*("[^"\n]*"|-?[\d.]+)', result)
            if found:
                return json.loads(found[1])
    return None


def _arguments(schema: Mapping[str, Any], results: Sequence[str]) -> dict[str, Any]:
    properties = schema.get("properties", {})
    return {
        name: _fitting(properties.get(name, {}), _known(name, results))
        for name in schema.get("required", ())
    }


def _fitting(parameter: Mapping[str, Any], known: Any) -> Any:
    """Return a value of the parameter's type, the known one where it fits."""
    if parameter.get("enum"):
        return known if known in parameter["enum"] else parameter["enum"][0]
    guesses: dict[str, Any] = {
        "integer": 1,
        "number": 1,
        "boolean": False,
        "array": [],
        "object": {},
    }
    kind = parameter.get("type", "string")
    if kind == "string":
        return str(known) if known is not None else "example"
    return known if isinstance(known, type(guesses[kind])) else guesses[kind]


def _steps(asked: Asked) -> list[tuple[str, bool, str]]:
    """Return (tool, worked, what came back) for each step shown."""
    return [(tool, how == "returned", said) for tool, how, said in _STEP.findall(asked.prompt)]


def _validate(asked: Asked) -> Answer:
    steps = _steps(asked)
    done = bool(steps) and steps[-1][1]
    decided = f"step {len(steps)} {'returned a result' if done else 'did not succeed'}"
    return typed(
        feasibility=5,
        feasibility_reason="The tools for it exist.",
        completion=5 if done else 2,
        completion_reason=f"Judged by the calls, {decided}.",
    )


def _summarise(asked: Asked) -> Answer:
    shown = [f"{tool} answers with {said[:120]}" for tool, worked, said in _steps(asked) if worked]
    return typed(facts=[*shown[:4], f"{len(shown)} of the calls made here were answered."][:5])


def _reflect(asked: Asked) -> Answer:
    failed = [(tool, said) for tool, worked, said in _steps(asked) if not worked]
    labels = re.findall(r"^- \[([a-z_]+-\d+)\]", asked.prompt, re.M)
    if failed:
        insight = f"{failed[0][0]} can fail with: {failed[0][1].splitlines()[0][:160]}"
    else:
        insight = f"{' then '.join(tool for tool, _, _ in _steps(asked))} works in this order."
    return typed(
        what_happened=f"The agent made {len(_steps(asked))} calls.",
        root_cause="A call failed." if failed else "Every call worked.",
        key_insight=insight,
        tags=[{"label": label, "tag": "neutral"} for label in labels],
    )


def _curate(asked: Asked) -> Answer:
    insight = re.search(r"^Key insight: (.*)$", asked.prompt, re.M)
    playbook = asked.prompt.partition("</playbook>")[0]
    if insight is None or insight[1] in playbook:
        return typed(changes=[])
    section = "pitfalls" if "can fail" in insight[1] else "strategies"
    change = {
        "op": "ADD",
        "section": section,
        "content": insight[1],
        "reason": "The steps show it.",
        "evidence": [1],
    }
    return typed(changes=[change])
