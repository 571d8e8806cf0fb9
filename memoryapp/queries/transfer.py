"""A whole workspace as one file; ``transfer_import`` makes a workspace of it again.

Every table of the product that belongs to a workspace is written, whichever app it is of, one JSON
line a row. Rows refer to each other by their place in the file instead of by their keys in a
database, so a workspace that was imported and exported again gives the same file. People stand by
their user names. Secrets, keys and what can be computed again are left out.
"""

from __future__ import annotations

import base64
import json
import re
import uuid
import zipfile
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import IO, Any

from django.apps import apps
from django.contrib.auth import get_user_model
from django.core.files.storage import storages
from django.db import connection, models, transaction

from memoryapp.clients import postgres
from memoryapp.domain.delivery import EPOCH
from memoryapp.models import Event, Workspace

FORMAT, VERSION = "greenroom-workspace", 1
BATCH = 1_000
ROOT = "memoryapp.workspace"

#: what is of an installation, a secret, a moment, or computed again.
LEFT_OUT = frozenset(
    {
        "memoryapp.apikey",
        "memoryapp.apikey_playbooks",
        "memoryapp.bulletvector",
        "memoryapp.embeddingmodel",
        "memoryapp.exportpiece",
        "memoryapp.idempotentrequest",
        "memoryapp.invitation",
        "memoryapp.membership",
        "memoryapp.receiptsource",
        "memoryapp.reservation",
        "memoryapp.tally",
        "memoryapp.webhook",
        "memoryapp.workspaceexport",
        "memoryapp.delivery",
        "memoryapp.deliverytry",
        "practice.attempttally",
        "practice.modelsilence",
        "practice.tooltally",
    }
)
#: fields that hold secrets, or moments of a store; an import leaves them empty.
WITHHELD = frozenset(
    {
        ("practice.environment", "secrets"),
        ("practice.environment", "secrets_mark"),
        ("practice.storedtext", "stored_at"),
        ("practice.storedtext", "used_at"),
    }
)
#: tables whose rows stand for objects, by the store they are in: what is in one is ``content``.
OBJECTS = {"practice.storedtext": "observations"}
#: lists of keys of another table.
LISTED = {("memoryapp.release", "wordings"): "memoryapp.bulletrevision"}
#: addresses of pages that name a row by its key.
LINKED = {"trajectories": "practice.attempt"}
_LINK = re.compile(r"^/(?P<page>[a-z-]+)/(?P<key>\d+)/")

Places = dict[str, dict[Any, int]]


def workspace_export(
    *,
    workspace: Workspace,
    target: Path | IO[bytes],
    told: Callable[[int, int], None] | None = None,
) -> dict[str, int]:
    """Write a workspace into a zip. Returns how many rows of each table it holds.

    All of it is read in one transaction, as of one moment. The same rows give the same bytes.
    ``told`` is called after every ``BATCH`` rows with how many are written, of how many.

    Raises:
        OSError: the file cannot be written, or the store of its objects not be read.
    """
    counts: dict[str, int] = {}
    with (
        postgres.unhurried(),
        transaction.atomic(),
        zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        if not connection.savepoint_ids:
            with connection.cursor() as cursor:
                cursor.execute(
                    "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ;"
                    " SET LOCAL statement_timeout = 0"
                )
        places: Places = {
            label: {key: place for place, key in enumerate(_keys(label, workspace))}
            for label in tables()
        }
        done, total = 0, sum(map(len, places.values()))
        for label in tables():
            counts[label] = len(places[label])
            with archive.open(_entry(f"{label}.jsonl"), "w", force_zip64=True) as file:
                for row in _rows(label, workspace).iterator(chunk_size=BATCH):
                    file.write(_line(_written(label, row, places)))
                    done += 1
                    if told is not None and done % BATCH == 0:
                        told(done, total)
        manifest = {
            "format": FORMAT,
            "version": VERSION,
            "workspace": {"name": workspace.name, "slug": workspace.slug},
            "rows": counts,
        }
        archive.writestr(_entry("manifest.json"), _line(manifest))
    return counts


@cache
def tables() -> tuple[str, ...]:
    """Labels of the models that belong to a workspace, in a fixed order."""
    ours = (
        model
        for model in apps.get_models(include_auto_created=True)
        if model._meta.app_label in {"memoryapp", "practice"}
    )
    labels = (model._meta.label_lower for model in ours)
    return tuple(sorted(label for label in labels if label not in LEFT_OUT and label != ROOT))


@cache
def path_to_workspace(label: str) -> str:
    """The look-up that leads from a table to its workspace, over required keys where it can.

    Raises:
        LookupError: there is none; such a table must be in ``LEFT_OUT``.
    """
    for may_be_empty in (False, True):
        found = _path(apps.get_model(label), may_be_empty)
        if found:
            return found
    raise LookupError(f"{label} does not belong to a workspace.")


def _path(start: Any, may_be_empty: bool) -> str:
    """The shortest look-up to a workspace, over keys that may be empty or without them."""
    waiting, seen = [(start, "")], {start}
    while waiting:
        model, path = waiting.pop(0)
        keys = [f for f in model._meta.concrete_fields if isinstance(f, models.ForeignKey)]
        for field in sorted(keys, key=lambda f: (f.null, f.name)):
            if field.null and not may_be_empty:
                continue
            related: Any = field.related_model
            step = f"{path}{field.name}"
            if related is Workspace:
                return step
            if related not in seen and related._meta.app_label in {"memoryapp", "practice"}:
                seen.add(related)
                waiting.append((related, f"{step}__"))
    return ""


def _rows(label: str, workspace: Workspace) -> models.QuerySet[Any]:
    model = apps.get_model(label)
    rows: models.QuerySet[Any] = model._base_manager.filter(**{path_to_workspace(label): workspace})
    return rows.order_by(*_order(model))


def _keys(label: str, workspace: Workspace) -> models.QuerySet[Any, Any]:
    return _rows(label, workspace).values_list("pk", flat=True)


def _order(model: Any) -> list[str]:
    """Random ids change with an import: rows that have one are ordered by when they were made."""
    if not isinstance(model._meta.pk, models.UUIDField):
        return ["pk"]
    names = {field.name for field in model._meta.concrete_fields}
    told = [name for name in ("created_at", "label", "number", "dedup_key") if name in names]
    return [*told, "pk"]


def _written(label: str, row: Any, places: Places) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for field in row._meta.concrete_fields:
        if field.generated or (label, field.name) in WITHHELD:
            continue
        value = getattr(row, field.attname)
        if field.primary_key:
            if isinstance(field, models.UUIDField):
                values["id"] = str(value)
        elif isinstance(field, models.ForeignKey):
            values[field.name] = _reference(field, row, value, places)
        elif (label, field.name) in LISTED:
            known = places[LISTED[label, field.name]]
            values[field.name] = [known[key] for key in value if key in known]
        else:
            values[field.name] = _plain(field, value, places)
    if label == "memoryapp.event":
        values["subject_id"] = _subject_place(row, places)
    if label in OBJECTS:
        values["content"] = _content(label, row)
    return values


def _content(label: str, row: Any) -> str | None:
    """The text of an object; ``None`` for one that is lost, which the import loses too."""
    try:
        with storages[OBJECTS[label]].open(row.name) as file:
            content: bytes = file.read()
    except FileNotFoundError:
        return None
    return content.decode()


def _reference(field: Any, row: Any, value: Any, places: Places) -> Any:
    """A user name, or the place of the row; ``None`` for what is not in the file."""
    if value is None or field.related_model is Workspace:
        return None
    if field.related_model is get_user_model():
        return getattr(row, field.name).get_username()
    return places.get(field.related_model._meta.label_lower, {}).get(value)


def _plain(field: Any, value: Any, places: Places) -> Any:
    if value is None or isinstance(field, models.JSONField):
        return value
    if isinstance(field, models.BinaryField):
        return base64.b64encode(bytes(value)).decode()
    if isinstance(value, str):
        found = _LINK.match(value)
        known = places.get(LINKED.get(found["page"], ""), {}) if found else {}
        place = known.get(int(found["key"])) if found else None
        if found and place is not None:
            return f"/{found['page']}/{{{place}}}/{value[found.end() :]}"
        return value
    if isinstance(value, list | int | float | bool):
        return value
    return field.value_to_string(_Holder(field.attname, value))


class _Holder:
    """An object with one attribute, as ``Field.value_to_string`` wants it."""

    def __init__(self, name: str, value: Any) -> None:
        setattr(self, name, value)


def _subject_place(event: Event, places: Places) -> str:
    """What an event is about, by its place where it is in the file."""
    for label, known in places.items():
        if label.endswith(f".{event.subject_type}"):
            for key in (event.subject_id, _whole(event.subject_id), _uuid(event.subject_id)):
                if key in known:
                    return f"{{{known[key]}}}"
    return event.subject_id


def _whole(text: str) -> int | None:
    return int(text) if text.isdecimal() and len(text) < 19 else None


def _uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, EPOCH)
    entry.compress_type = zipfile.ZIP_DEFLATED
    return entry


def _line(value: Mapping[str, Any]) -> bytes:
    return (json.dumps(value, ensure_ascii=False, separators=(",", ":")) + "\n").encode()
