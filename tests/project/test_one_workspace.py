"""The database itself refuses a row that would join two workspaces."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.apps import apps
from django.db import IntegrityError, connection, transaction
from django.db.models import Model

from memoryapp.models import ApiKey, Bullet, Candidate, Playbook, Workspace
from practice.models import Attempt, Environment, Incident, Run
from tests import factories

pytestmark = pytest.mark.django_db


def tables() -> Iterator[type[Model]]:
    for app in ("memoryapp", "practice"):
        yield from apps.get_app_config(app).get_models(include_auto_created=True)


def owners(model: type[Model], seen: frozenset[type[Model]] = frozenset()) -> dict[str, Any]:
    """The columns of a table that lead to a workspace, with the models they point at."""
    return {
        str(field.column): field.related_model
        for field in model._meta.concrete_fields
        if field.is_relation
        and isinstance(field.related_model, type)
        and field.related_model is not model
        and field.related_model not in seen
        and (field.related_model is Workspace or owners(field.related_model, seen | {model}))
    }


def of_itself(model: type[Model]) -> list[str]:
    fields = model._meta.concrete_fields
    return [str(f.column) for f in fields if f.is_relation and f.related_model is model]


def test_every_table_that_leads_to_a_workspace_twice_is_checked() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname, p.prosrc FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid "
            "JOIN pg_proc p ON p.oid = t.tgfoid WHERE t.tgname = 'one_workspace'"
        )
        checked = dict(cursor.fetchall())
    missing = {
        f"{model._meta.db_table}.{column}"
        for model in tables()
        if len(columns := [*owners(model), *of_itself(model)]) > 1
        for column in columns
        if f"NEW.{column})" not in checked.get(model._meta.db_table, "")
    }
    assert missing == set()


@pytest.fixture
def elsewhere() -> Any:
    return factories.WorkspaceFactory(slug="elsewhere")


Make = Callable[[Any], Any]
WRONG: dict[str, tuple[Make, Callable[[Any], dict[str, Any]]]] = {
    "a run over another's environment": (
        lambda _: factories.RunFactory(),
        lambda there: {"environment": factories.EnvironmentFactory(workspace=there)},
    ),
    "a run into another's playbook": (
        lambda _: factories.RunFactory(),
        lambda there: {"playbook": factories.PlaybookFactory(workspace=there)},
    ),
    "a candidate for another's playbook": (
        lambda _: factories.CandidateFactory(),
        lambda there: {"playbook": factories.PlaybookFactory(workspace=there)},
    ),
    "an attempt at another's task": (
        lambda _: factories.AttemptFactory(),
        lambda there: {
            "task": factories.TaskFactory(
                round__run=factories.RunFactory(
                    workspace=there,
                    environment=factories.EnvironmentFactory(workspace=there),
                    playbook=factories.PlaybookFactory(workspace=there),
                )
            )
        },
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_forgotten_filter_writes_nothing(elsewhere: Any, case: str) -> None:
    make, wrong = WRONG[case]
    row = make(None)
    changes = wrong(elsewhere)
    with pytest.raises(IntegrityError, match="would join two workspaces"), transaction.atomic():
        type(row)._base_manager.filter(pk=row.pk).update(**changes)


def test_a_raw_insert_is_refused_too(workspace: Any, elsewhere: Any) -> None:
    mine = factories.PlaybookFactory(workspace=workspace)
    environment = factories.EnvironmentFactory(workspace=elsewhere)
    run = factories.RunFactory(workspace=workspace, playbook=mine)
    with (
        pytest.raises(IntegrityError, match="practice_run would join two workspaces"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(
            "INSERT INTO practice_run SELECT (jsonb_populate_record(r, jsonb_build_object("
            "'id', gen_random_uuid(), 'number', 999999, 'environment_id', %s))).* "
            "FROM practice_run r WHERE id = %s",
            [environment.pk, run.pk],
        )


def test_a_key_is_not_bound_to_another_workspaces_playbook(
    workspace: Any, elsewhere: Any, ada: Any
) -> None:
    key = ApiKey.objects.create(
        workspace=workspace, name="k", prefix="k", secret_hash="", scopes=[], created_by=ada
    )
    theirs = factories.PlaybookFactory(workspace=elsewhere)
    with pytest.raises(IntegrityError), transaction.atomic():
        key.playbooks.add(theirs)


def test_a_candidate_targets_no_bullet_of_another_workspace(elsewhere: Any) -> None:
    candidate = factories.CandidateFactory()
    theirs = factories.BulletFactory(playbook=factories.PlaybookFactory(workspace=elsewhere))
    with pytest.raises(IntegrityError), transaction.atomic():
        candidate.targets.add(theirs)


@pytest.mark.parametrize("model", [Playbook, Environment, Run, Incident, Candidate])
def test_nothing_moves_to_another_workspace(elsewhere: Any, model: type[Any]) -> None:
    row = getattr(factories, f"{model.__name__}Factory")()
    with pytest.raises(IntegrityError, match="does not move"), transaction.atomic():
        model._base_manager.filter(pk=row.pk).update(workspace=elsewhere)


def test_rows_of_one_workspace_are_let_through(workspace: Any) -> None:
    bullet = factories.BulletFactory(playbook=factories.PlaybookFactory(workspace=workspace))
    candidate = factories.CandidateFactory(playbook=bullet.playbook)
    candidate.targets.add(bullet)
    attempt = factories.AttemptFactory()
    assert Bullet.objects.get().wording_id
    assert Attempt.objects.get() == attempt
