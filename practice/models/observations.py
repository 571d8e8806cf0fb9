"""Answers of tools that are too large for a row, as objects outside the database."""

from __future__ import annotations

import hashlib

from django.core.files.storage import storages
from django.db import models
from django.utils import timezone


class ObservationUnreadable(Exception):
    """The object store did not answer; ``str(error)`` says what it said. Asking again may help."""


class ObservationMissing(ObservationUnreadable):
    """The object is gone or was changed; asking again does not help."""


class StoredText(models.Model):
    """One object of the store: a masked text under its digest, in the folder of its workspace.

    The row is there before the object and goes after it, so that the store never has to be listed.
    A row without ``stored_at`` may be without its object, and no step refers to it.
    """

    #: no constraint: when a workspace goes, this stays until its object is removed too.
    workspace = models.ForeignKey(
        "memoryapp.Workspace",
        models.DO_NOTHING,
        db_constraint=False,
        related_name="+",
        db_index=False,
    )
    #: SHA-256 of the text in UTF-8, in hexadecimal.
    digest = models.CharField(max_length=64)
    #: bytes of UTF-8.
    size = models.PositiveIntegerField()
    stored_at = models.DateTimeField(null=True, blank=True)
    #: when a step was last about to refer to it.
    used_at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["workspace", "digest"], name="one_object_per_text")
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def name(self) -> str:
        """Where the object stands in the store."""
        return f"{self.workspace_id}/{self.digest[:2]}/{self.digest}"

    def read(self) -> str:
        """The text, by one request to the store.

        Raises:
            ObservationMissing: it is not there, or is not what was written.
            ObservationUnreadable: the store cannot be reached.
        """
        try:
            with storages["observations"].open(self.name) as file:
                content: bytes = file.read()
        except FileNotFoundError as error:
            said = "The text of this step is missing from the object store."
            raise ObservationMissing(said) from error
        except OSError as error:
            raise ObservationUnreadable(f"The object store does not answer. {error}") from error
        if hashlib.sha256(content).hexdigest() != self.digest:
            said = "The text of this step in the object store is not what was written."
            raise ObservationMissing(said)
        return content.decode()
