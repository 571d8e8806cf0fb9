"""What people and programs do to a review page that it was not made for."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse

from memoryapp.domain.playbook import Delta, Op
from memoryapp.models import Bullet, Candidate, Event
from memoryapp.services.candidates import Origin, Source, Steps, candidate_submit
from memoryapp.services.desk import candidate_assign
from memoryapp.templatetags.ui import person
from tests.factories import BulletFactory, CandidateFactory, EvidenceFactory, PlaybookFactory

pytestmark = pytest.mark.django_db

MARKUP = "<script>alert(1)</script><img src=x onerror=alert(2)>"


@pytest.fixture
def playbook(workspace: Any) -> Any:
    return PlaybookFactory(workspace=workspace, slug="help-desk", token_budget=0)


def post(client: Any, name: str, candidate: Any, **posted: str) -> Any:
    return client.post(reverse(f"candidate-{name}", args=[candidate.pk]), posted)


def shown(client: Any, candidate: Any) -> str:
    answer = client.get(candidate.get_absolute_url())
    assert answer.status_code == 200
    return str(answer.content.decode())


def assigned(client: Any, candidate: Any) -> str:
    """What the form that hands a candidate out sends back."""
    page = client.get(candidate.get_absolute_url())
    seen: str = page.context["assign_seen"]
    assert f'name="seen" value="{seen}"' in page.content.decode()
    return seen


def test_markup_in_every_field_is_text(rita_client: Any, playbook: Any, rita: Any) -> None:
    rita.first_name = MARKUP[:100]
    rita.save(update_fields=["first_name"])
    candidate = CandidateFactory(
        playbook=playbook,
        content=MARKUP,
        section=MARKUP[:60],
        reason=MARKUP,
        origin_name=MARKUP,
        scores={
            "feasibility": 5,
            "feasibility_reason": MARKUP,
            "completion": 5,
            "completion_reason": MARKUP,
            "validator": MARKUP,
            "confidence": 0.5,
            "checks": [{"name": MARKUP, "detail": MARKUP, "passed": False}],
        },
    )
    EvidenceFactory(
        candidate=candidate, group=MARKUP, tool=MARKUP, excerpt=MARKUP, arguments={MARKUP: MARKUP}
    )
    candidate.trails.create(link="/trajectories/x/", steps=[])
    post(rita_client, "note", candidate, note=MARKUP)
    post(rita_client, "assign", candidate, to="rita", seen=assigned(rita_client, candidate))
    said = shown(rita_client, candidate)
    post(rita_client, "reject", candidate, reason=MARKUP)
    said += shown(rita_client, candidate)
    said += rita_client.get("/review/bulk/").content.decode()
    said += rita_client.get("/settings/audit/").content.decode()
    said += rita_client.get(f"/review/?q={MARKUP}&playbook={MARKUP}&run={MARKUP}").content.decode()
    assert "<script>alert" not in said
    assert "<img src=x" not in said


def test_a_bullet_of_a_megabyte_is_shown_whole_and_can_be_rejected(
    rita_client: Any, playbook: Any
) -> None:
    long = " ".join(f"word{n}" for n in range(130_000))
    bullet = BulletFactory(playbook=playbook, content=long)
    candidate = CandidateFactory(playbook=playbook, op="UPDATE", content=f"{long} more")
    candidate.targets.add(bullet)
    CandidateFactory(playbook=playbook)
    said = shown(rita_client, candidate)
    assert "word129999" in said
    assert len(said) < 3 * len(long), "the rail repeats no long text"
    assert post(rita_client, "reject", candidate, reason="Too long").status_code == 302


def test_a_megabyte_is_no_bullet_and_says_so(rita_client: Any, playbook: Any) -> None:
    candidate = CandidateFactory(playbook=playbook)
    answer = post(rita_client, "approve", candidate, content="x " * 500_000)
    assert answer.status_code == 409
    assert "characters and a bullet at most 20,000. Shorten it." in answer.content.decode()


def test_right_to_left_and_zero_width_characters_are_named_and_not_stored(
    rita_client: Any, playbook: Any
) -> None:
    sneaky = "Refund\u200b at \u202eonce\u202c. שלום"
    candidate = CandidateFactory(playbook=playbook, content=sneaky)
    said = shown(rita_client, candidate)
    for code in ("U+200B", "U+202E", "U+202C"):
        assert code in said
    post(rita_client, "approve", candidate)
    assert playbook.bullets.get().content == "Refund at once. שלום"


def test_a_secret_is_warned_of(rita_client: Any, playbook: Any) -> None:
    candidate = CandidateFactory(playbook=playbook, content="Send password=Tr0ub4dor&3 along.")
    assert "Holds what looks like a secret: password" in shown(rita_client, candidate)


def test_a_deleted_target_is_a_clear_answer(rita_client: Any, playbook: Any) -> None:
    bullet = BulletFactory(playbook=playbook)
    candidate = CandidateFactory(playbook=playbook, op="UPDATE", proposed_against={bullet.label: 1})
    candidate.targets.add(bullet)
    Bullet.objects.filter(pk=bullet.pk).delete()
    shown(rita_client, candidate)
    answer = post(rita_client, "approve", candidate, content="My words.")
    assert answer.status_code == 409
    said = answer.content.decode()
    assert "was deleted meanwhile" in said
    assert "My words." in said
    assert post(rita_client, "reject", candidate, reason="Gone").status_code == 302


def test_two_reviewers_at_once_make_one_decision(
    rita_client: Any, ada_client: Any, playbook: Any, settings: Any
) -> None:
    settings.REVIEW_RESERVATION_MINUTES = 0
    candidate = CandidateFactory(playbook=playbook)
    shown(rita_client, candidate)
    shown(ada_client, candidate)
    assert post(ada_client, "reject", candidate, reason="Wrong").status_code == 302
    answer = post(rita_client, "approve", candidate, content="My words.")
    assert answer.status_code == 409
    assert "ada already rejected this candidate" in answer.content.decode()
    assert "My words." in answer.content.decode()
    assert not playbook.bullets.exists()


def test_the_back_button_shows_the_decision_and_repeats_nothing(
    rita_client: Any, playbook: Any
) -> None:
    candidate = CandidateFactory(playbook=playbook)
    url = candidate.get_absolute_url()
    post(rita_client, "reject", candidate, reason="Wrong")
    back = rita_client.get(url)
    assert "Undo the decision" in back.content.decode()
    assert reverse("candidate-approve", args=[candidate.pk]) not in back.content.decode()
    again = post(rita_client, "approve", candidate)
    assert (again.status_code, playbook.bullets.count()) == (409, 0)


def test_a_playbook_that_moved_on_while_being_read_is_compared_anew(
    rita_client: Any, playbook: Any, rita: Any
) -> None:
    bullet = BulletFactory(playbook=playbook, content="Refunds over 200 need approval.")
    candidate = CandidateFactory(
        playbook=playbook,
        op="UPDATE",
        content="Refunds over 150 need approval.",
        proposed_against={bullet.label: 1},
    )
    candidate.targets.add(bullet)
    seen = candidate.shown()
    bullet.revise(
        content="Refunds over 300 need approval.",
        section=bullet.section,
        status="approved",
        rule=None,
        author=rita,
        reason="",
    )
    answer = post(rita_client, "approve", candidate, seen=seen)
    said = answer.content.decode()
    assert answer.status_code == 409
    assert "has changed meanwhile" in said
    moved = f"<code>{bullet.label}</code> moved on from revision 1 to 2"
    assert moved in said
    above, _, checks = said.partition('id="checks"')
    assert (above.count("moved on from"), checks.count("moved on from")) == (1, 1)
    assert "<del>300</del>" in said
    fresh = Candidate.objects.get(pk=candidate.pk)
    assert post(rita_client, "approve", fresh, seen=fresh.shown()).status_code == 302


DOORS: tuple[tuple[str, dict[str, str]], ...] = (
    ("approve", {}),
    ("reject", {"reason": "x"}),
    ("undo", {}),
    ("note", {"note": "x"}),
    ("assign", {"to": ""}),
    ("take", {}),
    ("uphold", {}),
)


@pytest.mark.parametrize(("name", "posted"), DOORS)
def test_a_forged_id_of_another_workspace_is_no_id(
    olga_client: Any, vera_client: Any, playbook: Any, name: str, posted: dict[str, str]
) -> None:
    candidate = CandidateFactory(playbook=playbook)
    assert post(olga_client, name, candidate, **posted).status_code == 404
    assert post(vera_client, name, candidate, **posted).status_code == 403
    assert not Event.objects.exists()


@pytest.mark.parametrize("text", ["", "  ", "x" * 4_001])
def test_a_note_that_is_none_or_too_long_keeps_its_text(
    rita_client: Any, playbook: Any, text: str
) -> None:
    candidate = CandidateFactory(playbook=playbook)
    answer = post(rita_client, "note", candidate, note=text)
    assert answer.status_code == 409
    assert answer.context["typed_note"] == text
    assert not candidate.notes.exists()


def test_a_secret_in_a_note_is_masked(rita_client: Any, playbook: Any) -> None:
    candidate = CandidateFactory(playbook=playbook)
    post(rita_client, "note", candidate, note="Try password=Tr0ub4dor&3 there")
    assert "Tr0ub4dor" not in candidate.notes.get().text
    assert "Tr0ub4dor" not in str(Event.objects.get().data)


def test_a_note_is_seen_by_the_next_reviewer(
    rita_client: Any, ada_client: Any, playbook: Any
) -> None:
    candidate = CandidateFactory(playbook=playbook)
    post(rita_client, "note", candidate, note="Ask the desk first.")
    assert "Your note is saved." in shown(rita_client, candidate)
    assert "Ask the desk first." in shown(ada_client, candidate)


def test_an_assigned_candidate_is_mine(rita_client: Any, playbook: Any, rita: Any) -> None:
    _, second = CandidateFactory.create_batch(2, playbook=playbook)
    post(rita_client, "assign", second, to="rita", seen=assigned(rita_client, second))
    assert f"It waits for {person(rita)} now." in shown(rita_client, second)
    chips = {c.label: c for c in rita_client.get("/review/").context["queue"]["filters"]}
    assert chips["Mine"].count == 1
    assert rita_client.get(chips["Mine"].url).context["candidate"] == second
    assert Event.objects.get(kind="candidate.assigned").data["after"] == {"assigned to": "rita"}


def test_a_candidate_is_handed_on_only_from_whom_it_was_seen_with(
    rita_client: Any, edda: Any, ada: Any, playbook: Any
) -> None:
    candidate, workspace = CandidateFactory(playbook=playbook), playbook.workspace
    before = assigned(rita_client, candidate)
    to = workspace.memberships.get(user=ada)
    candidate_assign(candidate=candidate, to=to, by=edda)
    refused = post(rita_client, "assign", candidate, to="rita", seen=before)
    assert refused.status_code == 409
    candidate.refresh_from_db()
    assert candidate.assigned_to == ada
    said = refused.content.decode()
    assert "Nothing was saved" in said
    assert '<option value="ada" selected>' in said
    post(rita_client, "assign", candidate, to="rita", seen=refused.context["assign_seen"])
    candidate.refresh_from_db()
    assert candidate.assigned_to.username == "rita"


def test_the_uncited_steps_stand_between_the_cited_as_one_line(
    rita_client: Any, playbook: Any
) -> None:
    def line(number: int) -> dict[str, Any]:
        return {
            "number": number,
            "tool": f"tool_{number}",
            "arguments": "id: 7",
            "said": "found it",
            "is_error": False,
            "started_ms": 100 * number,
            "duration_ms": 90,
            "tokens": 12,
        }

    candidate = candidate_submit(
        playbook_id=playbook.pk,
        delta=Delta(op=Op.ADD, section="apis", content="Dates first."),
        origin=Origin("run", "/practice/runs/1/", "Run 1"),
        sources=[Source("/trajectories/1/#step-2", "Refund", 2, "tool_2", {"id": "7"}, "whole")],
        scores={},
        trails=[Steps("/trajectories/1/", [line(1), line(2), line(3)])],
    )
    assert candidate is not None
    group = rita_client.get(candidate.get_absolute_url()).context["evidence_groups"][0]
    assert [(s.number, s.cited, s.excerpt) for s in group["lines"]] == [
        (1, False, "found it"),
        (2, True, "whole"),
        (3, False, "found it"),
    ]
    assert (group["step_count"], group["total_ms"]) == (3, 390)


def test_undoing_a_retirement_brings_back_what_it_superseded(
    rita_client: Any, playbook: Any
) -> None:
    bullet = BulletFactory(playbook=playbook)
    retire = CandidateFactory(playbook=playbook, op="RETIRE", content="")
    reword = CandidateFactory(playbook=playbook, op="UPDATE")
    for candidate in (retire, reword):
        candidate.targets.add(bullet)
    post(rita_client, "approve", retire)
    reword.refresh_from_db()
    assert reword.status == "superseded"
    post(rita_client, "undo", retire)
    reword.refresh_from_db()
    assert reword.is_pending


def test_undoing_a_rejection_whose_twin_waits_is_refused(rita_client: Any, playbook: Any) -> None:
    rejected = CandidateFactory(playbook=playbook, dedup_key="same")
    post(rita_client, "reject", rejected, reason="Wrong")
    CandidateFactory(playbook=playbook, dedup_key="same")
    answer = rita_client.post(reverse("candidate-undo", args=[rejected.pk]), follow=True)
    assert "was learned again and waits for review already" in answer.content.decode()
    rejected.refresh_from_db()
    assert rejected.status == "rejected"


def test_why_an_approval_cannot_be_undone_is_said_before_anybody_tries(
    rita_client: Any, playbook: Any, rita: Any
) -> None:
    candidate = CandidateFactory(playbook=playbook)
    post(rita_client, "approve", candidate)
    bullet = playbook.bullets.get()
    bullet.revise(
        content="Later.",
        section=bullet.section,
        status="approved",
        rule=None,
        author=rita,
        reason="",
    )
    said = shown(rita_client, candidate)
    assert f"{bullet.label} was changed after this decision" in said
    assert "Undo the decision" not in said
