from __future__ import annotations

import pytest

from practice.domain.calibration import (
    Confusion,
    Opinion,
    admitted_at,
    confusion,
    expected_calibration_error,
    reliability,
)

#: 2 admitted rightly, 1 wrongly; 1 rejected wrongly, 4 rightly.
OPINIONS = [
    Opinion(True, 0.95, True),
    Opinion(True, 0.65, True),
    Opinion(True, 0.62, False),
    Opinion(False, 0.55, True),
    *[Opinion(False, 0.9, False)] * 4,
]


def test_it_counts_labels_against_the_truth() -> None:
    assert confusion(OPINIONS) == Confusion(2, 1, 1, 4)


def test_it_measures_precision_recall_f1_and_accuracy() -> None:
    counted = confusion(OPINIONS)
    assert counted.precision == pytest.approx(2 / 3)
    assert counted.recall == pytest.approx(2 / 3)
    assert counted.f1 == pytest.approx(2 / 3)
    assert counted.accuracy == pytest.approx(6 / 8)


def test_it_measures_agreement_beyond_chance() -> None:
    # By hand: observed 6/8; chance (3·3 + 5·5)/64 = 34/64; (0.75 - 0.53125) / 0.46875.
    assert confusion(OPINIONS).kappa == pytest.approx(0.4666667)
    # Cohen's own layout: 20 and 15 agreed on, 5 and 10 not: kappa 0.4.
    assert Confusion(20, 5, 10, 15).kappa == pytest.approx(0.4)


def test_it_has_no_share_of_nothing() -> None:
    empty = confusion([])
    assert empty.total == 0
    assert (empty.precision, empty.recall, empty.f1, empty.accuracy, empty.kappa) == (None,) * 5
    assert Confusion(true_rejected=5).kappa is None
    assert expected_calibration_error([]) is None
    assert reliability([]) == ()


def test_it_bins_confidence_with_the_accuracy_seen() -> None:
    half, most = reliability(OPINIONS, bins=5)[0], reliability(OPINIONS, bins=5)[-1]
    assert (half.start, half.stop, half.count) == (0.4, 0.6, 1)
    assert (half.confidence, half.accuracy) == (0.55, 0.0)
    assert (most.start, most.count, most.accuracy) == (0.8, 5, 1.0)
    assert most.confidence == pytest.approx(0.91)
    # Wilson, 5 of 5: the lower end is 5 / (5 + 1.96²).
    assert most.low == pytest.approx(0.5655, abs=1e-4)
    assert most.high == pytest.approx(1.0)


def test_it_puts_certainty_into_the_last_bin() -> None:
    (only,) = reliability([Opinion(True, 1.0, True)])
    assert (only.start, only.stop) == (0.9, 1.0)


def test_it_weighs_the_calibration_error_by_count() -> None:
    # By hand, five bins: 1·0.55, 2·|0.5 - 0.635| and 5·0.09, over 8.
    found = expected_calibration_error(OPINIONS, bins=5)
    assert found == pytest.approx((0.55 + 0.27 + 0.45) / 8)


def test_it_says_what_a_threshold_would_admit() -> None:
    strict = admitted_at(OPINIONS, 0.64)
    assert (strict.admitted, strict.held_back) == (2, 1)
    assert strict.precision == 1.0
    assert strict.recall == pytest.approx(2 / 3)
    everything = admitted_at(OPINIONS, 0.0)
    assert (everything.admitted, everything.held_back) == (3, 0)
    assert everything.precision == pytest.approx(2 / 3)
    assert admitted_at(OPINIONS, 1.0).precision is None
    assert (admitted_at(OPINIONS, 1.0).low, admitted_at(OPINIONS, 1.0).high) == (0.0, 1.0)


def test_it_refuses_a_confidence_that_is_none() -> None:
    with pytest.raises(ValueError, match="not within 0 to 1"):
        reliability([Opinion(True, 1.2, True)])
    with pytest.raises(ValueError, match="at least one bin"):
        reliability(OPINIONS, bins=0)
