"""Over the API: what goes with a source, a set or a replay, other names for them, and their end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from practice.models import Incident
from tests.practice.case_sets import finished, known, use_folder
from tests.practice.outages import outage


@pytest.fixture(autouse=True)
def _own_folder(settings: Any, tmp_path: Path) -> None:
    use_folder(settings, tmp_path)


def test_the_api_says_what_goes_and_lets_it_go(
    with_key: Any, olga_client: Any, workspace: Any
) -> None:
    incident = outage(workspace)
    replay = finished(known(workspace))
    client, home = with_key("write"), "/api/v1"
    for address, goes, name in (
        (f"{home}/replays/{replay.pk}", None, "first"),
        (f"{home}/case-sets/{replay.case_set_id}", {"cases": 2, "replays": 1}, "Autumn"),
        (f"{home}/telemetry/shop", {"files": 4, "rows": 362, "incidents": 1}, "Till"),
    ):
        read = client.get(address).json()
        assert read.get("goes") == goes
        asked = {"name": name} | ({"seen": read["shown_name"]} if goes else {})
        named = client.patch(address, asked, content_type="application/json")
        assert (named.status_code, named.json()["name"]) == (200, name)
        assert olga_client.patch(address, asked, content_type="application/json").status_code == 404
        if goes:
            late = client.patch(address, asked | {"name": "x"}, content_type="application/json")
            assert late.status_code == 409
    url = f"{home}/replays/{replay.pk}/delete"
    assert with_key("read").post(url).status_code == 403
    assert client.get(url).json() == {"answers": 2, "is_baseline": False}
    assert client.post(url).json() == {"answers": 2, "is_baseline": False}
    set_gone = client.delete(f"{home}/case-sets/{replay.case_set_id}")
    assert set_gone.json() == {"cases": 2, "replays": 0}
    assert client.delete(f"{home}/telemetry/shop").json()["files"] == 4
    assert client.get(f"{home}/telemetry/shop").status_code == 404
    assert Incident.objects.get() == incident
