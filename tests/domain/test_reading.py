"""Playbooks written in a form and read back."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from memoryapp.domain.delivery import FORMS
from memoryapp.domain.formats import document
from memoryapp.domain.playbook import Bullet, Playbook
from memoryapp.domain.reading import READERS, Unreadable, read

#: a busy machine draws slowly; that says nothing about the code.
patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
#: any text JSON and UTF-8 can hold.
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=120)
sections = st.sampled_from(["strategies", "pitfalls", "apis", "code_snippets"])
counts = st.integers(0, 999_999)


@st.composite
def playbooks(draw: st.DrawFn) -> Playbook:
    rows = draw(st.lists(st.tuples(sections, texts, counts, counts), max_size=8))
    bullets = [
        Bullet(
            id=str(number),
            label=f"{section}-{number:03d}",
            section=section,
            content=content,
            helpful=up,
            harmful=down,
        )
        for number, (section, content, up, down) in enumerate(
            sorted(rows, key=lambda row: row[0]), start=1
        )
    ]
    return Playbook(bullets=tuple(bullets))


@patient
@given(playbooks(), st.sampled_from(sorted(READERS)))
def test_it_comes_back_as_it_was(playbook: Playbook, form: str) -> None:
    released = document(playbook, slug="a", name="A", description="", version=1)
    text = FORMS[form].render(released).decode()
    if not playbook.bullets:
        return
    reading = read(form, text)
    assert reading.problems == ()
    found = sorted((b.label, b.section, b.content, b.helpful, b.harmful) for b in reading.bullets)
    asked = sorted((b.label, b.section, b.content, b.helpful, b.harmful) for b in playbook.bullets)
    assert found == asked


@patient
@given(playbooks(), st.sampled_from(sorted(READERS)))
def test_it_is_written_anew_byte_for_byte(playbook: Playbook, form: str) -> None:
    released = document(playbook, slug="a", name="A", description="", version=1)
    text = FORMS[form].render(released)
    if not playbook.bullets:
        return
    ids = {b.label: b.id for b in playbook.bullets}
    again = Playbook(
        bullets=tuple(
            Bullet(
                id=ids[row.label],
                label=row.label,
                section=row.section,
                content=row.content,
                helpful=row.helpful,
                harmful=row.harmful,
            )
            for row in sorted(
                read(form, text.decode()).bullets,
                key=lambda row: [b.label for b in playbook.bullets].index(row.label),
            )
        )
    )
    written = document(again, slug="a", name="A", description="", version=1)
    assert FORMS[form].render(written) == text


@patient
@given(st.text(max_size=300), st.sampled_from(sorted(READERS)))
def test_it_never_fails_in_another_way(text: str, form: str) -> None:
    with suppress(Unreadable):
        read(form, text)


@patient
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=8),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    [
                        "schema_version",
                        "sections",
                        "bullets",
                        "label",
                        "content",
                        "pitfalls",
                        "metadata",
                    ]
                ),
                inner,
                max_size=4,
            )
        ),
        max_leaves=12,
    ),
    st.sampled_from(["json", "preping"]),
)
def test_it_takes_any_json_for_what_it_is(value: object, form: str) -> None:
    if isinstance(value, dict) and form == "json":
        value["schema_version"] = 1
    with suppress(Unreadable):
        read(form, json.dumps(value))


def test_it_leaves_out_a_bullet_that_was_changed_since() -> None:
    playbook = Playbook(bullets=(Bullet(label="apis-001", section="apis", content="Ask first."),))
    released = document(playbook, slug="a", name="A", description="", version=1)
    text = json.dumps(released).replace("Ask first.", "Never ask.")
    reading = read("json", text)
    assert reading.bullets == ()
    assert "does not match its sha256" in reading.problems[0].message
    assert reading.problems[0].place == "sections[0].bullets[0]"


@pytest.mark.parametrize(
    ("form", "text", "says"),
    [
        ("pdf", "x", "not from 'pdf'"),
        ("json", "{", "no JSON"),
        ("json", "[]", "no JSON object"),
        ("json", '{"schema_version": 2}', "schema_version 2"),
        ("json", '{"schema_version": 1}', "sections"),
        ("json", "[" * 100_000, "no JSON"),
        ("ace", "hello", "no ACE bullet"),
        ("preping", "{}", "no playbook"),
    ],
)
def test_it_says_what_is_wrong(form: str, text: str, says: str) -> None:
    with pytest.raises(Unreadable, match=says):
        read(form, text)


def test_it_reports_lines_it_does_not_understand() -> None:
    reading = read("ace", "## PITFALLS\n[pitfalls-00001] helpful=1 harmful=0 :: A\nnonsense\n")
    assert [b.content for b in reading.bullets] == ["A"]
    assert [p.place for p in reading.problems] == ["line 3"]
