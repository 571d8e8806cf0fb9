"""What a test committed is gone after it, and the next one finds the database as it was."""

from __future__ import annotations

from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.core.management import call_command
from django.db import connection

from tests.databases import emptied_by_deleting
from tests.factories import BulletFactory, StepFactory

pytestmark = pytest.mark.django_db(transaction=True)


def rows() -> dict[str, int]:
    """How many there are, by table, of what a new database does not have."""
    models = [one for one in apps.get_models() if one not in (ContentType, Permission)]
    return {one._meta.db_table: one._base_manager.count() for one in models}


def about_models() -> tuple[set[tuple[str, str]], set[str]]:
    """The models that the database knows by name, and those that something is permitted with."""
    named = set(ContentType.objects.values_list("app_label", "model"))
    return named, set(Permission.objects.values_list("codename", flat=True))


@pytest.mark.parametrize("all_of_it", [False, True])
def test_what_is_known_of_models_stays_or_comes_again(ada: Any, all_of_it: bool) -> None:
    assert rows()["auth_user"] == 1
    named, permitted = about_models()
    assert ("memoryapp", "bullet") in named
    assert "add_bullet" in permitted
    with emptied_by_deleting():
        call_command("flush", interactive=False, verbosity=0, reset_sequences=all_of_it)
    assert set(rows().values()) == {0}
    assert about_models() == (named, permitted)


def test_every_table_is_emptied_and_counts_go_on(ada: Any) -> None:
    BulletFactory()
    StepFactory()
    assert sum(rows().values()) > 10
    with emptied_by_deleting():
        call_command("flush", interactive=False, verbosity=0, reset_sequences=False)
    assert set(rows().values()) == {0}
    BulletFactory()
    assert rows()["memoryapp_tally"] > 0, "triggers are silent still"
    with connection.cursor() as cursor:
        cursor.execute("SHOW session_replication_role")
        assert cursor.fetchone() == ("origin",)
