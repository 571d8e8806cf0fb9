"""More of one thing in an hour than people do is written down, told and shown, never stopped."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from memoryapp import tasks
from memoryapp.domain.watching import USUAL, usual
from memoryapp.domain.webhooks import TOLD_BY_EVENT
from memoryapp.indexer.watching import unusual_use_record
from memoryapp.models import Delivery, Event, Webhook
from memoryapp.models.events import acting_through
from memoryapp.services.sign_ins import sign_in_record
from tests.factories import MembershipFactory
from tests.memoryapp import audited_memory, audited_serving  # noqa: F401  they note scenarios
from tests.memoryapp.audited import scenarios
from tests.practice import audited, audited_causes, audited_practice  # noqa: F401

pytestmark = pytest.mark.django_db

EXPORTS = "export.asked"


@pytest.fixture(autouse=True)
def few(settings: Any) -> Iterator[None]:
    settings.UNUSUAL_USE = {EXPORTS: 2, "sign_in.failed": 3}
    # A request begins with nothing; a test goes on where the requests of others ended.
    token = acting_through.set("")
    yield
    acting_through.reset(token)


def happened(
    workspace: Any, by: Any, times: int, *, kind: str = EXPORTS, through: str = ""
) -> None:
    for _ in range(times):
        Event.objects.record(
            workspace=workspace, actor=by, kind=kind, subject=workspace, through=through
        )


def flagged() -> list[tuple[str, Any]]:
    rows = Event.objects.filter(kind="use.unusual").order_by("pk")
    return [(row.subject_name, row.data) for row in rows]


def test_it_says_who_did_how_much_of_what(workspace: Any, ada: Any, rita: Any) -> None:
    happened(workspace, ada, 3)
    happened(workspace, rita, 2)
    assert unusual_use_record() == 1
    assert flagged() == [("ada", {"what": EXPORTS, "count": 3, "usual": 2})]


def test_it_names_the_keys_it_was_done_with(workspace: Any, ada: Any) -> None:
    happened(workspace, ada, 2, through="key nightly")
    happened(workspace, ada, 2, through="key ci")
    unusual_use_record()
    assert flagged()[0][1]["using"] == "key ci, key nightly"


def test_it_says_so_once_an_hour(workspace: Any, ada: Any) -> None:
    happened(workspace, ada, 3)
    assert [unusual_use_record(), unusual_use_record()] == [1, 0]
    later = timezone.now() + timedelta(minutes=61)
    assert unusual_use_record(later) == 0, "what is an hour ago is over"
    happened(workspace, ada, 3)
    Event.objects.filter(kind=EXPORTS).update(created_at=later)
    assert unusual_use_record(later + timedelta(minutes=1)) == 1


def test_it_counts_each_workspace_by_itself(workspace: Any, ada: Any) -> None:
    elsewhere = MembershipFactory(user=ada, role="admin").workspace
    happened(workspace, ada, 2)
    happened(elsewhere, ada, 2)
    assert unusual_use_record() == 0


def test_wrong_passwords_count_for_whom_they_were(rita: Any) -> None:
    for number in range(4):
        sign_in_record(user=rita, address=f"10.0.0.{number}", means="password", failed=True)
    assert unusual_use_record() == 1
    assert flagged()[0][0] == "rita"


def test_what_jobs_do_is_usual(workspace: Any) -> None:
    happened(workspace, None, 9, through="policy")
    assert unusual_use_record() == 0


def test_nothing_is_said_of_somebody_who_was_removed(workspace: Any, ada: Any) -> None:
    happened(workspace, ada, 3)
    ada.delete()
    assert unusual_use_record() == 0


def test_what_is_0_is_not_watched(workspace: Any, ada: Any, settings: Any) -> None:
    settings.UNUSUAL_USE = {EXPORTS: 0}
    happened(workspace, ada, 99)
    assert unusual_use_record() == 0
    assert usual({EXPORTS: 0}).keys() == USUAL.keys() - {EXPORTS}


def test_webhooks_are_told(workspace: Any, ada: Any) -> None:
    hook = Webhook(workspace=workspace, url="https://a.example/", kinds=["use.unusual"])
    hook.keep_secret(b"s" * 32)
    hook.save()
    happened(workspace, ada, 3)
    tasks.watch_use()
    told = Delivery.objects.get().payload
    assert (told["type"], told["data"]["subject"]) == ("use.unusual", "ada")
    assert told["data"]["count"] == 3


def test_overview_and_audit_log_show_it(workspace: Any, ada: Any, vera_client: Client) -> None:
    happened(workspace, ada, 3)
    assert "unusually much" not in vera_client.get("/").content.decode()
    unusual_use_record()
    shown = vera_client.get("/")
    assert shown.context["unusual"]["count"] == 1
    listed = vera_client.get(shown.context["unusual"]["url"]).content.decode()
    assert "Unusual use" in listed
    for name, value in (("what", EXPORTS), ("count", "3"), ("usual", "2")):
        assert f'<span><span class="q">{name}</span> {value}</span>' in listed


def test_it_is_in_the_metrics(workspace: Any, ada: Any, client: Client) -> None:
    happened(workspace, ada, 3)
    unusual_use_record()
    assert "greenroom_unusual_use 1.0" in client.get("/metrics").content.decode()


def test_it_asks_the_database_once_for_each_workspace_and_finding(
    workspace: Any, ada: Any, django_assert_num_queries: Any
) -> None:
    happened(workspace, ada, 2)
    with django_assert_num_queries(3):  # the workspaces; persons and wrong passwords of one
        unusual_use_record()


def test_every_kind_that_is_watched_is_one_the_product_writes() -> None:
    written = {scenario.kind for scenario in [*scenarios.values(), *audited.scenarios.values()]}
    # One service writes two kinds; webhooks name the other.
    assert USUAL.keys() - written - TOLD_BY_EVENT.keys() == {"sign_in.failed"}
