"""Taking in alerts: a storm is one investigation."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from memoryapp.domain.errors import UnableToStart
from memoryapp.models import Event
from practice.models import Analysis, Incident, IncidentAlert
from practice.services.incidents import alerts_send, incident_create
from tests.practice.outages import BEGAN, alert, analysed, source_of


def send(workspace: Any, *alerts: Any, source: Any = None) -> Any:
    return alerts_send(workspace=workspace, alerts=alerts, source=source, by=None)


def test_an_alert_opens_an_incident_and_rings_for_its_analysis(
    workspace: Any, rung: list[Any], django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        receipt = send(workspace, alert())
    incident = Incident.objects.get()
    assert (receipt.opened, incident.title, incident.entry) == ([1], "Replies are slow", "web")
    assert rung == [("analyse_incident", incident.analyses.get().pk)]
    assert Event.objects.filter(kind="incident.opened").exists()


def test_a_storm_of_one_entry_is_one_investigation(workspace: Any) -> None:
    storm = [alert(external_id=f"a{n}", at=BEGAN + n) for n in range(40)]
    receipt = send(workspace, *storm)
    assert (len(receipt.opened), len(receipt.joined)) == (1, 39)
    assert Analysis.objects.count() == 1
    incident = Incident.objects.get()
    assert incident.alerts.count() == 40
    assert (incident.ends_at - incident.begins_at).total_seconds() == 39


def test_a_storm_over_many_components_is_one_investigation_before_anything_is_known(
    workspace: Any,
) -> None:
    source = source_of(workspace)
    storm = [alert(external_id=f"a{n}", entry=f"part-{n}", at=BEGAN + n) for n in range(20)]
    receipt = send(workspace, *storm, source=source)
    later = send(workspace, alert(external_id="b", entry="part-b", at=BEGAN + 60), source=source)
    assert (receipt.opened, len(receipt.joined), later.joined) == ([1], 19, [1])
    assert Analysis.objects.count() == 1


def test_two_systems_are_two_investigations_from_the_first_alert_on(workspace: Any) -> None:
    source = source_of(workspace)
    two = [alert(external_id=name, entry=name, system=name) for name in ("shop", "bank")]
    assert send(workspace, *two, source=source).opened == [1, 2]


def in_namespace(entry: str, namespace: str, second: int) -> Any:
    name = f"{namespace}-{entry}"
    return alert(
        external_id=name, entry=entry, system=namespace, is_part=True, at=BEGAN + 60 + second
    )


def test_one_fault_over_several_namespaces_is_one_investigation(workspace: Any) -> None:
    source = source_of(workspace)
    both = [in_namespace("web", "front", 0), in_namespace("shop", "orders", 1)]
    receipt = send(workspace, *both, source=source)
    assert (receipt.opened, receipt.joined) == ([1], [1])
    analysed(Incident.objects.get())
    called = send(workspace, in_namespace("ledger", "money", 2), source=source)
    copy = send(workspace, in_namespace("web", "staging", 3), source=source)
    assert (called.joined, copy.joined, copy.opened) == ([1], [], [2])


def test_without_telemetry_only_alerts_of_one_component_are_one_investigation(
    workspace: Any,
) -> None:
    two = [alert(external_id=name, entry=name) for name in ("web", "ledger")]
    assert send(workspace, *two).opened == [1, 2]


def test_what_has_ended_and_was_never_seen_firing_opens_nothing(workspace: Any) -> None:
    receipt = send(workspace, alert(resolved_at=BEGAN + 5))
    assert receipt.opened == []
    assert "never seen firing" in receipt.refused[0]
    assert not Incident.objects.exists()


def test_later_alerts_of_the_same_call_tree_attach_to_it(workspace: Any) -> None:
    source = source_of(workspace)
    send(workspace, alert(), source=source)
    incident = Incident.objects.get()
    analysed(incident)
    receipt = send(
        workspace,
        alert(external_id="a2", entry="ledger", at=BEGAN + 120),
        alert(external_id="a3", entry="elsewhere", at=BEGAN + 120),
        source=source,
    )
    assert (receipt.joined, receipt.opened) == ([incident.number], [2])


def test_a_batch_reads_of_what_an_analysis_found_the_names_alone_and_once(workspace: Any) -> None:
    source = source_of(workspace)
    send(workspace, alert(), source=source)
    analysed(Incident.objects.get())
    storm = [alert(external_id=f"b{n}", entry="ledger", at=BEGAN + 120 + n) for n in range(5)]
    with CaptureQueriesContext(connection) as ran:
        assert len(send(workspace, *storm, source=source).joined) == 5
    said = [query["sql"] for query in ran if 'FROM "practice_analysis"' in query["sql"]]
    assert len(said) == 1
    assert said[0].count('"result"') == said[0].count(
        'jsonb_path_query_array("practice_analysis"."result"'
    )


def test_the_same_alert_sent_again_is_counted_and_starts_nothing(workspace: Any) -> None:
    send(workspace, alert())
    receipt = send(workspace, alert(resolved_at=BEGAN + 500))
    row = IncidentAlert.objects.get()
    assert (receipt.known, row.count, Incident.objects.count()) == (1, 2, 1)
    assert row.resolved_at is not None


def test_an_alert_long_after_is_another_incident(workspace: Any) -> None:
    send(workspace, alert())
    assert send(workspace, alert(external_id="a2", at=BEGAN + 7200)).opened == [2]


def test_what_a_person_decided_on_is_not_joined_any_more(workspace: Any) -> None:
    send(workspace, alert())
    Incident.objects.update(status="confirmed")
    assert send(workspace, alert(external_id="a2")).opened == [2]


def test_it_refuses_none_and_too_many(workspace: Any) -> None:
    with pytest.raises(UnableToStart, match="No alert"):
        send(workspace)
    with pytest.raises(UnableToStart, match="at most 500"):
        send(workspace, *(alert(external_id=str(n)) for n in range(501)))
    assert not Incident.objects.exists()


def test_an_incident_by_hand_stands_beside_what_stands_already(workspace: Any) -> None:
    send(workspace, alert())
    incident = incident_create(
        workspace=workspace, alert=alert(external_id="mine"), source=None, by=None
    )
    assert incident.number == 2
