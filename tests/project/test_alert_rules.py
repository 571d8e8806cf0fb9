"""The alerts that ship with the product ask for figures it has."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families

from memoryapp.clients import pulse
from tests.factories import RunFactory

pytestmark = pytest.mark.django_db

ROOT = Path(__file__).resolve().parents[2]
RULES = yaml.safe_load((ROOT / "deploy" / "prometheus" / "greenroom.rules.yaml").read_text())
ALERTS: list[dict[str, Any]] = [rule for group in RULES["groups"] for rule in group["rules"]]


@pytest.mark.usefixtures("requests_counted")
def test_every_figure_an_alert_asks_for_is_there(client: Client) -> None:
    RunFactory(status="running")
    pulse.leave()
    client.get("/healthz")
    said = client.get("/metrics").content.decode()
    names = {row.name for family in text_string_to_metric_families(said) for row in family.samples}
    asked = {name for alert in ALERTS for name in re.findall(r"greenroom_\w+", alert["expr"])}
    assert asked - names == set()
    assert len(asked) >= 6


def test_every_alert_says_what_is_wrong_and_how_much_it_matters() -> None:
    for alert in ALERTS:
        assert alert["annotations"]["summary"].endswith(".")
        assert alert["labels"]["severity"] in {"warning", "critical"}
    assert len({alert["alert"] for alert in ALERTS}) == len(ALERTS)


def test_the_figures_that_the_guide_says_to_alert_on_have_an_alert() -> None:
    guide = (ROOT / "docs" / "operations.md").read_text()
    told = re.findall(r"^\| `(greenroom_\w+)`[^|]*\| (?!what waits for people)[^|\s]", guide, re.M)
    asked = " ".join(alert["expr"] for alert in ALERTS)
    assert [name for name in told if name not in asked] == []
    assert len(told) >= 5


def test_the_guide_says_what_to_do_for_every_alert() -> None:
    guide = (ROOT / "docs" / "operations.md").read_text()
    table = guide.partition("### When an alert fires")[2].partition("###")[0]
    told = set(re.findall(r"`(Greenroom\w+)`", table))
    assert told == {alert["alert"] for alert in ALERTS}
