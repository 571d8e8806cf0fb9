"""The page of one incident."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.contrib.staticfiles import finders
from django.utils.html import escape

from practice.domain.causal_layout import DrawnNode
from practice.domain.rootcause.types import Verdict
from practice.models import Analysis, Incident
from practice.services.incidents import analysis_start, incident_create
from practice.templatetags.rootcause import sentence
from practice.views.incident_page import _spark, unit_of
from tests.factories import IncidentFactory
from tests.practice.outages import alert, analysed, outage
from tests.practice.pages import queries_of


@pytest.fixture
def incident(workspace: Any) -> Incident:
    return outage(workspace)


def test_it_shows_the_answer_first_then_graph_path_and_evidence(
    vera_client: Any, incident: Incident
) -> None:
    page = vera_client.get(incident.get_absolute_url()).content.decode()
    assert "Most likely cause: <code>" in page
    assert page.index("Most likely cause") < page.index("Causal graph") < page.index("How it was")
    assert 'id="evidence-' in page
    assert '<svg class="causal"' in page
    assert "polyline" in page


def test_the_trace_is_where_there_is_room_and_after_the_ranking_on_a_phone(
    vera_client: Any, incident: Incident
) -> None:
    page = vera_client.get(incident.get_absolute_url()).content.decode()
    wide, _, narrow = page.partition('</div><div class="rc-col">')
    assert 'aria-label="Spans of one trace"' in wide
    assert 'id="metrics-title"' in narrow
    css = Path(str(finders.find("css/rootcause.css"))).read_text()
    assert ".one-trace { order: 1; }" in css


def test_it_says_the_answer_once(vera_client: Any, incident: Incident) -> None:
    page = vera_client.get(incident.get_absolute_url())
    assert page.content.decode().count(escape(page.context["top_said"])) == 1


def test_the_window_that_is_offered_again_is_in_utc_as_it_says(
    rita_client: Any, incident: Incident, settings: Any
) -> None:
    settings.TIME_ZONE = "Asia/Tokyo"
    begin, end = (datetime(2026, 11, 20, hour, 12, tzinfo=UTC) for hour in (9, 10))
    incident.analyses.update(window_from=begin, window_to=end)
    said = rita_client.get(incident.get_absolute_url()).content.decode()
    assert 'value="2026-11-20T09:12:00"' in said
    assert 'value="2026-11-20T10:12:00"' in said


@pytest.mark.parametrize(
    ("detail", "is_entry", "shown"),
    [
        ("Own · missing step", False, "Own · missing step"),
        ("Own · own errors", True, "Entry · Own · own…"),
        ("Inherited · memory", False, "Inherited · memory"),
        ("Normal", True, "Entry · Normal"),
    ],
)
def test_what_is_written_into_a_node_stays_inside_it(
    detail: str, is_entry: bool, shown: str
) -> None:
    node = DrawnNode("service:web", "web", 0, 0, Verdict.OWN, detail, is_entry, on_path=False)
    assert node.note == shown


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("ts-contacts-service", "ts-contacts-service"),
        ("ts-preserve-other-service", "ts-preserve-other-…"),
    ],
)
def test_a_name_stays_inside_its_node(name: str, shown: str) -> None:
    node = DrawnNode("service:x", name, 0, 0, Verdict.OWN, "Own", is_entry=False, on_path=False)
    assert node.label == shown


def test_it_has_a_table_that_says_what_the_drawing_shows(
    vera_client: Any, incident: Incident
) -> None:
    context = vera_client.get(incident.get_absolute_url()).context
    assert {(row["source"], row["target"]) for row in context["edges"]} >= {
        ("web", "shop"),
        ("shop", "ledger"),
    }
    assert {node.name for node in context["drawing"].nodes} >= {"web", "shop", "ledger"}


def test_it_draws_metrics_logs_and_a_trace_of_the_window(
    vera_client: Any, incident: Incident
) -> None:
    context = vera_client.get(incident.get_absolute_url()).context
    assert {series["node"] for series in context["series"]} >= {"ledger"}
    assert context["rows"] == {"metrics": 150, "traces": 90, "logs": 120, "edges": 0}
    assert [span["service"] for span in context["trace"]["spans"]] == ["web", "shop", "ledger"]


def test_it_refreshes_while_it_works_and_only_when_something_moved(
    vera_client: Any, workspace: Any
) -> None:
    incident = incident_create(workspace=workspace, alert=alert(), source=None, by=None)
    url = incident.get_absolute_url()
    page = vera_client.get(url)
    assert "hx-trigger" in page.content.decode()
    seen = page.context["seen"]
    same = vera_client.get(f"{url}?seen={seen}", HTTP_HX_REQUEST="true")
    Analysis.objects.update(status="running", progress={"stage": "Reasoning", "visits": 4})
    moved = vera_client.get(f"{url}?seen={seen}", HTTP_HX_REQUEST="true")
    assert (same.status_code, moved.status_code) == (204, 200)
    text = moved.content.decode()
    assert "Reasoning, 4 visits" in text
    assert "<html" not in text


def test_it_says_what_is_missing_instead_of_guessing(vera_client: Any, workspace: Any) -> None:
    incident = incident_create(workspace=workspace, alert=alert(), source=None, by=None)
    analysed(incident)
    page = vera_client.get(incident.get_absolute_url()).content.decode()
    assert "No telemetry covers this window." in page
    assert "Missing: " in page


def test_it_shows_an_older_analysis_on_request(rita: Any, vera_client: Any, incident: Any) -> None:
    analysis_start(incident=incident, by=rita)
    page = vera_client.get(f"{incident.get_absolute_url()}?analysis=1")
    assert page.context["analysis"].number == 1
    assert page.context["is_live"]


def test_a_viewer_sees_no_buttons_that_she_may_not_press(
    vera_client: Any, rita_client: Any, incident: Incident
) -> None:
    url = incident.get_absolute_url()
    assert 'id="incident-confirm"' not in vera_client.get(url).content.decode()
    assert 'id="incident-confirm"' in rita_client.get(url).content.decode()


def test_it_does_not_exist_for_somebody_outside(olga_client: Any, incident: Incident) -> None:
    assert olga_client.get(incident.get_absolute_url()).status_code == 404
    assert olga_client.get(f"{incident.get_absolute_url()}report.md").status_code == 404


@pytest.mark.parametrize("verb", ["analyse", "cancel", "confirm", "correct", "dismiss", "undo"])
def test_a_viewer_may_change_nothing(vera_client: Any, incident: Incident, verb: str) -> None:
    answer = vera_client.post(f"{incident.get_absolute_url()}{verb}/")
    assert answer.status_code == 403
    incident.refresh_from_db()
    assert (incident.status, incident.analyses.count()) == ("open", 1)


def test_of_a_storm_twenty_alerts_are_shown_and_the_others_folded(
    vera_client: Any, incident: Incident
) -> None:
    for number in range(29):
        incident.alerts.create(external_id=f"more-{number}", at=incident.begins_at)
    page = vera_client.get(incident.get_absolute_url()).content.decode()
    shown, _, folded = page.partition("Show all 30</summary>")
    assert (shown.count("more-"), folded.count("more-")) == (19, 10)


def test_it_takes_as_many_queries_with_ten_times_the_alerts(
    vera_client: Any, incident: Incident
) -> None:
    url = incident.get_absolute_url()
    before = queries_of(vera_client, url)
    for number in range(10):
        incident.alerts.create(external_id=f"more-{number}", at=incident.begins_at)
        IncidentFactory(workspace=incident.workspace, signature=incident.signature)
    assert queries_of(vera_client, url) == before


def test_it_gives_a_report_in_markdown(vera_client: Any, incident: Incident) -> None:
    answer = vera_client.get(f"{incident.get_absolute_url()}report.md")
    text = answer.content.decode()
    assert answer["Content-Disposition"] == 'attachment; filename="incident-1.md"'
    assert text.startswith("# Replies are slow\n")
    assert "## Ranked causes" in text
    assert "visits" in text


def test_text_of_telemetry_cannot_shape_the_report(vera_client: Any, workspace: Any) -> None:
    incident = outage(workspace, signal="# owned\n| a | [x](http://evil)")
    text = vera_client.get(f"{incident.get_absolute_url()}report.md").content.decode()
    assert "\n# owned" not in text
    assert "[x](" not in text


def test_names_of_telemetry_cannot_shape_the_report(vera_client: Any, incident: Incident) -> None:
    row = incident.analyses.get()
    assert row.result is not None
    row.result["causes"][0]["node"] = "service:x` | [y](http://evil)\n## owned"
    row.save()
    text = vera_client.get(f"{incident.get_absolute_url()}report.md").content.decode()
    assert "| `x [y](http://evil) ## owned` |" in text


def test_the_report_is_of_the_analysis_that_is_shown_and_says_what_was_missing(
    vera_client: Any, incident: Incident
) -> None:
    second = incident.analyses.get()
    assert second.result is not None
    second.pk, second.number = None, 2
    second.result = {**second.result, "missing": ["logs"], "statement": "Nothing to see."}
    second.save()
    url = f"{incident.get_absolute_url()}report.md"
    newest = vera_client.get(url).content.decode()
    first = vera_client.get(f"{url}?analysis=1").content.decode()
    assert "Nothing to see." in newest
    assert "- No logs. What they would have shown" in newest
    assert "Nothing to see." not in first


def test_a_look_where_nothing_is_takes_no_answer_off_the_list(
    rita: Any, incident: Incident
) -> None:
    before = (incident.outcome, incident.top_cause)
    window = (datetime(2020, 1, 1, tzinfo=UTC), datetime(2020, 1, 1, 1, tzinfo=UTC))
    analysis_start(incident=incident, by=rita, window=window)
    assert analysed(incident).outcome == "outside"
    assert (incident.outcome, incident.top_cause) == before


def test_where_no_cause_was_found_the_page_lets_the_first_be_named(
    rita_client: Any, incident: Incident
) -> None:
    row = incident.analyses.get()
    assert row.result is not None
    first = row.result["causes"][0]["node"]
    offered = f'<option value="{first}">'
    assert offered not in rita_client.get(incident.get_absolute_url()).content.decode()
    row.result["outcome"] = "none"
    row.save()
    assert offered in rita_client.get(incident.get_absolute_url()).content.decode()


def test_it_ranks_nobody_that_nothing_is_held_against(vera_client: Any, incident: Incident) -> None:
    row = incident.analyses.get()
    assert row.result is not None
    row.result["causes"][-1]["evidence"] = []
    row.save()
    page = vera_client.get(incident.get_absolute_url())
    causes = [one["node"] for one in row.result["causes"]]
    assert [one.cause.node for one in page.context["ranked"]] == causes[:-1]
    assert "1 more in the report." in page.content.decode()


def test_it_folds_all_but_the_strongest_claims(
    vera_client: Any, incident: Incident, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("practice.views.incident_page.EVIDENCE_SHOWN", 1)
    page = vera_client.get(incident.get_absolute_url())
    total = page.context["evidence_total"]
    ((strongest, *_),) = page.context["evidence"]
    folded = page.context["evidence_rest"]
    assert len(folded) == total - 1 > 0
    assert strongest.deviation >= max(item.deviation for item, *_ in folded)
    said = page.content.decode()
    assert f"Show all {total}</summary>" in said
    assert said.count('<tr id="evidence-') == total


@pytest.mark.parametrize(
    ("metric", "unit"),
    [
        ("client_p99_s", " s"),
        ("node_net_rx_bytes_s", " B/s"),
        ("node_memory_bytes", " B"),
        ("http.server.duration_ms", " ms"),
        ("requests_per_s", " /s"),
        ("syscalls", ""),
        ("pods", ""),
    ],
)
def test_a_metric_has_the_unit_that_its_name_ends_with(metric: str, unit: str) -> None:
    assert unit_of(metric) == unit


@pytest.mark.parametrize(
    ("metric", "is_rate", "unit"),
    [("requests_total", True, " /s"), ("rx_bytes_total", True, " B/s"), ("cpu_pct", False, " %")],
)
def test_a_counter_is_drawn_per_second(metric: str, is_rate: bool, unit: str) -> None:
    series = {"metric": metric, "points": [[0.0, 1.0], [1.0, 2.0]], "low": 0.0, "high": 1.0}
    assert _spark(series | {"is_rate": is_rate})["unit"] == unit


@pytest.mark.parametrize(
    ("clause", "said"),
    [
        ("as usual in logs, traces", "As usual in logs, traces."),
        ("client_p99_s went to 5", "client_p99_s went to 5."),
        ("Nothing is known.", "Nothing is known."),
        ("", ""),
    ],
)
def test_a_reason_reads_as_a_sentence(clause: str, said: str) -> None:
    assert sentence(clause) == said


@pytest.mark.parametrize(("sent", "uses"), [(["on", "off"], True), (["off"], False), ([], True)])
def test_memory_is_used_where_its_box_is_checked(
    rita_client: Any, incident: Incident, sent: list[str], uses: bool
) -> None:
    """As browsers send it: the field behind the box goes along whether it is checked or not."""
    rita_client.post(f"{incident.get_absolute_url()}analyse/", {"memory": sent})
    newest = incident.analyses.first()
    assert newest is not None
    assert (newest.number, newest.uses_memory) == (2, uses)
