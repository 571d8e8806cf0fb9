"""Undoing everything one run did to a playbook."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from memoryapp.models import Bullet, Candidate, Event
from memoryapp.services.bullets import bullet_edit, bullet_restore
from memoryapp.services.candidates import candidate_approve
from memoryapp.services.undoing import job_preview
from tests.factories import BulletFactory, CandidateFactory

pytestmark = pytest.mark.django_db

URL = "/playbooks/help-desk/undo/"
RUN = "/practice/runs/3/"


def learned(playbook: Any, by: Any, content: str, *, target: Any = None) -> Any:
    candidate = CandidateFactory(
        playbook=playbook,
        op="UPDATE" if target else "ADD",
        content=content,
        origin_link=RUN,
        origin_name="Run 3",
    )
    if target:
        candidate.targets.add(target)
    candidate_approve(candidate=candidate, by=by)
    return Bullet.objects.get(content=content)


def undo(client: Any, **changes: str) -> Any:
    seen = client.get(f"{URL}?origin={RUN}").context["report"].seen
    asked = {"origin": RUN, "reason": "The desk was broken", "seen": seen} | changes
    return client.post(URL, asked, follow=True)


def test_it_retires_what_it_made_and_gives_back_what_it_changed(
    rita: Any, rita_client: Any, playbook: Any
) -> None:
    old = BulletFactory(playbook=playbook, content="As it was.")
    made = learned(playbook, rita, "A new one.")
    learned(playbook, rita, "As the run put it.", target=old)
    CandidateFactory(playbook=playbook, origin_link=RUN, origin_name="Run 3")
    said = undo(rita_client).content.decode()
    assert "2 bullets taken back, 1 waiting candidate withdrawn" in said
    made.refresh_from_db()
    old.refresh_from_db()
    assert (made.status, old.content) == ("retired", "As it was.")
    assert set(Candidate.objects.values_list("status", flat=True)) == {"superseded"}
    event = Event.objects.get(kind="run.undone")
    assert (event.data["run"], event.data["withdrawn"]) == ("Run 3", 1)


def test_it_spares_what_a_person_wrote_later(rita: Any, rita_client: Any, playbook: Any) -> None:
    made = learned(playbook, rita, "A new one.")
    bullet_edit(bullet=made, content="A better one.", reason="", by=rita, revision=1)
    learned(playbook, rita, "Another.")
    page = rita_client.get(f"{URL}?origin={RUN}").content.decode()
    assert "wrote revision 2 after the run" in page
    undo(rita_client)
    made.refresh_from_db()
    assert (made.status, made.content) == ("approved", "A better one.")
    assert Candidate.objects.get(content="A new one.").status == "approved"


def test_it_spares_what_somebody_wrote_who_was_removed_since(
    rita: Any, rita_client: Any, ada: Any, playbook: Any
) -> None:
    made = learned(playbook, rita, "A new one.")
    bullet_edit(bullet=made, content="A better one.", reason="", by=ada, revision=1)
    ada.delete()
    said = rita_client.get(f"{URL}?origin={RUN}")
    assert [row.effect for row in said.context["report"].rows] == ["spare"]
    assert "a removed user wrote revision 2 after the run" in said.content.decode()


def test_what_others_proposed_to_what_it_had_retired_waits_again(
    rita: Any, rita_client: Any, playbook: Any
) -> None:
    bullet = BulletFactory(playbook=playbook)
    retire = CandidateFactory(playbook=playbook, op="RETIRE", content="", origin_link=RUN)
    theirs, its_own = (
        CandidateFactory(playbook=playbook, op="UPDATE", origin_link=link)
        for link in ("/practice/runs/4/", RUN)
    )
    for candidate in (retire, theirs, its_own):
        candidate.targets.set([bullet])
    candidate_approve(candidate=retire, by=rita)
    undo(rita_client)
    found = [Candidate.objects.get(pk=row.pk).status for row in (retire, theirs, its_own)]
    assert found == ["superseded", "pending", "superseded"]


def test_it_waits_again_also_where_the_run_proposed_the_same_since(
    rita: Any, rita_client: Any, playbook: Any
) -> None:
    """Only one of two that say the same may wait, and the run's own is withdrawn."""
    bullet = BulletFactory(playbook=playbook)
    retire = CandidateFactory(playbook=playbook, op="RETIRE", content="", origin_link=RUN)
    theirs = CandidateFactory(playbook=playbook, op="UPDATE", dedup_key="same")
    for candidate in (retire, theirs):
        candidate.targets.set([bullet])
    candidate_approve(candidate=retire, by=rita)
    its_own = CandidateFactory(playbook=playbook, origin_link=RUN, dedup_key="same")
    undo(rita_client)
    found = [Candidate.objects.get(pk=row.pk).status for row in (theirs, its_own)]
    assert found == ["pending", "superseded"]


def test_it_changes_nothing_until_it_is_said(rita: Any, rita_client: Any, playbook: Any) -> None:
    learned(playbook, rita, "A new one.")
    before = list(Bullet.objects.values("status", "content", "revision_count"))
    rita_client.get(f"{URL}?origin={RUN}")
    assert list(Bullet.objects.values("status", "content", "revision_count")) == before


def test_it_finds_nothing_left_the_second_time(rita: Any, rita_client: Any, playbook: Any) -> None:
    learned(playbook, rita, "A new one.")
    undo(rita_client)
    page = rita_client.get(f"{URL}?origin={RUN}").content.decode()
    assert "Nothing of this run is left to undo." in page
    assert undo(rita_client).status_code == 409


def test_it_leaves_a_bullet_that_was_restored_after_undoing(
    rita: Any, rita_client: Any, playbook: Any
) -> None:
    made = learned(playbook, rita, "A new one.")
    undo(rita_client)
    made.refresh_from_db()
    bullet_restore(bullet=made, reason="It was right", by=rita)
    report = rita_client.get(f"{URL}?origin={RUN}").context["report"]
    assert [row.effect for row in report.rows] == ["spare"]


def test_it_refuses_when_something_changed_since(
    rita: Any, rita_client: Any, playbook: Any
) -> None:
    learned(playbook, rita, "A new one.")
    answer = undo(rita_client, seen="older")
    assert answer.status_code == 409
    assert "Nothing was undone" in answer.content.decode()
    assert "Undoing a run needs a reason" in undo(rita_client, reason=" ").content.decode()


def test_it_lists_the_runs_a_playbook_learned_from(
    rita: Any, vera_client: Any, playbook: Any
) -> None:
    learned(playbook, rita, "A new one.")
    page = vera_client.get("/playbooks/help-desk/?tab=sources")
    ((job, (approved, waiting, *_)),) = page.context["jobs"]
    assert (job.name, job.approved) == ("Run 3", 1)
    assert (approved[:2], waiting) == (("Approved", 1), ("Waiting", 0, ""))
    assert vera_client.get(approved[2]).context["queue"]["matching"] == 1
    assert f'href="{approved[2].replace("&", "&amp;")}">1</a>' in page.content.decode()


def test_it_is_for_reviewers_of_the_workspace(
    rita: Any, vera_client: Any, olga_client: Any, playbook: Any
) -> None:
    learned(playbook, rita, "A new one.")
    assert vera_client.get(f"{URL}?origin={RUN}").status_code == 403
    assert olga_client.get(f"{URL}?origin={RUN}").status_code == 404
    assert Bullet.objects.live().count() == 1


def test_it_refuses_what_no_longer_fits_the_budget(
    rita: Any, rita_client: Any, playbook: Any
) -> None:
    old = BulletFactory(playbook=playbook, content="Verify the customer first. " * 8)
    learned(playbook, rita, "Verify first.", target=old)
    playbook.token_budget = 20
    playbook.save()
    said = undo(rita_client).content.decode()
    assert "of 20 tokens. Nothing was changed" in said
    old.refresh_from_db()
    assert old.content == "Verify first."


def test_a_preview_of_many_bullets_asks_as_much_as_one_of_few(rita: Any, playbook: Any) -> None:
    def statements() -> int:
        with CaptureQueriesContext(connection) as asked:
            assert job_preview(playbook=playbook, origin_link=RUN).changing
        return len(asked)

    learned(playbook, rita, "The first.")
    of_one = statements()
    for number in range(5):
        learned(playbook, rita, f"Number {number}.")
    assert statements() == of_one
