"""The page of a label: who gets what, and the release on trial."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from memoryapp.models import Event, Playbook, PullCount, ReceiptSource, Report
from memoryapp.services.canaries import canaries_judge, canary_start
from memoryapp.services.releases import release_publish
from tests.factories import BulletFactory, PlaybookFactory

pytestmark = pytest.mark.django_db
URL = "/playbooks/help-desk/labels/production/"


@pytest.fixture
def playbook(workspace: Any, ada: Any) -> Playbook:
    playbook: Playbook = PlaybookFactory(workspace=workspace, slug="help-desk", name="Help desk")
    for label in ("production", ""):
        BulletFactory(playbook=playbook)
        release_publish(playbook=playbook, by=ada, label=label)
    return playbook


@pytest.fixture
def trial(playbook: Playbook, ada: Any) -> Any:
    second = playbook.releases.get(number=2)
    return canary_start(label=playbook.labels.get(), release=second, share=20, by=ada)


def report(release: Any, successes: int, failures: int) -> None:
    Report.objects.bulk_create(
        Report(
            release=release,
            label="production",
            task=f"task {number}",
            outcome="success" if number < successes else "failure",
        )
        for number in range(successes + failures)
    )


def seen(client: Any) -> str:
    """What the forms of the page send back of what is on trial."""
    page = client.get(URL)
    said: str = page.context["trial_seen"]
    assert f'name="seen" value="{said}"' in page.content.decode()
    return said


def text(page: Any) -> str:
    return " ".join(page.content.decode().split())


def test_it_starts_a_trial(playbook: Any, rita_client: Any) -> None:
    assert "Start the trial" in text(rita_client.get(URL))
    asked = {"release": 2, "share": 25, "seen": seen(rita_client)}
    page = rita_client.post(f"{URL}trial/", asked, follow=True)
    assert "v2 goes to 25% of the agents that pull production." in text(page)
    label = playbook.labels.get()
    assert (label.canary.number, label.canary_share) == (2, 25)


def test_it_shows_how_both_do(trial: Any, vera_client: Any) -> None:
    report(trial.release, 30, 10)
    report(trial.canary, 5, 3)
    PullCount.objects.create(
        release=trial.canary, label="production", day=timezone.localdate(), pulls=1234
    )
    page = vera_client.get(URL)
    found = page.context["trial"]
    assert (found.canary.outcomes.n, found.stable.outcomes.n, found.missing) == (8, 40, 2)
    said = text(page)
    assert "<b>5</b> of 8" in said
    assert "<b>30</b> of 40" in said
    assert "1,234" in said
    assert "2 more outcomes to go" in said
    report_more = Report.objects.filter(release=trial.canary).count()
    assert report_more == 8


def test_it_says_how_far_apart_they_may_be(trial: Any, vera_client: Any) -> None:
    report(trial.release, 30, 10)
    report(trial.canary, 15, 5)
    assert "v2 against v1, is 0 points, and between" in text(vera_client.get(URL))


def test_it_promotes_and_ends(trial: Any, playbook: Any, rita_client: Any) -> None:
    page = rita_client.post(f"{URL}trial/end/", {"reason": "too slow"}, follow=True)
    assert "The trial has ended" in text(page)
    assert "too slow" in text(page)
    assert playbook.labels.get().canary is None
    rita_client.post(f"{URL}trial/", {"release": 2, "share": 10, "seen": seen(rita_client)})
    page = rita_client.post(f"{URL}trial/promote/", {"seen": seen(rita_client)}, follow=True)
    assert "was promoted; before it production pointed at v1" in text(page)
    assert playbook.labels.get().release.number == 2


def test_it_changes_and_promotes_only_the_trial_its_reader_saw(
    trial: Any, playbook: Any, ada: Any, rita_client: Any
) -> None:
    before, label = seen(rita_client), playbook.labels.get()
    BulletFactory(playbook=playbook)
    third = release_publish(playbook=playbook, by=ada)
    canary_start(label=label, release=third, share=50, by=ada)
    changed = rita_client.post(f"{URL}trial/", {"release": 2, "share": 30, "seen": before})
    assert changed.status_code == 409
    assert 'value="30" required' in text(changed)
    promoted = rita_client.post(f"{URL}trial/promote/", {"seen": before})
    assert promoted.status_code == 409
    assert "Nothing was saved" in text(promoted)
    assert "Promote v3" in text(promoted)
    label.refresh_from_db()
    assert (label.release.number, label.canary, label.canary_share) == (1, third, 50)
    rita_client.post(f"{URL}trial/promote/", {"seen": promoted.context["trial_seen"]})
    assert playbook.labels.get().release == third


def test_it_tells_why_a_trial_ended_by_itself(trial: Any, vera_client: Any) -> None:
    report(trial.release, 40, 2)
    report(trial.canary, 6, 14)
    assert canaries_judge(trial.canary) == ["production"]
    said = text(vera_client.get(URL))
    assert "Ended by itself" in said
    assert "6 successes and 14 failures, while the label’s own release had 40 and 2." in said


def test_it_shows_what_of_the_receipts_was_lost(playbook: Any, vera_client: Any) -> None:
    for highest, stored in ((100, 97), (50, 50)):
        ReceiptSource.objects.create(
            source=f"00000000-0000-0000-0000-{highest:012}",
            highest=highest,
            stored=stored,
            last_at=timezone.now(),
        )
    assert "<dt>Receipts lost</dt><dd>3 of 150</dd>" in text(vera_client.get(URL))


@pytest.mark.parametrize(
    ("path", "sent", "status", "says"),
    [
        ("trial/", {"release": 2, "share": 100}, 422, "99"),
        ("trial/", {"release": 1, "share": 10}, 409, "points at v1 already"),
        ("trial/", {"release": 9, "share": 10}, 404, ""),
        ("trial/end/", {}, 409, "No release is on trial"),
        ("trial/promote/", {}, 409, "No release is on trial"),
    ],
)
def test_it_says_what_cannot_be_done(
    playbook: Any, rita_client: Any, path: str, sent: Any, status: int, says: str
) -> None:
    page = rita_client.post(URL + path, sent | {"seen": seen(rita_client)})
    assert page.status_code == status
    assert says in text(page)
    assert not Event.objects.filter(kind__startswith="canary.").exists()


def test_it_asks_the_same_however_much_was_reported(
    trial: Any, vera_client: Any, django_assert_num_queries: Any
) -> None:
    vera_client.get(URL)
    with django_assert_num_queries(14):
        vera_client.get(URL)
    report(trial.release, 30, 10)
    report(trial.canary, 30, 10)
    with django_assert_num_queries(14):
        vera_client.get(URL)


def test_it_is_for_members_and_moved_by_reviewers(
    playbook: Any, vera_client: Any, olga_client: Any
) -> None:
    assert olga_client.get(URL).status_code == 404
    assert "Start the trial" not in text(vera_client.get(URL))
    assert vera_client.post(f"{URL}trial/", {"release": 2, "share": 9}).status_code == 403
    assert vera_client.get("/playbooks/help-desk/labels/nope/").status_code == 404


def test_it_says_who_moved_it_and_from_where(
    playbook: Playbook, ada: Any, rita_client: Any, vera_client: Any
) -> None:
    asked = {"name": "production", "release": 2, "labels": "production:1"}
    rita_client.post("/playbooks/help-desk/labels/move/", asked)
    page = vera_client.get(URL)
    assert [(move.from_release, move.moved_by.username) for move in page.context["moves"]] == [
        (playbook.releases.get(number=1), "rita"),
        (None, "ada"),
    ]
    assert 'v1 → <a class="link" href="/playbooks/help-desk/releases/2/">v2</a>' in text(page)


def test_a_secret_in_the_reason_of_an_end_is_masked(trial: Any, rita_client: Any) -> None:
    said = "It printed ghp_abcdefghijklmnopqrst0123456789abcdef"
    rita_client.post(f"{URL}trial/end/", {"reason": said})
    assert "ghp_abcdef" not in str(Event.objects.get(kind="canary.ended").data)
