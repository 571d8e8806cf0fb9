"""Going on as before after one step was changed: its new values in the steps that follow. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from practice.domain.types import Step

#: Shorter values are everywhere by chance: they are the same thing under the same name only.
TELLING = 3
#: What lies deeper in an answer is not looked at.
_DEPTH = 40


class Carrier:
    """Carries the values of a changed step into later ones, as an agent would that goes on alike.

    A later argument changes when it holds a value the step was called with before, or one that
    the answers since brought in: an id the changed call made, the first row of another list. What
    was ``known`` before the step stays as it is there.
    """

    def __init__(self, known: str = "") -> None:
        self._known = known.lower()
        self._named: dict[tuple[str, str], Any] = {}
        self._anywhere: dict[str, Any] = {}
        self.has_changed = False

    def called(self, was: Mapping[str, Any], now: Mapping[str, Any]) -> None:
        """Learn from two calls of the same tool, as it was and as it is."""
        for name, old in was.items():
            new = now.get(name)
            if name in now and new != old and not isinstance(old, Mapping | list | tuple):
                self._named.setdefault((name, _key(old)), new)
                if len(str(old)) >= TELLING:
                    self._anywhere.setdefault(_key(old), new)

    def heard(self, was: str, now: str) -> None:
        """Learn from two answers to the same step: what stands in the same place in both."""
        there = dict(_leaves(_read(now)))
        for path, old in _leaves(_read(was)):
            new = there.get(path)
            told = str(old)
            if (
                new not in (None, old)
                and type(new) is type(old)
                and len(told) >= TELLING
                and told.lower() not in self._known
            ):
                self._anywhere.setdefault(_key(old), new)

    def carried(self, step: Step) -> Step:
        """The step with what has changed in its arguments."""
        arguments = {name: self._changed(value, name) for name, value in step.arguments.items()}
        if arguments == dict(step.arguments):
            return step
        self.has_changed = True
        return replace(step, arguments=arguments)

    def told(self, answer: str) -> str:
        """The answer with what has changed in it."""
        words = {str(json.loads(old)): str(new) for old, new in self._anywhere.items()}
        if not words:
            return answer
        longest_first = sorted(words, key=lambda word: (-len(word), word))
        # In one pass, so that two values that changed places do not become one.
        return re.sub("|".join(map(re.escape, longest_first)), lambda m: words[m[0]], answer)

    def _changed(self, value: Any, name: str) -> Any:
        if isinstance(value, Mapping):
            return {key: self._changed(one, str(key)) for key, one in value.items()}
        if isinstance(value, list | tuple):
            return [self._changed(one, name) for one in value]
        key = _key(value)
        return self._named.get((name, key), self._anywhere.get(key, value))


def others(name: str, value: Any, observations: list[str]) -> list[Any]:
    """Other values that stand under ``name`` where ``value`` was read, in the order they came."""
    found: dict[str, Any] = {}
    for text in observations:
        at_hand = [leaf for path, leaf in _leaves(_read(text)) if path[-1:] == (name,)]
        if value in at_hand:
            found |= {_key(one): one for one in at_hand if one != value}
    return list(found.values())


def _key(value: Any) -> str:
    return json.dumps(value, default=str)


def _read(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _leaves(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    if len(path) > _DEPTH:
        return
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _leaves(item, (*path, key))
    elif isinstance(value, list):
        for place, item in enumerate(value):
            yield from _leaves(item, (*path, place))
    elif value is not None and not isinstance(value, bool):
        yield path, value
