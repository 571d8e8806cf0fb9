"""An environment's own prompts: saving, using, comparing."""

from __future__ import annotations

from typing import Any

import pytest

from memoryapp.models import Event
from practice.agents.prompting import built_in_text
from practice.models import Environment, PromptVersion
from practice.services.prompts import ROLES, active_prompts, prompt_activate, prompt_save
from practice.services.runs import run_start
from tests.factories import EnvironmentFactory, PlaybookFactory, ToolFactory
from tests.practice.pages import queries_of

URL = "/environments/desk/prompts/"
EDIT = URL + "reflector/"
TEXT = built_in_text("reflector").replace("# Role: reflector", "# Role: reflector\n\nBe brief.")


@pytest.fixture
def desk(workspace: Any) -> Environment:
    return EnvironmentFactory(workspace=workspace, slug="desk")


def seen(client: Any) -> str:
    """What the forms of the page send back of what is in use."""
    page = client.get(EDIT)
    said: str = page.context["in_use_seen"]
    assert f'name="seen" value="{said}"' in page.content.decode()
    return said


def save(client: Any, text: str = TEXT, do: str = "save", **more: str) -> Any:
    typed = {"text": text, "note": "Shorter", "do": do, **more}
    return client.post(EDIT + "save/", {"seen": typed.get("seen") or seen(client)} | typed)


def test_it_lists_each_role_with_what_is_in_use(vera_client: Any, desk: Any) -> None:
    page = vera_client.get(URL)

    assert [row["role"] for row in page.context["rows"]] == [*ROLES]
    assert "built-in " in page.content.decode()


@pytest.mark.parametrize("role", ROLES)
def test_it_opens_the_prompt_of_every_role(vera_client: Any, desk: Any, role: str) -> None:
    page = vera_client.get(f"{URL}{role}/")

    assert page.context["form"].initial["text"] == built_in_text(role)


def test_it_stores_versions_in_order_without_using_them(rita_client: Any, desk: Any) -> None:
    save(rita_client)
    save(rita_client, TEXT + "\nMore.")

    versions = desk.prompts.order_by("number")
    assert [(v.number, v.is_active, v.note) for v in versions] == [
        (1, False, "Shorter"),
        (2, False, "Shorter"),
    ]
    assert versions[0].text == TEXT
    assert Event.objects.filter(kind="prompt.saved").count() == 2
    assert active_prompts(desk) == {}


def test_it_stores_and_uses_at_once(rita_client: Any, desk: Any) -> None:
    save(rita_client)
    save(rita_client, TEXT + "\nMore.", do="activate")

    assert active_prompts(desk) == {"reflector": PromptVersion.objects.get(number=2).pk}


def test_it_uses_one_version_at_a_time_and_goes_back(rita_client: Any, desk: Any) -> None:
    save(rita_client)
    save(rita_client, TEXT + "\nMore.", do="activate")

    rita_client.post(EDIT + "use/", {"version": "1", "seen": seen(rita_client)})
    assert desk.prompts.get(is_active=True).number == 1

    rita_client.post(EDIT + "use/", {"seen": seen(rita_client)})
    assert not desk.prompts.filter(is_active=True).exists()
    kinds = set(Event.objects.values_list("kind", flat=True))
    assert {"prompt.activated", "prompt.deactivated"} <= kinds


def test_it_is_put_in_use_only_over_what_its_writer_saw(
    rita_client: Any, edda: Any, desk: Any
) -> None:
    """Two people reword one text: the second would take the first one's out of use unseen."""
    before = seen(rita_client)
    asked = {"environment": desk, "role": "reflector", "note": "", "by": edda}
    theirs = prompt_save(text=TEXT + "\nTheirs.", activate=True, **asked)
    mine = TEXT + "\nMine."

    refused = save(rita_client, mine, do="activate", seen=before)

    assert refused.status_code == 409
    assert "Nothing was saved" in refused.content.decode()
    assert refused.context["form"]["text"].value() == mine
    assert refused.context["active"] == theirs
    assert PromptVersion.objects.count() == 1
    # Only stored, it takes nothing away.
    save(rita_client, TEXT, seen=before)
    for used in ({"version": "2"}, {}):
        page = rita_client.post(EDIT + "use/", used | {"seen": before}, follow=True)
        assert "Nothing was saved" in page.content.decode()
    assert desk.prompts.get(is_active=True) == theirs
    save(rita_client, mine, do="activate", seen=refused.context["in_use_seen"])
    assert desk.prompts.get(is_active=True).number == 3


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (TEXT.replace("$trajectory", ""), "The placeholder $trajectory is missing."),
        (TEXT + "\n$nobody", "There is no placeholder $nobody."),
        (TEXT.replace("\n---\n", "\n"), "The line ---"),
        ("", "This field is required."),
    ],
)
def test_it_refuses_a_text_that_cannot_run_and_keeps_it_in_the_form(
    rita_client: Any, desk: Any, text: str, complaint: str
) -> None:
    answer = save(rita_client, text)

    assert answer.status_code in {409, 422}
    page = answer.content.decode()
    assert complaint in page
    assert answer.context["form"]["text"].value() == text
    assert not PromptVersion.objects.exists()


def test_it_stores_nothing_twice(rita_client: Any, desk: Any) -> None:
    save(rita_client)

    assert "This is version 1 as it is" in save(rita_client).content.decode()
    assert PromptVersion.objects.count() == 1


def test_it_uses_no_version_that_lost_its_placeholders(
    rita_client: Any, rita: Any, desk: Any
) -> None:
    old = PromptVersion.objects.create(
        environment=desk, role="reflector", number=1, text="Told.\n---\n$trajectory\n"
    )

    asked = {"version": "1", "seen": seen(rita_client)}
    page = rita_client.post(EDIT + "use/", asked, follow=True).content.decode()

    assert "Version 1 can no longer be used. The placeholder" in page
    old.refresh_from_db()
    assert not old.is_active


def test_it_compares_any_two_texts(vera_client: Any, rita_client: Any, desk: Any) -> None:
    save(rita_client)

    page = vera_client.get(EDIT + "compare/", {"from": "built-in", "to": "1"}).content.decode()
    same = vera_client.get(EDIT + "compare/", {"from": "1", "to": "1"}).content.decode()

    assert "<ins>Be brief.</ins>" in page
    assert "The two texts are the same." in same


@pytest.mark.parametrize("query", ["?version=9", "?version=x", "compare/?from=x", "compare/?to=7"])
def test_it_knows_no_version_that_does_not_exist(vera_client: Any, desk: Any, query: str) -> None:
    assert vera_client.get(EDIT + query).status_code == 404
    assert vera_client.get(f"{URL}nobody/").status_code == 404


def test_it_freezes_what_is_in_use_when_a_run_starts(
    rita_client: Any, rita: Any, desk: Any, settings: Any
) -> None:
    settings.LLM_PROVIDER, settings.LLM_MODEL = "openai", "m"
    ToolFactory(environment=desk)
    save(rita_client, do="activate")
    asked = {"environment": desk, "playbook": PlaybookFactory(workspace=desk.workspace)}

    with_model = run_start(engine="model", by=rita, **asked)
    with_rules = run_start(engine="rules", by=rita, **asked)

    assert with_model.frozen.prompts == {"reflector": desk.prompts.get().pk}
    assert with_rules.frozen.prompts == {}


def test_it_is_changed_by_reviewers_and_admins_only(
    vera_client: Any, olga_client: Any, desk: Any
) -> None:
    assert save(vera_client).status_code == 403
    assert vera_client.post(EDIT + "use/", {"version": "1"}).status_code == 403
    assert save(olga_client, seen="nothing").status_code == 404
    assert "Reviewers, editors and admins change prompts." in vera_client.get(EDIT).content.decode()


def test_it_asks_the_database_as_often_for_more_versions(
    vera_client: Any, rita: Any, desk: Any
) -> None:
    def add(number: int) -> None:
        PromptVersion.objects.create(
            environment=desk, role="reflector", number=number, text=TEXT, created_by=rita
        )

    add(1)
    first = queries_of(vera_client, EDIT)
    for number in range(2, 12):
        add(number)

    assert queries_of(vera_client, EDIT) == first <= 16


def test_it_activates_once(rita: Any, desk: Any) -> None:
    version = PromptVersion.objects.create(environment=desk, role="reflector", number=1, text=TEXT)
    prompt_activate(version=version, by=rita)

    with pytest.raises(Exception, match="in use already"):
        prompt_activate(version=version, by=rita)
