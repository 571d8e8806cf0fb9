"""Where an expired session leads."""

from __future__ import annotations

import pytest
from django.test import Client

pytestmark = pytest.mark.django_db


def test_it_comes_back_to_the_page_that_was_asked_for() -> None:
    answer = Client().get("/review/?status=approved")
    assert answer["Location"] == "/login/?next=/review/%3Fstatus%3Dapproved"


def test_it_comes_back_to_the_page_of_the_form_that_was_posted() -> None:
    answer = Client().post("/new/playbook/", headers={"Referer": "http://testserver/playbooks/"})
    assert answer["Location"] == "/login/?next=/playbooks/"


@pytest.mark.parametrize("referer", ["http://evil.example/playbooks/", "http://[evil/"])
def test_it_never_comes_back_to_another_site(referer: str) -> None:
    answer = Client().post("/new/playbook/", headers={"Referer": referer})
    assert answer["Location"] == "/login/?next=/"
