"""What stands around every page: places, pages of a list, and what is drawn once."""

from django.core.paginator import Paginator
from django.template import Context, Engine
from django.urls import set_script_prefix

from tests.rendering import LIBRARIES, render, step_row


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


def test_it_says_which_rows_of_how_many_a_page_shows() -> None:
    page = Paginator(range(120), 50).page(2)

    shown = render('{% pagination page "bullet" %}', "/memory/?q=refund&page=2", page=page)

    assert "51 to 100 of 120 bullets" in shown
    assert "q=refund&amp;page=3" in shown


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


def test_it_writes_no_style_attributes_and_no_scripts() -> None:
    shown = render(
        "{% icon 'check' %}{% badge 'running' %}{% bar 1 2 %}{% bar_chart v 'x' %}"
        "{% line_chart v 'x' %}{% score_meter 4 %}{% step row 100 %}{% worddiff 'a' 'b' %}",
        v=[1, 2, 3],
        row=step_row(),
    )

    assert "style=" not in shown
    assert "<script" not in shown
