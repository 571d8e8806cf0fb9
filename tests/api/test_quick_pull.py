"""A polling agent is answered from what was found a moment ago, while nothing has changed."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from memoryapp.clients import pull_cache, receipts, store
from memoryapp.domain.kept import Kept
from memoryapp.indexer.receipts import flush
from memoryapp.models import ApiKey, Playbook, PullReceipt
from memoryapp.services import pulls
from memoryapp.services.canaries import canary_start
from memoryapp.services.members import member_remove
from memoryapp.services.releases import label_move, release_publish
from memoryapp.services.tokens import api_key_create, api_key_revoke
from memoryapp.services.withdrawals import release_withdraw
from tests.factories import BulletFactory, MembershipFactory, PlaybookFactory

pytestmark = pytest.mark.django_db
URL = "/api/v1/playbooks/help-desk"


@pytest.fixture(autouse=True)
def _quick(settings: Any) -> None:
    settings.PULL_CACHE = True
    store._rests_until = 0.0  # another test may have met a dead Redis
    store.client().delete(receipts.BUFFER, receipts.TAKEN)


@pytest.fixture
def playbook(workspace: Any, ada: Any) -> Playbook:
    playbook = PlaybookFactory(workspace=workspace, slug="help-desk")
    BulletFactory(playbook=playbook)
    release_publish(playbook=playbook, by=ada, label="production")
    return playbook


@pytest.fixture
def key(workspace: Any) -> tuple[ApiKey, str]:
    maker = MembershipFactory(workspace=workspace, role="admin").user
    return api_key_create(workspace=workspace, name="agent", scopes=["playbooks:pull"], by=maker)


def pull(key: tuple[ApiKey, str], query: str = "", **headers: str) -> Any:
    return Client().get(URL + query, headers={"Authorization": f"Bearer {key[1]}", **headers})


def test_it_answers_a_repeat_without_the_database(
    playbook: Any, key: Any, django_assert_num_queries: Any
) -> None:
    first = pull(key)
    with django_assert_num_queries(0):
        whole = pull(key)
        unchanged = pull(key, **{"If-None-Match": first["ETag"]})
    assert (whole.status_code, whole.content) == (200, first.content)
    assert (unchanged.status_code, unchanged.content) == (304, b"")
    kept = ("ETag", "Cache-Control", "Vary", "X-Playbook-Version", "X-Release-Id")
    for name in kept:
        assert whole[name] == unchanged[name] == first[name]
    assert whole["Content-Type"] == "application/json"
    # A body without its length goes out in chunks, and a HEAD would not say how long it is.
    assert whole["Content-Length"] == first["Content-Length"] == str(len(first.content))
    assert "Content-Type" not in unchanged.headers


def test_it_reads_a_body_it_does_not_hold_and_counts_the_pull_once(
    playbook: Any, key: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    # So few a minute that none comes back while the test runs.
    ApiKey.objects.update(rate_limit=2)
    first = pull(key)
    monkeypatch.setattr(pulls, "BODIES", Kept(pulls.BODY_BYTES, size=len))
    monkeypatch.setattr("memoryapp.api.middleware.BODIES", pulls.BODIES)
    again = pull(key)
    assert again.content == first.content
    assert int(first["RateLimit-Remaining"]) - int(again["RateLimit-Remaining"]) == 1
    flush()
    assert PullReceipt.objects.count() == 2


def kept(request: str, *, seconds: float) -> None:
    generation = pull_cache.generation()
    assert generation is not None
    pull_cache.keep(
        request,
        generation=generation,
        until=time.time() + seconds,
        caller="key:1",
        limit=0,
        etag='"a"',
        release=1,
        key=1,
        label="production",
        form="json",
        headers={},
    )


def test_only_one_of_many_looks_anew_before_an_answer_runs_out() -> None:
    kept("soon over", seconds=0.9)
    found = [pull_cache.look("soon over", held=[], agent="") for _ in range(5)]
    assert [answer is None for answer in found] == [True, False, False, False, False]


def test_nobody_looks_anew_while_an_answer_is_good_for_longer() -> None:
    kept("fresh", seconds=5)
    assert all(pull_cache.look("fresh", held=[], agent="") for _ in range(5))


@pytest.mark.parametrize(
    "change", ["label", "withdrawal", "canary", "key", "member", "person", "another key"]
)
def test_it_forgets_as_soon_as_anything_changes(
    playbook: Playbook,
    key: Any,
    ada: Any,
    change: str,
    django_capture_on_commit_callbacks: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Who is on trial is drawn by the agent and the release, which differ from run to run.
    monkeypatch.setattr(pulls, "is_on_trial", lambda *_, **__: True)
    BulletFactory(playbook=playbook)
    second = release_publish(playbook=playbook, by=ada)
    etag = pull(key)["ETag"]
    assert pull(key, **{"If-None-Match": etag}).status_code == 304
    maker = key[0].created_by
    with django_capture_on_commit_callbacks(execute=True):
        if change == "label":
            label_move(playbook=playbook, name="production", release=second, by=ada)
        elif change == "withdrawal":
            first = playbook.releases.get(number=1)
            release_withdraw(release=first, kind="recalled", reason="x", by=ada, replacement=second)
        elif change == "canary":
            canary_start(label=playbook.labels.get(), release=second, share=99, by=ada)
        elif change == "key":
            api_key_revoke(key=key[0], by=ada)
        elif change == "member":
            member_remove(membership=maker.memberships.get(), by=ada)
        elif change == "person":
            maker.is_active = False
            maker.save(update_fields=["is_active"])
    status = {"key": 401, "person": 401, "member": 403, "another key": 304}.get(change, 200)
    assert pull(key, **{"If-None-Match": etag, "X-Agent-Id": ""}).status_code == status


def test_it_ends_with_the_key(playbook: Any, key: Any, time_machine: Any) -> None:
    ends = timezone.now() + timedelta(seconds=2)
    ApiKey.objects.filter(pk=key[0].pk).update(expires_at=ends)
    assert pull(key).status_code == 200
    time_machine.move_to(ends + timedelta(milliseconds=1))
    assert pull(key).status_code == 401


def test_it_takes_no_answer_of_one_request_for_another(playbook: Any, key: Any) -> None:
    etag = pull(key)["ETag"]
    assert pull(key, "?format=md", **{"If-None-Match": etag}).status_code == 200
    assert pull(key, Accept="text/markdown", **{"If-None-Match": etag}).status_code == 200
    other = (key[0], key[1][:-1] + ("x" if key[1][-1] != "x" else "y"))
    assert pull(other, **{"If-None-Match": etag}).status_code == 401


def test_it_goes_on_without_redis(
    playbook: Any, key: Any, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "_clients", {})
    settings.REDIS_URL = "redis+socket:///nowhere/redis.sock"
    assert pull(key).status_code == 200
    assert pull(key).status_code == 200
    # The receipts went straight to the database.
    assert PullReceipt.objects.count() == 2


def test_it_leaves_one_receipt_for_each_pull(playbook: Any, key: Any) -> None:
    etag = pull(key, **{"X-Agent-Id": "desk-1"})["ETag"]
    pull(key, **{"X-Agent-Id": "desk-1", "If-None-Match": etag})
    pull(key, "?version=1&format=md")
    assert not PullReceipt.objects.exists()
    assert flush() == 3
    found = PullReceipt.objects.order_by("pulled_at").values_list(
        "release__number", "key", "agent", "label", "form", "unchanged"
    )
    assert list(found) == [
        (1, key[0].pk, "desk-1", "production", "json", False),
        (1, key[0].pk, "desk-1", "production", "json", True),
        (1, key[0].pk, "", "", "md", False),
    ]


def test_it_stores_receipts_once_though_a_worker_died(
    playbook: Any, key: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    pull(key)
    pull(key)
    monkeypatch.setattr(receipts, "done", lambda: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        flush()
    monkeypatch.undo()
    pull(key)
    flush()
    assert PullReceipt.objects.count() == 3
    assert receipts.waiting() == 0


def test_it_keeps_no_receipt_of_a_playbook_that_is_gone(playbook: Any, key: Any) -> None:
    pull(key)
    row = receipts.push(release=10**9, key=None, agent="", label="", form="json", unchanged=False)
    assert row is None
    flush()
    assert PullReceipt.objects.count() == 1
