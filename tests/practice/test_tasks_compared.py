"""How new a task is: told by an embedding model where one is set up and answers, else by words."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest

from memoryapp.clients import embeddings
from memoryapp.clients.embeddings import Counted, EmbeddingsUnavailable
from memoryapp.domain.kept import Kept
from memoryapp.services import meaning
from practice.domain.likeness import Embed
from practice.models import Environment, Round, Run, Unit
from practice.orchestrator import alike, rounds
from practice.services.experiments import experiment_start
from practice.services.prices import price_set
from practice.services.switches import Switches
from tests.factories import BulletFactory, EnvironmentFactory, PlaybookFactory
from tests.practice.runs import connected, started

pytestmark = pytest.mark.django_db
WHY = "The embedding endpoint answered 500."


class Model:
    """Every text it is asked about, with a vector that its length decides."""

    provider = "openai"

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.fails = False
        self.name, self.tokens = "small", 1_000

    def embed(self, texts: Sequence[str], counted: Counted | None = None) -> list[list[float]]:
        if self.fails:
            raise EmbeddingsUnavailable(WHY)
        self.asked += texts
        if counted:
            counted(self.tokens)
        return [[float(len(text)), 9.0] for text in texts]


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> Model:
    found = Model()
    monkeypatch.setattr(embeddings, "configured", lambda: found)
    monkeypatch.setattr(meaning, "VECTORS", Kept(10_000, size=len))
    return found


@pytest.fixture
def desk(workspace: Any) -> Environment:
    return connected(EnvironmentFactory(workspace=workspace))


def proposed(run: Run) -> Round:
    """The first round of a run, its tasks chosen and none tried yet."""
    for unit_id in rounds.drive(run.pk):
        rounds.work(unit_id)
    return run.rounds.get()


def tasks_of(round_: Round) -> list[tuple[str, str]]:
    return list(round_.tasks.order_by("number").values_list("instruction", "drop_reason"))


@pytest.mark.parametrize("faithful", [False, True])
def test_a_round_says_which_model_told_it(
    desk: Environment, ada: Any, vera_client: Any, model: Model, faithful: bool
) -> None:
    run = started(desk, ada, switches=Switches(faithful=faithful))
    round_ = proposed(run)
    assert round_.briefing["compared"] == {"model": "small"}
    assert {text for text, _ in tasks_of(round_)} <= set(model.asked)
    page = vera_client.get(run.get_absolute_url()).content.decode()
    assert "told by meaning, with <code>small</code>" in page


def test_a_round_goes_by_words_while_the_model_does_not_answer(
    desk: Environment, ada: Any, vera_client: Any, model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    model.fails = True
    run = started(desk, ada)
    round_ = proposed(run)
    assert round_.briefing["compared"] == {"instead": WHY}
    page = vera_client.get(run.get_absolute_url()).content.decode()
    assert f"told by words. {WHY}" in page
    monkeypatch.setattr(embeddings, "configured", lambda: None)
    by_words = proposed(started(desk, ada))
    assert "compared" not in by_words.briefing
    assert tasks_of(round_) == tasks_of(by_words)


def test_what_a_dead_worker_had_chosen_is_chosen_again(
    desk: Environment, ada: Any, model: Model
) -> None:
    first, again = (proposed(started(desk, ada, seed=7)) for _ in range(2))
    assert tasks_of(first) == tasks_of(again)
    assert len(model.asked) == len(set(model.asked))


def paid(run: Run) -> list[tuple[Any, ...]]:
    rows = run.ledger.filter(role="embedding").order_by("pk")
    return list(rows.values_list("model", "requests", "input_tokens", "cost"))


def test_what_it_costs_is_in_the_ledger_of_the_run(
    desk: Environment, ada: Any, vera_client: Any, model: Model
) -> None:
    price_set(
        workspace=desk.workspace,
        model="small",
        input=Decimal(20),
        output=Decimal(0),
        cached_input=None,
        by=ada,
    )
    run = started(desk, ada)
    proposed(run)
    assert paid(run) == [("small", 1, 1_000, Decimal("0.02"))]
    assert run.spent() == Decimal("0.02")
    assert "Comparing tasks" in vera_client.get(run.get_absolute_url()).content.decode()
    # What is known of an earlier round is not asked for again.
    again = started(desk, ada, seed=run.seed)
    model.fails = True
    proposed(again)
    assert paid(again) == []


@pytest.mark.parametrize(("tokens", "name"), [(0, "small"), (1_000, "unheard-of")])
def test_a_price_nobody_knows_stays_unknown_and_ends_no_run(
    desk: Environment, ada: Any, model: Model, tokens: int, name: str, settings: Any
) -> None:
    # The price of language models is none of theirs.
    settings.LLM_PRICE_INPUT = settings.LLM_PRICE_OUTPUT = 5
    model.tokens, model.name = tokens, name
    run = started(desk, ada)
    proposed(run)
    assert paid(run) == [(name, 1, tokens, None)]
    assert (run.spent(), run.uncounted_model()) == (Decimal(0), "")


def test_a_listed_price_counts_at_the_address_it_is_of(
    desk: Environment, ada: Any, model: Model, settings: Any
) -> None:
    model.name = "text-embedding-3-small"
    run = started(desk, ada)
    proposed(run)
    assert paid(run)[0][3] == Decimal("0.00002")
    settings.EMBEDDING_BASE_URL = "https://models.example.com/v1"
    model.name = "text-embedding-3-large"
    elsewhere = started(desk, ada)
    proposed(elsewhere)
    assert paid(elsewhere)[0][3] is None


def test_a_model_reads_no_secret(desk: Environment, ada: Any, model: Model) -> None:
    secret = "Send it to ghp_abcdefghijklmnopqrst0123456789abcdef."

    def choose(embed: Embed | None) -> int:
        assert embed is not None
        return len(embed([secret, "Stored."]))

    (unit_id,) = rounds.drive(started(desk, ada).pk)
    unit = Unit.objects.get(pk=unit_id)
    assert alike.told(choose, unit, ["Stored."]).found == 2
    assert "Stored." in model.asked
    assert "ghp_" not in " ".join(model.asked)


def test_tasks_of_an_experiment_are_compared_alike(
    desk: Environment, ada: Any, model: Model
) -> None:
    book = PlaybookFactory(workspace=desk.workspace)
    BulletFactory(playbook=book)
    experiment = experiment_start(environment=desk, playbook=book, engine="rules", by=ada, tasks=2)
    round_ = proposed(experiment.run)
    assert {text for text, _ in tasks_of(round_)} <= set(model.asked)
