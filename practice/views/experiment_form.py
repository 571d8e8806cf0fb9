"""The form that starts an experiment, and how many attempts it would make."""

from __future__ import annotations

import re
from typing import Any

from django import forms

from memoryapp.domain.errors import UnableTo
from memoryapp.models import Playbook, Release, Workspace
from practice.forms import SEED_LIMIT
from practice.models import Environment
from practice.services import experiments
from practice.services.runs import ENGINES, LIMITS

CHOSEN = "chosen"
MASKS = [
    (experiments.NONE, "None"),
    (experiments.ALL, "Every one, one at a time"),
    (CHOSEN, "These, one at a time"),
]
RELEASES_OFFERED = 20


class ExperimentForm(forms.Form):
    """What to measure, where, on how many tasks, and which bullets to leave out by turns."""

    environment = forms.ModelChoiceField(
        queryset=Environment.objects.none(), to_field_name="slug", empty_label=None
    )
    measured = forms.ChoiceField(
        label="Measure",
        help_text="Held-out tasks are tried with these bullets and without any.",
    )
    engine = forms.ChoiceField(choices=[(name, name) for name in ENGINES], initial=ENGINES[0])
    tasks = forms.IntegerField(
        label="Held-out tasks",
        min_value=1,
        max_value=LIMITS["tasks"],
        initial=experiments.TASKS,
        help_text="More tasks, narrower intervals.",
    )
    attempts = forms.IntegerField(
        label="Attempts per task",
        min_value=1,
        max_value=LIMITS["attempts"],
        initial=1,
        help_text="A task counts as solved when most succeed.",
    )
    mask = forms.ChoiceField(
        label="Bullets to leave out",
        choices=MASKS,
        initial=experiments.NONE,
        widget=forms.RadioSelect,
        help_text="Shows what a bullet adds. Each one costs as many attempts as there are tasks.",
    )
    bullets = forms.CharField(
        label="Labels",
        required=False,
        widget=forms.TextInput(attrs={"class": "code", "placeholder": "pitfalls-001 apis-002"}),
        help_text="With spaces between them.",
    )
    is_gate = forms.BooleanField(
        label="Use it as a gate before publishing",
        required=False,
        help_text="What production serves is measured too. The bullets pass when they are not "
        "worse than no memory and not worse than that, in tasks solved and in tasks solved "
        "without a failed call.",
    )
    budget = forms.DecimalField(
        label="Budget, US dollars",
        required=False,
        max_digits=10,
        decimal_places=4,
        help_text="It ends when this is spent, with what was judged by then.",
    )
    seed = forms.IntegerField(min_value=0, max_value=SEED_LIMIT, initial=0)

    def __init__(self, *args: Any, workspace: Workspace, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        environments, measured = self.fields["environment"], self.fields["measured"]
        assert isinstance(environments, forms.ModelChoiceField)
        assert isinstance(measured, forms.ChoiceField)
        environments.queryset = workspace.environments.order_by("name")
        self._workspace = workspace
        measured.choices = [
            (str(playbook), choices(playbook)) for playbook in workspace.playbooks.order_by("name")
        ]

    def clean_measured(self) -> tuple[Playbook, Release | None]:
        """The playbook, and its release where not the draft was chosen."""
        slug, _, number = self.cleaned_data["measured"].partition(":")
        playbook = self._workspace.playbooks.get(slug=slug)
        return playbook, playbook.releases.get(number=number) if number else None

    def clean(self) -> dict[str, Any]:
        asked: dict[str, Any] = super().clean() or {}
        if asked.get("mask") == CHOSEN and not _labels(asked.get("bullets", "")):
            self.add_error("bullets", "Name the bullets to leave out, or choose None.")
        return asked

    def as_arguments(self) -> dict[str, Any]:
        """What ``experiment_start`` takes, of a valid form."""
        asked = dict(self.cleaned_data)
        mask, labels = asked.pop("mask"), _labels(asked.pop("bullets"))
        playbook, release = asked.pop("measured")
        masked = labels if mask == CHOSEN else mask
        return {**asked, "playbook": playbook, "release": release, "masked": masked}

    def estimate(self) -> dict[str, Any]:
        """``arms`` and ``attempts`` it would make, or ``refused`` with the reason, or nothing."""
        if not self.is_bound:
            return ExperimentForm(self._as_shown(), workspace=self._workspace).estimate()
        if not self.is_valid():
            return {}
        asked = self.as_arguments()
        try:
            arms = experiments.planned_arms(
                playbook=asked["playbook"],
                release=asked["release"],
                masked=asked["masked"],
                is_gate=asked["is_gate"],
            )
        except UnableTo as error:
            return {"refused": str(error)}
        total = len(arms) * asked["tasks"] * asked["attempts"]
        return {"arms": len(arms), "attempts": total}

    def _as_shown(self) -> dict[str, Any]:
        """What a browser would send of the form as it is: selects begin with their first choice."""
        shown = {name: self[name].value() for name in self.fields}
        if not shown["environment"]:
            first = self._workspace.environments.order_by("name").first()
            shown["environment"] = first.slug if first else ""
        if not shown["measured"]:
            playbook = self._workspace.playbooks.order_by("name").first()
            shown["measured"] = f"{playbook.slug}:" if playbook else ""
        return shown


def choices(playbook: Playbook) -> list[tuple[str, str]]:
    """The draft and the newest releases of a playbook, as the form names them."""
    newest = playbook.releases.light()[:RELEASES_OFFERED]
    return [
        (f"{playbook.slug}:", f"{playbook}, what is approved now"),
        *((f"{playbook.slug}:{row.number}", f"{playbook}, {row}") for row in newest),
    ]


def _labels(text: str) -> tuple[str, ...]:
    return tuple(filter(None, re.split(r"[\s,]+", text)))
