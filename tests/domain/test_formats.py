"""The forms a release is served in."""

from __future__ import annotations

import json
from dataclasses import replace
from hashlib import sha256

from hypothesis import given
from hypothesis import strategies as st

from memoryapp.domain.formats import (
    as_ace,
    as_json,
    as_markdown,
    as_preping,
    document,
    indented,
)
from memoryapp.domain.playbook import Bullet, BulletStatus, Playbook

BOOK = Playbook(
    (
        Bullet("strategies-001", "strategies", "Verify first.", helpful=5, id="a"),
        Bullet("pitfalls-002", "pitfalls", "Two\nlines \\ here.", harmful=1, id="b"),
        Bullet("apis-001", "apis", "Gone.", status=BulletStatus.RETIRED, id="c"),
    )
)
RELEASED = document(BOOK, slug="desk", name="Desk", description="For agents.", version=3)


def test_it_keeps_retired_bullets_out() -> None:
    assert [section["name"] for section in RELEASED["sections"]] == ["strategies", "pitfalls"]


def test_it_writes_ace_one_line_a_bullet_with_newlines_escaped() -> None:
    assert as_ace(RELEASED) == (
        "## STRATEGIES\n"
        "[strategies-00001] helpful=5 harmful=0 :: Verify first.\n"
        "\n"
        "## PITFALLS\n"
        "[pitfalls-00002] helpful=0 harmful=1 :: Two\\nlines \\\\ here.\n"
    )


def test_it_writes_markdown_a_person_can_read() -> None:
    assert as_markdown(RELEASED) == (
        "# Desk\n\nFor agents.\n\n"
        "## Strategies\n\n- Verify first. [strategies-001]\n\n"
        "## Pitfalls\n\n- Two [pitfalls-002]\n  lines \\ here.\n"
    )


def test_it_writes_the_same_bytes_for_the_same_bullets() -> None:
    again = document(BOOK, slug="desk", name="Desk", description="For agents.", version=3)
    assert as_json(again) == as_json(RELEASED)
    assert json.loads(as_json(RELEASED))["version"] == 3


def test_it_says_by_one_hash_what_all_bullets_say() -> None:
    lines = [
        f"{section['name']} {bullet['label']} {sha256(bullet['content'].encode()).hexdigest()}\n"
        for section in RELEASED["sections"]
        for bullet in section["bullets"]
    ]
    assert RELEASED["sha256"] == sha256("".join(lines).encode()).hexdigest()
    voted = Playbook(tuple(replace(bullet, helpful=99) for bullet in BOOK.bullets))
    about = {"slug": "desk", "name": "Desk", "description": "For agents.", "version": 4}
    assert document(voted, **about)["sha256"] == RELEASED["sha256"]  # type: ignore[arg-type]
    turned = Playbook(tuple(reversed(BOOK.bullets)))
    assert document(turned, **about)["sha256"] != RELEASED["sha256"]  # type: ignore[arg-type]


def test_it_writes_a_playbook_that_prepings_code_reads() -> None:
    playbook = Playbook(
        (
            Bullet("pitfalls-001", "pitfalls", "Ids are text.", helpful=1, harmful=3),
            Bullet("team-001", "team", "Be kind."),
        )
    )
    released = document(playbook, slug="desk", name="Desk", description="", version=2)

    written = json.loads(as_preping(released))

    assert list(written) == ["strategies", "code_snippets", "pitfalls", "apis"]
    assert [(b["id"], b["tag"]) for b in written["strategies"]] == [("team-001", "helpful")]
    (pitfall,) = written["pitfalls"]
    assert (pitfall["tag"], pitfall["metadata"]["harmful_count"]) == ("harmful", 3)


PLAIN = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
NESTED = st.recursive(PLAIN, lambda held: st.lists(held) | st.dictionaries(st.text(), held))


@given(NESTED)
def test_it_indents_as_the_standard_library_does(value: object) -> None:
    assert indented(value) == json.dumps(value, ensure_ascii=False, indent=2)
