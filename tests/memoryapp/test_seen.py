"""Two people have one form open: what the first one saved is not lost under the second one's."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.urls import reverse

from memoryapp.domain.errors import ChangedMeanwhile
from memoryapp.domain.review import Policy
from memoryapp.domain.seen import rewound, shown
from memoryapp.services.curation import playbook_change, settings_of
from memoryapp.services.policies import gate_move, policy_change, policy_of
from tests.factories import PlaybookFactory

pytestmark = pytest.mark.django_db

PAGE, CHANGE = "/playbooks/help-desk/", "/playbooks/help-desk/change/"
POLICY, GATE = "/playbooks/help-desk/policy/", "/playbooks/help-desk/policy/gate/"


@pytest.fixture
def playbook(workspace: Any) -> Any:
    return PlaybookFactory(workspace=workspace, slug="help-desk", name="Help desk")


def opened(client: Any, **typed: Any) -> dict[str, Any]:
    """The settings form as whoever opens the page gets it, and what they type into it."""
    form = client.get(PAGE).context["settings"]
    return {name: form[name].value() for name in form.fields} | typed


def policy_opened(client: Any, **typed: Any) -> dict[str, Any]:
    form = client.get(POLICY).context["form"]
    found = {name: form[name].value() for name in form.fields}
    said = {name: value for name, value in found.items() if value is not None}
    return said | {"reason": "Why"} | typed


def test_a_digest_leads_back_through_what_changed() -> None:
    first, second = {"name": "a", "budget": 1}, {"name": "b", "budget": 1}
    now = {"name": "b", "budget": 2}
    befores: list[dict[str, Any]] = [{"budget": 1, "other": 0}, {"name": "a"}, {}]
    assert rewound(now, shown(now), befores) == (0, now)
    assert rewound(now, shown(second), befores) == (1, second)
    assert rewound(now, shown(first), befores) == (2, first)
    assert rewound(now, "made up", befores) is None
    assert shown({"a": 1, "b": [2]}) == shown({"b": [2], "a": 1}) != shown({"a": 1, "b": [3]})


def test_the_second_of_two_saves_asks_first(
    rita_client: Any, playbook: Any, ada: Any, edda: Any
) -> None:
    typed = opened(rita_client, description="For refunds.")
    playbook_change(playbook=playbook, token_budget=9_000, by=ada)
    playbook_change(playbook=playbook, name="Desk", by=edda)
    answer = rita_client.post(CHANGE, typed)
    assert answer.status_code == 409
    playbook.refresh_from_db()
    assert (playbook.name, playbook.description, playbook.token_budget) == ("Desk", "", 9_000)
    said = answer.content.decode()
    assert "Nothing was saved" in said
    assert [event.actor for event in answer.context["meanwhile"].events] == [edda, ada]
    assert re.search(r"token budget <span[^>]*>from</span> 8000 <span[^>]*>to</span> 9000", said)
    # What was typed is kept; what was not touched is as others left it.
    form = answer.context["settings"]
    values = {name: form[name].value() for name in form.fields}
    assert values == {
        "name": "Desk",
        "description": "For refunds.",
        "token_budget": 9_000,
        "seen": shown(settings_of(playbook)),
    }
    assert 'value="For refunds."' in said
    assert '<details class="more" open>' in said
    assert rita_client.post(CHANGE, values).status_code == 302
    playbook.refresh_from_db()
    assert (playbook.description, playbook.token_budget) == ("For refunds.", 9_000)


def test_both_changed_the_same_field(rita_client: Any, playbook: Any, ada: Any) -> None:
    typed = opened(rita_client, token_budget="7000")
    playbook_change(playbook=playbook, token_budget=9_000, by=ada)
    answer = rita_client.post(CHANGE, typed)
    form = answer.context["settings"]
    assert form["token_budget"].value() == "7000"
    # Saved again knowingly, and only once however often it is clicked.
    again = {name: form[name].value() for name in form.fields}
    assert rita_client.post(CHANGE, again).status_code == 302
    second = rita_client.post(CHANGE, again)
    assert second.status_code == 409
    assert "Nothing changed, so there is nothing to save." in second.content.decode()
    assert "Nothing was saved" not in second.content.decode()
    playbook.refresh_from_db()
    assert playbook.token_budget == 7_000


def test_what_was_changed_and_changed_back_is_what_was_seen(
    rita_client: Any, playbook: Any, ada: Any
) -> None:
    typed = opened(rita_client, description="Mine.")
    playbook_change(playbook=playbook, token_budget=9_000, by=ada)
    playbook_change(playbook=playbook, token_budget=8_000, by=ada)
    assert rita_client.post(CHANGE, typed).status_code == 302


@pytest.mark.parametrize("seen", [None, "", "made up", "0" * 64, "\x00"])
def test_who_saw_nothing_changes_nothing(rita_client: Any, playbook: Any, seen: Any) -> None:
    typed = opened(rita_client, name="Mine")
    del typed["seen"]
    answer = rita_client.post(CHANGE, typed | ({} if seen is None else {"seen": seen}))
    assert answer.status_code in {409, 422}
    assert 'value="Mine"' in answer.content.decode()
    playbook.refresh_from_db()
    assert playbook.name == "Help desk"


def test_it_says_what_stands_where_the_log_does_not_lead_back(
    rita_client: Any, playbook: Any
) -> None:
    typed = opened(rita_client, name="Mine", description="Also mine.") | {"seen": "made up"}
    answer = rita_client.post(CHANGE, typed)
    assert answer.context["meanwhile"].was is None
    said = answer.content.decode()
    assert "is no longer known" in said
    # A field nobody touched holds what stood before, and would put it back.
    assert "also what you did not touch" in said
    assert "all else is as it stands now" not in said
    assert answer.context["settings"]["description"].value() == "Also mine."


def test_a_refused_form_still_holds_what_its_reader_saw(
    rita_client: Any, playbook: Any, ada: Any
) -> None:
    answer = rita_client.post(CHANGE, opened(rita_client, token_budget="-1"))
    form = answer.context["settings"]
    mended = {name: form[name].value() for name in form.fields} | {"token_budget": "7000"}
    playbook_change(playbook=playbook, token_budget=9_000, by=ada)
    assert rita_client.post(CHANGE, mended).status_code == 409


def test_a_service_lets_through_who_read_nothing(playbook: Any, ada: Any) -> None:
    playbook_change(playbook=playbook, name="Desk", by=ada)
    playbook.refresh_from_db()
    assert (playbook.name, playbook.token_budget) == ("Desk", 8_000)
    with pytest.raises(ChangedMeanwhile):
        playbook_change(playbook=playbook, name="Help desk", by=ada, seen="")


def test_a_policy_is_not_written_over_another(ada_client: Any, playbook: Any, edda: Any) -> None:
    typed = policy_opened(ada_client, reviewers="3", reason="Three eyes")
    policy_change(
        playbook=playbook, to=Policy(admit_from=0.9, blind_share=0.2), reason="Sure", by=edda
    )
    answer = ada_client.post(POLICY, typed)
    assert answer.status_code == 409
    assert policy_of(playbook).reviewers == 1
    said = answer.content.decode()
    assert "Sure" in said
    assert "0.9" in said
    form = answer.context["form"]
    assert (form["reviewers"].value(), form["reason"].value()) == ("3", "Three eyes")
    assert (form["admit_from"].value(), form["blind_share"].value()) == (90, 20)
    again = {name: form[name].value() for name in form.fields}
    assert ada_client.post(POLICY, again).status_code == 302
    assert policy_of(fresh(playbook)) == Policy(reviewers=3, admit_from=0.9, blind_share=0.2)


def test_the_gate_moves_from_where_it_was_seen_and_takes_nothing_else_along(
    ada_client: Any, playbook: Any, edda: Any
) -> None:
    seen = ada_client.get(f"{POLICY}?gate=92").context["gate_seen"]
    moved = {
        "admit_from": "92",
        "reason": "It held",
        "seen": seen,
        "back": "/practice/calibration/",
    }
    policy_change(playbook=playbook, to=Policy(blind_share=0.5), reason="Blind", by=edda)
    assert ada_client.post(GATE, moved).url == "/practice/calibration/"
    assert policy_of(fresh(playbook)) == Policy(admit_from=0.92, blind_share=0.5)
    answer = ada_client.post(GATE, moved | {"admit_from": "80", "reason": "Bolder"})
    assert answer.status_code == 409
    said = answer.content.decode()
    assert "Move the gate to 80%" in said
    assert 'value="Bolder"' in said
    assert 'name="back" value="/practice/calibration/"' in said
    assert policy_of(fresh(playbook)).admit_from == 0.92
    again = moved | {"admit_from": "80", "seen": answer.context["gate_seen"]}
    assert ada_client.post(GATE, again).status_code == 302
    with pytest.raises(ChangedMeanwhile):
        gate_move(playbook=playbook, admit_from=0.7, reason="x", by=edda, seen=seen)


def test_a_second_click_is_not_taken_for_somebody_else(ada_client: Any, playbook: Any) -> None:
    typed = policy_opened(ada_client, reviewers="3")
    seen = ada_client.get(f"{POLICY}?gate=92").context["gate_seen"]
    moved = {"admit_from": "92", "reason": "It held", "seen": seen}
    for url, asked in ((POLICY, typed), (GATE, moved)):
        assert ada_client.post(url, asked).status_code == 302
        said = ada_client.post(url, asked, follow=True).content.decode()
        assert "The policy says this already" in said
        assert "Nothing was saved" not in said
    assert fresh(playbook).review_policies.count() == 2


def fresh(playbook: Any) -> Any:
    """The playbook without what it has read before."""
    return type(playbook).objects.get(pk=playbook.pk)


def test_a_form_of_another_workspace_is_none(olga_client: Any, playbook: Any) -> None:
    for url in (CHANGE, POLICY, reverse("review-policy-gate", args=["help-desk"])):
        assert olga_client.post(url, {"seen": "x"}).status_code == 404
