"""Every operation under generated requests, as each kind of caller: no 5xx, nothing undocumented.

A few of each here; ``benchmarks/fuzz_api.py`` sends many, to a running product.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Any

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.db import close_old_connections

from memoryapp.project.wsgi import application
from tests.fuzz_world import make_world
from tests.fuzzing import fuzz, lines

pytestmark = [pytest.mark.django_db, pytest.mark.begun_first]
EXAMPLES, SEED, PARTS = 1, 7, 4


@pytest.fixture
def schema() -> Iterator[Any]:
    """The API's own document, of the application in this very process and transaction."""
    # As Django's test client does: the end of a request would close the test's connection.
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    asked = {"Accept": "application/json"}  # YAML takes longer to read
    yield schemathesis.openapi.from_wsgi("/api/v1/schema/", application, headers=asked)
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.mark.parametrize("part", range(PARTS))
def test_it_answers_everybody_as_it_says(schema: Any, part: int) -> None:
    world, each = make_world(), slice(part, None, PARTS)
    found = fuzz(schema, world, examples=EXAMPLES, seeded=SEED, part=each)
    failures = dict(chain.from_iterable(seen.failures.items() for seen in found.values()))
    assert not failures, "\n".join(lines(failures))
    # What a stranger gets is the document itself, and refusals.
    assert found["stranger"].statuses[200] <= 2
    assert found["viewer"].statuses[200] > 5
    assert found["admin"].statuses[200] > 5
