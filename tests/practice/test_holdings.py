"""Sources, labelled sets and replays get other names and go; what was found and learned stays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from memoryapp.domain.errors import ChangedMeanwhile, UnableToChange
from memoryapp.domain.seen import shown
from memoryapp.models import Event
from practice.models import CaseSet, Incident, Replay, TelemetryFile, TelemetrySource
from practice.services.holdings import (
    case_set_delete,
    case_set_rename,
    replay_delete,
    replay_rename,
    source_delete,
    source_holds,
    source_rename,
)
from practice.services.incidents import analysis_start
from practice.services.replays import replay_start
from practice.services.telemetry import file_send, source_create
from tests.practice.case_sets import finished, known, read_in, sent, use_folder
from tests.practice.outages import analysed, logs_csv, outage

SETS = "/root-causes/evaluation/"


@pytest.fixture(autouse=True)
def _own_folder(settings: Any, tmp_path: Path) -> None:
    use_folder(settings, tmp_path)


@pytest.fixture
def incident(workspace: Any) -> Incident:
    return outage(workspace)


def source_of(incident: Incident) -> TelemetrySource:
    assert incident.source is not None
    return incident.source


def test_a_source_is_called_otherwise_and_found_as_before(incident: Incident) -> None:
    source = source_rename(source=source_of(incident), name="  Till,  production ", by=None)
    source.refresh_from_db()
    assert (source.name, source.slug) == ("Till, production", "shop")
    for wrong in ("", " - ", "x" * 101):
        with pytest.raises(UnableToChange, match="name"):
            source_rename(source=source, name=wrong, by=None)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("Desk", "There is a source named Desk already"),
        (" dESK ", "There is a source named Desk already"),
        ("desk!", "There is a source named Desk already"),
        ("till\u202egnp", r"does not show \(U\+202E\)"),
        ("D\u0435sk", "mixes letters of two alphabets"),
    ],
)
def test_a_source_takes_no_name_that_passes_for_another(
    incident: Incident, name: str, why: str
) -> None:
    source, workspace = source_of(incident), incident.workspace
    source_create(workspace=workspace, name="Desk", by=None)
    with pytest.raises(UnableToChange, match=why):
        source_rename(source=source, name=name, by=None)
    with pytest.raises(UnableToChange, match=why):
        source_create(workspace=workspace, name=name, by=None)
    assert source_rename(source=source, name="SHOP", by=None).name == "SHOP"  # its own, in capitals


def test_a_name_that_a_source_was_given_is_not_free(incident: Incident) -> None:
    source_rename(source=source_of(incident), name="Till", by=None)
    with pytest.raises(UnableToChange, match="There is a source named Till already"):
        source_create(workspace=incident.workspace, name="Till", by=None)


def test_sets_and_replays_take_no_name_that_does_not_show(workspace: Any) -> None:
    row = known(workspace)
    with pytest.raises(UnableToChange, match="does not show"):
        case_set_rename(case_set=row, name="a\u200bb", by=None)
    with pytest.raises(UnableToChange, match="does not show"):
        replay_rename(replay=finished(row), name="\u202e", by=None)


def test_a_name_replaces_none_that_somebody_else_gave_meanwhile(incident: Incident) -> None:
    source = source_of(incident)
    seen = shown({"name": source.name})
    source_rename(source=source, name="Till", by=None, seen=seen)
    with pytest.raises(ChangedMeanwhile):
        source_rename(source=source, name="Desk", by=None, seen=seen)
    source_rename(source=source, name="Till", by=None, seen=seen)  # a second click
    assert Event.objects.filter(kind="telemetry.source_renamed").count() == 1


def test_a_source_goes_with_its_files_and_its_incidents_stay(
    incident: Incident, rita_client: Any
) -> None:
    before = rita_client.get(incident.get_absolute_url()).context["top_name"]
    goes = source_delete(source=source_of(incident), by=None)
    assert goes == {"files": 4, "rows": 150 + 90 + 120 + 2, "incidents": 1}
    assert not TelemetryFile.objects.exists()
    incident.refresh_from_db()
    assert (incident.source, incident.analyses.count()) == (None, 1)
    page = rita_client.get(incident.get_absolute_url())
    assert (page.status_code, page.context["top_name"]) == (200, before)
    assert rita_client.get("/root-causes/telemetry/shop/").status_code == 404
    (event,) = Event.objects.filter(kind="telemetry.source_deleted")
    assert event.data["before"] == {"name": "Shop", **goes}


def test_an_answer_stays_when_it_is_looked_for_again_without_its_source(incident: Incident) -> None:
    source_delete(source=source_of(incident), by=None)
    incident.refresh_from_db()
    analysis_start(incident=incident, by=None)
    row = analysed(incident)
    assert any("No telemetry covers" in note for note in row.panels["notes"])
    assert incident.top_cause == "service:ledger"


def test_a_source_stays_while_it_is_worked_on(incident: Incident) -> None:
    source = source_of(incident)
    analysis_start(incident=incident, by=None)
    with pytest.raises(UnableToChange, match="Incident 1 is being analysed"):
        source_delete(source=source, by=None)
    incident.analyses.update(status="cancelled")
    file_send(source=source, kind="logs", name="l.csv", data=logs_csv() + b"\n", by=None)
    with pytest.raises(UnableToChange, match="is being read"):
        source_delete(source=source, by=None)
    assert incident.source == source


def test_nothing_goes_that_nobody_was_told_of(incident: Incident, edda_client: Any) -> None:
    source = source_of(incident)
    page = "/root-causes/telemetry/shop/"
    said = edda_client.get(page)
    assert "4 files" in said.content.decode()
    assert said.context["goes"] == source_holds(source)
    file_send(source=source, kind="logs", name="l.csv", data=logs_csv() + b"\n", by=None)
    refused = edda_client.post(f"{page}delete/", {"seen": said.context["goes_seen"]}, follow=True)
    assert "What goes with Shop has changed since you looked" in refused.content.decode()
    TelemetryFile.objects.update(status="done")
    seen = edda_client.get(page).context["goes_seen"]
    gone = edda_client.post(f"{page}delete/", {"seen": seen}, follow=True)
    assert "Shop is deleted. What was found in it stays." in gone.content.decode()
    assert not TelemetrySource.objects.exists()


def test_a_set_keeps_the_name_it_is_given(workspace: Any, rita_client: Any) -> None:
    row = sent(workspace)
    case_set_rename(case_set=row, name="Autumn", by=None)
    assert read_in(row).name == "Autumn"
    (shown_set,) = rita_client.get(SETS).context["sets"]
    typed = {"name": "Winter", "seen": shown_set["name_seen"]}
    said = rita_client.post(f"{SETS}sets/{row.pk}/rename/", typed, follow=True)
    assert "It is called Winter now." in said.content.decode()
    late = rita_client.post(f"{SETS}sets/{row.pk}/rename/", typed | {"name": "Spring"}, follow=True)
    assert "This was changed since you read it." in late.content.decode()
    row.refresh_from_db()
    assert row.name == "Winter"


def test_a_set_goes_with_its_replays_once_that_was_said(workspace: Any, edda_client: Any) -> None:
    row = known(workspace)
    (before,) = edda_client.get(SETS).context["sets"]
    finished(row)
    url = f"{SETS}sets/{row.pk}/delete/"
    refused = edda_client.post(url, {"seen": before["goes_seen"]}, follow=True)
    assert "has changed since you looked" in refused.content.decode()
    assert "and 1 replay with all figures" in refused.content.decode()
    (now,) = refused.context["sets"]
    edda_client.post(url, {"seen": now["goes_seen"]})
    assert (CaseSet.objects.count(), Replay.objects.count()) == (0, 0)


def test_a_replay_is_named_and_goes_and_no_other_gets_its_number(
    workspace: Any, edda_client: Any
) -> None:
    row = known(workspace)
    first, second = finished(row), finished(row)
    Replay.objects.filter(pk=second.pk).update(is_baseline=True)
    seen = edda_client.get(second.get_absolute_url()).context["name_seen"]
    typed = {"name": "new engine", "seen": seen}
    edda_client.post(f"{second.get_absolute_url()}rename/", typed)
    page = edda_client.get(second.get_absolute_url())
    assert str(page.context["replay"]) == "shop replay 2, new engine"
    assert "It is the baseline: until you choose another" in page.content.decode()
    seen = page.context["goes_seen"]
    edda_client.post(f"{second.get_absolute_url()}delete/", {"seen": seen})
    assert list(row.replays.all()) == [first]
    third = replay_start(case_set=row, variants=[], by=None)
    assert third.number == 3
    with pytest.raises(UnableToChange, match="under way"):
        replay_delete(replay=third, by=None)
    replay_rename(replay=first, name="", by=None)
    assert str(first) == "shop replay 1"


@pytest.mark.parametrize("verb", ["rename", "delete"])
def test_a_viewer_may_change_nothing_and_a_stranger_see_nothing(
    vera_client: Any, olga_client: Any, incident: Incident, workspace: Any, verb: str
) -> None:
    replay = finished(known(workspace))
    for address in (
        f"/root-causes/telemetry/shop/{verb}/",
        f"{SETS}sets/{replay.case_set_id}/{verb}/",
        f"{replay.get_absolute_url()}{verb}/",
    ):
        assert vera_client.post(address, {"name": "Mine"}).status_code == 403
        assert olga_client.post(address, {"name": "Mine"}).status_code == 404
    for page in ("/root-causes/telemetry/shop/", SETS, replay.get_absolute_url()):
        assert f"/{verb}/" not in vera_client.get(page).content.decode()


def test_deleting_a_set_deletes_no_other(workspace: Any) -> None:
    row, other = known(workspace), known(workspace, cases=1)
    case_set_delete(case_set=row, by=None)
    assert list(CaseSet.objects.all()) == [other]


def test_reviewers_rename_and_editors_delete(
    rita_client: Any, edda_client: Any, incident: Incident, workspace: Any
) -> None:
    replay = finished(known(workspace))
    kept = replay.get_absolute_url()
    pages = {"/root-causes/telemetry/shop/": "", SETS: f"sets/{replay.case_set_id}/", kept: ""}
    for page, part in pages.items():
        seen = rita_client.get(page).content.decode()
        assert f"{page}{part}rename/" in seen
        assert f"{page}{part}delete/" not in seen
        assert f"{page}{part}delete/" in edda_client.get(page).content.decode()
        assert rita_client.post(f"{page}{part}delete/").status_code == 403
    of_api = (
        ("delete", "/api/v1/telemetry/shop"),
        ("delete", f"/api/v1/case-sets/{replay.case_set_id}"),
        ("post", f"/api/v1/replays/{replay.pk}/delete"),
    )
    for verb, address in of_api:
        refused = getattr(rita_client, verb)(address)
        assert (refused.status_code, refused.json()["detail"]) == (
            403,
            "Only editors and admins of the workspace may delete this for good.",
        )
    assert rita_client.get("/api/v1/telemetry/shop").status_code == 200
    renamed = rita_client.patch("/api/v1/telemetry/shop", {"name": "Till"}, "application/json")
    assert renamed.status_code == 200
    for verb, address in reversed(of_api):
        assert getattr(edda_client, verb)(address).status_code == 200
