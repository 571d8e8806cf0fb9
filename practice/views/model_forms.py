"""The forms about models: what they cost and what they are told."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Self

from django import forms

from memoryapp.domain.seen import shown
from memoryapp.forms import SeenForm
from memoryapp.queries.meanwhile import Meanwhile
from practice.domain.prices import HIGHEST
from practice.domain.prompts import LONGEST
from practice.models import Attempt, Environment, ModelPrice
from practice.services.prices import AS_INPUT, NO_PRICE, price_said
from practice.services.prompts import NOTE_CHARS

ATTEMPTS_OFFERED = 50


def _dollars(label: str, *, required: bool = True, help_text: str = "") -> forms.DecimalField:
    return forms.DecimalField(
        label=label,
        min_value=0,
        max_value=HIGHEST,
        max_digits=12,
        decimal_places=6,
        required=required,
        help_text=help_text,
    )


class PriceForm(SeenForm):
    """The price of one model, or of all whose names begin alike: ``services.prices.price_said``.

    ``of`` is the model whose price was read: under another name nothing was.
    """

    of = forms.CharField(max_length=100, required=False, widget=forms.HiddenInput)
    model = forms.CharField(
        max_length=100,
        widget=forms.TextInput(attrs={"class": "code", "placeholder": "gpt-5-mini"}),
        help_text="The exact name, or its beginning and *, such as <code>claude-sonnet-*</code>. "
        "The longest beginning that fits counts.",
    )
    input = _dollars("Input, $ per million tokens")
    output = _dollars("Output, $ per million tokens")
    cached_input = _dollars(
        "Cached input, $ per million tokens",
        required=False,
        help_text="Empty means cached tokens cost what other input costs.",
    )

    @staticmethod
    def initial_of(stands: Mapping[str, Any]) -> dict[str, Any]:
        # As numbers: a text would always differ from what was typed.
        return {
            name: None if said in {NO_PRICE, AS_INPUT} else Decimal(said)
            for name, said in stands.items()
        }

    @classmethod
    def about(cls, model: str, price: ModelPrice | None) -> Self:
        form = cls.showing(price_said(price))
        form.initial.update(model=model, of=model)
        return form

    def again(self, found: Meanwhile) -> Self:
        form = super().again(found)
        form.initial["of"] = self["model"].data
        return form

    def asked(self) -> dict[str, Any]:
        """What ``price_set`` takes, of a valid form."""
        asked = dict(self.cleaned_data)
        if asked.pop("of") != asked["model"]:
            asked["seen"] = shown(price_said(None))
        return asked


class PromptForm(forms.Form):
    """A role's prompt for one environment."""

    text = forms.CharField(
        label="Prompt",
        max_length=LONGEST,
        strip=False,
        widget=forms.Textarea(
            attrs={"rows": 28, "class": "code", "spellcheck": "false", "autocomplete": "off"}
        ),
        help_text="Above the line <code>---</code>: what the role is told, the same for every "
        "call. Below it: the message with the data of one call.",
    )
    note = forms.CharField(
        label="What changed",
        max_length=NOTE_CHARS,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    attempt = forms.ChoiceField(
        label="Attempt for a dry run",
        required=False,
        help_text="The role is asked once with this text. Nothing it says is kept as memory.",
    )

    def __init__(self, *args: Any, environment: Environment, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        attempts = Attempt.objects.filter(
            run__environment=environment, run__steps_dropped_at=None, outcome__gt="", arm=None
        )
        chosen = self.fields["attempt"]
        assert isinstance(chosen, forms.ChoiceField)
        chosen.choices = [
            (
                str(attempt.pk),
                f"{attempt.pk}, {attempt.run}, {attempt.label or 'not judged'}: "
                f"{attempt.task.instruction[:80]}",
            )
            for attempt in attempts.select_related("task", "run").order_by("-pk")[:ATTEMPTS_OFFERED]
        ]
