"""A playbook is filled from a file in the browser."""

from __future__ import annotations

import io
import zipfile
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext

from memoryapp.models import Bullet, Playbook
from memoryapp.services.bullets import bullet_edit
from tests.factories import BulletFactory, PlaybookFactory

pytestmark = pytest.mark.django_db
ACE = "## PITFALLS\n[pitfalls-00001] helpful=4 harmful=1 :: Verify first.\n"
SKILL = "---\nname: desk\ndescription: Refunds.\n---\n## Pitfalls\n\n- Verify first.\n"


@pytest.fixture
def url(workspace: Any) -> str:
    playbook: Playbook = PlaybookFactory(workspace=workspace, slug="help-desk")
    return f"{playbook.get_absolute_url()}import/"


def asked(**more: Any) -> dict[str, Any]:
    return {"form": "ace", "content": "", "on_conflict": "skip", **more}


def archive() -> SimpleUploadedFile:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as packed:
        packed.writestr("desk/SKILL.md", SKILL)
    return SimpleUploadedFile("desk.zip", target.getvalue())


def test_it_offers_to_check_before_anything_is_imported(rita_client: Any, url: str) -> None:
    page = rita_client.get(url).content.decode()
    assert '<button class="btn main" type="submit" name="check"' in page
    assert '<button class="btn" type="submit" name="import"' in page


def test_it_checks_a_file_and_stores_nothing(rita_client: Any, url: str) -> None:
    page = rita_client.post(url, asked(content=ACE, check="1"))
    assert page.status_code == 200
    said = page.content.decode()
    assert "This would happen" in said
    assert "1 added</span>" in said
    # What was checked is imported next.
    assert '<button class="btn main" type="submit" name="import"' in said
    assert not Bullet.objects.exists()


def test_it_keeps_a_chosen_file_for_the_second_click(rita_client: Any, url: str) -> None:
    file = SimpleUploadedFile("pitfalls.txt", ACE.encode())
    page = rita_client.post(url, asked(file=file, check="1"))
    assert "Verify first." in page.content.decode().partition("<textarea")[2]


def test_it_imports_text(rita_client: Any, url: str) -> None:
    page = rita_client.post(url, asked(content=ACE, **{"import": "1"}))
    assert page.status_code == 302
    assert Bullet.objects.get().label == "pitfalls-001"


def test_it_imports_the_zip_of_a_skill(rita_client: Any, url: str) -> None:
    page = rita_client.post(url, asked(form="skill", file=archive(), **{"import": "1"}))
    assert page.status_code == 302
    bullet = Bullet.objects.get()
    assert (bullet.label, bullet.content) == ("pitfalls-001", "Verify first.")
    again = rita_client.post(url, asked(form="skill", file=archive(), **{"import": "1"}))
    assert again.status_code == 302
    assert Bullet.objects.count() == 1


@pytest.mark.parametrize("on_conflict", ["skip", "overwrite", "new"])
def test_a_check_asks_the_database_no_more_for_more_bullets(
    rita_client: Any,
    url: str,
    on_conflict: str,
) -> None:
    playbook = Playbook.objects.get()
    for number in range(1, 31):
        label = f"pitfalls-{number:03d}"
        BulletFactory(playbook=playbook, label=label, section="pitfalls", content=f"Mine {number}.")

    def checked(count: int) -> int:
        lines = [f"[pitfalls-{n:05d}] helpful=1 harmful=0 :: Theirs {n}." for n in range(1, count)]
        text = "\n".join(["## PITFALLS", *lines, ""])
        with CaptureQueriesContext(connection) as asked_of:
            page = rita_client.post(url, asked(content=text, on_conflict=on_conflict, check="1"))
        assert page.status_code == 200
        assert len(page.context["outcomes"]) == count - 1
        return len(asked_of)

    checked(3)
    assert checked(3) == checked(30)


def values(page: Any) -> dict[str, Any]:
    """The form of a page, as a browser sends it back."""
    form = page.context["form"]
    said = {name: form[name].value() for name in form.fields}
    return {name: value for name, value in said.items() if value is not None}


def test_it_replaces_only_the_text_that_was_checked(rita_client: Any, url: str, edda: Any) -> None:
    bullet = BulletFactory(
        playbook=Playbook.objects.get(), label="pitfalls-001", section="pitfalls", content="Mine."
    )
    checked = rita_client.post(url, asked(content=ACE, on_conflict="overwrite", check="1"))
    assert "<del>Mine" in checked.content.decode()
    bullet_edit(bullet=bullet, content="Hers.", reason="", by=edda, revision=bullet.revision_count)
    refused = rita_client.post(url, values(checked) | {"import": "1"})
    assert refused.status_code == 409
    assert Bullet.objects.get().content == "Hers."
    said = refused.content.decode()
    assert "changed since you checked the file" in said
    (row,) = refused.context["changed"]
    assert (row.change.before, row.change.after) == ("Mine.", "Hers.")
    assert row.revision.author == edda
    again = values(refused) | {"import": "1"}
    assert rita_client.post(url, again).status_code == 302
    assert Bullet.objects.get().content == "Verify first."
    # A second click finds the text of the file and replaces nothing.
    assert rita_client.post(url, again).status_code == 302


def test_it_shows_what_would_be_replaced_to_who_checked_nothing(rita_client: Any, url: str) -> None:
    BulletFactory(
        playbook=Playbook.objects.get(), label="pitfalls-001", section="pitfalls", content="Mine."
    )
    sent = asked(content=ACE, on_conflict="overwrite", **{"import": "1"})
    refused = rita_client.post(url, sent)
    assert refused.status_code == 409
    assert "The file would replace bullets" in refused.content.decode()
    assert Bullet.objects.get().content == "Mine."
    assert rita_client.post(url, values(refused) | {"import": "1"}).status_code == 302
    assert Bullet.objects.get().content == "Verify first."


def test_a_check_that_would_replace_nothing_is_none_of_what_would(
    rita_client: Any, url: str
) -> None:
    BulletFactory(
        playbook=Playbook.objects.get(), label="pitfalls-001", section="pitfalls", content="Mine."
    )
    checked = rita_client.post(url, asked(content=ACE, on_conflict="skip", check="1"))
    sent = values(checked) | {"on_conflict": "overwrite", "import": "1"}
    refused = rita_client.post(url, sent)
    assert refused.status_code == 409
    said = refused.content.decode()
    assert "The file would replace bullets" in said
    assert "changed since you checked" not in said


@pytest.mark.parametrize(
    ("sent", "says"),
    [
        ({}, "Paste the text of the file"),
        ({"file": SimpleUploadedFile("a.txt", b"\xff\xfe")}, "neither text in UTF-8 nor a zip"),
        ({"file": SimpleUploadedFile("a.txt", b"x" * 1_500_001)}, "too large"),
        ({"content": "no bullet"}, "no ACE bullet"),
    ],
)
def test_it_says_what_is_wrong(rita_client: Any, url: str, sent: Any, says: str) -> None:
    page = rita_client.post(url, asked(**sent))
    assert page.status_code == 422
    assert says in page.content.decode()


def test_it_is_for_reviewers(vera_client: Any, olga_client: Any, url: str) -> None:
    assert vera_client.post(url, asked(content=ACE)).status_code == 403
    assert olga_client.post(url, asked(content=ACE)).status_code == 404
