"""States, people, sections and icons, as words beside a picture."""

import pytest
from django.template import Context
from django.test import RequestFactory

from memoryapp.templatetags import looks, ui


def test_it_says_every_state_in_a_word_beside_the_icon() -> None:
    for state, look in looks.LOOKS.items():
        shown = ui.status(state)
        assert look.word in shown
        assert f"#{look.icon}" in shown


def test_it_shows_a_state_it_does_not_know_without_a_color() -> None:
    assert '<span class="st">' in ui.status("half_open")
    assert "Half open" in ui.status("half_open")


def test_it_fills_the_badge_of_a_title() -> None:
    assert '<span class="badge info">' in ui.badge("running")


def test_it_names_an_icon_only_where_a_label_is_given() -> None:
    assert 'aria-hidden="true"' in ui.icon("check")
    assert 'aria-label="Approved &amp; served"' in ui.icon("check", "Approved & served")


@pytest.mark.parametrize(
    ("cookie", "expected"), [("dark", "dark"), ("light", "light"), ('"><x', "auto"), ("", "auto")]
)
def test_it_takes_the_theme_from_the_cookie_only_when_it_knows_it(
    cookie: str, expected: str
) -> None:
    request = RequestFactory().get("/")
    request.COOKIES["theme"] = cookie

    assert ui.theme(Context({"request": request})) == expected


def test_it_follows_the_system_where_there_is_no_request() -> None:
    assert ui.theme(Context({})) == "auto"


@pytest.mark.parametrize(
    ("name", "expected"),
    [("Rita Okafor", "RO"), ("rita", "R"), ("joonas.v@example.com", "JV"), ("", "?")],
)
def test_it_takes_at_most_two_initials(name: str, expected: str) -> None:
    assert ui.initials(name) == expected


def test_it_names_a_removed_user() -> None:
    assert ui.person(None) == "a removed user"


def test_it_titles_fixed_and_custom_sections() -> None:
    assert ui.section_title("apis") == "APIs"
    assert ui.section_title("edge_cases") == "Edge cases"
    assert ui.section_hint("edge_cases") == ""
