"""docs/threat-model.md names every table of the database, in one class of data each."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

from django.apps import apps

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "threat-model.md").read_text()
CLASSES = re.findall(r"^\| \*\*(\w[^*]*)\*\*.*\| ([^|]*) \|$", PAGE, re.MULTILINE)
TABLES = {model._meta.db_table for model in apps.get_models(include_auto_created=True)}


def test_every_table_is_of_one_class() -> None:
    named = Counter(name for _, tables in CLASSES for name in re.findall(r"`(\w+)`", tables))
    assert TABLES - named.keys() == set()
    assert named.keys() - TABLES == set()
    assert [name for name, times in named.items() if times > 1] == []
    assert len(CLASSES) == 5


def test_what_is_sealed_or_hashed_is_a_secret() -> None:
    secrets = re.findall(r"`(\w+)`", dict(CLASSES)["Secrets"])
    for model in apps.get_models():
        held = {field.name for field in model._meta.concrete_fields}
        if held & {"secrets", "sealed_secret", "secret_hash", "token_hash", "password"}:
            assert model._meta.db_table in secrets
