"""The form that starts a run."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.db.models import Model

from memoryapp.models import Playbook, Workspace
from practice.domain.plans import Plan
from practice.domain.validation import MAX_VOTES, Admission
from practice.models import Environment, EnvironmentSnapshot
from practice.services.runs import ENGINES, LIMITS
from practice.services.switches import MAX_HELD_OUT, MAX_PATIENCE, Switches, refused_by

PLAN = Plan()
#: Rounds and tasks of a first look at the sample: about two minutes on the rules engine.
SAMPLE_ROUNDS, SAMPLE_TASKS = 3, 6
SEED_LIMIT = 2**31 - 1

POLICIES = [
    (Admission.FEASIBLE_ONLY.value, "From every feasible attempt, failures too"),
    (Admission.SUCCESS_ONLY.value, "From successes only"),
]
VERIFY = [
    ("", "Off: review what was learned as it is"),
    ("lite", "Lite: 2 wins in a row first"),
    ("strict", "Strict: 3 wins in a row first"),
]
VOTES = [(str(n), "1 verdict" if n == 1 else f"{n} votes") for n in range(1, MAX_VOTES + 1, 2)]
#: the fields of the group "Beyond the paper".
BEYOND = (
    "verify",
    "consolidate",
    "band_low",
    "band_high",
    "patience",
    "held_out",
    "votes",
    "drift_watch",
    "condense",
    "focus",
)


def _number(label: str, name: str, initial: int, help_text: str) -> forms.IntegerField:
    return forms.IntegerField(
        label=label, min_value=1, max_value=LIMITS[name], initial=initial, help_text=help_text
    )


class _SnapshotChoice(forms.ModelChoiceField):  # type: ignore[type-arg]
    def label_from_instance(self, obj: Model) -> str:
        assert isinstance(obj, EnvironmentSnapshot)
        return f"{obj.environment}: {obj}"


def _percent(label: str, help_text: str = "") -> forms.IntegerField:
    return forms.IntegerField(
        label=label, required=False, min_value=0, max_value=100, help_text=help_text
    )


def _count(label: str, most: int, help_text: str) -> forms.IntegerField:
    return forms.IntegerField(
        label=label, min_value=0, max_value=most, initial=0, required=False, help_text=help_text
    )


class BeyondForm(forms.Form):
    """What a run adds to the paper's rounds. Cleaned, it is one ``switches`` value."""

    faithful = forms.BooleanField(required=False)
    verify = forms.ChoiceField(
        label="Verified lessons",
        choices=VERIFY,
        required=False,
        help_text="Each lesson is tried from a reset environment until it wins or loses.",
    )
    consolidate = forms.BooleanField(
        label="Consolidate after each round",
        required=False,
        help_text="Proposes to merge, reword or retire bullets, each tried before and after.",
    )
    band_low = _percent("Successes from, %", "Empty means any difficulty.")
    band_high = _percent("Successes to, %", "Above it tasks get harder, below easier.")
    patience = _count(
        "Stop after idle rounds",
        MAX_PATIENCE,
        "Rounds in a row that bring nothing new. 0 runs them all.",
    )
    held_out = _count(
        "Held-out tasks per round",
        MAX_HELD_OUT,
        "Tried with the draft after each round, never practised on.",
    )
    votes = forms.ChoiceField(
        label="Votes per verdict",
        choices=VOTES,
        initial="1",
        required=False,
        help_text="Model engine only; each vote is a request.",
    )
    drift_watch = forms.BooleanField(
        label="Watch for changed tools",
        required=False,
        initial=True,
        help_text="A tool whose description changes makes the bullets that cite it stale.",
    )
    condense = forms.BooleanField(
        label="Condense long observations",
        required=False,
        help_text="Model engine only: a model sums up what would be cut.",
    )
    focus = forms.CharField(
        label="Practise these tools first",
        required=False,
        max_length=2000,
        help_text="Names of tools, separated by commas.",
    )

    @property
    def is_faithful(self) -> bool:
        return bool(self["faithful"].value())

    @property
    def switched_on(self) -> list[str]:
        """What of the group is on as the form stands, in words, for the line above it."""
        value = {name: self[name].value() for name in BEYOND}
        said = {
            "Verified lessons": value["verify"],
            "consolidation": value["consolidate"],
            "difficulty band": value["band_low"] or value["band_high"],
            "stop rule": value["patience"] not in _NOTHING,
            "held-out tasks": value["held_out"] not in _NOTHING,
            "several votes": value["votes"] not in {*_NOTHING, "1", 1},
            "drift watch": value["drift_watch"],
            "condensing": value["condense"],
            "tools to practise first": value["focus"],
        }
        return [name for name, is_on in said.items() if is_on]

    @property
    def opens_beyond(self) -> bool:
        """Whether the group starts open: a field in it is wrong, or somebody chose tools."""
        return bool(self["focus"].value() or any(self[name].errors for name in BEYOND))

    def clean_focus(self) -> tuple[str, ...]:
        """Names without the commas, each once; which of them exist is asked once all is known."""
        names = (name.strip() for name in self.cleaned_data["focus"].split(","))
        return tuple(dict.fromkeys(name for name in names if name))

    def clean_votes(self) -> int:
        return int(self.cleaned_data["votes"] or 1)

    def clean(self) -> dict[str, Any]:
        """Put the switches into one value, which is what starting a run takes."""
        given = self.cleaned_data
        band = self._band()
        read = {name: given.pop(name) for name in ("faithful", *BEYOND) if name in given}
        if read.pop("faithful", False):
            # What stands in fields that are out of use cannot be wrong.
            for name in BEYOND:
                self.errors.pop(name, None)
            return {**given, "switches": Switches(faithful=True)}
        read.pop("band_low", None)
        read.pop("band_high", None)
        for name in ("patience", "held_out"):
            read[name] = read.get(name) or 0
        switches = Switches(band=band, **read)
        for name, why in refused_by(given.get("engine", ""), switches).items():
            self.add_error(name, why)
        missing = self._unknown(switches.focus)
        if missing:
            self.add_error(
                "focus", f"The environment has no tool {', '.join(missing)} that is turned on."
            )
        return {**given, "switches": switches}

    def _band(self) -> tuple[float, ...]:
        """The two percentages as shares, or nothing while they are not a band."""
        low, high = (self.cleaned_data.get(name) for name in ("band_low", "band_high"))
        if low is None and high is None:
            return ()
        if low is None or high is None:
            missing = "band_low" if low is None else "band_high"
            if missing not in self.errors:
                self.add_error(missing, "A band has two ends. Enter both, or neither.")
            return ()
        if low >= high:
            self.add_error("band_high", f"This must be above {low}, where the band begins.")
            return ()
        return (low / 100, high / 100)

    def _unknown(self, focus: tuple[str, ...]) -> list[str]:
        environment = self.cleaned_data.get("environment")
        if not focus or environment is None:
            return []
        offered = set(environment.tools.usable().values_list("name", flat=True))
        return [name for name in focus if name not in offered]


_NOTHING = (None, "", "0", 0)


class RunForm(BeyondForm):
    """What a run practises, with what, how long and for how much."""

    environment = forms.ModelChoiceField(
        queryset=Environment.objects.none(), to_field_name="slug", empty_label=None
    )
    playbook = forms.ModelChoiceField(
        queryset=Playbook.objects.none(),
        to_field_name="slug",
        empty_label=None,
        help_text="What practice learns waits in its review queue.",
    )
    snapshot = _SnapshotChoice(
        queryset=EnvironmentSnapshot.objects.none(),
        required=False,
        empty_label="As the environment is now",
        help_text="Every attempt begins as the environment was when the snapshot was taken.",
    )
    engine = forms.ChoiceField(choices=[(name, name) for name in ENGINES], initial=ENGINES[0])
    rounds = _number("Rounds", "rounds", PLAN.rounds, "The paper ran 10.")
    tasks = _number("Tasks per round", "tasks", PLAN.tasks, "The paper ran 10.")
    attempts = _number(
        "Attempts per task", "attempts", PLAN.attempts, "Several show which tasks are borderline."
    )
    step_limit = _number("Step limit", "step_limit", PLAN.step_limit, "Tool calls per attempt.")
    parallel = _number("At once", "parallel", PLAN.parallel, "Attempts that run at one time.")
    policy = forms.ChoiceField(label="Learn", choices=POLICIES, initial=POLICIES[0][0])
    budget = forms.DecimalField(
        label="Budget, US dollars",
        required=False,
        max_digits=10,
        decimal_places=4,
        help_text="The run ends when it is spent. Everything judged by then is kept. "
        "Empty means no limit.",
    )
    seed = forms.IntegerField(
        min_value=0,
        max_value=SEED_LIMIT,
        initial=0,
        help_text="The rules engine repeats a run exactly from the same seed and history.",
    )

    def __init__(self, *args: Any, workspace: Workspace, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, rows in (
            ("environment", workspace.environments.order_by("name")),
            ("playbook", workspace.playbooks.order_by("name")),
            (
                "snapshot",
                EnvironmentSnapshot.objects.filter(environment__workspace=workspace).select_related(
                    "environment"
                ),
            ),
        ):
            field = self.fields[name]
            assert isinstance(field, forms.ModelChoiceField)
            field.queryset = rows

    def solver_runs(self) -> int | None:
        """Rounds times tasks times attempts as they stand, or ``None`` while one is no number."""
        total = 1
        for name in ("rounds", "tasks", "attempts"):
            try:
                total *= int(self.fields[name].clean(self[name].value()))
            except forms.ValidationError:
                return None
        return total

    def held_out_tries(self) -> int:
        """How many tries at held-out tasks the rounds add, as far as the numbers can be read."""
        try:
            values = [self.fields[n].clean(self[n].value()) for n in ("rounds", "held_out")]
        except forms.ValidationError:
            return 0
        return int(values[0]) * int(values[1] or 0)


def run_defaults(environment: Environment | None) -> dict[str, Any]:
    """A short first run for the sample; the paper's plan for everything else."""
    if environment is None:
        return {}
    asked: dict[str, Any] = {"environment": environment.slug}
    if environment.is_sample:
        asked |= {"rounds": SAMPLE_ROUNDS, "tasks": SAMPLE_TASKS}
    return asked


def model_name() -> str:
    """``provider model`` from the settings; empty when no model is configured."""
    if not (settings.LLM_PROVIDER and settings.LLM_MODEL):
        return ""
    return f"{settings.LLM_PROVIDER} {settings.LLM_MODEL}"
