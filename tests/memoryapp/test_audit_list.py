"""The audit log, its filters and its export."""

from __future__ import annotations

import csv
import json
import re
from typing import Any

import pytest

from memoryapp.models import Event
from memoryapp.services.releases import release_publish
from tests.factories import (
    BulletFactory,
    CandidateFactory,
    IncidentFactory,
    PlaybookFactory,
    RunFactory,
)

pytestmark = pytest.mark.django_db

URL = "/settings/audit/"


def record(workspace: Any, actor: Any, kind: str, name: str = "Help desk", **data: Any) -> None:
    playbook = PlaybookFactory(workspace=workspace, name=name)
    Event.objects.record(workspace=workspace, actor=actor, kind=kind, subject=playbook, **data)


def says(page: str, name: str, value: str) -> bool:
    """Whether a row says this of a name, as it says of each thing it keeps."""
    return f'<span><span class="q">{name}</span> {value}</span>' in page


def subjects(client: Any, query: str = "") -> list[str]:
    return [event.subject_name for event in client.get(URL + query).context["rows"]]


def test_it_filters_by_kind_person_and_words(
    vera_client: Any, workspace: Any, rita: Any, ada: Any
) -> None:
    record(workspace, rita, "playbook.created", "One")
    record(workspace, ada, "label.moved", "Two", playbook="two")
    record(workspace, None, "run.started", "Three")
    assert subjects(vera_client) == ["Three", "Two", "One"]
    assert subjects(vera_client, "?kind=label.moved") == ["Two"]
    assert subjects(vera_client, "?actor=rita") == ["One"]
    assert subjects(vera_client, "?q=ada") == ["Two"]
    assert subjects(vera_client, "?q=two") == ["Two"]
    assert subjects(vera_client, f"?q={'+'.join(['two'] * 30)}") == ["Two"]
    assert subjects(vera_client, f"?q={'+'.join(['two'] * 31)}") == []


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("retention set", "retention.set"),
        ("Bullet STILL holds", "bullet.confirmed"),
        ("trajectories received", "trajectories.sent"),
        ("trajectories.sent", "trajectories.sent"),
    ],
)
def test_it_finds_what_happened_by_the_words_that_are_shown(
    vera_client: Any, workspace: Any, words: str, kind: str
) -> None:
    for each in ("retention.set", "bullet.confirmed", "trajectories.sent"):
        record(workspace, None, each)
    rows = vera_client.get(URL, {"q": words}).context["rows"]
    assert [row.kind for row in rows] == [kind]


def test_an_admin_finds_a_changed_password_by_its_words(
    ada_client: Any, workspace: Any, rita: Any
) -> None:
    record(workspace, rita, "account.password_changed")
    record(workspace, rita, "run.started")
    for words in ("password", "password changed", "rita password"):
        rows = ada_client.get(URL, {"q": words}).context["rows"]
        assert [row.kind for row in rows] == ["account.password_changed"]


def test_it_counts_each_kind_under_the_other_filters(
    vera_client: Any, workspace: Any, rita: Any
) -> None:
    record(workspace, rita, "playbook.created")
    record(workspace, None, "playbook.created")
    record(workspace, None, "run.started")
    filters = vera_client.get(f"{URL}?actor=rita").context["filters"]
    assert [(chip.label, chip.count) for chip in filters] == [("All", 1), ("Playbook created", 1)]


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("tool.drifted", "Tool changed"),
        ("bullet.stale", "Bullet went stale"),
        ("bullet.confirmed", "Bullet still holds"),
        ("trajectories.sent", "Trajectories received"),
        ("run.started", "Run started"),
    ],
)
def test_it_says_what_happened_in_words(
    vera_client: Any, workspace: Any, kind: str, words: str
) -> None:
    record(workspace, None, kind, stale_bullets=2, practice_asked=True)
    page = vera_client.get(URL).content.decode()
    assert f"<b>{words}</b>" in page
    assert says(page, "stale bullets", "2")
    assert says(page, "practice asked", "yes")


def test_it_reaches_every_row(vera_client: Any, workspace: Any) -> None:
    for n in range(60):
        record(workspace, None, "run.started", f"Row {n}")
    first = vera_client.get(URL)
    second = vera_client.get(first.context["next_url"])
    seen = [event.subject_name for page in (first, second) for event in page.context["rows"]]
    assert sorted(seen) == sorted(f"Row {n}" for n in range(60))
    assert second.context["next_url"] == ""
    back = vera_client.get(second.context["previous_url"])
    assert list(back.context["rows"]) == list(first.context["rows"])


def test_it_says_where_it_stopped_counting(
    vera_client: Any, workspace: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("memoryapp.queries.events.COUNTED", 3)
    monkeypatch.setattr("memoryapp.views.audit.COUNTED", 3)
    record(workspace, None, "playbook.created")
    for _ in range(5):
        record(workspace, None, "run.started")
    page = vera_client.get(URL)
    chips = {chip.label: chip.count for chip in page.context["filters"]}
    assert chips == {"All": "4+", "Playbook created": None, "Run started": "4+"}
    assert "more than 3" in page.content.decode()
    one_kind = vera_client.get(f"{URL}?kind=playbook.created")
    assert "1 of 1 row" in one_kind.content.decode()


def test_it_exports_what_is_filtered(vera_client: Any, workspace: Any, rita: Any) -> None:
    record(workspace, rita, "playbook.created", "=cmd()")
    record(workspace, None, "run.started", "Other")
    answer = vera_client.get(f"{URL}export/?actor=rita")
    text = b"".join(answer.streaming_content).decode()
    (row,) = csv.DictReader(text.splitlines())
    assert (row["who"], row["what"], row["subject"]) == ("rita", "playbook.created", "'=cmd()")


def test_a_row_leads_to_what_it_is_about(vera_client: Any, workspace: Any, rita: Any) -> None:
    playbook = PlaybookFactory(workspace=workspace)
    made: list[Any] = [
        playbook,
        BulletFactory(playbook=playbook),
        CandidateFactory(playbook=playbook),
        RunFactory(workspace=workspace),
        IncidentFactory(workspace=workspace),
        release_publish(playbook=playbook, by=rita),
    ]
    Event.objects.all().delete()
    for subject in made:
        kind = f"{subject._meta.model_name}.changed"
        Event.objects.record(workspace=workspace, actor=rita, kind=kind, subject=subject)
    answer = vera_client.get(URL)
    pages = [event.page for event in answer.context["rows"]]
    assert pages[::-1] == [subject.get_absolute_url() for subject in made]
    assert f'href="{made[1].get_absolute_url()}"' in answer.content.decode()


def test_a_row_about_what_is_gone_leads_nowhere(vera_client: Any, workspace: Any) -> None:
    bullet = BulletFactory(playbook__workspace=workspace)
    Event.objects.record(workspace=workspace, actor=None, kind="bullet.added", subject=bullet)
    record(workspace, None, "run.started")
    Event.objects.filter(kind="run.started").update(subject_type="candidate", subject_id="no id")
    bullet.delete()
    assert [event.page for event in vera_client.get(URL).context["rows"]] == ["", ""]


def test_it_hides_other_workspaces(olga_client: Any, workspace: Any) -> None:
    record(workspace, None, "run.started")
    assert subjects(olga_client) == []
    assert b"run.started" not in b"".join(olga_client.get(f"{URL}export/").streaming_content)


def test_it_needs_the_same_number_of_queries_for_more_rows(
    vera_client: Any, workspace: Any, rita: Any, django_assert_num_queries: Any
) -> None:
    def add(count: int) -> None:
        for _ in range(count):
            record(workspace, rita, "run.started")

    add(10)
    with django_assert_num_queries(10):
        vera_client.get(URL)
    add(10)
    with django_assert_num_queries(10):
        vera_client.get(URL)


def test_it_filters_by_playbook_and_day(vera_client: Any, workspace: Any, rita: Any) -> None:
    record(workspace, rita, "label.moved", "One", playbook="one")
    record(workspace, rita, "label.moved", "Two", playbook="two")
    Event.objects.filter(subject_name="Two").update(created_at="2026-01-05T23:30:00Z")
    assert subjects(vera_client, "?playbook=one") == ["One"]
    assert subjects(vera_client, "?until=2026-01-05") == ["Two"]
    assert len(subjects(vera_client, "?until=9999-12-31")) > 1
    assert subjects(vera_client, "?since=2026-01-06") == ["One"]
    assert subjects(vera_client, "?since=nonsense") == ["One", "Two"]


def test_it_says_from_what_to_what_and_through_what(
    vera_client: Any, workspace: Any, rita: Any
) -> None:
    record(
        workspace,
        None,
        "candidate.admitted",
        through="Policy 3 of Desk",
        before={"status": "pending"},
        after={"status": "approved"},
    )
    said = vera_client.get(URL).content.decode()
    assert "Policy 3 of Desk" in said
    assert re.search(r"status <span[^>]*>from</span> pending <span[^>]*>to</span> approved", said)


def test_it_compares_the_texts_of_bullets_by_words(
    vera_client: Any, workspace: Any, rita: Any
) -> None:
    sides = {
        "before": {"status": "approved", "text": "Wait ten seconds."},
        "after": {"status": "approved", "text": "Wait five seconds."},
    }
    record(workspace, rita, "candidate.approved", text="Wait five seconds.", bullets={"a-1": sides})
    said = vera_client.get(URL).content.decode()
    assert "<del>ten</del>" in said
    assert "a-1 text" in said
    assert "a-1 status" not in said, "what stayed is not said to have changed"


def test_it_counts_the_bullets_of_a_release(vera_client: Any, workspace: Any, rita: Any) -> None:
    record(workspace, rita, "release.published", before={}, after={"newest": 1}, bullets=18)
    said = vera_client.get(URL).content.decode()
    assert says(said, "bullets", "18")
    assert says(said, "newest", "1")


def test_it_says_from_what_to_what(vera_client: Any, workspace: Any, rita: Any) -> None:
    changed = (
        {"status": "running", "seed": "", "note": "Odd."},
        {"status": "finished", "seed": None},
    )
    record(workspace, rita, "run.finished", before=changed[0], after=changed[1])
    said = vera_client.get(URL).content.decode()
    assert re.search(r"status <span[^>]*>from</span> running <span[^>]*>to</span> finished", said)
    assert re.search(r"note <span[^>]*>from</span> Odd\. <span[^>]*>to</span> nothing", said)
    assert "seed" not in said, "nothing became of nothing"


def test_it_shows_the_beginning_of_a_digest(vera_client: Any, workspace: Any, rita: Any) -> None:
    record(workspace, rita, "telemetry_file.read", before={}, after={"digest": "0a" * 32})
    said = vera_client.get(URL).content.decode()
    assert "0a0a0a0a0a0a…" in said
    assert "0a" * 32 not in said
    assert "0a" * 32 in b"".join(vera_client.get(f"{URL}export/").streaming_content).decode()


def test_it_writes_a_moment_as_people_read_it(
    vera_client: Any, workspace: Any, rita: Any, settings: Any
) -> None:
    settings.TIME_ZONE = "Asia/Tokyo"
    moment = "2027-02-28T11:38:12+00:00"
    record(workspace, rita, "key.created", before={}, after={"expires": moment}, note="2027-02-28")
    said = vera_client.get(URL).content.decode()
    assert "Feb 28, 2027, 20:38 UTC" in said
    assert moment not in said
    assert says(said, "note", "2027-02-28"), "a day is no moment"


def test_it_folds_what_is_rarely_asked_for(vera_client: Any, workspace: Any, rita: Any) -> None:
    record(workspace, rita, "label.moved")
    record(workspace, rita, "run.started")
    plain = vera_client.get(URL).content.decode()
    folded, shown = plain.split('class="more narrow"')[1].split("</details>", 1)
    assert not folded.startswith(" open")
    assert "Label moved" in folded
    assert 'name="since"' in folded
    assert "Label moved" not in shown.partition("<table")[0]
    asked = vera_client.get(f"{URL}?kind=label.moved").content.decode()
    folded, shown = asked.split('class="more narrow"')[1].split("</details>", 1)
    assert folded.startswith(" open")
    assert "Label moved" in shown.partition("<table")[0], "what was asked for is never folded"


def test_it_exports_json_lines(vera_client: Any, workspace: Any, rita: Any) -> None:
    record(workspace, rita, "label.moved", before="v1", after="v2")
    record(workspace, rita, "run.started")
    answer = vera_client.get(f"{URL}export/?form=jsonl&kind=label.moved")
    lines = b"".join(answer.streaming_content).decode().splitlines()
    (line,) = [json.loads(line) for line in lines]
    assert (line["who"], line["what"], line["before"], line["after"]) == (
        "rita",
        "label.moved",
        "v1",
        "v2",
    )


def test_json_lines_keep_what_happened_beside_what_a_row_says(
    vera_client: Any, workspace: Any
) -> None:
    record(workspace, None, "use.unusual", what="export.asked", count=3)
    answer = vera_client.get(f"{URL}export/?form=jsonl")
    (line,) = [json.loads(line) for line in b"".join(answer.streaming_content).splitlines()]
    assert (line["what"], line["data_what"], line["count"]) == ("use.unusual", "export.asked", 3)
