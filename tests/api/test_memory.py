"""Proposer memory over the API."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.factories import PlaybookFactory
from tests.practice.memories import desk, fact, practised, run_in

pytestmark = pytest.mark.django_db

FOLDER = Path(__file__).parents[1] / "domain" / "artifact"
URL = "/api/v1/environments/desk/memory"


@pytest.fixture
def run(workspace: Any) -> Any:
    return run_in(desk(workspace, "get_order", "list_orders"))


def test_it_lists_regions_and_what_is_asked(run: Any, with_key: Any) -> None:
    practised(run, ("list_orders", False), ("get_order", True))
    run.environment.steering.create(kind="focus", tool="get_order")

    body = with_key("read").get(URL).json()

    assert [(tool["name"], tool["region"]) for tool in body["tools"]] == [
        ("get_order", "under_practised"),
        ("list_orders", "practised"),
    ]
    assert (body["pairs"][0]["first"], body["pairs"][0]["second"]) == ("list_orders", "get_order")
    assert body["steering"][0]["tool"] == "get_order"


def test_it_steers_and_ends_a_wish(run: Any, with_key: Any) -> None:
    client = with_key("write")
    asked = {"kind": "seed_task", "instruction": "Refund an order."}

    made = client.post(f"{URL}/steering", asked, content_type="application/json")
    ended = client.delete(f"{URL}/steering/{made.json()['id']}")

    assert (made.status_code, made.json()["created_by"]) == (201, "ada")
    assert ended.json()["ended_at"] is not None
    assert client.delete(f"{URL}/steering/{made.json()['id']}").status_code == 409


def test_it_explains_what_cannot_be_asked(run: Any, with_key: Any) -> None:
    asked = {"kind": "focus", "tool": "nothing"}

    answer = with_key("write").post(f"{URL}/steering", asked, content_type="application/json")

    assert answer.status_code == 409
    assert "has no tool nothing" in answer.json()["detail"]


def test_it_lists_facts_and_excludes_one(run: Any, with_key: Any) -> None:
    row = fact(run, "Ten orders.", tools=["list_orders"], seen_count=4)
    fact(run, "Two desks.")
    client = with_key("read", "write")

    changed = client.patch(
        f"{URL}/facts/{row.pk}", {"excluded": True}, content_type="application/json"
    )

    assert changed.json()["excluded"] is True
    (listed,) = client.get(f"{URL}/facts?state=excluded").json()["results"]
    assert (listed["text"], listed["seen"], listed["tools"]) == ("Ten orders.", 4, ["list_orders"])
    assert client.get(f"{URL}/facts?state=odd").status_code == 400


def test_it_takes_the_files_in_and_out(run: Any, with_key: Any, workspace: Any) -> None:
    PlaybookFactory(workspace=workspace, slug="music")
    client = with_key("read", "write")
    for file, query in (("playbook.json", "&playbook=music"), ("proposer_memory.json", "")):
        document = json.loads((FOLDER / file).read_text())
        asked = {"file": file, "playbook": "music", "document": document}

        report = client.post(f"{URL}/artifact", asked, content_type="application/json")

        assert report.status_code == 200
        assert report.json()["counts"]["refused"] == 0
        assert client.get(f"{URL}/artifact?file={file}{query}").json() == document
    assert client.get(f"{URL}/artifact").status_code == 400
    assert client.get(f"{URL}/artifact?file=playbook.json").status_code == 404


def test_it_needs_the_right_scope_and_the_right_workspace(
    run: Any, with_key: Any, olga_client: Any
) -> None:
    reader = with_key("read")

    assert reader.post(f"{URL}/steering", {}, content_type="application/json").status_code == 403
    assert reader.delete(f"{URL}/steering/1").status_code == 403
    assert reader.patch(f"{URL}/facts/1", {}, content_type="application/json").status_code == 403
    assert olga_client.get(URL).status_code == 404
