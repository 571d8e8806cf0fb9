"""The names people give to what causes are found in."""

from __future__ import annotations

from django.db.models import Q
from django.utils.text import slugify

from memoryapp.domain.errors import UnableToChange
from memoryapp.domain.text import hidden_characters
from memoryapp.models import Workspace
from memoryapp.services.names import check_name
from practice.models import TelemetrySource

MOST = 100


def named(name: str) -> str:
    """A name as it is stored, on one line.

    Raises:
        UnableToChange: it has no letter or digit, one that does not show or passes for another, or
            is too long.
    """
    name = spaced(name)
    if not any(character.isalnum() for character in name):
        raise UnableToChange("Give a name with letters or digits.", field="name")
    return name


def spaced(name: str) -> str:
    """The same for a name that may be empty."""
    name = " ".join(name.replace("\0", "").split())
    if len(name) > MOST:
        raise UnableToChange(f"A name has at most {MOST} characters.", field="name")
    if hidden := hidden_characters(name):
        raise UnableToChange(
            f"The name holds a character that does not show ({hidden[0].code_point}). Write it "
            "without.",
            field="name",
        )
    check_name(name, UnableToChange)
    return name


def check_free(workspace: Workspace, name: str, *, but: TelemetrySource | None = None) -> None:
    """See to it that no two sources go by one name; ``but`` is the one that is named.

    The caller holds a transaction: whoever names another one meanwhile waits.

    Raises:
        UnableToChange: the name, or the short name it makes, is another's.
    """
    Workspace.objects.select_for_update(no_key=True).get(pk=workspace.pk)
    same = Q(name__iexact=name) | Q(slug=slugify(name)[:64])
    others = workspace.telemetry_sources.filter(same)
    other = (others.exclude(pk=but.pk) if but is not None else others).first()
    if other is not None:
        raise UnableToChange(f"There is a source named {other.name} already. Use it.")
