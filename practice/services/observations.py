"""All of what a tool answered, for whoever may see the attempt."""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass

from memoryapp.domain.errors import UnableTo, UnableToFind
from practice.models import ObservationMissing, ObservationUnreadable, Step

logger = logging.getLogger(__name__)


class UnableToReach(UnableTo):
    """The object store does not answer; it may in a moment."""

    status = 503
    retry_after = 30


@dataclass(frozen=True, slots=True)
class StepText:
    """``bytes`` and ``sha256`` are of ``text`` in UTF-8."""

    number: int
    text: str
    bytes: int
    sha256: str


def step_text(step: Step) -> StepText:
    """Read it wherever it stands.

    Raises:
        UnableToFind: it was an object, and that is gone.
        UnableToReach: it is one, and the store does not answer.
    """
    try:
        text = step.text.read() if step.text else step.observation
    except ObservationMissing as error:
        raise UnableToFind(str(error)) from error
    except ObservationUnreadable as error:
        # What it says names hosts and buckets: for whoever runs it, not for every reader.
        logger.warning("The text of step %s cannot be read: %s", step.pk, error)
        raise UnableToReach(
            "The object store does not answer. Try again in a moment; the log says why."
        ) from error
    content = text.encode()
    return StepText(step.number, text, len(content), hashlib.sha256(content).hexdigest())
