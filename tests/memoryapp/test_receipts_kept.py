"""Receipts of pulls: counted as they are stored, and forgotten after a while."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.utils import timezone

from memoryapp.indexer.receipts import forget_receipts, store_receipts
from memoryapp.models import PullCount, PullReceipt, ReceiptSource
from memoryapp.queries.serving import Pulls, pulls_of, receipts_lost
from memoryapp.services.releases import release_publish
from tests.factories import BulletFactory, PlaybookFactory

pytestmark = pytest.mark.django_db
ONE, OTHER = (str(UUID(int=number)) for number in (1, 2))


@pytest.fixture
def release(workspace: Any, ada: Any) -> Any:
    playbook = PlaybookFactory(workspace=workspace)
    BulletFactory(playbook=playbook)
    return release_publish(playbook=playbook, by=ada, label="production")


def receipt(
    release: Any, number: int, *, source: str = ONE, label: str = "production", **more: Any
) -> list[Any]:
    days = more.get("days", 0)
    at = time.time() - timedelta(days=days).total_seconds()
    key = getattr(release, "pk", release)
    return [source, number, key, None, "desk-1", label, "json", more.get("unchanged", False), at]


def test_it_counts_what_it_stores_and_nothing_twice(release: Any) -> None:
    rows = [receipt(release, 1), receipt(release, 2, unchanged=True), receipt(release, 3, label="")]
    store_receipts(rows)
    store_receipts([*rows[1:], receipt(release, 4)])
    assert PullReceipt.objects.count() == 4
    counts = PullCount.objects.order_by("label").values_list("label", "pulls", "unchanged")
    assert list(counts) == [("", 1, 0), ("production", 3, 1)]
    assert pulls_of("production", [release.pk]) == {release.pk: Pulls(3, 1)}


def test_it_sees_what_never_came(release: Any) -> None:
    store_receipts([receipt(release, 1), receipt(release, 4), receipt(release, 2, source=OTHER)])
    found = receipts_lost()
    assert (found.lost, found.of) == (3, 6)
    store_receipts([receipt(release, 3)])  # late, but there
    assert receipts_lost().lost == 2


def test_it_calls_nothing_lost_whose_release_is_gone(release: Any) -> None:
    store_receipts([receipt(release, 1), receipt(10**9, 2)])
    assert PullReceipt.objects.count() == 1
    assert receipts_lost().lost == 0


def test_it_forgets_receipts_and_keeps_the_counts(release: Any, settings: Any) -> None:
    settings.RECEIPT_DAYS = 30
    store_receipts([receipt(release, 1, days=40), receipt(release, 2, days=31)])
    store_receipts([receipt(release, 3, days=29), receipt(release, 1, days=45, source=OTHER)])
    before = list(PullCount.objects.order_by("day").values_list("day", "pulls"))
    assert forget_receipts() == 3
    assert [row.number for row in PullReceipt.objects.all()] == [3]
    assert list(PullCount.objects.order_by("day").values_list("day", "pulls")) == before
    assert [str(row.source) for row in ReceiptSource.objects.all()] == [ONE]
    assert receipts_lost().lost == 0
    assert forget_receipts() == 0


def test_it_forgets_in_batches(
    release: Any, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.RECEIPT_DAYS = 1
    monkeypatch.setattr("memoryapp.indexer.receipts.FORGET_BATCH", 2)
    store_receipts([receipt(release, number, days=3) for number in range(1, 6)])
    assert forget_receipts() == 5


def test_it_keeps_them_for_good_where_asked(release: Any, settings: Any) -> None:
    settings.RECEIPT_DAYS = 0
    store_receipts([receipt(release, 1, days=4_000)])
    assert forget_receipts() == 0
    assert PullReceipt.objects.count() == 1


def test_it_counts_by_the_days_of_the_product(release: Any, settings: Any) -> None:
    store_receipts([receipt(release, 1)])
    assert PullCount.objects.get().day == timezone.localdate()
