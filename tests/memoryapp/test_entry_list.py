"""Memory: all bullets of a workspace, searched, filtered, counted and paged."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from pgvector import HalfVector

from memoryapp.clients import embeddings
from memoryapp.clients.embeddings import EmbeddingsUnavailable
from memoryapp.models import Bullet, BulletVector, EmbeddingModel
from memoryapp.queries import browsing
from memoryapp.services.bullets import bullet_add
from tests.factories import BulletFactory, PlaybookFactory

pytestmark = pytest.mark.django_db

URL = "/memory/"


def rows(client: Any, query: str = "") -> list[Any]:
    return list(client.get(URL + query).context["rows"])


def test_it_finds_bullets_by_words_in_any_order(vera_client: Any, playbook: Any) -> None:
    wanted = BulletFactory(playbook=playbook, content="Quote a refund before you create it.")
    BulletFactory(playbook=playbook)
    assert rows(vera_client, "?q=refund+quote") == [wanted]
    assert rows(vera_client, "?q=quotes+refunds") == [wanted]


@pytest.mark.parametrize("more", ["", "&q=refund", "&q=refund&sort=best", "&days=7"])
def test_it_shows_what_is_in_use_as_a_whole(vera_client: Any, playbook: Any, more: str) -> None:
    content = "Quote a refund."
    held = [
        BulletFactory(playbook=playbook, content=content, status=status)
        for status in ("approved", "stale", "retired")
    ]
    page = vera_client.get(f"{URL}?status=live{more}")
    assert set(page.context["rows"]) == set(held[:2])
    assert page.context["counts"].total == 2
    shown = {chip.label: (chip.count, chip.pressed) for chip in page.context["filters"]}
    assert shown["In use"] == (2, True)
    assert shown["All"] == (3, False)
    assert "In use" not in vera_client.get(URL).content.decode()


def test_it_takes_phrases_and_leaves_words_out(vera_client: Any, playbook: Any) -> None:
    one = BulletFactory(playbook=playbook, content="Check refund, order.")
    other = BulletFactory(playbook=playbook, content="Check order, refund.")
    assert rows(vera_client, '?q="order+refund"') == [other]
    assert rows(vera_client, "?q=check+-nothing") == [other, one]
    assert rows(vera_client, f"?q={one.label}") == [one]


@pytest.mark.parametrize("q", ["'", '"', "(", "a & | b", "!!", "\\", "<script>", "%", ":*"])
def test_it_takes_any_characters(vera_client: Any, playbook: Any, q: str) -> None:
    BulletFactory(playbook=playbook)
    for sort in ("", "best"):
        assert vera_client.get(URL, {"q": q, "sort": sort}).status_code == 200


def test_it_marks_the_words_it_found(vera_client: Any, playbook: Any) -> None:
    BulletFactory(playbook=playbook, content="Use `create_refund` after <b>quoting</b> refunds.")
    said = vera_client.get(f"{URL}?q=refund").content.decode()
    assert "<mark>refunds</mark>" in said
    assert "&lt;b&gt;" in said
    assert "<b>quoting" not in said


def test_it_marks_nothing_that_a_text_marks_itself(vera_client: Any, playbook: Any) -> None:
    forged = f"A refund {browsing.MARK_START}here."
    BulletFactory(playbook=playbook, content=forged)
    said = vera_client.get(f"{URL}?q=refund").content.decode()
    assert len(re.findall("<mark>", said)) == 1


def test_it_puts_the_best_match_first(vera_client: Any, playbook: Any) -> None:
    best = BulletFactory(playbook=playbook, content="Refund refund refund.")
    BulletFactory(playbook=playbook, content="A refund among many other words that say more.")
    assert rows(vera_client, "?q=refund&sort=best")[0] == best
    assert "words #1" in vera_client.get(f"{URL}?q=refund&sort=best").content.decode()


class Money:
    """A model that knows one thing: whether a text is about money. It says what it was asked."""

    provider, name = "fake", "money"

    def __init__(self) -> None:
        self.asked: list[str] = []

    def embed(self, texts: Any, counted: Any = None) -> list[list[float]]:
        self.asked += texts
        return [[1.0, 0.0] if "money" in text or "refund" in text else [0.0, 1.0] for text in texts]


class Down:
    provider, name = "fake", "money"

    def embed(self, texts: Any, counted: Any = None) -> list[list[float]]:
        raise EmbeddingsUnavailable("It is down.")


def serving(monkeypatch: pytest.MonkeyPatch, embedder: Any, *bullets: Any) -> None:
    model = EmbeddingModel.objects.create(
        provider="fake", name="money", dimensions=2, status="serving"
    )
    for bullet in bullets:
        (vector,) = Money().embed([bullet.content])
        BulletVector.objects.create(
            model=model,
            revision=bullet.wording,
            playbook=bullet.playbook,
            vector=HalfVector(vector),
        )
    monkeypatch.setattr(embeddings, "embedder_for", lambda provider, name: embedder)


def test_it_finds_by_meaning_what_is_said_in_other_words(
    vera_client: Any, playbook: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    meant = BulletFactory(playbook=playbook, content="Quote a refund first.")
    other = BulletFactory(playbook=playbook, content="Mail has a footer.")
    serving(monkeypatch, Money(), meant, other)
    page = vera_client.get(f"{URL}?q=money&sort=best")
    assert page.context["rows"][0] == meant
    assert "Ranked by words and by meaning." in page.content.decode()
    assert "meaning #1" in page.content.decode()
    assert rows(vera_client, "?q=money") == []


def test_looking_at_one_best_match_after_another_asks_the_model_once(
    vera_client: Any, playbook: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    meant = BulletFactory.create_batch(3, playbook=playbook, content="Quote a refund first.")
    model = Money()
    serving(monkeypatch, model, *meant)
    for _ in range(2):
        assert len(rows(vera_client, "?q=money&sort=best")) == 3
        for bullet in meant:
            page = vera_client.get(f"{bullet.get_absolute_url()}?q=money&sort=best")
            assert page.context["previous"] or page.context["next"]
    assert model.asked == ["money"]
    rows(vera_client, "?q=footer&sort=best")
    assert model.asked == ["money", "footer"]


@pytest.mark.parametrize(
    ("embedder", "said"),
    [
        (Down(), "the embedding model did not answer."),
        (None, "no embedding model is set up."),
    ],
)
def test_it_says_when_meaning_takes_no_part(
    vera_client: Any,
    playbook: Any,
    monkeypatch: pytest.MonkeyPatch,
    embedder: Any,
    said: str,
) -> None:
    bullet = BulletFactory(playbook=playbook, content="Give money back.")
    serving(monkeypatch, embedder, bullet)
    page = vera_client.get(f"{URL}?q=money&sort=best")
    assert page.context["rows"] == [bullet]
    assert f"Ranked by words alone: {said}" in page.content.decode()


def test_it_does_not_call_the_best_matches_none_found(vera_client: Any, playbook: Any) -> None:
    """The counts are of bullets with all of the words; a best match may lack some."""
    bullet = BulletFactory(playbook=playbook, content="Give money back.")
    page = vera_client.get(f"{URL}?q=money+unheard&sort=best")
    assert page.context["rows"] == [bullet]
    said = page.content.decode()
    assert "0 bullets have all of these words" in said
    assert "found</span>" not in said
    by_date = vera_client.get(f"{URL}?q=money").content.decode()
    assert "1 bullet found</span>" in by_date


def test_it_offers_the_best_matches_of_a_search_by_date(vera_client: Any, playbook: Any) -> None:
    BulletFactory(playbook=playbook, content="Give money back.")
    assert (
        'href="/memory/?q=money&amp;sort=best"'
        in vera_client.get(f"{URL}?q=money").content.decode()
    )


def test_it_narrows_by_status_section_and_playbook(vera_client: Any, playbook: Any) -> None:
    other = PlaybookFactory(workspace=playbook.workspace)
    wanted = BulletFactory(playbook=playbook, section="apis", status="stale")
    BulletFactory(playbook=other, section="apis", status="stale")
    BulletFactory(playbook=playbook, section="apis")
    BulletFactory(playbook=playbook, status="stale")
    query = "?status=stale&section=apis&playbook=help-desk"
    context = vera_client.get(URL + query).context
    assert list(context["rows"]) == [wanted]
    assert context["counts"].total == 1
    assert [(chip.label, chip.count) for chip in context["filters"]] == [
        ("All", 2),
        ("Approved", 1),
        ("Stale", 1),
    ]


@pytest.mark.parametrize("query", ["?q=refund", "?tag=vip", "?days=30", "?trust=untried", ""])
def test_it_counts_alike_with_and_without_tallies(
    vera_client: Any, playbook: Any, query: str
) -> None:
    BulletFactory.create_batch(3, playbook=playbook, tags=["vip"])
    BulletFactory(playbook=playbook, tags=["vip"], section="apis", status="retired")
    counts = vera_client.get(URL + query).context["counts"]
    assert counts.total == 4
    assert dict(counts.by["status"]) == {"approved": 3, "retired": 1}
    assert dict(counts.by["section"]) == {"strategies": 3, "apis": 1}


def test_it_narrows_by_tag_use_trust_and_time(vera_client: Any, playbook: Any, rita: Any) -> None:
    plain = BulletFactory(playbook=playbook)
    tagged = BulletFactory(playbook=playbook, tags=["vip"])
    used = BulletFactory(playbook=playbook, deployed_helpful=1)
    tried = BulletFactory(playbook=playbook, verified_wins=2)
    Bullet.objects.filter(pk=plain.pk).update(updated_at=timezone.now() - timedelta(days=60))
    assert rows(vera_client, "?tag=vip") == [tagged]
    assert rows(vera_client, "?use=live") == [used]
    assert rows(vera_client, "?trust=tried") == [tried]
    assert rows(vera_client, "?use=never&days=30") == [tagged]
    bullet = bullet_add(playbook=playbook, section="apis", content="By hand.", by=rita)
    assert bullet in rows(vera_client, "?trust=hand")


def test_it_says_when_it_stopped_counting_and_counts_all_on_request(
    vera_client: Any, playbook: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(browsing, "COUNTED", 2)
    BulletFactory.create_batch(4, playbook=playbook)
    page = vera_client.get(f"{URL}?q=refund")
    assert "More than" in page.content.decode()
    part = vera_client.get(page.context["count_all_url"], headers={"HX-Request": "true"})
    assert "4 bullets found" in part.content.decode()
    assert "<html" not in part.content.decode()
    whole = vera_client.get(page.context["count_all_url"])
    assert whole.context["counts"].total == 4


def test_it_reaches_every_row_forth_and_back(vera_client: Any, playbook: Any) -> None:
    BulletFactory.create_batch(120, playbook=playbook)
    # Rows of one statement share their time: then the key decides.
    Bullet.objects.update(updated_at=timezone.now())
    seen, url, pages = [], URL, []
    while url:
        context = vera_client.get(url).context
        pages.append([bullet.pk for bullet in context["rows"]])
        seen += pages[-1]
        url = context["next_url"]
    assert len(seen) == len(set(seen)) == 120
    back = vera_client.get(context["previous_url"]).context
    assert [bullet.pk for bullet in back["rows"]] == pages[1]
    assert rows(vera_client, "?sort=oldest")[0].pk == seen[-1]


@pytest.mark.parametrize("place", ["x", "2026-01-01T00:00:00_y", "2026_x", "%00"])
def test_it_begins_anew_at_a_place_that_is_none(
    vera_client: Any, playbook: Any, place: str
) -> None:
    BulletFactory(playbook=playbook)
    assert len(rows(vera_client, f"?after={place}")) == 1


def test_it_needs_the_same_number_of_queries_for_more_rows(
    vera_client: Any, playbook: Any, django_assert_num_queries: Any
) -> None:
    for query, queries in (("", 8), ("?q=refund", 10), ("?q=refund&sort=best", 13)):
        for _ in range(2):
            BulletFactory.create_batch(4, playbook=playbook)
            with django_assert_num_queries(queries):
                vera_client.get(URL + query)


def test_it_offers_to_clear_a_filter_that_finds_nothing(vera_client: Any, playbook: Any) -> None:
    BulletFactory(playbook=playbook)
    said = vera_client.get(f"{URL}?q=unicorn").content.decode()
    assert "No bullet matches" in said
    assert "Clear filters" in said


def test_it_hides_other_workspaces(olga_client: Any, playbook: Any) -> None:
    BulletFactory(playbook=playbook)
    assert rows(olga_client) == []
    assert rows(olga_client, "?q=refund&sort=best") == []
    assert olga_client.get(f"{URL}?playbook=help-desk").context["counts"].total == 0


def test_a_label_that_came_with_a_file_is_no_markup(vera_client: Any, playbook: Any) -> None:
    BulletFactory(playbook=playbook, label='a"><b id="own">-001')
    said = vera_client.get("/memory/").content.decode()
    assert "&lt;b id=&quot;own&quot;&gt;" in said
    assert '<b id="own">' not in said
