"""A playbook that publishes only what passed an evaluation."""

from __future__ import annotations

from typing import Any

import pytest

from memoryapp.domain.errors import UnableToPublish
from memoryapp.domain.playbook import fingerprint
from memoryapp.models import Evaluation, Event, Playbook
from memoryapp.queries.playbooks import gating
from memoryapp.services.evaluations import evaluation_record
from memoryapp.services.releases import release_publish
from memoryapp.templatetags.formats import percent
from tests.factories import BulletFactory, PlaybookFactory

pytestmark = pytest.mark.django_db
FIGURES: dict[str, Any] = {
    "tasks": 20,
    "infeasible": 2,
    "arms": [
        {"role": "none", "name": "No memory", "n": 20, "successes": 6, "low": 0.145, "high": 0.519},
        {"role": "memory", "name": "v2", "n": 20, "successes": 14, "low": 0.481, "high": 0.855},
    ],
    "compared": [],
    "bullets": {
        "pitfalls-001": {
            "effect": 0.2,
            "low": 0.01,
            "high": 0.39,
            "n": 20,
            "won": 4,
            "lost": 0,
            "p": 0.125,
            "tokens": 6,
            "clean": {
                "effect": 0.4,
                "low": 0.17,
                "high": 0.61,
                "n": 20,
                "won": 8,
                "lost": 0,
                "p": 0.0078,
            },
        }
    },
}


@pytest.fixture
def playbook(workspace: Any) -> Playbook:
    playbook = PlaybookFactory(workspace=workspace, slug="book", requires_evaluation=True)
    BulletFactory(playbook=playbook, label="strategies-001", content="Verify first.")
    return playbook


def measured(playbook: Playbook, passed: bool | None, number: int = 1, **more: Any) -> Evaluation:
    given = {
        "digest": fingerprint(playbook.as_value()),
        "figures": FIGURES,
        "message": "With v2 14 of 20 tasks succeed.",
    } | more
    link = f"/practice/experiments/{number}/"
    return evaluation_record(
        playbook=playbook, name=f"Experiment {number}", link=link, passed=passed, **given
    )


def test_it_publishes_what_passed(playbook: Playbook, rita: Any) -> None:
    measured(playbook, True)
    assert release_publish(playbook=playbook, by=rita).number == 1


@pytest.mark.parametrize(
    ("passed", "said"),
    [(False, "Experiment 1 did not pass. With v2 14 of 20"), (None, "as they stand have none")],
)
def test_it_refuses_what_did_not_pass(
    playbook: Playbook, rita: Any, passed: bool | None, said: str
) -> None:
    measured(playbook, passed)
    with pytest.raises(UnableToPublish, match=said):
        release_publish(playbook=playbook, by=rita)
    assert not playbook.releases.exists()


def test_it_asks_again_once_a_word_has_changed(playbook: Playbook, rita: Any) -> None:
    measured(playbook, True)
    playbook.bullets.update(content="Verify first, then refund.")
    with pytest.raises(UnableToPublish, match="run an experiment as a gate"):
        release_publish(playbook=playbook, by=rita)


def served(playbook: Playbook, by: Any, content: str) -> str:
    """Publish the bullets with this text under ``production``; the digest agents are served."""
    playbook.bullets.update(content=content)
    playbook.requires_evaluation = False
    playbook.save()
    release = release_publish(playbook=playbook, by=by, label="production")
    playbook.requires_evaluation = True
    playbook.save()
    return fingerprint(release.as_value())


def against(digest: str, role: str = "production") -> dict[str, Any]:
    """Figures of an experiment that had an arm with this memory."""
    arm = {"role": role, "name": "v1 in production", "digest": digest, "n": 20, "successes": 12}
    return FIGURES | {"arms": [*FIGURES["arms"], arm | {"low": 0.387, "high": 0.781}]}


def test_it_publishes_what_passed_against_what_production_serves(
    playbook: Playbook, rita: Any
) -> None:
    digest = served(playbook, rita, "Ask first.")
    playbook.bullets.update(content="Verify first.")
    measured(playbook, True, figures=against(digest))
    assert release_publish(playbook=playbook, by=rita).number == 2


def test_it_asks_again_once_production_has_moved_on(
    playbook: Playbook, rita: Any, rita_client: Any
) -> None:
    digest = served(playbook, rita, "Ask first.")
    served(playbook, rita, "Ask twice.")
    playbook.bullets.update(content="Verify first.")
    measured(playbook, True, figures=against(digest))
    said = "Production has moved on to v2, and Experiment 1 did not compare these bullets with it"
    with pytest.raises(UnableToPublish, match=f"{said}. Nothing was published: run a new exper"):
        release_publish(playbook=playbook, by=rita)
    tab = rita_client.get("/playbooks/book/?tab=releases").content.decode()
    assert f"{said}: a new experiment is needed." in tab
    assert "so they may be published" not in tab


def test_it_counts_no_masked_arm_as_a_comparison(playbook: Playbook, rita: Any) -> None:
    digest = served(playbook, rita, "Ask first.")
    playbook.bullets.update(content="Verify first.")
    measured(playbook, True, figures=against(digest, role="masked"))
    with pytest.raises(UnableToPublish, match="Production has moved on to v1"):
        release_publish(playbook=playbook, by=rita)


def test_it_needs_no_comparison_with_what_production_says_already(
    playbook: Playbook, rita: Any, django_assert_max_num_queries: Any
) -> None:
    digest = served(playbook, rita, "Verify first.")
    measured(playbook, True)
    with django_assert_max_num_queries(3):
        found = gating(playbook, digest, "production")
    assert found.passed
    assert found.moved_on is None


def test_it_takes_the_newest_word(playbook: Playbook, rita: Any) -> None:
    measured(playbook, True)
    measured(playbook, False, number=2)
    with pytest.raises(UnableToPublish, match="Experiment 2 did not pass"):
        release_publish(playbook=playbook, by=rita)


def test_it_replaces_what_the_same_link_measured_before(playbook: Playbook) -> None:
    measured(playbook, False)
    measured(playbook, True)
    assert [each.passed for each in playbook.evaluations.all()] == [True]


def test_it_refuses_on_the_page_with_the_way_to_measure(
    rita_client: Any, playbook: Playbook
) -> None:
    tab = rita_client.get("/playbooks/book/?tab=releases")
    assert "/practice/experiments/new/?playbook=book&amp;is_gate=on" in tab.content.decode()
    asked = {"notes": "Kept.", "seen": tab.context["draft"].shown}
    answer = rita_client.post("/playbooks/book/releases/publish/", asked)
    assert answer.status_code == 409
    assert "Nothing was published: run an experiment as a gate" in answer.content.decode()
    assert "Kept." in answer.content.decode()


def test_it_shows_what_was_measured_with_its_intervals(
    vera_client: Any, playbook: Playbook, rita: Any
) -> None:
    measured(playbook, True)
    release = release_publish(playbook=playbook, by=rita)
    for url in ("/playbooks/book/?tab=releases", release.get_absolute_url()):
        page = vera_client.get(url).content.decode()
        assert "With v2 14 of 20 tasks succeed." in page
        assert "v2: 14 of 20 tasks, interval 48% to 86%" in page
        assert "pitfalls-001, solved: +20 points, interval +1 point to +39 points" in page
        assert "pitfalls-001, no failed call: +40 points, interval +17 points to +61 points" in page
        assert "0.008" in page
        assert "2 tasks left out as infeasible" in page


def test_it_does_not_show_what_other_bullets_achieved(vera_client: Any, playbook: Any) -> None:
    measured(playbook, True, digest="0" * 64)
    answer = vera_client.get("/playbooks/book/?tab=releases")
    assert answer.context["measured"] is None
    assert "The draft has not been measured yet." in answer.content.decode()
    assert "Experiment 1" in answer.content.decode()


def test_it_is_required_and_released_by_admins(
    ada_client: Any, rita_client: Any, playbook: Playbook
) -> None:
    url = "/playbooks/book/requirement/"
    assert rita_client.post(url, {"required": "no"}).status_code == 403
    said = ada_client.post(url, {"required": "no"}, follow=True).content.decode()
    playbook.refresh_from_db()
    assert not playbook.requires_evaluation
    assert "publishes what is approved, measured or not." in said
    ada_client.post(url, {"required": "yes"})
    again = ada_client.post(url, {"required": "yes"}, follow=True).content.decode()
    assert "requires an evaluation already" in again
    assert Event.objects.filter(kind__in=["playbook.gated", "playbook.ungated"]).count() == 2


def test_it_does_not_exist_for_others(olga_client: Any, playbook: Playbook) -> None:
    assert olga_client.post("/playbooks/book/requirement/").status_code == 404


def test_the_release_says_what_was_measured_how_sure_it_is_and_what_it_cost(
    playbook: Playbook, rita: Any, vera_client: Any
) -> None:
    arms = [
        {**arm, "cost": cost} for arm, cost in zip(FIGURES["arms"], ("0.42", None), strict=True)
    ]
    pair = {"name": "v2", "against": "No memory", "measure": "success", "n": 20, "p": 0.0215}
    pair |= {"difference": 0.4, "low": 0.1, "high": 0.62}
    figures = {**FIGURES, "arms": arms, "compared": [pair, {**pair, "measure": "clean"}]}
    measured(playbook, True, figures=figures)
    release = release_publish(playbook=playbook, by=rita)
    page = vera_client.get(release.get_absolute_url()).content.decode()
    between = f"{percent(0.481)} to {percent(0.855)}"
    for said in ("14</b> of 20", between, "$0.42", "not priced"):
        assert said in page
    assert page.count("(McNemar, exact)") == 1
    assert "p = 0.022 (McNemar, exact)" in page
