"""The tools agents call: what they answer and what they refuse."""

from __future__ import annotations

from typing import Any

import pytest
from mcp.shared.exceptions import MCPError

from memoryapp.indexer import receipts
from memoryapp.mcp import playbooks, tools
from memoryapp.mcp.tools import Caller
from memoryapp.models import Candidate, PullReceipt, Report
from memoryapp.services.canaries import canary_start
from memoryapp.services.candidates import candidate_reject
from memoryapp.services.releases import label_move, release_publish
from memoryapp.services.tokens import api_key_create
from tests.factories import BulletFactory, MembershipFactory, PlaybookFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def call(key: Any) -> Any:
    reader = key("playbooks:pull")[0]
    sender = key("trajectories:write")[0]
    reporter = key("feedback:write")[0]
    callers = {"propose_lesson": sender, "report_outcome": reporter}

    def make(name: str, agent: str = "", **given: Any) -> Any:
        return tools.call(Caller(callers.get(name, reader), agent), name, given)

    return make


def test_it_finds_released_lessons_closest_first(served: Any, call: Any) -> None:
    BulletFactory(playbook=served, content="A refund of a draft nobody released.")
    found = call("search_memory", query="How do I make a refund?").structured_content
    assert [one["label"] for one in found["bullets"]] == ["strategies-001"]
    assert (found["bullets"][0]["playbook"], found["bullets"][0]["version"]) == ("desk", 1)


def test_a_label_that_is_left_empty_is_none(served: Any, call: Any) -> None:
    """Some models fill in every argument there is."""
    assert call("search_memory", query="refund", label="").structured_content["count"] == 1
    assert call("get_playbook", playbook="desk", label="").structured_content["version"] == 1


def test_before_anything_is_released_it_finds_nothing(workspace: Any, call: Any) -> None:
    PlaybookFactory(workspace=workspace)
    assert call("search_memory", query="refund").structured_content["count"] == 0


@pytest.mark.parametrize(
    ("name", "given"), [("get_playbook", {}), ("search_memory", {"query": "refund"})]
)
def test_before_the_first_release_it_says_what_to_do_of_the_playbook_asked_for(
    workspace: Any, call: Any, name: str, given: Any
) -> None:
    PlaybookFactory(workspace=workspace, slug="desk", name="Desk")
    refused = call(name, playbook="desk", **given)
    assert refused.is_error
    assert "Desk has no release yet" in refused.content[0].text
    assert "Playbooks → Desk → Releases" in refused.content[0].text


def test_a_key_searches_the_release_that_it_reads(served: Any, key: Any, ada: Any) -> None:
    BulletFactory(playbook=served, content="Newer.")
    newer = release_publish(playbook=served, by=ada, label="")
    canary_start(label=served.labels.get(), release=newer, share=50, by=ada)
    for _ in range(10):
        reader = Caller(key("playbooks:pull")[0])
        found: Any = tools.call(reader, "search_memory", {"query": "refund"}).structured_content
        read: Any = tools.call(reader, "get_playbook", {"playbook": "desk"})
        assert {one["version"] for one in found["bullets"]} == {
            2 if "Newer." in read.content[0].text else 1
        }


def test_an_agent_of_a_name_is_given_what_a_pull_gives_it(
    served: Any, call: Any, key: Any, client: Any, ada: Any
) -> None:
    BulletFactory(playbook=served, content="Newer.")
    newer = release_publish(playbook=served, by=ada, label="")
    canary_start(label=served.labels.get(), release=newer, share=50, by=ada)
    bearer, given = f"Bearer {key('playbooks:pull')[1]}", set()
    for number in range(10):
        agent = f"desk-{number}"
        headers = {"Authorization": bearer, "X-Agent-Id": agent}
        pulled = client.get("/api/v1/playbooks/desk", headers=headers)
        version = int(pulled["X-Playbook-Version"])
        read = call("get_playbook", agent, playbook="desk").structured_content
        found = call("search_memory", agent, query="refund").structured_content
        assert {read["version"], *(one["version"] for one in found["bullets"])} == {version}
        given.add(version)
    assert given == {1, 2}


def test_it_reads_an_older_version(served: Any, call: Any, ada: Any) -> None:
    BulletFactory(playbook=served, content="Newer.")
    release_publish(playbook=served, by=ada, label="production")
    assert "Newer." in call("get_playbook", playbook="desk").content[0].text
    assert "Newer." not in call("get_playbook", playbook="desk", version=1).content[0].text
    blank = call("get_playbook", playbook="desk", label="", version=1)  # as some models write none
    assert "Newer." not in blank.content[0].text


def test_who_fills_in_defaults_still_reads_a_version(served: Any, call: Any) -> None:
    given = {
        name: of["default"]
        for name, of in (tools.input_schema("get_playbook") or {})["properties"].items()
        if "default" in of
    }
    assert not call("get_playbook", **given, playbook="desk", version=1).is_error


@pytest.mark.parametrize(
    ("name", "given", "said"),
    [
        ("search_memory", {}, "'query' is a required property"),
        ("search_memory", {"query": "x", "k": 500}, "k: 500 is greater than the maximum of 50"),
        ("search_memory", {"query": "x", "playbook": "no"}, "There is no playbook 'no' here"),
        ("search_memory", {"query": "x", "label": "prod"}, "has the label 'prod'. Labels: produ"),
        ("get_playbook", {"playbook": "desk", "format": "pdf"}, "format: 'pdf' is not one of"),
        ("get_playbook", {"playbook": "desk", "label": "beta"}, "no label 'beta'"),
        ("get_playbook", {"playbook": "desk", "version": 9}, "no version 9"),
        ("get_playbook", {"playbook": "d\x00"}, "NUL"),
        ("get_playbook", {"playbook": "desk", "label": "production", "version": 1}, "not both"),
        ("report_outcome", {"release": "0", "task": "t"}, "release: '0' does not match"),
        ("report_outcome", {"release": "999999", "task": "t"}, "There is no such release here"),
        ("propose_lesson", {"playbook": "desk", "content": " "}, "The lesson is empty"),
        ("propose_lesson", {"playbook": "desk", "content": "x", "section": "A b"}, "A section is"),
        ("propose_lesson", {"playbook": "desk", "content": "x", "extra": 1}, "'extra' was unexpec"),
    ],
)
def test_it_says_in_one_line_what_is_wrong(
    served: Any, call: Any, name: str, given: dict[str, Any], said: str
) -> None:
    answer = call(name, **given)
    assert answer.is_error
    assert said in answer.content[0].text
    assert "\n" not in answer.content[0].text


@pytest.mark.parametrize(
    ("name", "scope", "given"),
    [
        ("search_memory", "trajectories:write", {"query": "refund"}),
        ("get_playbook", "trajectories:write", {"playbook": "desk"}),
        ("report_outcome", "playbooks:pull", {"release": "1", "task": "t", "outcome": "success"}),
        ("propose_lesson", "playbooks:pull", {"playbook": "desk", "content": "New."}),
        ("propose_lesson", "read", {"playbook": "desk", "content": "New."}),
    ],
)
def test_it_needs_a_key_with_the_scope(
    served: Any, key: Any, name: str, scope: str, given: dict[str, Any]
) -> None:
    answer: Any = tools.call(Caller(key(scope)[0]), name, given)
    assert answer.is_error
    assert "This needs a key with the scope" in answer.content[0].text
    assert not Candidate.objects.exists()


def test_it_does_not_ask_again_what_was_rejected(served: Any, call: Any, ada: Any) -> None:
    lesson = {"playbook": "desk", "content": "Always say please."}
    call("propose_lesson", **lesson)
    candidate_reject(candidate=Candidate.objects.get(), by=ada, reason="Not true")
    assert call("propose_lesson", **lesson).structured_content["status"] == "known"
    assert Candidate.objects.count() == 1


def test_a_lesson_may_speak_of_a_nul(served: Any, call: Any) -> None:
    content = "Escape \\u0000 before you send a name."
    answer = call("propose_lesson", playbook="desk", content=content, evidence="It said \\u0000.")
    assert answer.structured_content["status"] == "waiting"
    assert Candidate.objects.get().content == content


def test_it_keeps_the_evidence_of_every_agent_that_saw_it(served: Any, call: Any) -> None:
    lesson = {"playbook": "desk", "content": "Ask for the order number."}
    for seen in ("It said 404.", "It said 410."):
        call("propose_lesson", **lesson, evidence=seen)
    excerpts = Candidate.objects.get().evidence.values_list("excerpt", flat=True)
    assert set(excerpts) == {"It said 404.", "It said 410."}


def test_a_bound_key_sees_its_own_playbooks_only(served: Any, workspace: Any, ada: Any) -> None:
    other = PlaybookFactory(workspace=workspace, slug="other")
    BulletFactory(playbook=other, content="Refund nothing.")
    release_publish(playbook=other, by=ada, label="production")
    scopes = ("playbooks:pull", "trajectories:write")
    key = api_key_create(workspace=workspace, name="bound", scopes=scopes, by=ada)[0]
    key.playbooks.add(served)
    found: Any = tools.call(Caller(key), "search_memory", {"query": "refund"}).structured_content
    assert {one["playbook"] for one in found["bullets"]} == {"desk"}
    refused: Any = tools.call(Caller(key), "get_playbook", {"playbook": "other"})
    assert "There is no playbook 'other' here. Playbooks: desk." in refused.content[0].text
    lesson = {"playbook": "other", "content": "New."}
    assert tools.call(Caller(key), "propose_lesson", lesson).is_error
    assert [one.name for one in playbooks.prompts(key, None).prompts] == ["desk"]
    assert [one.name for one in playbooks.resources(key, None).resources] == ["desk@production"]


def test_a_page_goes_on_after_the_last_row_whatever_was_added_or_removed(
    served: Any, key: Any, workspace: Any, ada: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(playbooks, "PAGE", 2)
    release = served.releases.get()
    for name in ("beta", "canary", "staging"):
        label_move(playbook=served, name=name, release=release, by=ada)
    for slug in ("early", "late"):
        book = PlaybookFactory(workspace=workspace, slug=slug)
        BulletFactory(playbook=book, content="Ask.")
        release_publish(playbook=book, by=ada, label="production")
    reader = key("playbooks:pull")[0]
    first = playbooks.resources(reader, None)
    asked = playbooks.prompts(reader, None)
    assert [one.name for one in first.resources] == ["desk@beta", "desk@canary"]
    assert [one.name for one in asked.prompts] == ["desk", "early"]

    label_move(playbook=served, name="alpha", release=release, by=ada)
    served.labels.get(name="beta").delete()
    second = playbooks.resources(reader, first.next_cursor)
    third = playbooks.resources(reader, second.next_cursor)
    assert [one.name for page in (second, third) for one in page.resources] == [
        *("desk@production", "desk@staging"),
        *("early@production", "late@production"),
    ]
    assert third.next_cursor is None
    last = playbooks.prompts(reader, asked.next_cursor)
    assert ([one.name for one in last.prompts], last.next_cursor) == (["late"], None)


@pytest.mark.parametrize("cursor", ["", "7", "desk", "desk@", "a@b\x00", "@x", "x" * 200])
def test_a_cursor_of_others_is_refused(served: Any, key: Any, cursor: str) -> None:
    with pytest.raises(MCPError, match="cursor is not valid"):
        playbooks.resources(key("playbooks:pull")[0], cursor)


def test_reading_leaves_a_receipt(served: Any, call: Any) -> None:
    call("get_playbook", "desk-7", playbook="desk")
    receipts.flush()
    receipt = PullReceipt.objects.get()
    assert (receipt.label, receipt.agent, receipt.form) == ("production", "desk-7", "md")


def test_a_search_leaves_a_receipt_of_each_release_it_found_something_in(
    served: Any, call: Any, workspace: Any, ada: Any
) -> None:
    for slug, content in (("shop", "A refund takes a day."), ("mail", "Sign every letter.")):
        book = PlaybookFactory(workspace=workspace, slug=slug)
        BulletFactory(playbook=book, content=content)
        release_publish(playbook=book, by=ada, label="production")
    call("search_memory", "desk-7", query="How do I make a refund?")
    receipts.flush()
    left = PullReceipt.objects.values_list("release__playbook__slug", "agent", "label", "form")
    assert set(left) == {(slug, "desk-7", "production", "search") for slug in ("desk", "shop")}
    assert PullReceipt.objects.count() == 2


def test_an_outcome_is_of_the_label_that_was_searched_by(
    served: Any, call: Any, key: Any, ada: Any
) -> None:
    label_move(playbook=served, name="staging", release=served.releases.get(), by=ada)
    both = Caller(key("playbooks:pull", "feedback:write")[0], "desk-7")
    found: Any = tools.call(both, "search_memory", {"query": "refund", "label": "staging"})
    receipts.flush()
    release = found.structured_content["bullets"][0]["release"]
    said = {"release": release, "task": "refund 7", "outcome": "success"}
    assert not tools.call(both, "report_outcome", said).is_error
    report = Report.objects.get()
    assert (report.label, report.agent) == ("staging", "desk-7")


def test_an_outcome_counts_once_for_the_release_that_was_read(served: Any, call: Any) -> None:
    release = call("get_playbook", playbook="desk").structured_content["release"]
    votes = [{"id": "strategies-001", "vote": "helpful"}, {"id": "lost-001", "vote": "harmful"}]
    said = {"release": release, "task": "refund 7", "outcome": "success", "bullets": votes}
    first, again = (call("report_outcome", **said).structured_content for _ in range(2))
    assert (first["counted"], again["counted"], again["known"]) == (1, 0, 1)
    assert [row["bullet"] for row in first["refused"]] == ["lost-001"]
    assert served.bullets.get(label="strategies-001").deployed_helpful == 1


def test_a_report_that_says_nothing_is_no_report(served: Any, call: Any) -> None:
    release = call("get_playbook", playbook="desk").structured_content["release"]
    answer = call("report_outcome", release=release, task="refund 7")
    assert answer.is_error
    assert "Say how the task ended" in answer.content[0].text
    assert not Report.objects.exists()


@pytest.mark.parametrize("as_number", [True, False])
def test_what_a_search_found_can_be_reported_on(served: Any, call: Any, as_number: bool) -> None:
    hit = call("search_memory", query="How do I make a refund?").structured_content["bullets"][0]
    release = int(hit["release"]) if as_number else hit["release"]
    vote = {"id": hit["label"], "vote": "helpful"}
    answer = call("report_outcome", release=release, task="t", bullets=[vote])
    assert answer.structured_content["counted"] == 1


def test_a_release_of_others_is_not_reported_on(served: Any, call: Any) -> None:
    theirs = PlaybookFactory(workspace=MembershipFactory().workspace)
    BulletFactory(playbook=theirs)
    release = release_publish(playbook=theirs, by=None)
    answer = call("report_outcome", release=str(release.pk), task="t", outcome="failure")
    assert "There is no such release here" in answer.content[0].text
