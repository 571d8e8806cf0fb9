"""What a model wrote stands only as far as it can be checked against graph and evidence."""

from __future__ import annotations

import pytest

from practice.domain.rootcause.analysis import analyse
from practice.domain.rootcause.explanation import SENTENCES, Sentence, checked, shown
from practice.domain.rootcause.types import Analysis
from tests.domain.rootcause_world import ALERT, request, world


@pytest.fixture(scope="module")
def found() -> Analysis:
    window, reference = world(request(own=0.3))
    return analyse(window, ALERT, reference=reference)


def one(text: str, found: Analysis, *, about: str = "service:shop", cites: str = "") -> Sentence:
    return Sentence(text, (about,), (cites or shown(found)[0].evidence_id,))


@pytest.mark.parametrize(
    "text",
    ["It began in `service:shop`.", "The `shop` is slow by itself.", "What it calls is as usual."],
)
def test_a_sentence_about_the_graph_that_cites_its_evidence_stands(
    text: str, found: Analysis
) -> None:
    assert checked([one(text, found)], found) == (one(text, found),)


def test_a_component_may_be_said_by_its_name(found: Analysis) -> None:
    (kept,) = checked([one("It is slow.", found, about="shop")], found)
    assert kept.about == ("service:shop",)


@pytest.mark.parametrize(
    "text",
    [
        "It began in `service:ghost`.",
        "It began in `ghost`.",
        "It began in ghost-service.",
        "It began in `sho`.",
        "It came from service:shop-canary.",
        "The table billing_rows was locked.",
    ],
)
def test_a_sentence_with_a_name_that_nothing_has_is_dropped(text: str, found: Analysis) -> None:
    assert checked([one(text, found)], found) == ()


def test_a_sentence_about_a_stranger_or_without_evidence_is_dropped(found: Analysis) -> None:
    sentences = [
        one("It is slow.", found, about="service:ghost"),
        one("It is slow.", found, cites="e999"),
        Sentence("It is slow.", ("service:shop",), ()),
    ]
    assert checked(sentences, found) == ()


def test_no_more_is_kept_than_can_be_read(found: Analysis) -> None:
    assert len(checked([one(f"It is slow, {n}.", found) for n in range(20)], found)) == SENTENCES
