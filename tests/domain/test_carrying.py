"""Going on after one step was changed: which later values change with it."""

from __future__ import annotations

import json
from typing import Any

from practice.domain.carrying import Carrier, others
from practice.domain.types import Step


def _step(**arguments: Any) -> Step:
    return Step(2, "tool", arguments, "")


def test_a_later_call_takes_the_value_the_changed_one_has_now() -> None:
    carrier = Carrier("ORD-1 ORD-2")
    carrier.called({"order": "ORD-1", "count": 1}, {"order": "ORD-2", "count": 2})
    assert carrier.carried(_step(of="ORD-1")).arguments == {"of": "ORD-2"}
    assert carrier.carried(_step(all=[{"id": "ORD-1"}])).arguments == {"all": [{"id": "ORD-2"}]}


def test_a_short_value_is_the_same_thing_under_the_same_name_only() -> None:
    carrier = Carrier()
    carrier.called({"count": 1}, {"count": 2})
    assert carrier.carried(_step(count=1, page=1)).arguments == {"count": 2, "page": 1}


def test_what_an_answer_brought_in_is_taken_from_the_new_one() -> None:
    carrier = Carrier()
    carrier.heard(
        json.dumps({"items": [{"sku": "TBL-330", "size": 7}]}),
        json.dumps({"items": [{"sku": "BLB-601", "size": 9}]}),
    )
    assert carrier.carried(_step(sku="TBL-330", size=7)).arguments == {"sku": "BLB-601", "size": 7}


def test_what_was_known_before_stays_as_it_is() -> None:
    carrier = Carrier("List what was delivered.")
    carrier.heard('{"status": "delivered"}', '{"status": "shipped"}')
    step = _step(status="delivered")
    assert carrier.carried(step) is step


def test_an_answer_that_is_no_json_changes_nothing() -> None:
    carrier = Carrier()
    carrier.heard("ORD-1 was made", '{"id": "ORD-2"}')
    carrier.heard('{"id": "ORD-1"}', "refused")
    step = _step(id="ORD-1")
    assert carrier.carried(step) is step


def test_two_values_that_changed_places_do_not_become_one() -> None:
    carrier = Carrier()
    carrier.called({"to": "ORD-1", "by": "ORD-2"}, {"to": "ORD-2", "by": "ORD-1"})
    assert carrier.told("ORD-1 before ORD-2") == "ORD-2 before ORD-1"
    assert Carrier().told("as it was") == "as it was"


def test_others_are_what_stands_under_the_same_name_where_a_value_was_read() -> None:
    rows = json.dumps({"orders": [{"id": "ORD-1"}, {"id": "ORD-2"}, {"id": "ORD-3"}], "ref": "R"})
    elsewhere = json.dumps({"id": "ORD-9"})
    assert others("id", "ORD-2", [rows, elsewhere]) == ["ORD-1", "ORD-3"]
    assert others("ref", "ORD-2", [rows]) == []
    assert others("id", "ORD-2", ["no json", "[" * 2_000]) == []
