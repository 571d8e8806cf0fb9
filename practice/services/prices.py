"""What models cost, in the operator's words."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import transaction

from memoryapp.domain.errors import UnableToChange, UnableToStart
from memoryapp.models import Workspace
from memoryapp.services.events import event_record
from memoryapp.services.seen import check_seen
from practice.domain.prices import HIGHEST, name_problem
from practice.models import ModelPrice
from practice.orchestrator.engines import MODEL, UNKNOWN, price_source, unpriced_models

COLUMNS = ("input", "output", "cached_input")
#: of a model that has no price of its own.
NO_PRICE = "none"
AS_INPUT = "as input"


def price_set(
    *,
    workspace: Workspace,
    model: str,
    input: Decimal,
    output: Decimal,
    cached_input: Decimal | None,
    by: Any,
    seen: str | None = None,
) -> ModelPrice:
    """Set what a model costs, in US dollars per million tokens, from the next call on.

    ``seen`` is the digest of ``price_said`` that was read.

    Raises:
        ChangedMeanwhile: it was set, changed or removed since.
        UnableToChange: a name no model has, or a price out of range.
    """
    name = model.strip()
    problem = name_problem(name)
    if problem:
        raise UnableToChange(problem)
    asked = dict(zip(COLUMNS, (input, output, cached_input), strict=True))
    for value in asked.values():
        if value is not None and not 0 <= value <= HIGHEST:
            raise UnableToChange(f"A price must be between $0 and ${HIGHEST:,} per million tokens.")
    with transaction.atomic():
        Workspace.objects.select_for_update(no_key=True).get(pk=workspace.pk)
        earlier = price_said(price_of(workspace, name))
        check_seen(seen, earlier, price_said(ModelPrice(**asked)))
        price, created = ModelPrice.objects.update_or_create(
            workspace=workspace, model=name, defaults={**asked, "updated_by": by}
        )
        event_record(
            workspace=workspace,
            actor=by,
            kind="price.set" if created else "price.changed",
            subject=price,
            before=earlier,
            after=price_said(price),
        )
    return price


def price_remove(*, price: ModelPrice, by: Any) -> None:
    """Forget a price. What calls have cost so far stays as it was written."""
    with transaction.atomic():
        event_record(
            workspace=price.workspace,
            actor=by,
            kind="price.removed",
            subject=price,
            before=price_said(price),
            after=price_said(None),
        )
        price.delete()


def price_of(workspace: Workspace, model: str) -> ModelPrice | None:
    """The price that was set under a name; a name that begins alike is another one."""
    return ModelPrice.objects.filter(workspace=workspace, model=model).first()


def price_said(price: ModelPrice | None) -> dict[str, str]:
    """A price as the log keeps it, in USD per million tokens.

    ``domain.seen.shown`` of it is ``seen``.
    """
    if price is None:
        return dict.fromkeys(COLUMNS, NO_PRICE)
    kept = {name: getattr(price, name) for name in COLUMNS}
    return {name: AS_INPUT if value is None else _plain(value) for name, value in kept.items()}


def _plain(dollars: Decimal) -> str:
    """Return an amount without needless zeros and without an exponent."""
    return f"{dollars.normalize():f}"


def check_budget(*, workspace: Workspace, engine: str, budget: Decimal | None) -> None:
    """See to it that a budget can stop a run.

    Raises:
        UnableToStart: a model without a price would spend what nobody can count.
    """
    if budget is None or engine != MODEL:
        return
    unpriced = unpriced_models(workspace.pk)
    if unpriced:
        raise UnableToStart(
            f"No price is known for {', '.join(unpriced)}, so a budget could not stop this run. "
            "Set the price under Settings, Models, or leave the budget empty."
        )


@dataclass(frozen=True, slots=True)
class ConfiguredModel:
    """A model the settings name, the roles that use it, and where its price comes from."""

    name: str
    roles: tuple[str, ...]
    source: str

    @property
    def is_unknown(self) -> bool:
        return self.source == UNKNOWN


def configured_models(workspace: Workspace) -> list[ConfiguredModel]:
    """The models in use with the source of each price, the first name being the default."""
    overrides = settings.LLM_ROLE_MODELS
    roles: dict[str, list[str]] = {settings.LLM_MODEL: []} if settings.LLM_MODEL else {}
    for role, name in overrides.items():
        roles.setdefault(name, []).append(role)
    return [
        ConfiguredModel(name, tuple(used), price_source(workspace.pk, name))
        for name, used in roles.items()
    ]
