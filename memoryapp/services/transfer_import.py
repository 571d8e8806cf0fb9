"""A workspace from the file that ``transfer`` wrote of another: all of it or nothing.

The file may come from anybody: it is read line by line, never more than the limits below, and
whatever it says wrongly ends the import with a message.
"""

from __future__ import annotations

import base64
import errno
import hashlib
import json
import lzma
import re
import struct
import uuid
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from django.apps import apps
from django.contrib.auth import get_user_model
from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.db import DatabaseError, OperationalError, connection, models
from django.utils import timezone

from memoryapp.domain.errors import UnableTo, UnableToRead
from memoryapp.domain.formats import digest
from memoryapp.models import Membership, Role, Workspace
from memoryapp.queries.transfer import BATCH, FORMAT, LINKED, LISTED, OBJECTS, VERSION, tables
from memoryapp.services.patience import unhurried

#: bytes a file may unpack to, bytes of one row, and of the manifest.
UNPACKED_MOST, LINE_MOST, MANIFEST_MOST = 16 * 2**30, 64 * 2**20, 2**20
#: rows of work, and what becomes of the states in which somebody is at it. Nobody is, where the
#: file is read: it would be done twice, call the tools of others and spend their money.
UNDER_WAY = {
    "practice.run": dict.fromkeys(("running", "paused"), "cancelled"),
    "practice.unit": dict.fromkeys(("waiting", "running"), "cancelled"),
    "practice.attempt": dict.fromkeys(("queued", "running"), "cancelled"),
    "practice.analysis": dict.fromkeys(("waiting", "running"), "cancelled"),
    "practice.replaycase": dict.fromkeys(("waiting", "running"), "cancelled"),
    "practice.prompttrial": dict.fromkeys(("waiting", "running"), "failed"),
    "practice.senttrajectory": {"waiting": "unjudged"},
}
#: UUIDs that are not primary keys and must be unique in the whole database all the same.
RENEWED = frozenset({("memoryapp.pullreceipt", "source")})
#: tables whose files lie under a digest, its field, and that of the bytes it has to be of.
KEPT_UNDER = {
    "practice.environmentsnapshot": ("seed_digest", ""),
    "practice.caseset": ("digest", "archive"),
}
LEFT_BEHIND = "This was still running when the file was written, so it ended here."
_DIGEST = re.compile(r"[0-9a-f]{64}")
#: addresses that pages lead to: of ours, by their path alone.
_OURS = re.compile(r"/(?![/\\])")
_NAMED = re.compile(r"^/(?P<page>[a-z-]+)/\{(?P<place>\d+)\}/")
#: what broken archives and rows of the wrong shape raise on their way into the tables.
DAMAGED = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, EOFError, OSError),
    *(RuntimeError, NotImplementedError, LookupError, ValueError, TypeError, AttributeError),
    *(ArithmeticError, ValidationError, DatabaseError),
)
#: what a host says that can keep nothing more, and the class of what a row is too large for.
NO_ROOM, TOO_LARGE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS}), "54"


class NoRoom(UnableTo):
    """The texts of the file cannot be kept on this host."""

    status = 503


def workspace_import(
    *, source: Path | IO[bytes], by: Any, slug: str = "", people: Any = None
) -> Workspace:
    """Make a workspace from a file that ``workspace_export`` wrote. All of it or nothing.

    ``slug`` names it otherwise than in the file. Ids that are taken here become new ones. Rows
    name people; those who are not among ``people`` (users, by default all) are left out where a
    row can do without them, and ``by`` stands in elsewhere. ``by`` becomes its admin.

    Raises:
        UnableToRead: no such file, another version, a table or field that is not known here, or a
            slug that is taken.
        NoRoom: the host's disk is full or cannot be written.
        OperationalError: the database is away or full.
    """
    try:
        with zipfile.ZipFile(source) as archive:
            found = get_user_model().objects.all() if people is None else people
            reading = _Import(archive, by, found, slug)
            # Before the rows that refer to them: if those fail, a sweep removes these.
            reading.store_objects()
            with unhurried():
                return reading.run()
    except DAMAGED as error:
        if isinstance(error, OSError) and error.errno in NO_ROOM:
            raise NoRoom(
                f"Texts in the file cannot be stored on this host: {error.strerror}. Nothing was "
                "imported: fix that, then import it again."
            ) from error
        if isinstance(error, OperationalError) and not _is_too_large(error):
            raise
        raise UnableToRead(
            f"The file is not an export of a workspace, or it is damaged ({type(error).__name__}). "
            "Nothing was imported."
        ) from error


def _is_too_large(error: OperationalError) -> bool:
    """Whether a row is to blame; else it is the server, which is no word against the file."""
    return (getattr(error.__cause__, "sqlstate", None) or "").startswith(TOO_LARGE)


def validated_slug(slug: str) -> str:
    """Return the slug.

    Raises:
        UnableToRead: it cannot be one.
    """
    field = Workspace._meta.get_field("slug")
    try:
        return str(field.clean(slug, None))
    except ValidationError as error:
        said = f"A workspace cannot be called {slug[:60]!r}: {error.messages[0]}"
        raise UnableToRead(said) from error


def _check_kept(label: str, values: Mapping[str, Any]) -> None:
    """Make sure that what names a folder is a digest, and of these very bytes.

    A path would have files of the machine written over or deleted, and another set's digest that
    set's files.
    """
    name, content = KEPT_UNDER[label]
    digest, kept = values.get(name, ""), values.get(content, b"")
    if digest and not _DIGEST.fullmatch(digest):
        raise ValueError(digest)
    if kept and hashlib.sha256(kept).hexdigest() != digest:
        raise ValueError(digest)


def _check_digests(bodies: Mapping[str, str], digests: Mapping[str, str]) -> None:
    """Make sure that each body of a release has the digest it is looked up by.

    The digest is what agents of all workspaces get a body by: with another's, the file would read
    what they are served, or have them served its own.

    Raises:
        UnableToRead: it has not.
    """
    if any(digest(bodies[form]) != told for form, told in digests.items()):
        raise UnableToRead(
            "A release in the file does not match its digests: it was changed after it was "
            "written. Nothing was imported."
        )


def _chosen(field: Any) -> set[Any]:
    """What may stand in a field that has choices."""
    return {*dict(field.flatchoices), *([""] if field.blank else [])}


def _new_keys(model: Any, count: int) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT nextval(pg_get_serial_sequence(%s, %s)) FROM generate_series(1, %s)",
            [model._meta.db_table, model._meta.pk.column, count],
        )
        return [row[0] for row in cursor.fetchall()]


class _Import:
    """One import: first a key for every row, then the rows, in any order, in one transaction."""

    def __init__(self, archive: zipfile.ZipFile, by: Any, people: Any, slug: str) -> None:
        self.archive, self.by = archive, by
        self.keys: dict[str, list[Any]] = {}
        self.renewed: dict[uuid.UUID, uuid.UUID] = {}
        self.people = {user.get_username(): user for user in people}
        self.manifest = self._checked(slug)
        (self.workspace_key,) = _new_keys(Workspace, 1)

    def run(self) -> Workspace:
        named = self.manifest["workspace"]
        workspace = Workspace.objects.create(
            pk=self.workspace_key, name=named["name"], slug=named["slug"]
        )
        Membership.objects.create(workspace=workspace, user=self.by, role=Role.ADMIN)
        rest = {of: n for of, n in self.manifest["rows"].items() if of not in OBJECTS}
        for label, count in rest.items():
            self.keys[label] = self._take_keys(label, count)
        for label in rest:
            self._insert(label, workspace)
        return workspace

    def store_objects(self) -> None:
        """Write the objects of the file, each under the digest that it has."""
        for label in self.manifest["rows"].keys() & OBJECTS.keys():
            model, store = apps.get_model(label), storages[OBJECTS[label]]
            self.keys[label] = []
            for told in self._read(label):
                content = (told["content"] or "").encode()
                if not _DIGEST.fullmatch(told["digest"]):
                    raise ValueError(told["digest"])
                if content and hashlib.sha256(content).hexdigest() != told["digest"]:
                    raise ValueError(told["digest"])
                row: Any = model._base_manager.create(
                    workspace_id=self.workspace_key, digest=told["digest"], size=told["size"]
                )
                self.keys[label].append(row.pk)
                if content:
                    store.save(row.name, ContentFile(content))
                    row.stored_at = timezone.now()
                    row.save(update_fields=["stored_at"])

    def _checked(self, slug: str) -> Mapping[str, Any]:
        """The manifest, with the slug that the workspace gets."""
        manifest = self._manifest()
        if manifest.get("format") != FORMAT or manifest.get("version") != VERSION:
            raise UnableToRead(
                f"The file says {manifest.get('format')!r} version {manifest.get('version')!r}; "
                f"only {FORMAT} version {VERSION} can be read. Nothing was imported."
            )
        unknown = sorted(set(manifest["rows"]) - set(tables()))
        if unknown:
            raise UnableToRead(
                f"The file contains tables that are unknown here: {', '.join(unknown)}. Import it "
                "with the version that wrote it. Nothing was imported."
            )
        slug = validated_slug(slug or manifest["workspace"]["slug"])
        if Workspace.objects.filter(slug=slug).exists():
            raise UnableToRead(
                f"There is a workspace {slug!r} already. Give the import another slug."
            )
        return {**manifest, "workspace": {"name": manifest["workspace"]["name"], "slug": slug}}

    def _manifest(self) -> Mapping[str, Any]:
        if sum(entry.file_size for entry in self.archive.infolist()) > UNPACKED_MOST:
            raise UnableToRead(f"The file unpacks to more than {UNPACKED_MOST} bytes.")
        with self.archive.open("manifest.json") as file:
            found: Mapping[str, Any] = json.loads(file.read(MANIFEST_MOST))
        return found

    def _take_keys(self, label: str, count: int) -> list[Any]:
        model = apps.get_model(label)
        # A row is a line of at least "{}": no more keys are taken than there can be rows.
        if not 0 <= count <= self.archive.getinfo(f"{label}.jsonl").file_size // 3:
            raise ValueError(count)
        if isinstance(model._meta.pk, models.UUIDField):
            told = [uuid.UUID(row["id"]) for row in self._read(label)]
            taken = set(model._base_manager.filter(pk__in=told).values_list("pk", flat=True))
            return [uuid.uuid4() if key in taken else key for key in told]
        return _new_keys(model, count)

    def _read(self, label: str) -> Iterator[dict[str, Any]]:
        with self.archive.open(f"{label}.jsonl") as file:
            while line := file.readline(LINE_MOST):
                yield json.loads(line)

    def _insert(self, label: str, workspace: Workspace) -> None:
        model = apps.get_model(label)
        batch: list[Any] = []
        fields = [f for f in model._meta.concrete_fields if not f.generated]
        for place, row in enumerate(self._read(label)):
            batch.append(self._row(model, label, self.keys[label][place], row, workspace))
            if len(batch) == BATCH:
                self._store(model, fields, batch)
                batch = []
        if batch:
            self._store(model, fields, batch)

    def _store(self, model: Any, fields: list[Any], batch: list[Any]) -> None:
        # Raw, so that moments of creation stay what they were.
        model._base_manager.all()._insert(batch, fields=fields, using="default", raw=True)

    def _row(
        self, model: Any, label: str, key: Any, row: dict[str, Any], workspace: Workspace
    ) -> Any:
        values: dict[str, Any] = {model._meta.pk.attname: key}
        for name, value in row.items():
            if name == "id":
                continue
            try:
                field = model._meta.get_field(name)
            except FieldDoesNotExist:
                raise UnableToRead(
                    f"{label} has no {name} here. Import it with the version that wrote it. "
                    "Nothing was imported."
                ) from None
            if isinstance(field, models.ForeignKey):
                values[field.attname] = self._key_of(field, value, workspace)
            elif (label, name) in LISTED:
                known = self.keys[LISTED[label, name]]
                values[name] = [known[place] for place in value]
            elif (label, name) in RENEWED:
                values[name] = self._renewed(model, name, uuid.UUID(value))
            else:
                values[name] = self._value(field, value)
        if label == "memoryapp.event":
            values["subject_id"] = self._subject(row)
        if ends := UNDER_WAY.get(label, {}).get(str(values.get("status"))):
            ended = values.get("ended_at") or timezone.now()
            told = {"message": LEFT_BEHIND, "ended_at": ended}
            values |= {"status": ends, **{name: told[name] for name in told if name in values}}
        if label == "memoryapp.release":
            _check_digests(values["bodies"], values["digests"])
        if label in KEPT_UNDER:
            _check_kept(label, values)
        return model(**values)

    def _renewed(self, model: Any, name: str, told: uuid.UUID) -> uuid.UUID:
        """What stands here for a UUID of the file: another one where this one is taken."""
        if told not in self.renewed:
            is_taken = model._base_manager.filter(**{name: told}).exists()
            self.renewed[told] = uuid.uuid4() if is_taken else told
        return self.renewed[told]

    def _key_of(self, field: Any, value: Any, workspace: Workspace) -> Any:
        if field.related_model is Workspace:
            return workspace.pk
        if field.related_model is get_user_model():
            user = self.people.get(value) if value is not None else None
            return user.pk if user else None if field.null else self.by.pk
        if value is None:
            return None
        return self.keys[field.related_model._meta.label_lower][value]

    def _value(self, field: Any, value: Any) -> Any:
        if value is None or isinstance(field, models.JSONField):
            return value
        if isinstance(field, models.BinaryField):
            return base64.b64decode(value)
        if isinstance(value, str):
            if field.name.endswith("link") and value and not _OURS.match(value):
                raise ValueError(value)
            found = _NAMED.match(value)
            label = LINKED.get(found["page"], "") if found else ""
            if found and label in self.keys:
                key = self.keys[label][int(found["place"])]
                return f"/{found['page']}/{key}/{value[found.end() :]}"
        read = field.to_python(value)
        if field.choices and read not in _chosen(field):
            raise UnableToRead(
                f"{field.model._meta.label_lower} has a {field.name} that is not known here, "
                f"{str(value)[:60]!r}. Import the file with the version that wrote it. Nothing was "
                "imported."
            )
        if isinstance(field, models.SlugField):
            # It becomes part of addresses, which cannot be written with anything else in it.
            field.run_validators(read)
        return read

    def _subject(self, row: dict[str, Any]) -> str:
        told = str(row["subject_id"])
        if told.startswith("{"):
            for label, keys in self.keys.items():
                if label.endswith(f".{row['subject_type']}"):
                    return str(keys[int(told[1:-1])])
        return told
