"""Two act on one source, set or replay at once, and one of them deletes it: the other is told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from memoryapp.domain.errors import UnableToFind
from memoryapp.models import Event
from practice.models import CaseSet, Replay, TelemetryFile, TelemetrySource
from practice.services import holdings, replays
from practice.services.incidents import alerts_send, incident_create
from practice.services.telemetry import file_delete, file_send, mapping_save, source_create
from tests.locks import elsewhere, until_somebody_waits
from tests.practice.case_sets import sent
from tests.practice.outages import BEGAN, alert, metrics_csv

Row = TelemetrySource | CaseSet | Replay


@pytest.fixture(autouse=True)
def _own_folder(settings: Any, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path


def source(workspace: Any) -> TelemetrySource:
    return source_create(workspace=workspace, name="Shop", by=None)


def case_set(workspace: Any) -> CaseSet:
    row = sent(workspace)
    CaseSet.objects.filter(pk=row.pk).update(status="done")
    return CaseSet.objects.get(pk=row.pk)


def replay(workspace: Any) -> Replay:
    row: Replay = case_set(workspace).replays.create(number=1, ended_at=timezone.now())
    return row


def delete(row: Row) -> None:
    """Delete it as somebody else does, who holds a copy of their own."""
    other: Any = type(row)._default_manager.get(pk=row.pk)
    if isinstance(other, TelemetrySource):
        holdings.source_delete(source=other, by=None)
    elif isinstance(other, CaseSet):
        holdings.case_set_delete(case_set=other, by=None)
    else:
        holdings.replay_delete(replay=other, by=None)


@pytest.mark.parametrize(
    ("make", "act"),
    [
        (source, lambda row: holdings.source_delete(source=row, by=None)),
        (source, lambda row: holdings.source_rename(source=row, name="Till", by=None)),
        (source, lambda row: mapping_save(source=row, kind="metrics", mapping={}, by=None)),
        (
            source,
            lambda row: file_send(
                source=row, kind="metrics", name="m.csv", data=metrics_csv(), by=None
            ),
        ),
        (
            source,
            lambda row: alerts_send(workspace=row.workspace, alerts=[alert()], source=row, by=None),
        ),
        (
            source,
            lambda row: incident_create(
                workspace=row.workspace, alert=alert(), source=row, by=None
            ),
        ),
        (case_set, lambda row: holdings.case_set_delete(case_set=row, by=None)),
        (case_set, lambda row: holdings.case_set_rename(case_set=row, name="Autumn", by=None)),
        (case_set, lambda row: replays.replay_start(case_set=row, variants=[], by=None)),
        (replay, lambda row: holdings.replay_delete(replay=row, by=None)),
        (replay, lambda row: holdings.replay_rename(replay=row, name="new", by=None)),
        (replay, lambda row: replays.baseline_set(replay=row, by=None)),
    ],
)
def test_what_is_gone_is_said_to_be_and_nothing_is_stored(
    workspace: Any, make: Callable[[Any], Row], act: Callable[[Any], object]
) -> None:
    row = make(workspace)
    delete(row)
    known = Event.objects.count()
    with pytest.raises(UnableToFind, match=f"{row} was deleted meanwhile"):
        act(row)
    assert Event.objects.count() == known


def test_a_file_is_deleted_once(workspace: Any) -> None:
    row = file_send(
        source=source(workspace), kind="metrics", name="m.csv", data=metrics_csv(), by=None
    )
    other = TelemetryFile.objects.get(pk=row.pk)
    file_delete(row=row, by=None)
    with pytest.raises(UnableToFind, match=r"m\.csv was deleted meanwhile"):
        file_delete(row=other, by=None)
    assert Event.objects.filter(kind="telemetry.file_deleted").count() == 1


def test_a_replay_whose_set_went_is_gone(workspace: Any) -> None:
    row = replay(workspace)
    delete(row.case_set)
    with pytest.raises(UnableToFind, match="shop replay 1 was deleted meanwhile"):
        holdings.replay_delete(replay=row, by=None)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("make", "verb", "address"),
    [
        (source, "delete", "/api/v1/telemetry/shop"),
        (source, "patch", "/api/v1/telemetry/shop"),
        (source, "post", "/api/v1/alerts"),
        (source, "post", "/api/v1/telemetry/shop/files?kind=metrics"),
        (case_set, "delete", "/api/v1/case-sets/{}"),
        (replay, "post", "/api/v1/replays/{}/delete"),
    ],
)
def test_whoever_comes_second_over_the_api_gets_404(
    edda_client: Any, workspace: Any, make: Callable[[Any], Row], verb: str, address: str
) -> None:
    row = make(workspace)
    ask = getattr(edda_client, verb)
    body: Any = {"name": "Till"} if verb == "patch" else {}
    if "alerts" in address:
        body = {"source": "shop", "alerts": [{"at": BEGAN, "entry": "web"}]}
    elif "files" in address:
        body = metrics_csv()
    answer = second(row, lambda: ask(address.format(row.pk), body, "application/json"))
    assert (answer.status_code, answer.json()["detail"]) == (404, f"{row} was deleted meanwhile.")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("verb", ["rename", "delete"])
def test_whoever_comes_second_on_the_page_is_led_to_the_list(
    edda_client: Any, workspace: Any, verb: str
) -> None:
    row = source(workspace)
    address = f"/root-causes/telemetry/shop/{verb}/"
    answer = second(row, lambda: edda_client.post(address, {"name": "Till"}))
    assert answer.headers["Location"] == "/root-causes/telemetry/"
    assert (
        "Shop was deleted meanwhile."
        in edda_client.get(answer.headers["Location"]).content.decode()
    )


def second(row: Row, ask: Callable[[], Any]) -> Any:
    """What somebody is answered whose request waits while another one deletes ``row``."""
    answers: list[Any] = []
    troubles: list[Exception] = []
    with transaction.atomic():
        delete(row)
        thread = elsewhere(lambda: answers.append(ask()), troubles)
        until_somebody_waits()
    thread.join(30)
    assert troubles == []
    (answer,) = answers
    return answer
