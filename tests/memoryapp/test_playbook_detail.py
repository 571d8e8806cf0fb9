"""One playbook: bullets, releases and use."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from memoryapp.models import PullCount, Report, Vote
from memoryapp.services.releases import label_move, release_publish
from tests.factories import BulletFactory, CandidateFactory, EvidenceFactory, PlaybookFactory

pytestmark = pytest.mark.django_db

URL = "/playbooks/help-desk/"


@pytest.fixture
def playbook(workspace: Any) -> Any:
    return PlaybookFactory(workspace=workspace, slug="help-desk", name="Help desk")


def test_it_groups_bullets_by_section_in_the_order_agents_read(
    rita_client: Any, playbook: Any
) -> None:
    BulletFactory(playbook=playbook, section="apis", label="apis-001")
    BulletFactory(playbook=playbook, section="strategies", label="strategies-001")
    BulletFactory(playbook=playbook, section="apis", label="apis-002", status="retired")
    sections = rita_client.get(URL).context["sections"]
    assert [(s["name"], [b.label for b in s["bullets"]]) for s in sections] == [
        ("strategies", ["strategies-001"]),
        ("apis", ["apis-001"]),
    ]


def test_it_filters_by_status_with_true_totals(rita_client: Any, playbook: Any) -> None:
    BulletFactory(playbook=playbook)
    gone = BulletFactory(playbook=playbook, status="retired")
    CandidateFactory(playbook=playbook)
    context = rita_client.get(f"{URL}?status=retired").context
    assert [b for s in context["sections"] for b in s["bullets"]] == [gone]
    assert [(chip.label, chip.count) for chip in context["filters"]] == [
        ("In the draft", 1),
        ("Approved", 1),
        ("Retired", 1),
        ("In review", 1),
        ("Never used", 1),
    ]


def test_a_chosen_status_is_taken_off_by_choosing_it_again(rita_client: Any, playbook: Any) -> None:
    BulletFactory(playbook=playbook, status="retired")
    chips = rita_client.get(f"{URL}?status=retired").context["filters"]
    assert [(c.label, c.url) for c in chips if c.clears] == [("Retired", URL)]


def test_it_peeks_at_one_bullet(rita_client: Any, playbook: Any) -> None:
    bullet = BulletFactory(playbook=playbook)
    context = rita_client.get(f"{URL}?status=approved&peek={bullet.label}").context
    assert context["peek"]["bullet"] == bullet
    assert context["peek"]["close_url"] == f"{URL}?status=approved"


def test_a_peek_draws_how_the_bullet_was_used_of_late(
    rita_client: Any, playbook: Any, rita: Any
) -> None:
    bullet = BulletFactory(playbook=playbook)
    held = release_publish(playbook=playbook, by=rita)
    BulletFactory(playbook=playbook)
    newer = release_publish(playbook=playbook, by=rita, label="production")
    today = timezone.localdate()
    for release, label, days, pulls in (
        (held, "", 30, 500),
        (held, "", 29, 3),
        (held, "production", 1, 4),
        (newer, "staging", 1, 5),
        (newer, "production", 0, 7),
    ):
        day = today - timedelta(days=days)
        PullCount.objects.create(release=release, label=label, day=day, pulls=pulls)
    report = Report.objects.create(release=held, task="A task", outcome="success")
    Vote.objects.create(report=report, bullet=bullet, value="helpful")

    page = rita_client.get(f"{URL}?peek={bullet.label}")

    use = page.context["peek"]["curve"]["use"]
    assert (use.pulls[0], use.pulls[1:28], use.pulls[28:]) == (3, [0] * 27, [9, 7])
    said = page.content.decode()
    assert 'aria-label="Pulls a day, the last one is today: 3, 0, ' in said
    asked = f"?days=30&amp;playbook=help-desk&amp;bullet={bullet.label}"
    assert f'href="/memory/pulls/{asked}">19 pulls</a>' in said
    assert f'href="/memory/votes/{asked}">1 vote</a>' in said
    assert ">today</text>" in said
    younger = rita_client.get(f"{URL}?peek={newer.document['sections'][0]['bullets'][1]['label']}")
    assert younger.context["peek"]["curve"]["use"].total == 12


@pytest.mark.parametrize(
    ("label", "said"),
    [
        ("production", f'<a class="link" href="{URL}?tab=use">How an agent pulls it</a>'),
        ("", f'No label serves it. <a class="link" href="{URL}?tab=releases">Open releases</a>'),
    ],
)
def test_a_peek_says_what_to_do_about_a_bullet_that_nobody_pulls(
    rita_client: Any, playbook: Any, rita: Any, label: str, said: str
) -> None:
    bullet = BulletFactory(playbook=playbook)
    release_publish(playbook=playbook, by=rita, label=label)
    shown = rita_client.get(f"{URL}?peek={bullet.label}").content.decode()
    assert said in shown
    assert 'class="chart"' not in shown


def test_a_peek_keeps_the_filter_it_was_opened_in(rita_client: Any, playbook: Any) -> None:
    bullet, other = BulletFactory.create_batch(2, playbook=playbook, tags=["vip"])
    page = rita_client.get(f"{URL}?tag=vip&use=never&peek={bullet.label}")
    assert page.context["peek"]["close_url"] == f"{URL}?tag=vip&use=never"
    said = page.content.decode()
    assert f'href="{URL}?tag=vip&amp;use=never&amp;peek={other.label}"' in said
    assert f'id="b-{bullet.label}" href="{bullet.get_absolute_url()}" aria-current="true"' in said


def test_a_row_that_is_left_again_keeps_the_filter_of_its_page(
    rita_client: Any, playbook: Any
) -> None:
    bullet = BulletFactory(playbook=playbook)
    asked_from = f"http://testserver{URL}?status=approved"
    said = rita_client.get(
        f"{bullet.get_absolute_url()}row/",
        headers={"HX-Request": "true", "HX-Current-URL": asked_from},
    ).content.decode()
    assert f'href="{URL}?status=approved&amp;peek={bullet.label}"' in said


def test_a_row_comes_also_where_the_page_it_is_for_has_no_address(
    rita_client: Any, playbook: Any
) -> None:
    bullet = BulletFactory(playbook=playbook)
    for asked_from in ("http://[", "nonsense", ""):
        answer = rita_client.get(
            f"{bullet.get_absolute_url()}row/",
            headers={"HX-Request": "true", "HX-Current-URL": asked_from},
        )
        assert f'href="{URL}?peek={bullet.label}"' in answer.content.decode()


def test_it_says_how_the_budget_is_spent(rita_client: Any, playbook: Any) -> None:
    BulletFactory(playbook=playbook, content="x" * 40)
    CandidateFactory(playbook=playbook, content="y" * 80)
    budget = rita_client.get(URL).context["budget"]
    assert (budget["used"], budget["free"], budget["waiting_tokens"]) == (10, 7_990, 20)


def test_it_shows_what_the_next_release_would_change(
    rita_client: Any, playbook: Any, rita: Any
) -> None:
    kept = BulletFactory(playbook=playbook, content="Refund at once.")
    gone = BulletFactory(playbook=playbook)
    release_publish(playbook=playbook, by=rita)
    kept.revise(
        content="Refund in a day.",
        section=kept.section,
        status="approved",
        rule=None,
        author=rita,
        reason="",
    )
    gone.status = "retired"
    gone.save()
    BulletFactory(playbook=playbook)
    context = rita_client.get(f"{URL}?tab=releases").context
    draft = context["draft"]
    assert (draft.next_number, draft.added, draft.reworded, draft.retired) == (2, 1, 1, 1)
    assert "<del>at once</del>" in rita_client.get(f"{URL}?tab=releases").content.decode()


def test_it_says_when_nothing_changed_since_the_newest(
    rita_client: Any, playbook: Any, rita: Any
) -> None:
    BulletFactory(playbook=playbook)
    release_publish(playbook=playbook, by=rita)
    draft = rita_client.get(URL).context["draft"]
    assert (draft.is_changed, draft.same_as) == (False, "v1")


def test_it_keeps_labeled_releases_on_the_line(rita_client: Any, playbook: Any, rita: Any) -> None:
    for number in range(8):
        BulletFactory(playbook=playbook)
        release_publish(playbook=playbook, by=rita, label="" if number else "production")
    line = rita_client.get(URL).context["line"]
    assert [item["release"].number for item in line] == [1, 4, 5, 6, 7, 8]
    assert line[0]["labels"] == ["production"]


def test_it_offers_to_move_a_label_back(rita_client: Any, playbook: Any, rita: Any) -> None:
    first = _published(playbook, rita)
    label_move(playbook=playbook, name="production", release=first, by=rita)
    _published(playbook, rita, label="production")
    said = rita_client.get(URL).content.decode()
    assert "moved from v1 to v2" in said
    assert "Move back to v1" in said


def _published(playbook: Any, by: Any, label: str = "") -> Any:
    BulletFactory(playbook=playbook)
    return release_publish(playbook=playbook, by=by, label=label)


def test_it_shows_how_to_pull_with_the_readers_own_host(
    rita_client: Any, playbook: Any, rita: Any
) -> None:
    _published(playbook, rita, label="staging")
    said = rita_client.get(f"{URL}?tab=use&label=staging", headers={"host": "desk.lan:8123"})
    text = said.content.decode()
    assert "http://desk.lan:8123/api/v1/playbooks/help-desk?label=staging&amp;format=md" in text
    assert "Verify the customer" in text
    assert "/settings/keys/" in text


def test_it_offers_a_viewer_no_change(vera_client: Any, playbook: Any, rita: Any) -> None:
    _published(playbook, rita, label="production")
    for tab in ("bullets", "releases", "use"):
        said = vera_client.get(f"{URL}?tab={tab}").content.decode()
        assert "releases/publish/" not in said
        assert "labels/move/" not in said
        assert "bullets/add/" not in said


def test_it_does_not_exist_for_other_workspaces(olga_client: Any, playbook: Any) -> None:
    assert olga_client.get(URL).status_code == 404


@pytest.mark.parametrize(
    ("tab", "queries"), [("bullets", 15), ("releases", 20), ("sources", 13), ("use", 14)]
)
def test_it_needs_the_same_number_of_queries_for_more_rows(
    rita_client: Any,
    playbook: Any,
    rita: Any,
    django_assert_num_queries: Any,
    tab: str,
    queries: int,
) -> None:
    def add(count: int) -> None:
        for _ in range(count):
            BulletFactory(playbook=playbook)
            EvidenceFactory(candidate=CandidateFactory(playbook=playbook))
            release_publish(playbook=playbook, by=rita, label="production")

    add(10)
    with django_assert_num_queries(queries):
        rita_client.get(f"{URL}?tab={tab}")
    add(10)
    with django_assert_num_queries(queries):
        rita_client.get(f"{URL}?tab={tab}")


@pytest.mark.parametrize(
    ("public", "host", "address"),
    [
        ("", "testserver", "http://testserver:8001/mcp"),
        ("", "desk.local:8000", "http://desk.local:8001/mcp"),
        ("https://desk.example.com", "testserver", "https://desk.example.com/mcp"),
    ],
)
def test_it_tells_where_mcp_is(
    rita_client: Any, workspace: Any, settings: Any, public: str, host: str, address: str
) -> None:
    settings.PUBLIC_URL, settings.MCP_PORT = public, 8001
    playbook = PlaybookFactory(workspace=workspace)
    page = rita_client.get(f"{playbook.get_absolute_url()}?tab=use", headers={"host": host})
    assert f"&quot;url&quot;: &quot;{address}&quot;" in page.content.decode()
