"""Setting what models cost, and what a budget does without a price."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import pytest

from memoryapp.domain.errors import UnableToStart
from memoryapp.models import Event
from practice.models import ModelPrice, Run
from practice.orchestrator.engines import price_source
from practice.services.prices import price_remove, price_set
from practice.services.runs import run_start
from tests.factories import EnvironmentFactory, PlaybookFactory, ToolFactory

URL = "/settings/models/"
ASKED = {"model": "gpt-5*", "input": "0.25", "output": "2", "cached_input": "0.025"}


def values(form: Any) -> dict[str, str]:
    """The fields of a form as a browser would send them."""
    found = {name: form[name].value() for name in form.fields}
    return {name: "" if value is None else str(value) for name, value in found.items()}


def opened(client: Any, about: str, **typed: str) -> dict[str, str]:
    """The form as whoever asks for the price of a model gets it, and what they type into it."""
    form = client.get(URL, {"model": about}).context["form"]
    return values(form) | typed


@pytest.fixture
def configured(settings: Any) -> Any:
    settings.LLM_PROVIDER, settings.LLM_MODEL = "openai", "my-own-model"
    settings.LLM_API_KEY = "sk-test"
    return settings


def test_it_sets_a_price_and_writes_it_down(ada_client: Any, workspace: Any) -> None:
    answer = ada_client.post(URL + "save/", ASKED, follow=True)

    price = ModelPrice.objects.get(workspace=workspace)
    assert (price.input, price.output, price.cached_input) == (
        Decimal("0.25"),
        Decimal(2),
        Decimal("0.025"),
    )
    assert "counts from the next call on" in answer.content.decode()
    assert Event.objects.get(kind="price.set").data["after"]["input"] == "0.25"


def test_it_changes_a_price_in_place(ada_client: Any, workspace: Any) -> None:
    ada_client.post(URL + "save/", ASKED)
    typed = opened(ada_client, "gpt-5*")
    ada_client.post(URL + "save/", typed | {"output": "3", "cached_input": ""})

    assert typed["output"] == "2"
    price = ModelPrice.objects.get(workspace=workspace)
    assert (price.output, price.cached_input) == (Decimal(3), None)
    assert Event.objects.filter(kind="price.changed").count() == 1


def test_it_replaces_only_the_price_its_reader_saw(
    ada_client: Any, workspace: Any, edda: Any
) -> None:
    ada_client.post(URL + "save/", ASKED)
    typed = opened(ada_client, "gpt-5*", output="3")
    price_set(
        workspace=workspace,
        model="gpt-5*",
        input=Decimal("0.5"),
        output=Decimal(2),
        cached_input=None,
        by=edda,
    )

    answer = ada_client.post(URL + "save/", typed)

    assert answer.status_code == 409
    assert ModelPrice.objects.get().output == Decimal(2)
    said = answer.content.decode()
    assert "gpt-5*: this was changed while you had it open" in said
    assert [event.actor for event in answer.context["meanwhile"].events] == [edda]
    changed = r"cached input <span[^>]*>from</span> 0.025 <span[^>]*>to</span> as input"
    assert re.search(changed, said)
    again = values(answer.context["form"])
    assert {name: again[name] for name in ("model", "input", "output", "cached_input")} == {
        "model": "gpt-5*",
        "input": "0.5",
        "output": "3",
        "cached_input": "",
    }
    for _ in range(2):  # a second click takes nothing away
        assert ada_client.post(URL + "save/", again).status_code == 302
    price = ModelPrice.objects.get()
    assert (price.input, price.output, price.cached_input) == (Decimal("0.5"), Decimal(3), None)


def test_a_new_price_replaces_none_that_its_reader_did_not_see(
    ada_client: Any, workspace: Any, edda: Any
) -> None:
    typed = opened(ada_client, "", **ASKED)
    # Under another name than the one that was read, nothing was seen.
    other = opened(ada_client, "gpt-4", **ASKED)
    price_set(
        workspace=workspace,
        model="gpt-5*",
        input=Decimal(1),
        output=Decimal(9),
        cached_input=None,
        by=edda,
    )
    for asked in (typed, other, ASKED):
        answer = ada_client.post(URL + "save/", asked)
        assert answer.status_code == 409
        assert [event.actor for event in answer.context["meanwhile"].events] == [edda]
        assert ModelPrice.objects.get().output == Decimal(9)
    assert ada_client.post(URL + "save/", values(answer.context["form"])).status_code == 302
    assert ModelPrice.objects.get().output == Decimal(2)


def test_a_price_that_was_removed_meanwhile_is_not_set_again_unseen(
    ada_client: Any, workspace: Any, edda: Any
) -> None:
    ada_client.post(URL + "save/", ASKED)
    typed = opened(ada_client, "gpt-5*", output="3")
    price_remove(price=ModelPrice.objects.get(), by=edda)

    answer = ada_client.post(URL + "save/", typed)

    assert (answer.status_code, ModelPrice.objects.exists()) == (409, False)
    assert "none" in answer.content.decode()
    assert ada_client.post(URL + "save/", values(answer.context["form"])).status_code == 302


def test_it_tries_the_connection(
    ada_client: Any, vera_client: Any, workspace: Any, monkeypatch: Any, configured: Any
) -> None:
    where = "practice.services.connections.model_answer"
    monkeypatch.setattr(where, lambda pk: f"Asked for workspace {pk}, it answered.")
    assert "Test the connection" in ada_client.get(URL).content.decode()
    said = ada_client.post(f"{URL}test/", {"what": "model"}, follow=True).content.decode()
    assert f"Asked for workspace {workspace.pk}, it answered." in said
    assert vera_client.post(f"{URL}test/").status_code == 403
    assert "Test the connection" not in vera_client.get(URL).content.decode()


@pytest.mark.parametrize("what", ["model", "embedding"])
def test_it_says_what_to_set_where_there_is_no_model(ada_client: Any, what: str) -> None:
    said = ada_client.post(f"{URL}test/", {"what": what}, follow=True).content.decode()
    assert ("LLM_PROVIDER" if what == "model" else "EMBEDDING_PROVIDER") in said


def test_it_says_why_a_model_did_not_answer(
    ada_client: Any, configured: Any, httpserver: Any
) -> None:
    configured.LLM_BASE_URL = httpserver.url_for("/v1")
    httpserver.expect_request("/v1/chat/completions").respond_with_data("no", status=500)
    said = ada_client.post(f"{URL}test/", {"what": "model"}, follow=True).content.decode()
    assert 'class="error"' in said
    assert "failed" in said
    assert "sk-test" not in said


def test_it_tries_the_embeddings(ada_client: Any, settings: Any, httpserver: Any) -> None:
    settings.EMBEDDING_PROVIDER, settings.EMBEDDING_MODEL = "openai", "small"
    settings.EMBEDDING_BASE_URL = httpserver.url_for("/v1")
    answer = {"data": [{"index": 0, "embedding": [3.0, 4.0]}]}
    httpserver.expect_request("/v1/embeddings").respond_with_json(answer)
    assert "small</code>" in ada_client.get(URL).content.decode()
    said = ada_client.post(f"{URL}test/", {"what": "embedding"}, follow=True).content.decode()
    assert "small answered with a vector of 2 dimensions." in said
    httpserver.clear()
    said = ada_client.post(f"{URL}test/", {"what": "embedding"}, follow=True).content.decode()
    assert "The embedding endpoint answered 500" in said


def test_it_removes_a_price(ada_client: Any, workspace: Any) -> None:
    ada_client.post(URL + "save/", ASKED)
    price = ModelPrice.objects.get()

    ada_client.post(f"{URL}{price.pk}/remove/")

    assert not ModelPrice.objects.exists()
    assert Event.objects.filter(kind="price.removed").exists()


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"model": "*"}, "would be a guess"),
        ({"model": "a*b"}, "Only the end of a name"),
        ({"input": "-1"}, "greater than or equal to 0"),
        ({"output": ""}, "This field is required"),
        ({"input": "NaN"}, "Enter a number"),
    ],
)
def test_it_refuses_a_price_that_cannot_be_and_keeps_what_was_typed(
    ada_client: Any, change: dict[str, str], complaint: str
) -> None:
    answer = ada_client.post(URL + "save/", ASKED | change)

    assert answer.status_code in {409, 422}
    assert complaint in answer.content.decode()
    assert 'value="0.025"' in answer.content.decode()
    assert not ModelPrice.objects.exists()


def test_it_is_set_by_admins_only(rita_client: Any, vera_client: Any, olga_client: Any) -> None:
    assert rita_client.post(URL + "save/", ASKED).status_code == 403
    page = vera_client.get(URL).content.decode()
    assert "Editors and admins set prices." in page
    olga_client.post(URL + "save/", ASKED)
    assert not vera_client.get(URL).context["prices"]


def test_it_looks_in_the_table_then_the_settings_then_the_list(
    workspace: Any, settings: Any
) -> None:
    settings.LLM_PROVIDER = "openai"
    assert price_source(workspace.pk, "gpt-4o") == "listed"
    assert price_source(workspace.pk, "my-own-model") == "unknown"
    settings.LLM_BASE_URL = "http://localhost:11434/v1"
    assert price_source(workspace.pk, "gpt-4o") == "unknown", "another server's gpt-4o"
    settings.LLM_PRICE_INPUT, settings.LLM_PRICE_OUTPUT = 0.0, 1.0
    assert price_source(workspace.pk, "my-own-model") == "settings"
    ModelPrice.objects.create(workspace=workspace, model="my-*", input=1, output=1)
    assert price_source(workspace.pk, "my-own-model") == "table"


def test_it_shows_where_the_price_of_each_model_in_use_comes_from(
    vera_client: Any, configured: Any
) -> None:
    configured.LLM_ROLE_MODELS = {"validator": "gpt-4o", "condenser": "gpt-4o"}

    shown = vera_client.get(URL).context["configured"]

    assert [(m.name, m.roles, m.source) for m in shown] == [
        ("my-own-model", (), "unknown"),
        ("gpt-4o", ("validator", "condenser"), "listed"),
    ]


def start(workspace: Any, by: Any, **asked: Any) -> Run:
    environment = EnvironmentFactory(workspace=workspace)
    ToolFactory(environment=environment)
    playbook = PlaybookFactory(workspace=workspace)
    return run_start(environment=environment, playbook=playbook, by=by, **asked)


def test_it_starts_no_run_whose_budget_could_not_stop_it(
    workspace: Any, ada: Any, configured: Any
) -> None:
    with pytest.raises(UnableToStart, match="No price is known for my-own-model") as refused:
        start(workspace, ada, engine="model", budget=Decimal(5))

    assert "leave the budget empty" in str(refused.value)
    assert not Run.objects.exists()


def test_it_starts_with_a_price_without_a_budget_or_without_a_model(
    workspace: Any, ada: Any, configured: Any
) -> None:
    start(workspace, ada, engine="model")
    start(workspace, ada, engine="rules", budget=Decimal(5))
    ModelPrice.objects.create(workspace=workspace, model="my-own-model", input=1, output=1)
    start(workspace, ada, engine="model", budget=Decimal(5))

    assert Run.objects.count() == 3


def test_it_asks_for_a_price_of_every_roles_model(
    workspace: Any, ada: Any, configured: Any
) -> None:
    configured.LLM_ROLE_MODELS = {"validator": "another-model"}
    ModelPrice.objects.create(workspace=workspace, model="my-own-model", input=1, output=1)

    with pytest.raises(UnableToStart, match="No price is known for another-model,"):
        start(workspace, ada, engine="model", budget=Decimal(5))
