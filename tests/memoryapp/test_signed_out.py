"""A session that ran out in the middle of an edit: nothing that was typed is lost."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.urls import reverse

from memoryapp.access import KEPT_CHARS, KEPT_KEY, READER_COOKIE
from tests.factories import CandidateFactory, PlaybookFactory

pytestmark = pytest.mark.django_db

WORDS = "My own <b>words</b>, half an hour of them."


@pytest.fixture
def url(workspace: Any) -> str:
    candidate = CandidateFactory(playbook=PlaybookFactory(workspace=workspace, slug="help-desk"))
    return reverse("candidate-approve", args=[candidate.pk]) + "?section=pitfalls"


@pytest.fixture
def browser(client: Any, rita: Any) -> Any:
    """Rita's, after her session ran out."""
    used_by(client, rita)
    return client


def used_by(browser: Any, user: Any) -> None:
    """Somebody signs in and opens a page; then their session is gone."""
    browser.force_login(user)
    assert browser.get("/review/progress/").status_code == 200
    del browser.cookies["sessionid"]


def sign_in(client: Any, user: Any) -> None:
    user.set_password("a long password")
    user.save(update_fields=["password"])
    answer = client.post("/login/", {"login": user.username, "password": "a long password"})
    assert answer.status_code == 302


def test_the_text_is_shown_again_after_signing_in(browser: Any, rita: Any, url: str) -> None:
    answer = browser.post(url, {"content": WORDS, "seen": "x"})
    assert answer.url == "/login/?next=/kept/"
    sign_in(browser, rita)
    page = browser.get("/kept/")
    assert page.context["typed"] == [("content", WORDS)]
    assert "My own &lt;b&gt;words" in page.content.decode()


def test_it_is_sent_where_it_was_meant_to_go(browser: Any, rita: Any, url: str) -> None:
    browser.post(url, {"content": WORDS})
    sign_in(browser, rita)
    answer = browser.post("/kept/", {"content": WORDS}, follow=True)
    assert answer.redirect_chain[0] == (url, 307)
    assert answer.context["last"]["word"] == "Approved"
    assert browser.get("/kept/").status_code == 302


def test_it_can_be_forgotten(browser: Any, rita: Any, url: str) -> None:
    browser.post(url, {"content": WORDS})
    sign_in(browser, rita)
    assert browser.post("/kept/", {"content": WORDS, "forget": "1"}).url == "/"
    assert KEPT_KEY not in browser.session


def test_htmx_is_told_and_the_page_stays_as_it_is(browser: Any, url: str) -> None:
    answer = browser.post(url, {"content": WORDS}, headers={"HX-Request": "true"})
    assert answer.status_code == 401
    assert "Location" not in answer


@pytest.mark.parametrize(
    "posted", [{"seen": "x"}, {"content": ""}, {"content": "x" * (KEPT_CHARS + 1)}]
)
def test_nothing_is_kept_of_a_form_without_words_or_with_too_many(
    browser: Any, url: str, posted: Any
) -> None:
    assert browser.post(url, posted).url == "/login/?next=/"


def test_no_secret_is_kept(browser: Any, url: str) -> None:
    browser.post(url, {"content": WORDS, "password": "hunter2", "api_key": "sk-1"})
    assert set(browser.session[KEPT_KEY]["fields"]) == {"content"}


def test_nothing_is_kept_of_whoever_is_no_member_any_more(
    browser: Any, rita: Any, url: str
) -> None:
    """What says who used this browser last holds a year: they could store any amount by it."""
    before = Session.objects.count()
    rita.memberships.all().delete()
    assert browser.post(url, {"content": WORDS}).url == "/login/?next=/"
    assert Session.objects.count() == before


def test_nothing_is_kept_where_nobody_was_signed_in(client: Any, url: str) -> None:
    """Whose words they are could not be told."""
    assert client.post(url, {"content": WORDS}).url == "/login/?next=/"
    client.cookies[READER_COOKIE] = "1:forged"
    assert client.post(url, {"content": WORDS}).url == "/login/?next=/"


def test_the_budget_of_a_playbook_is_no_secret(browser: Any, url: str) -> None:
    browser.post(url, {"description": WORDS, "token_budget": "400"})
    assert browser.session[KEPT_KEY]["fields"]["token_budget"] == ["400"]


def test_who_signs_in_next_is_shown_nothing_of_it_and_its_writer_finds_it_later(
    browser: Any, rita: Any, vera: Any, url: str
) -> None:
    browser.post(url, {"content": WORDS})
    sign_in(browser, vera)
    assert browser.get("/kept/").url == "/"
    assert browser.post("/kept/", {"content": WORDS, "forget": "1"}).url == "/"
    browser.post("/logout/")
    sign_in(browser, rita)
    assert browser.get("/kept/").context["typed"] == [("content", WORDS)]


def test_signing_out_takes_it_away(browser: Any, rita: Any, url: str) -> None:
    browser.post(url, {"content": WORDS})
    sign_in(browser, rita)
    browser.post("/logout/")
    sign_in(browser, rita)
    assert browser.get("/kept/").status_code == 302


def test_a_second_click_loses_nothing(browser: Any, rita: Any, url: str) -> None:
    browser.post(url, {"content": WORDS})
    sign_in(browser, rita)
    for _ in range(2):
        assert browser.post("/kept/", {"content": WORDS}).url == url
    assert browser.post(url, {"content": " "}).status_code == 409
    assert browser.get("/kept/").context["typed"] == [("content", WORDS)]


def test_it_outlives_a_session_that_runs_idle(
    browser: Any, rita: Any, url: str, settings: Any
) -> None:
    settings.SESSION_IDLE_MINUTES = 30
    browser.post(url, {"content": WORDS})
    sign_in(browser, rita)
    browser.get("/kept/")
    session = browser.session
    session["used_at"] = 1
    session.save()
    assert browser.get("/kept/").url == "/login/?next=/kept/"
    sign_in(browser, rita)
    assert browser.get("/kept/").context["typed"] == [("content", WORDS)]
