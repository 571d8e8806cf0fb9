"""Bullets found by their words and by their vectors."""

from __future__ import annotations

import time
from typing import Any

import pytest
from django.db import connection
from pgvector import HalfVector

from memoryapp.models import BulletVector, EmbeddingModel
from memoryapp.queries import search as queries
from memoryapp.queries import search_statistics
from memoryapp.queries.search import QueryVector, Scope, search
from memoryapp.services.bullets import bullet_edit, bullet_retire
from memoryapp.services.releases import release_publish
from tests.factories import BulletFactory, PlaybookFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def playbook(workspace: Any) -> Any:
    return PlaybookFactory(workspace=workspace)


@pytest.fixture
def model(db: None) -> EmbeddingModel:
    return EmbeddingModel.objects.create(
        provider="fake", name="corners", dimensions=3, status="serving"
    )


def bullet(playbook: Any, content: str, **more: Any) -> Any:
    return BulletFactory(playbook=playbook, content=content, **more)


def placed(bullet: Any, model: EmbeddingModel, *vector: float) -> None:
    BulletVector.objects.create(
        model=model,
        revision=bullet.wording,
        playbook=bullet.playbook,
        vector=HalfVector(list(vector)),
    )


def everywhere(playbook: Any, **more: Any) -> Scope:
    return Scope(playbooks=[playbook.pk], **more)


def found(text: str, scope: Scope, **more: Any) -> list[str]:
    return [hit.content for hit in search(text, scope=scope, **more)]


def test_it_puts_what_has_every_word_before_what_shares_one(playbook: Any) -> None:
    bullet(playbook, "Refund, refund, refund: always say so.")
    bullet(playbook, "Verify the customer before a refund.")
    first, second = search("verify refund", scope=everywhere(playbook))
    assert first.content.startswith("Verify")
    assert (first.has_every_word, second.has_every_word) == (True, False)
    assert first.text is not None
    assert (first.text.place, first.vector) == (1, None)


def test_it_finds_other_forms_of_a_word_and_parts_of_tool_names(playbook: Any) -> None:
    bullet(playbook, "Call create_refund after verifying.")
    assert found("refunds", everywhere(playbook)) == ["Call create_refund after verifying."]


@pytest.mark.parametrize("with_vectors", [False, True])
@pytest.mark.parametrize(
    "text",
    [
        *("", "   ", "'; DROP TABLE x --", "a & | ! <-> :*", "%s %(x)s", "the"),
        *("ünïcode \U0001f600", "it\\'s 'quoted' \\ ' | '", "/a/b.py https://x.y/z?q='a b'"),
    ],
)
def test_it_takes_any_text_for_a_question(
    playbook: Any, model: Any, text: str, with_vectors: bool
) -> None:
    bullet(playbook, "Verify the customer.")
    vector = QueryVector(model.pk, (1.0, 0.0, 0.0)) if with_vectors else None
    assert found(text, everywhere(playbook), vector=vector) == []


def test_it_looks_in_no_other_playbook(playbook: Any, workspace: Any) -> None:
    bullet(PlaybookFactory(workspace=workspace), "Refund elsewhere.")
    assert found("refund", everywhere(playbook)) == []


def test_it_leaves_out_what_is_retired_unless_asked(playbook: Any, ada: Any) -> None:
    gone = bullet(playbook, "Refund at once.")
    bullet_retire(bullet=gone, reason="wrong", by=ada)
    assert found("refund", everywhere(playbook)) == []
    assert found("refund", everywhere(playbook, statuses=["retired"])) == ["Refund at once."]


@pytest.mark.parametrize("in_release", [False, True])
def test_it_narrows_by_section(playbook: Any, ada: Any, in_release: bool) -> None:
    bullet(playbook, "Refund slowly.", section="pitfalls", label="pitfalls-001")
    bullet(playbook, "Refund quickly.")
    wordings = release_publish(playbook=playbook, by=ada).wordings if in_release else None
    scope = everywhere(playbook, sections=["pitfalls"], wordings=wordings)
    assert found("refund", scope) == ["Refund slowly."]


def test_it_searches_a_release_as_it_was_published(playbook: Any, ada: Any) -> None:
    changed = bullet(playbook, "Refund at once.")
    release = release_publish(playbook=playbook, by=ada)
    bullet_edit(bullet=changed, content="Ask a supervisor.", reason="", by=ada, revision=1)
    bullet(playbook, "Refund later.")
    scope = everywhere(playbook, wordings=release.wordings)
    assert found("refund", scope) == ["Refund at once."]
    assert found("supervisor", scope) == []
    assert found("supervisor", everywhere(playbook)) == ["Ask a supervisor."]


@pytest.mark.parametrize("in_release", [False, True])
def test_it_fuses_both_legs_by_their_places(
    playbook: Any, model: Any, ada: Any, in_release: bool
) -> None:
    words = bullet(playbook, "Refund by card.")
    meaning = bullet(playbook, "Give the money back.")
    both = bullet(playbook, "Refund, refund, refund.")
    for row, vector in ((words, (0, 0, 1)), (meaning, (1, 0, 0)), (both, (0.8, 0.6, 0))):
        placed(row, model, *vector)
    wordings = release_publish(playbook=playbook, by=ada).wordings if in_release else None
    hits = search(
        "refund",
        scope=everywhere(playbook, wordings=wordings),
        vector=QueryVector(model.pk, (1.0, 0.0, 0.0)),
    )
    assert hits[0].content == "Refund, refund, refund."
    by_text = {hit.content: hit for hit in hits}
    assert by_text["Give the money back."].text is None
    leg = by_text["Give the money back."].vector
    assert leg is not None
    assert (leg.place, round(leg.score, 2)) == (1, 1.0)


REFUNDS = ("Refund by card.", "Refund by bank.", "Refund at once.", "Refund on E4711.")


@pytest.fixture
def analyzed(playbook: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Four bullets about refunds, where a word in more than two is common, and that is known."""
    monkeypatch.setattr(queries, "CAP_BESIDE_VECTORS", 2)
    monkeypatch.setattr(search_statistics, "_held", None)
    for content in REFUNDS:
        bullet(playbook, content)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE memoryapp_bullet")
    return playbook


def test_beside_vectors_it_looks_for_rare_words(analyzed: Any, model: Any) -> None:
    vector = QueryVector(model.pk, (1.0, 0.0, 0.0))
    scope = everywhere(analyzed)
    assert found("refund E4711 failed", scope, vector=vector) == ["Refund on E4711."]
    assert found("refund failed", scope, vector=vector) == []
    assert sorted(found("refund failed", scope)) == sorted(REFUNDS)


def test_beside_vectors_it_finds_what_has_every_word_however_common(
    analyzed: Any, model: Any
) -> None:
    vector = QueryVector(model.pk, (1.0, 0.0, 0.0))
    hits = search("refund", scope=everywhere(analyzed), vector=vector)
    assert [hit.has_every_word for hit in hits] == [True, True]


def test_beside_vectors_every_word_counts_as_rare_until_the_table_was_analyzed(
    analyzed: Any, model: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Only PostgreSQL 18 can be made to forget what it counted, so another table is asked about.
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE never_analyzed (search tsvector) ON COMMIT DROP")
    asked = search_statistics._SQL.replace("'memoryapp_bullet'", "'never_analyzed'")
    monkeypatch.setattr(search_statistics, "_SQL", asked)
    vector = QueryVector(model.pk, (1.0, 0.0, 0.0))
    assert len(found("refund failed", everywhere(analyzed), vector=vector)) == 2


def test_it_reads_now_and_then_which_words_are_common(
    analyzed: Any, monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: Any
) -> None:
    with django_assert_num_queries(1):
        assert search_statistics.common_words("A refund", more_than=2) == ["refund"]
        assert search_statistics.common_words("Refunds", more_than=3) == ["refund"]
        assert search_statistics.common_words("Refunds", more_than=4) == []
        assert search_statistics.common_words("A customer", more_than=2) == []
    later = time.monotonic() + search_statistics.HELD_SECONDS + 1
    monkeypatch.setattr("memoryapp.queries.search_statistics.time.monotonic", lambda: later)
    with django_assert_num_queries(1):
        search_statistics.common_words("A refund", more_than=2)


@pytest.mark.parametrize(
    ("vectors", "limit", "walked"),
    [
        (0, 10, 60),
        (100_000, 10, 60),
        (200_000, 10, 72),
        (1_000_000, 10, 100),
        (1_000_000, 100, 150),
        (10**9, 1_000, 1_000),
    ],
)
def test_it_walks_a_larger_graph_more_widely(
    vectors: int, limit: int, walked: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "vector_count", lambda: vectors)
    assert queries.ef_search(limit) == walked


def test_it_knows_about_how_many_vectors_there_are(
    playbook: Any, model: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        placed(bullet(playbook, f"Refund {number}."), model, 1, 0, 0)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE memoryapp_bulletvector")
    monkeypatch.setattr(search_statistics, "_held", None)
    assert search_statistics.vector_count() == 3


def test_it_never_compares_vectors_of_two_models(playbook: Any, model: Any) -> None:
    other = EmbeddingModel.objects.create(provider="fake", name="other", dimensions=3)
    placed(bullet(playbook, "Refund."), other, 1, 0, 0)
    assert found("money", everywhere(playbook), vector=QueryVector(model.pk, (1.0, 0.0, 0.0))) == []


def test_it_asks_the_database_once(
    playbook: Any, model: Any, django_assert_num_queries: Any
) -> None:
    search_statistics.common_words("", more_than=0)  # held from here on
    with django_assert_num_queries(1):
        search("refund", scope=everywhere(playbook), vector=QueryVector(model.pk, (1.0, 0.0, 0.0)))


def test_it_gives_no_more_than_asked(playbook: Any) -> None:
    for number in range(5):
        bullet(playbook, f"Refund number {number}.")
    assert len(search("refund", scope=everywhere(playbook), limit=3)) == 3
