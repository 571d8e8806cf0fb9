"""The garbage collector is put off while a process begins, and no longer."""

from __future__ import annotations

import gc
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from celery.signals import beat_init, worker_init

from memoryapp.project import garbage
from memoryapp.project.celery import run_on


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    before = gc.get_threshold()
    yield
    gc.set_threshold(*before)


def test_it_looks_at_all_of_it_never_while_modules_are_loaded() -> None:
    garbage.put_off()
    young, middle, old = gc.get_threshold()
    # Objects that all of the product and its libraries are made of.
    assert young * middle * old > 10_000_000


@pytest.mark.parametrize("signal", [worker_init, beat_init])
def test_it_looks_as_usual_in_a_worker_and_in_beat(signal: Any) -> None:
    assert run_on in signal._live_receivers(None)
    garbage.put_off()
    garbage.all_is_loaded()
    # Which is another one from version to version of Python.
    asked = [sys.executable, "-I", "-c", "import gc; print(gc.get_threshold())"]
    usual = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()
    assert str(gc.get_threshold()) == str(garbage.USUAL) == usual


def test_what_was_loaded_is_not_looked_at_again() -> None:
    before, kept = gc.get_freeze_count(), [[one] for one in range(1_000)]
    garbage.all_is_loaded()
    assert gc.get_freeze_count() >= before + len(kept)
