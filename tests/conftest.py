"""One PostgreSQL and Redis for the whole session, embedded or given, and five people.

Rita reviews, Vera only views, Edda edits, Olga is outside, Ada administers.
"""

from __future__ import annotations

import gc
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from pytest_django import DjangoDbBlocker

from memoryapp.project import embedded
from tests.network import only_loopback

# How long an example takes says what else the machine does, not whether the code is right.
hypothesis_settings.register_profile(
    "untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
hypothesis_settings.load_profile("untimed")

DATA = Path(os.environ["GREENROOM_TEST_DATA"])
_postgres = embedded.Postgres(DATA, durable=False)
_redis = embedded.Redis(DATA)
# Processes that tests start inherit the folder and find the servers of this one.
_owner = os.environ["GREENROOM_TEST_OWNER"] == str(os.getpid())
_servers = [
    server
    for name, server in (("TEST_DATABASE_URL", _postgres), ("TEST_REDIS_URL", _redis))
    if _owner and name not in os.environ
]
for server in _servers:
    server.start()


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Next to nothing of what is imported and collected is garbage: looking takes an eighth."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin what takes long before the rest, so that at the end both workers have something.

    Tests that share what is made for their module are one worker's, or each would make it. Groups
    are begun before what stands alone.
    """
    items.sort(key=lambda item: item.get_closest_marker("begun_first") is None)
    for item in items:
        if item.get_closest_marker("xdist_group") is None and _shares_its_module(item):
            item.add_marker(pytest.mark.xdist_group(item.nodeid.partition("::")[0]))


def _shares_its_module(item: pytest.Item) -> bool:
    known = getattr(item, "_fixtureinfo", None)
    used = known.name2fixturedefs.values() if known else ()
    return any(fixtures[-1].scope == "module" for fixtures in used)


def pytest_collection_finish() -> None:
    """What collecting made stays to the end: walking it took a seventh of the time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)


def pytest_unconfigure() -> None:
    for server in reversed(_servers):
        server.stop()
    if _owner:
        shutil.rmtree(DATA, ignore_errors=True)


@pytest.fixture(scope="session", autouse=True)
def _emptied_by_deleting() -> Iterator[None]:
    """After a test that committed. A server that is not ours may not let us silence triggers."""
    from tests.databases import emptied_by_deleting

    with nullcontext() if "TEST_DATABASE_URL" in os.environ else emptied_by_deleting():
        yield


@pytest.fixture(scope="session", autouse=True)
def _static_files_found_once() -> Iterator[None]:
    """Each test client would look for all of them again before its first request."""
    from whitenoise.middleware import WhiteNoiseMiddleware

    look, found = WhiteNoiseMiddleware.add_files_from_finders, {}

    def add_files_from_finders(self: Any) -> None:
        if self.static_prefix not in found:
            look(self)
            found[self.static_prefix] = dict(self.files)
        self.files.update(found[self.static_prefix])

    with patch.object(WhiteNoiseMiddleware, "add_files_from_finders", add_files_from_finders):
        yield


class _Unheard:
    """A histogram that nobody reads."""

    def labels(self, *values: str) -> _Unheard:
        return self

    def observe(self, amount: float) -> None:
        pass


@pytest.fixture(scope="session", autouse=True)
def _counted() -> Iterator[Any]:
    """Walks of every address leave thousands of counts, and each look at them takes seconds."""
    from memoryapp.project import metrics

    counted = metrics.REQUESTS
    with patch.object(metrics, "REQUESTS", _Unheard()):
        yield counted


@pytest.fixture
def requests_counted(_counted: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have requests of this test counted, as the product does."""
    monkeypatch.setattr("memoryapp.project.metrics.REQUESTS", _counted)


@pytest.fixture(autouse=True)
def _cheap_passwords(settings: Any) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(autouse=True)
def _no_network() -> Iterator[None]:
    """No test reaches a real provider, and none gets away with trying."""
    with only_loopback() as refused:
        yield
    assert refused == []


@pytest.fixture(autouse=True)
def _no_vectors_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a process was told of a text is another model's in the next test."""
    from memoryapp.domain.kept import Kept
    from memoryapp.services import meaning

    monkeypatch.setattr(meaning, "VECTORS", Kept(meaning.KEPT_BYTES, size=len))


@pytest.fixture(autouse=True)
def rung(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Any]]:
    """The bells that were rung: (task name, argument). No worker listens in these tests."""
    bells: list[tuple[str, Any]] = []

    def ring(self: Any, args: Any = (), kwargs: Any = None, **options: Any) -> None:
        bells.append((self.name.rpartition(".")[2], args[0] if args else None))

    from celery.app.task import Task

    monkeypatch.setattr(Task, "apply_async", ring)
    return bells


@pytest.fixture(scope="module")
def made_once(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker
) -> Iterator[Callable[[], AbstractContextManager[None]]]:
    """For rows that take long to make: within it they are made for all tests of a module.

    Each test's transaction is one within that of the module, so each finds them as they were made.
    A test must read them anew, for objects in memory are not put back. None that commits may stand
    in such a module.
    """
    from django.db import transaction

    around: Any = transaction.atomic()
    around._from_testcase = True  # what has to commit on its own may run within
    with django_db_blocker.unblock():
        around.__enter__()
    yield django_db_blocker.unblock
    with django_db_blocker.unblock():
        transaction.set_rollback(True)
        around.__exit__(None, None, None)


@pytest.fixture
def workspace(db: None) -> Any:
    from tests.factories import WorkspaceFactory

    return WorkspaceFactory(name="Main", slug="main")


@pytest.fixture
def playbook(workspace: Any) -> Any:
    from tests.factories import PlaybookFactory

    return PlaybookFactory(workspace=workspace, slug="help-desk")


def _person(name: str, role: str) -> Callable[..., Any]:
    @pytest.fixture(name=name)
    def person(workspace: Any) -> Any:
        from tests.factories import MembershipFactory

        return MembershipFactory(workspace=workspace, user__username=name, role=role).user

    return person


rita = _person("rita", "reviewer")
vera = _person("vera", "viewer")
edda = _person("edda", "editor")
ada = _person("ada", "admin")


@pytest.fixture
def olga(db: None) -> Any:
    from tests.factories import MembershipFactory

    return MembershipFactory(user__username="olga", role="admin").user


def _signed_in(name: str) -> Callable[..., Any]:
    @pytest.fixture(name=f"{name}_client")
    def client(request: pytest.FixtureRequest) -> Any:
        from tests.visitors import signed_in

        return signed_in(request.getfixturevalue(name))

    return client


rita_client = _signed_in("rita")
vera_client = _signed_in("vera")
edda_client = _signed_in("edda")
ada_client = _signed_in("ada")
olga_client = _signed_in("olga")


@pytest.fixture
def on_commit(django_capture_on_commit_callbacks: Any) -> Iterator[None]:
    """Run what services ask to be done after commit."""
    with django_capture_on_commit_callbacks(execute=True):
        yield
