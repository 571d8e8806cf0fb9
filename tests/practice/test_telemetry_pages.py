"""Telemetry pages: Rita sends and maps, Vera reads, Olga's workspace has none of it."""

from __future__ import annotations

import gzip
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from practice.models import TelemetryFile, TelemetrySource
from practice.orchestrator.telemetry import gathered
from practice.services.incidents import incident_create
from practice.services.telemetry import file_send, mapping_save
from tests.practice.outages import alert, metrics_csv, read_in, source_of

LIST = "/root-causes/telemetry/"
PAGE = "/root-causes/telemetry/shop/"


@pytest.fixture
def source(workspace: Any) -> TelemetrySource:
    return source_of(workspace)


def sent(name: str = "m.csv", data: bytes | None = None) -> dict[str, Any]:
    file = SimpleUploadedFile(name, data or metrics_csv() + b"\n")
    return {"kind": "metrics", "file": file, "whole": "yes"}


def test_a_reviewer_adds_a_source_sends_a_file_and_deletes_it(
    rita_client: Any, workspace: Any
) -> None:
    rita_client.post(f"{LIST}new/", {"name": "Shop"})
    answer = rita_client.post(f"{PAGE}send/", sent(), follow=True)
    assert "m.csv is stored. A worker reads it." in answer.content.decode()
    row = TelemetryFile.objects.get()
    assert "Waiting" in answer.content.decode()
    assert read_in(row).rows == 150
    page = rita_client.get(PAGE).content.decode()
    assert "hx-get" not in page.partition('id="files"')[2].partition("</section>")[0]
    rita_client.post(f"/root-causes/telemetry/files/{row.pk}/delete/")
    assert not TelemetryFile.objects.exists()


def test_a_file_that_cannot_be_used_is_said_and_nothing_is_stored(
    rita_client: Any, source: TelemetrySource
) -> None:
    before = TelemetryFile.objects.count()
    answer = rita_client.post(f"{PAGE}send/", sent(data=b"a,b\n1,2\n"), follow=True)
    assert "Nothing was stored" in answer.content.decode()
    assert TelemetryFile.objects.count() == before


def test_an_upload_that_broke_off_is_refused(rita_client: Any, source: TelemetrySource) -> None:
    cut = {name: value for name, value in sent().items() if name != "whole"}
    answer = rita_client.post(f"{PAGE}send/", cut, follow=True)
    assert "The upload was cut off on its way. Send it again." in answer.content.decode()
    assert TelemetryFile.objects.count() == 4


def test_a_page_with_a_file_that_is_read_refreshes_its_table_only(
    rita_client: Any, source: TelemetrySource
) -> None:
    rita_client.post(f"{PAGE}send/", sent())
    row = TelemetryFile.objects.first()
    assert row is not None
    TelemetryFile.objects.filter(pk=row.pk).update(status="running", percent=42, rows=5000)
    part = rita_client.get(PAGE, headers={"HX-Request": "true"}).content.decode()
    assert "Reading" in part
    assert "42 %" in part
    assert "<html" not in part
    page = rita_client.post(
        f"{PAGE}columns/", {"kind": "metrics", "sample": SimpleUploadedFile("s.csv", metrics_csv())}
    )
    assert f'hx-get="{PAGE}"' in page.content.decode()


def test_a_reviewer_cancels_a_reading_and_begins_it_anew(
    rita_client: Any, source: TelemetrySource
) -> None:
    rita_client.post(f"{PAGE}send/", sent())
    row = TelemetryFile.objects.first()
    assert row is not None
    for verb, status in (("cancel", "cancelled"), ("again", "waiting")):
        rita_client.post(f"/root-causes/telemetry/files/{row.pk}/{verb}/")
        row.refresh_from_db()
        assert row.status == status
    assert read_in(row).status == "done"
    said = rita_client.post(f"/root-causes/telemetry/files/{row.pk}/again/", follow=True)
    assert "is read already" in said.content.decode()


def test_a_viewer_reads_and_is_offered_nothing_to_press(
    vera_client: Any, source: TelemetrySource
) -> None:
    assert vera_client.get(LIST).status_code == 200
    page = vera_client.get(PAGE)
    assert page.status_code == 200
    assert f'action="{PAGE}send/"' not in page.content.decode()


def test_columns_are_replaced_only_as_they_were_seen(
    rita_client: Any, source: TelemetrySource, ada: Any
) -> None:
    page = rita_client.get(f"{PAGE}?kind=metrics").context
    names = [name for name, _, _ in page["columns"]]
    theirs = {f"column-{name}": theirs for name, theirs, _ in page["columns"]}
    typed = {"kind": "metrics", "seen": page["columns_seen"], **theirs, "column-time_unit": "ms"}
    mapping_save(source=source, kind="metrics", mapping={names[0]: "app"}, by=ada)
    answer = rita_client.post(f"{PAGE}columns/", typed)
    assert answer.status_code == 409
    source.refresh_from_db()
    assert source.mapping["metrics"] == {names[0]: "app"}
    assert [event.actor for event in answer.context["meanwhile"].events] == [ada]
    shown = {name: theirs for name, theirs, _ in answer.context["columns"]}
    assert (shown[names[0]], answer.context["time_unit"]) == ("app", "ms")
    again = {f"column-{name}": text for name, text in shown.items()}
    again |= {"kind": "metrics", "column-time_unit": "ms", "seen": answer.context["columns_seen"]}
    for _ in range(2):  # a second click is not taken for somebody else
        assert rita_client.post(f"{PAGE}columns/", again).status_code == 302
    source.refresh_from_db()
    assert source.mapping["metrics"] == {names[0]: "app", "time_unit": "ms"}


@pytest.mark.parametrize("address", [f"{LIST}new/", f"{PAGE}send/", f"{PAGE}columns/"])
def test_a_viewer_may_change_nothing(
    vera_client: Any, source: TelemetrySource, address: str
) -> None:
    assert vera_client.post(address, sent()).status_code == 403
    assert TelemetryFile.objects.count() == 4


def test_another_workspace_has_none_of_it(olga_client: Any, source: TelemetrySource) -> None:
    assert olga_client.get(PAGE).status_code == 404
    assert olga_client.post(f"{PAGE}send/", sent()).status_code == 404
    row = TelemetryFile.objects.first()
    assert row is not None
    for verb in ("delete", "cancel", "again"):
        answer = olga_client.post(f"/root-causes/telemetry/files/{row.pk}/{verb}/")
        assert answer.status_code == 404
    assert PAGE not in olga_client.get(LIST).content.decode()


def test_files_stored_before_a_column_was_known_are_read_beside_newer_ones(
    rita: Any, workspace: Any
) -> None:
    source = source_of(workspace)
    incident = incident_create(workspace=workspace, by=rita, alert=alert(), source=source)
    old = TelemetryFile.objects.get(kind="metrics")
    head, *rows = gzip.decompress(bytes(old.content)).decode().splitlines()
    assert head.endswith(",host")
    text = "\n".join([head.removesuffix(",host"), *(row[:-1] for row in rows), ""])
    TelemetryFile.objects.filter(pk=old.pk).update(content=gzip.compress(text.encode()))
    newer = metrics_csv() + b"\n"
    read_in(file_send(source=source, kind="metrics", name="n.csv", data=newer, by=rita))
    assert old.first_at is not None
    assert old.last_at is not None
    found, notes = gathered(incident, old.first_at, old.last_at)
    assert len(found.metrics) == 2 * len(rows)
    assert not any("not whole" in note for note in notes)
