"""A session that ran out in the middle of an edit: nothing that was typed is lost."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse

from memoryapp.access import KEPT_CHARS, KEPT_KEY
from tests.factories import CandidateFactory, PlaybookFactory

pytestmark = pytest.mark.django_db

WORDS = "My own <b>words</b>, half an hour of them."


@pytest.fixture
def url(workspace: Any) -> str:
    candidate = CandidateFactory(playbook=PlaybookFactory(workspace=workspace, slug="help-desk"))
    return reverse("candidate-approve", args=[candidate.pk]) + "?section=pitfalls"


def sign_in(client: Any, user: Any) -> None:
    user.set_password("a long password")
    user.save(update_fields=["password"])
    answer = client.post("/login/", {"login": user.username, "password": "a long password"})
    assert answer.status_code == 302


def test_the_text_is_shown_again_after_signing_in(client: Any, rita: Any, url: str) -> None:
    answer = client.post(url, {"content": WORDS, "seen": "x"})
    assert answer.url == "/login/?next=/kept/"
    sign_in(client, rita)
    page = client.get("/kept/")
    assert page.context["typed"] == [("content", WORDS)]
    assert "My own &lt;b&gt;words" in page.content.decode()


def test_it_is_sent_where_it_was_meant_to_go(client: Any, rita: Any, url: str) -> None:
    client.post(url, {"content": WORDS})
    sign_in(client, rita)
    answer = client.post("/kept/", {"content": WORDS}, follow=True)
    assert answer.redirect_chain[0] == (url, 307)
    assert answer.context["last"]["word"] == "Approved"
    assert client.get("/kept/").status_code == 302


def test_it_can_be_forgotten(client: Any, rita: Any, url: str) -> None:
    client.post(url, {"content": WORDS})
    sign_in(client, rita)
    assert client.post("/kept/", {"content": WORDS, "forget": "1"}).url == "/"
    assert KEPT_KEY not in client.session


def test_htmx_is_told_and_the_page_stays_as_it_is(client: Any, url: str) -> None:
    answer = client.post(url, {"content": WORDS}, headers={"HX-Request": "true"})
    assert answer.status_code == 401
    assert "Location" not in answer


@pytest.mark.parametrize(
    "posted", [{"seen": "x"}, {"content": ""}, {"content": "x" * (KEPT_CHARS + 1)}]
)
def test_nothing_is_kept_of_a_form_without_words_or_with_too_many(
    client: Any, url: str, posted: Any
) -> None:
    assert client.post(url, posted).url == "/login/?next=/"


def test_no_secret_is_kept(client: Any, url: str) -> None:
    client.post(url, {"content": WORDS, "password": "hunter2", "api_key": "sk-1"})
    assert set(client.session[KEPT_KEY]["fields"]) == {"content"}


def test_the_back_button_after_signing_in_as_somebody_else_shows_no_foreign_text(
    client: Any, rita: Any, olga: Any, url: str
) -> None:
    client.force_login(rita)
    client.logout()
    client.post(url, {"content": WORDS})
    sign_in(client, olga)
    # What was typed was typed in this browser; where it is sent, olga has no such candidate.
    answer = client.post("/kept/", {"content": WORDS}, follow=True)
    assert answer.status_code == 404
