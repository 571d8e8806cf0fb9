"""Which services people change things with, and what each leaves in the audit log."""

from __future__ import annotations

import importlib
import inspect
import json
import pkgutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from memoryapp.models import Event
from memoryapp.templatetags.events import event_changes, event_details

#: what belongs to a playbook, by whose name the log can be narrowed to it.
OF_A_PLAYBOOK = {"playbook", "bullet", "candidate", "release", "evaluation"}


@dataclass(frozen=True, slots=True)
class Scenario:
    """Something a person changes: the row it must leave, and how it is done.

    ``act`` gets the fixtures of its test and may return secrets that must not be in the log.
    """

    kind: str
    act: Callable[[Any], Iterable[str] | None]


class Scenarios(dict[str, Scenario]):
    """Scenarios by the name of the service they try."""

    def leaves(self, kind: str) -> Callable[[Callable[[Any], Any]], Callable[[Any], Any]]:
        """Note a function as the scenario of the service it is named after."""

        def note(act: Callable[[Any], Any]) -> Callable[[Any], Any]:
            self[act.__name__] = Scenario(kind, act)
            return act

        return note

    def try_out(self, service: str, world: Any, *, elsewhere: Mapping[str, str]) -> None:
        """See that a service leaves its row, unless ``elsewhere`` says why it need not."""
        if service not in elsewhere:
            assert service in self, f"say how {service} changes something"
            assert_audited(self[service], world)


def writing_services(package: Any) -> list[str]:
    """Names of the functions of a package of services that say who acts: ``by``."""
    found = []
    for module in pkgutil.iter_modules(package.__path__):
        held = importlib.import_module(f"{package.__name__}.{module.name}")
        for name, value in vars(held).items():
            own = inspect.isfunction(value) and value.__module__ == held.__name__
            if own and not name.startswith("_") and "by" in inspect.signature(value).parameters:
                found.append(name)
    return sorted(found)


def assert_audited(scenario: Scenario, world: Any) -> None:
    """Act, then see that the log says what was changed, from what to what, and no secret."""
    last = Event.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    secrets = list(scenario.act(world) or ())
    rows = list(Event.objects.filter(pk__gt=last).order_by("pk"))
    assert scenario.kind in {row.kind for row in rows}, [row.kind for row in rows]
    for row in rows:
        assert row.subject_type not in OF_A_PLAYBOOK or "playbook" in row.data, (
            f"{row.kind} cannot be found by its playbook"
        )
        assert {"before", "after"} <= row.data.keys(), f"{row.kind} says not from what to what"
        assert isinstance(row.data["before"], Mapping)
        assert isinstance(row.data["after"], Mapping)
        assert row.data["before"] != row.data["after"], f"{row.kind} changed nothing"
        assert not any(secret in json.dumps(row.data) for secret in secrets), row.kind
        assert event_changes(row.data), f"the log would show nothing of {row.kind}"
        event_details(row.data)
