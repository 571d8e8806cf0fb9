from __future__ import annotations

import pytest

from practice.domain.evidence import Basis, Weight, ceiling, confidence, tempered
from practice.domain.types import Check


def failed(*names: str) -> list[Check]:
    return [Check("schema_valid", True), *(Check(name, False, name) for name in names)]


@pytest.mark.parametrize(
    ("names", "highest", "decisive"),
    [
        ((), 5, None),
        (("no_loops",), 4, "no_loops"),
        (("requests_covered",), 3, "requests_covered"),
        (("order_kept", "state_changed"), 2, "state_changed"),
        (("answer_grounded", "order_kept"), 3, "answer_grounded"),
        (("call_succeeded", "state_changed"), 1, "call_succeeded"),
        (("something_new",), 5, "something_new"),
    ],
)
def test_it_lets_the_gravest_finding_decide(
    names: tuple[str, ...], highest: int, decisive: str | None
) -> None:
    found, check = ceiling(failed(*names))
    assert found == highest
    assert (check.name if check else None) == decisive


def test_it_looks_only_at_the_weights_it_is_asked_for() -> None:
    checks = failed("state_changed", "order_kept", "values_used")
    assert ceiling(checks, Weight.DECISIVE)[0] == 2
    assert ceiling(checks, Weight.TELLING)[0] == 3
    assert ceiling(failed("values_used"), Weight.DECISIVE, Weight.TELLING) == (5, None)


def test_it_is_surest_of_a_goal_and_least_sure_of_bare_text() -> None:
    passed = failed()
    assert [confidence(basis, passed) for basis in Basis] == [1.0, 0.65, 0.5]


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("no_loops",), 0.4),
        (("values_used",), 0.75),
        (("values_used", "requests_covered"), 0.85),
        (("state_changed", "no_loops"), 0.95),
        (("no_loops", "schema_valid", "tools_exist"), 0.3),
    ],
)
def test_it_grows_surer_of_a_failure_with_each_finding(
    names: tuple[str, ...], expected: float
) -> None:
    checks = [Check(name, False) for name in names]
    assert confidence(Basis.TEXT, checks) == expected


def test_it_tempers_the_agreement_of_votes_by_the_evidence() -> None:
    assert tempered(0.8, failed(), success=True) == 0.9
    assert tempered(0.8, failed(), success=False) == 0.6
    assert tempered(0.8, failed("order_kept"), success=True) == 0.6
    assert tempered(0.8, failed("order_kept"), success=False) == 0.9
    assert tempered(0.8, failed("state_changed"), success=False) == 0.95
