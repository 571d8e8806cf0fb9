"""Template tags: what they write, and that they write no inline styles or raw input."""

import json
from datetime import datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.core.paginator import Paginator
from django.template import Context, Engine, RequestContext
from django.test import RequestFactory
from django.urls import set_script_prefix
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from memoryapp.templatetags import accounts, charts, events, formats, looks, ui

LIBRARIES = {
    "humanize": "django.contrib.humanize.templatetags.humanize",
    **{
        name: f"memoryapp.templatetags.{name}"
        for name in ("ui", "formats", "charts", "steps", "frame")
    },
}


def render(source: str, path: str = "/", **context: Any) -> str:
    request = RequestFactory().get(path)
    engine = Engine(dirs=Engine.get_default().dirs, libraries=LIBRARIES)
    loaded = "{% load ui formats charts steps %}" + source
    return engine.from_string(loaded).render(RequestContext(request, context))


def step_row(**changes: Any) -> SimpleNamespace:
    row = {
        "number": 4,
        "tool": "refunds.create",
        "arguments": {"order": "48213", "amount": 184},
        "observation": "ref_9034 created",
        "is_error": False,
        "duration_ms": 900,
        "started_ms": 1000,
        "input_tokens": 200,
        "output_tokens": 54,
    }
    return SimpleNamespace(**{**row, **changes})


# headings


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("\n  Two-Factor Authentication ", "Two-factor authentication"),
        ("Add Security Key", "Add security key"),
        ("IP Address", "IP address"),
        ("Connect OpenID", "Connect OpenID"),
    ],
)
def test_it_writes_headings_of_others_in_sentence_case(theirs: str, ours: str) -> None:
    assert accounts.sentence_case(theirs) == ours


# memory text


def test_it_shows_names_in_backticks_as_code() -> None:
    assert ui.memory("Call `refunds.quote` first") == "Call <code>refunds.quote</code> first"


def test_it_shows_lines_that_are_calls_as_code() -> None:
    said = "To record a return:\nfound = search_tickets()\nreceive(id=found[0].id)\nThen `end`."
    assert ui.memory(said) == (
        "To record a return:\n<code>found = search_tickets()</code>\n"
        "<code>receive(id=found[0].id)</code>\nThen <code>end</code>."
    )
    marked = f"As here:\nan_{ui.MARK_START}order{ui.MARK_END} = get_order()"
    assert "<code>an_<mark>order</mark> = get_order()</code>" in ui.memory_marked(marked)


@pytest.mark.parametrize("text", ["get_order(order_id)", "Ask first:\nsee the page (of help)"])
def test_it_takes_no_sentence_for_a_call(text: str) -> None:
    assert "<code>" not in ui.memory(text)


@given(st.text())
def test_it_never_lets_markup_of_a_bullet_through(text: str) -> None:
    shown = ui.memory(f"<img src=x>{text}")

    assert "<img" not in shown


@pytest.mark.parametrize("char", ["\u200b", "\u202e", "\u2066", "\U000e0041", "\x07", "\ufeff"])
def test_it_makes_characters_no_one_can_see_visible(char: str) -> None:
    shown = ui.memory(f"Do this{char} now")

    assert f"U+{ord(char):04X}" in shown
    assert char not in shown


def test_it_leaves_line_breaks_alone() -> None:
    assert ui.memory("one\ntwo") == "one\ntwo"


def test_it_marks_a_word_diff_with_ins_and_del() -> None:
    shown = ui.worddiff("Over $200 ask.", "Over $150 ask.")

    assert '<del>$200</del><ins class="close">$150</ins>' in shown


def test_it_keeps_white_space_outside_of_the_marks() -> None:
    assert "<ins>new words</ins>" in ui.worddiff("end", "end new words")


def test_it_escapes_what_a_diff_shows() -> None:
    assert "<b>" not in ui.worddiff("<b>old</b>", "<b>new</b>")


# states


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


# numbers and times


@pytest.mark.parametrize(
    ("apart", "expected"),
    [
        (timedelta(seconds=20), "just now"),
        (timedelta(minutes=5), "5 min ago"),
        (timedelta(hours=3), "3 h ago"),
        (timedelta(days=1), "1 day ago"),
        (timedelta(days=9), "9 days ago"),
        (timedelta(days=-2, seconds=-60), "in 2 days"),
    ],
)
def test_it_writes_recent_times_relative(apart: timedelta, expected: str) -> None:
    assert f">{expected}</time>" in formats.relative_time(timezone.now() - apart)


def test_it_writes_older_times_as_a_date_with_the_exact_one_on_hover() -> None:
    moment = datetime(2019, 11, 3, 9, 41, tzinfo=ZoneInfo("UTC"))

    shown = formats.relative_time(moment)

    assert ">Nov 3, 2019</time>" in shown
    assert 'title="Nov 3, 2019, 09:41:00 UTC"' in shown


def test_it_writes_an_exact_time_with_its_zone() -> None:
    moment = datetime(2026, 11, 3, 13, 23, 9, tzinfo=ZoneInfo("UTC"))
    with timezone.override("Asia/Kolkata"):
        day, hour = formats.exact_time(moment), formats.exact_hour(moment, seconds=True)
        assert formats.zone_name() == "Asia/Kolkata"
    machine = 'datetime="2026-11-03T18:53:09+05:30"'
    whole = "Nov 3, 2026, 18:53:09 UTC+5:30"
    assert day == f"<time {machine}>Nov 3, 2026, 18:53 UTC+5:30</time>"
    assert hour == f'<time {machine} title="{whole}">18:53:09 UTC+5:30</time>'


def test_it_says_never_where_there_is_no_time() -> None:
    assert formats.relative_time(None) == "never"


@pytest.mark.parametrize(("hours", "expected"), [(7 * 24, "in 7 days"), (6 * 24 + 2, "in 6 days")])
def test_a_time_to_come_is_the_nearest_day(hours: int, expected: str) -> None:
    moment = timezone.now() + timedelta(hours=hours) - timedelta(minutes=1)
    assert f">{expected}</time>" in formats.relative_time(moment)


@pytest.mark.parametrize(
    ("amount", "expected"),
    [
        (0, "$0.00"),
        (1234.5, "$1,234.50"),
        (Decimal("0.004"), "under $0.01"),
        (-3, "\N{MINUS SIGN}$3.00"),
        (None, "not priced"),
    ],
)
def test_it_writes_money_with_two_decimals(amount: Any, expected: str) -> None:
    assert formats.money(amount) == expected


@pytest.mark.parametrize(
    ("milliseconds", "expected"),
    [
        (402, "402 ms"),
        (1400, "1.4 s"),
        (200_000, "3 min 20 s"),
        (7_500_000, "2 h 5 min"),
        (None, "not measured"),
    ],
)
def test_it_writes_durations_in_the_unit_that_fits(milliseconds: Any, expected: str) -> None:
    assert formats.duration(milliseconds) == expected


def test_it_writes_counts_with_their_noun() -> None:
    assert formats.count_of(1, "bullet") == "1 bullet"
    assert formats.count_of(1200, "bullet") == "1,200 bullets"
    assert formats.count_of(0, "entry,entries") == "0 entries"


@pytest.mark.parametrize(
    ("count", "expected"),
    [(999, "999"), (9_999, "9,999"), (12_400, "12.4 k"), (1_900_000, "1.9 M")],
)
def test_it_shortens_large_counts(count: int, expected: str) -> None:
    assert formats.compact(count) == expected


def test_it_says_where_there_is_no_share() -> None:
    assert (formats.percent(None), formats.percent(0.995)) == ("no data", "99.5%")


def test_it_escapes_json_and_keeps_letters_readable() -> None:
    shown = formats.pretty_json({"b": "<script>", "é": 1})

    assert "<script>" not in shown
    assert "é" in shown


def test_it_writes_the_arguments_of_a_call_on_one_line() -> None:
    assert formats.arguments({"order": "48213", "deep": {"a": [1]}}) == (
        'order: 48213, deep: {"a": [1]}'
    )
    assert formats.arguments(None) == ""


# charts


@pytest.mark.parametrize(
    ("value", "expected"), [(None, "hf"), (0, "h0"), (1, "h1"), (5, "h3"), (9, "h5"), (90, "h5")]
)
def test_it_maps_a_count_to_one_of_five_heat_steps(value: Any, expected: str) -> None:
    assert charts.heat(value, 9) == expected


@given(
    values=st.lists(st.floats(min_value=0, max_value=1e6), max_size=12),
    slots=st.integers(min_value=0, max_value=20),
)
def test_it_draws_every_chart_inside_its_frame(values: list[float], slots: int) -> None:
    columns = charts.bar_chart(values, "x", slots=slots)["bars"]
    line = charts.line_chart(values, "x", slots=slots)["points"].split()

    assert all(float(b["y"]) >= 0 and float(b["height"]) >= 0 for b in columns)
    assert all(float(b["x"]) + float(b["width"]) <= charts.WIDTH for b in columns)
    assert all(0 <= float(p.split(",")[0]) <= charts.WIDTH for p in line)


def test_a_line_may_name_its_ends_and_writes_large_figures_short() -> None:
    line = charts.line_chart([8, 12_345], "Pulls", slots=30, ends=("Nov 2", "today"))
    assert [tick["text"] for tick in line["ticks"]] == ["Nov 2", "today"]
    assert line["ticks"][0]["x"] == line["points"].split(",")[0]
    assert (line["last"], line["top"]) == ("12.3 k", "20.0 k")
    assert line["label"] == "Pulls: 8, 12,345"


def test_it_caps_a_bar_at_its_whole() -> None:
    assert charts.bar(150, 100)["parts"][0]["width"] == "100"
    assert charts.bar(0, 0)["parts"][0]["width"] == "0"


def test_it_stacks_parts_one_after_the_other() -> None:
    parts = [{"value": 95, "tone": "accent"}, {"value": 93, "tone": "soft"}]

    drawn = charts.stacked_bar(parts, 400, "tokens")["parts"]

    assert [(p["x"], p["width"]) for p in drawn] == [("0", "23.75"), ("23.75", "23.25")]


def test_it_keeps_a_short_step_visible_on_the_time_axis() -> None:
    drawn = charts.waterfall(9_999, 1, 10_000)

    assert float(drawn["width"]) >= 3.5
    assert float(drawn["x"]) + float(drawn["width"]) <= 100


def test_it_says_a_missing_score_in_words() -> None:
    assert 'aria-label="Completion: not scored, gate at 4"' in render(
        '{% score_meter value 5 4 "Completion" %}', value=None
    )


def test_it_fills_as_many_cells_as_the_score() -> None:
    shown = render("{% score_meter 4 5 5 %}")

    assert shown.count('class="on"') == 4
    assert shown.count('class="off"') == 1


# steps and pages


def test_it_shows_what_a_cited_step_observed() -> None:
    shown = render("{% step row 11400 cited=True %}", row=step_row())

    assert "ref_9034 created" in shown
    assert 'id="step-4"' in shown
    assert "cited step" in shown


def test_of_a_long_observation_it_shows_what_the_bullet_names_and_opens_the_rest() -> None:
    answer = json.dumps({"orders": ["ORD-17"] * 90, "next_cursor": "after-5"})
    shown = render(
        "{% step row cited=True named=named %}",
        row=step_row(observation=answer),
        named=["next_cursor"],
    )

    digest, _, whole = shown.partition("<details")
    assert "<b>next_cursor</b>&quot;: &quot;after-5&quot;" in digest
    assert digest.count("ORD-17") < 20
    assert f"Show all, {len(answer):,} characters" in whole
    assert whole.count("\n    &quot;ORD-17&quot;") == 90


def test_a_short_observation_opens_nothing_more() -> None:
    assert "<details" not in render("{% step row cited=True %}", row=step_row())


def test_it_names_an_error_in_a_step() -> None:
    shown = render("{% step row %}", row=step_row(is_error=True, observation="<limit>"))

    assert "Error" in shown
    assert "&lt;limit&gt;" in shown


def test_it_says_which_rows_of_how_many_a_page_shows() -> None:
    page = Paginator(range(120), 50).page(2)

    shown = render('{% pagination page "bullet" %}', "/memory/?q=refund&page=2", page=page)

    assert "51 to 100 of 120 bullets" in shown
    assert "q=refund&amp;page=3" in shown


def test_it_writes_no_style_attributes_and_no_scripts() -> None:
    shown = render(
        "{% icon 'check' %}{% badge 'running' %}{% bar 1 2 %}{% bar_chart v 'x' %}"
        "{% line_chart v 'x' %}{% score_meter 4 %}{% step row 100 %}{% worddiff 'a' 'b' %}",
        v=[1, 2, 3],
        row=step_row(),
    )

    assert "style=" not in shown
    assert "<script" not in shown


def test_once_draws_the_same_for_everybody() -> None:
    engine = Engine(libraries=LIBRARIES)
    page = engine.from_string("{% load frame %}{% once %}<i>{{ name }}</i>{% endonce %}{{ name }}")
    assert page.render(Context({"name": "Rita"})) == "<i></i>Rita"
    assert page.render(Context({"name": "Vera"})) == "<i></i>Vera"


def test_once_draws_once() -> None:
    engine = Engine(libraries=LIBRARIES)
    page = engine.from_string("{% load frame %}{% once %}{% now 'u' %}{% endonce %}")
    assert page.render(Context()) == page.render(Context())


def test_once_draws_anew_below_another_prefix() -> None:
    engine = Engine(libraries=LIBRARIES)
    page = engine.from_string("{% load frame %}{% once %}{% url 'design' %}{% endonce %}")
    plain = page.render(Context())
    set_script_prefix("/greenroom/")
    try:
        below = page.render(Context())
    finally:
        set_script_prefix("/")
    assert below == f"/greenroom{plain}"
    assert page.render(Context()) == plain


def test_places_say_where_the_reader_is_and_what_waits() -> None:
    place = {"label": "Root causes", "url": "/i/", "icon": "x", "key": "a", "current": True}
    here = render(
        "{% load frame %}{% places group %}", group=[place | {"count": 1200, "count_word": "live"}]
    )
    assert 'href="/i/" title="Root causes" aria-current="page" data-go="a"' in here
    assert 'data-count="root causes">1,200<span class="w"> live</span></span>' in here
    gone = place | {"current": False, "count": 0, "count_word": "live"}
    there = render("{% load frame %}{% places group %}", group=[gone])
    assert "aria-current" not in there
    assert 'data-count="root causes"></span>' in there


@pytest.mark.parametrize(
    ("calls_itself", "called"),
    [
        (
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
            "Chrome/156.0.0.0 Safari/537.36",
            "Chrome on Linux",
        ),
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
            "Chrome/156.0.0.0 Safari/537.36 Edg/156.0.0.0",
            "Edge on Windows",
        ),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 "
            "(KHTML, like Gecko) Version/19.0 Mobile/15E148 Safari/604.1",
            "Safari on iPhone",
        ),
        ("curl/8.5.0", "curl/8.5.0"),
        ("", "Unknown"),
    ],
)
def test_a_browser_is_called_as_people_call_it(calls_itself: str, called: str) -> None:
    assert accounts.browser(calls_itself) == called


def test_what_there_was_and_what_was_done_with_it_are_no_change() -> None:
    said = events.event_changes({"before": {"to change": 14}, "after": {"done": 13, "left": 1}})
    assert [(row.name, row.after, row.is_new) for row in said] == [
        ("to change", "14", True),
        ("done", "13", True),
        ("left", "1", True),
    ]
    gone = events.event_changes({"before": {"name": "Desk"}, "after": {}})
    assert [(row.name, row.before, row.after) for row in gone] == [("name", "Desk", "nothing")]
