"""Every form a playbook is written in and read back from, and that nothing is lost between."""

from __future__ import annotations

import base64
import io
import json
import zipfile
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memoryapp.domain.delivery import FORMS
from memoryapp.domain.formats import document
from memoryapp.domain.playbook import Bullet, Playbook
from memoryapp.domain.reading import PROBLEMS_MOST, READERS, read
from memoryapp.domain.readings import Unreadable

#: a heading ends where its words end, so that no section of ours ends in an underscore.
sections = st.from_regex(r"[a-z]([a-z0-9_]{0,12}[a-z0-9])?", fullmatch=True) | st.sampled_from(
    ["strategies", "pitfalls", "apis", "code_snippets"]
)
counts = st.integers(0, 1_000_000)
#: what a bullet may say: no lone surrogates, no white space around it, lines ended by \n.
texts = (
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=200)
    .map(lambda text: "\n".join(text.splitlines()).strip())
    .filter(bool)
)
some = settings(max_examples=30)
rows = st.lists(st.tuples(sections, texts, counts, counts), min_size=1, max_size=5)


def released(given_rows: list[Any], **more: Any) -> Any:
    bullets = [
        Bullet(f"{section}-{number:03d}", section, text, helpful=up, harmful=down)
        for number, (section, text, up, down) in enumerate(given_rows, start=1)
    ]
    about = {"slug": "help-desk", "name": "Help desk", "description": "Refunds.", "version": 3}
    return document(Playbook(bullets=tuple(bullets)), **{**about, **more})


def said(doc: Any, *names: str) -> list[Any]:
    """What the bullets of a document say, by section in the order they are served."""
    return [
        (section["name"], *(bullet[name] for name in names))
        for section in doc["sections"]
        for bullet in section["bullets"]
    ]


def written(form: str, doc: Any) -> str:
    body = FORMS[form].render(doc)
    return base64.b64encode(body).decode() if form == "skill" else body.decode()


def test_each_form_that_is_read_is_written() -> None:
    assert set(READERS) <= set(FORMS)


@pytest.mark.parametrize("form", FORMS)
@some
@given(rows)
def test_it_writes_the_same_bytes_for_the_same_bullets(form: str, given_rows: list[Any]) -> None:
    assert FORMS[form].render(released(given_rows)) == FORMS[form].render(released(given_rows))


@pytest.mark.parametrize("form", ["json", "ace"])
@some
@given(rows)
def test_it_reads_back_all_it_wrote(form: str, given_rows: list[Any]) -> None:
    doc = released(given_rows)
    reading = read(form, written(form, doc))
    assert reading.problems == ()
    assert [(b.section, b.label, b.content, b.helpful, b.harmful) for b in reading.bullets] == said(
        doc, "label", "content", "helpful", "harmful"
    )


@some
@given(rows)
def test_it_reads_back_playbook_json_by_its_four_sections(given_rows: list[Any]) -> None:
    doc = released(given_rows)
    reading = read("preping", written("preping", doc))
    assert sorted((b.label, b.content, b.helpful, b.harmful) for b in reading.bullets) == sorted(
        row[1:] for row in said(doc, "label", "content", "helpful", "harmful")
    )


@some
@given(rows, texts)
def test_it_reads_back_the_lessons_of_a_skill(given_rows: list[Any], description: str) -> None:
    doc = released(given_rows, description=description)
    reading = read("skill", written("skill", doc))
    assert reading.problems == ()
    assert [(b.section, b.label, b.content) for b in reading.bullets] == said(
        doc, "label", "content"
    )


def test_it_reads_back_a_skill_that_is_too_long_for_one_file() -> None:
    doc = released([("pitfalls", f"Case {number}.\nTwo lines.", 0, 0) for number in range(400)])
    assert len(read("skill", written("skill", doc)).bullets) == 400


FOREIGN = """---
name: pdf
description: Work with PDF files.
---
# PDF

Use pypdf.

## Common pitfalls

- Rotate first,
  then crop.

  Always.
- Check the page count:
```py
len(reader.pages)

```
"""


def test_it_reads_the_items_and_paragraphs_of_any_skill() -> None:
    reading = read("skill", FOREIGN)
    assert [(b.section, b.content) for b in reading.bullets] == [
        ("pdf", "Use pypdf."),
        ("common_pitfalls", "Rotate first,\nthen crop.\n\nAlways."),
        ("common_pitfalls", "Check the page count:\n```py\nlen(reader.pages)\n\n```"),
    ]
    assert [b.place for b in reading.bullets][:2] == ["SKILL.md line 7", "SKILL.md line 11"]
    assert reading == read("skill", FOREIGN)
    assert len({b.label for b in reading.bullets}) == 3


@some
@given(st.text(max_size=600))
def test_it_reads_whatever_stands_in_a_skill(body: str) -> None:
    reading = read("skill", f"---\nname: x\ndescription: y\n---\n{body}")
    assert all(bullet.content.strip() for bullet in reading.bullets)


def packed(files: dict[str, str | bytes]) -> str:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, text in files.items():
            # Without a time: two workers that collect a test have to give it the same name.
            archive.writestr(zipfile.ZipInfo(path), text, zipfile.ZIP_DEFLATED)
    return base64.b64encode(target.getvalue()).decode()


def test_it_says_which_files_of_a_folder_it_does_not_read() -> None:
    reading = read("skill", packed({"pdf/SKILL.md": FOREIGN, "pdf/scripts/run.py": "x"}))
    assert len(reading.bullets) == 3
    assert [problem.place for problem in reading.problems] == ["pdf/scripts/run.py"]


WHOLE = packed({"pdf/SKILL.md": FOREIGN})


def with_bytes(old: bytes, new: bytes) -> str:
    """The zip of a skill with some of its bytes changed."""
    return base64.b64encode(base64.b64decode(WHOLE).replace(old, new)).decode()


#: 600 bytes that stand for ten thousand million keys.
MERGES = "a0: &a0 {x: 1}\n" + "".join(
    f"a{n}: &a{n}\n  <<: [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 11)
)


def front(value: str) -> str:
    return f"---\nname: pdf\ndescription: x\nmore: {value}\n---\n"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("# No front", "begins with its name and description"),
        ("---\nname: [\n---\n", "not valid YAML"),
        ("---\nname: pdf\n---\n", "describes it"),
        ("---\nname: 7\ndescription: x\n---\n", "describes it"),
        (WHOLE[:-1], "complete base64"),
        (WHOLE[: len(WHOLE) // 8 * 4], "damaged"),
        (packed({"README.md": "x"}), "holds 0"),
        (packed({"a/SKILL.md": FOREIGN, "b/SKILL.md": FOREIGN}), "holds 2"),
        (packed({f"a/{n}": "x" for n in range(300)}), "more than 200 files"),
        (packed({"a/SKILL.md": b"x" * 20_000_001}), "larger than 20 million"),
        (WHOLE + "ä", "complete base64"),
        (with_bytes(b"pdf/SKILL.md", b"pdf/SKILL.m\xff").replace("UEsD", "UEsD"), "holds 0"),
        (with_bytes(b"PK\x05\x06", b"PK\x05\x06\xff\xff"), "damaged"),
        (front("!!bool 5"), "not valid YAML"),
        (front("!!timestamp x"), "not valid YAML"),
        (front('!!int ""'), "not valid YAML"),
        (front("x\n" + MERGES), "not valid YAML"),
    ],
    ids=range(17),
)
def test_it_refuses_what_is_no_skill(text: str, says: str) -> None:
    with pytest.raises(Unreadable, match=says):
        read("skill", text)


@pytest.mark.parametrize("form", ["json", "preping"])
def test_halves_of_characters_are_replaced(form: str) -> None:
    """They have no bytes, so no digest and no place in a database."""
    said = json.loads(written(form, released([("apis", "one", 0, 0)])).replace("one", "a\ud800"))
    for section in said.get("sections", ()):
        section["bullets"][0].pop("sha256")
    (bullet,) = read(form, json.dumps(said)).bullets
    assert bullet.content == "a?"


@pytest.mark.parametrize("form", READERS)
@some
@given(st.text(max_size=300))
def test_it_reads_or_refuses_any_text(form: str, text: str) -> None:
    with suppress(Unreadable):
        assert all(isinstance(bullet.content, str) for bullet in read(form, text).bullets)


@pytest.mark.parametrize(
    ("form", "text", "first"),
    [
        ("ace", "prose\n" * (PROBLEMS_MOST + 1), "line 1: It is neither a section nor a bullet"),
        (
            "preping",
            '{"apis": [' + "{}," * PROBLEMS_MOST + "{}]}",
            r"apis\[0\]: A bullet needs a content",
        ),
        (
            "json",
            '{"schema_version": 1, "sections": [' + "{}," * PROBLEMS_MOST + "{}]}",
            r"sections\[0\]: It is not a section",
        ),
    ],
)
def test_a_file_of_other_things_is_not_read_to_its_end(form: str, text: str, first: str) -> None:
    """Ten megabytes of them made a report of two hundred, and took half a minute."""
    with pytest.raises(Unreadable, match=f"More than {PROBLEMS_MOST} entries.*{first}"):
        read(form, text)
