"""How alike tasks are is told by the embedding model of the settings, and else by words."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from memoryapp.services.meaning import UnableToEmbed, meaning
from practice.domain.likeness import Embed
from practice.models import Unit
from practice.orchestrator.calls import embedding_recorder
from practice.orchestrator.masking import masked

logger = logging.getLogger(__name__)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Told(Generic[T]):
    """What came of a comparison. ``model`` told it; empty is words, for ``instead`` if asked."""

    found: T
    model: str = ""
    instead: str = ""

    @property
    def shown(self) -> dict[str, str]:
        """What is kept with the round: nothing where no model is set up."""
        named = {"model": self.model, "instead": self.instead}
        return {name: said for name, said in named.items() if said}


def told(choose: Callable[[Embed | None], T], unit: Unit, stored: Collection[str]) -> Told[T]:
    """Have ``choose`` compare texts by meaning, or by words where no model answers.

    Either whole: a similarity of one kind says nothing beside one of the other. ``stored`` are
    texts that were masked when they became rows; what is new is masked before a model reads it.
    What the model is asked is a cost of the unit's run.
    """
    model = meaning()
    if model is None:
        return Told(choose(None))
    known, environment = frozenset(stored), unit.run.environment
    counted = embedding_recorder(unit, model.name)

    def embed(texts: Sequence[str]) -> Sequence[Sequence[float]]:
        asked = [text if text in known else masked(environment, text) for text in texts]
        return model(asked, counted)

    try:
        return Told(choose(embed), model=model.name)
    except UnableToEmbed as error:
        logger.warning("Tasks are compared by words alone. %s", error)
        return Told(choose(None), instead=str(error))
