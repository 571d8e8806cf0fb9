"""The whole API under requests nobody would think of, as each kind of caller.

Schemathesis makes them out of the OpenAPI document. What stands in an address is mostly something
that exists, so that they get past the first look-up. The test suite sends a few of each to the
application itself, ``benchmarks/fuzz_api.py`` many to a running product.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.core.failures import FailureGroup
from schemathesis.generation.modes import GenerationMode
from schemathesis.specs.openapi import checks as openapi_checks

ROLES = ("stranger", "viewer", "agent", "reviewer", "admin")
#: of requests, how many name what exists in their address.
KNOWN = 0.75


schemathesis.serializer.alias("application/zip", "application/octet-stream")


@dataclass
class World:
    """Keys by role, and what there is: values of address parameters by the path's beginning."""

    keys: dict[str, str] = field(default_factory=dict)
    known: dict[str, dict[str, Any]] = field(default_factory=dict)


@dataclass
class Found:
    """What came of it: how many requests, their answers by status, and what failed."""

    requests: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    failures: dict[str, str] = field(default_factory=dict)


def fuzz(
    schema: Any,
    world: World,
    *,
    examples: int,
    seeded: int,
    roles: Sequence[str] = ROLES,
    base_url: str | None = None,
    only: str = "",
    part: slice = slice(None),
) -> dict[str, Found]:
    """Send ``examples`` requests of each kind, valid and not, to each operation as every role.

    Returns what came of it by role. The weakest come first: what an admin deletes, others saw.
    """
    found = {role: Found() for role in roles}
    operations = [result.ok() for result in schema.get_all_operations()]
    for operation in operations[part]:
        if only in operation.label:
            for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
                _fuzz_operation(operation, mode, world, examples, seeded, base_url, found)
    return found


def _fuzz_operation(
    operation: Any,
    mode: GenerationMode,
    world: World,
    examples: int,
    seeded: int,
    base_url: str | None,
    found: Mapping[str, Found],
) -> None:
    chance = random.Random(f"{seeded}{operation.label}{mode}")
    known = next((v for p, v in world.known.items() if operation.path.startswith(p)), {})

    @seed(seeded)
    @settings(
        max_examples=examples,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def send(case: Any) -> None:
        names = set(case.path_parameters or {})
        if names and names <= set(known) and chance.random() < KNOWN:
            case.path_parameters.update({name: known[name] for name in names})
        case.headers.pop("Authorization", None)
        for role, seen in found.items():
            _send(case, role, world.keys.get(role), base_url, seen)

    with suppress(Unsatisfiable):  # nothing can be wrong with an operation that takes nothing
        send()


def _send(case: Any, role: str, key: str | None, base_url: str | None, seen: Found) -> None:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    answer = case.call(base_url=base_url, headers=headers)
    seen.requests += 1
    seen.statuses[answer.status_code] += 1
    try:
        case.validate_response(answer, headers=headers, excluded_checks=_left_out())
    except FailureGroup as group:
        for failure in group.exceptions:
            title = f"{role}: {case.operation.label}: {type(failure).__name__}"
            seen.failures.setdefault(title, f"{failure}\n{group}"[:2_000])


def _left_out() -> list[Any]:
    """What a document cannot say: that a name must be taken or free, that a file must be readable,
    and that a number stands for its text. ``stranger`` is the check that keys are needed.
    """
    return [
        openapi_checks.positive_data_acceptance,
        openapi_checks.negative_data_rejection,
        openapi_checks.use_after_free,
        openapi_checks.ensure_resource_availability,
        openapi_checks.ignored_auth,
    ]


def lines(found: Mapping[str, str]) -> Iterator[str]:
    for title, said in sorted(found.items()):
        yield f"{title}\n    " + said.replace("\n", "\n    ")
