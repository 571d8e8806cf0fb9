"""The forms of practice: connecting an environment, starting a run."""

from __future__ import annotations

import re
from typing import Any

from django import forms
from django.conf import settings

from memoryapp.models import Playbook, Workspace
from practice.domain.rounds import Plan
from practice.domain.validation import Admission
from practice.models import Environment
from practice.services.environments import commands, seeds
from practice.services.runs import ENGINES, LIMITS

PLAN = Plan()
#: Rounds and tasks of a first look at the sample: about two minutes on the rules engine.
SAMPLE_ROUNDS, SAMPLE_TASKS = 3, 6
SEED_LIMIT = 2**31 - 1

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


def _pairs(text: str, separator: str, name: re.Pattern[str], example: str) -> dict[str, str]:
    """Read one ``name separator value`` per line.

    Raises:
        ValidationError: a line has no separator or no usable name; it says which line.
    """
    found: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        key, mark, value = line.partition(separator)
        if not mark or not name.fullmatch(key.strip()):
            # The line itself may hold a secret, so the message does not repeat it.
            raise forms.ValidationError(f"Line {number} does not read as {example}.")
        found[key.strip()] = value.strip()
    return found


class _Code(forms.Textarea):
    """Text a machine reads: one item a line, set in mono, never spell-checked."""

    def __init__(self, rows: int = 3, placeholder: str = "") -> None:
        attrs = {
            "rows": rows,
            "class": "code",
            "spellcheck": "false",
            "autocapitalize": "off",
            "autocomplete": "off",
            "placeholder": placeholder,
        }
        super().__init__(attrs=attrs)


class EnvironmentForm(forms.Form):
    """How to reach an MCP server. The command is chosen by name: a form never holds one."""

    # The browser must not insist on a field of the way that was not chosen.
    use_required_attribute = False

    name = forms.CharField(max_length=100, help_text="How people here will call it.")
    transport = forms.ChoiceField(
        label="How it is reached",
        choices=Environment.Transport.choices,
        initial=Environment.Transport.STDIO,
        widget=forms.RadioSelect,
    )
    command = forms.ChoiceField(
        help_text="The operator of this machine names the commands in <code>MCP_COMMANDS</code>.",
    )
    arguments = forms.CharField(
        required=False,
        widget=_Code(placeholder="--data\n{workdir}"),
        help_text="One per line. <code>{workdir}</code> becomes the path of a folder that is "
        "copied afresh from the seed folder for every attempt.",
    )
    variables = forms.CharField(
        label="Environment variables",
        required=False,
        widget=_Code(placeholder="API_TOKEN=…"),
        help_text="One NAME=value per line, stored encrypted. Only the names are shown again.",
    )
    seed = forms.ChoiceField(
        label="Seed folder",
        required=False,
        help_text="Where every attempt begins. A run without one starts in an empty folder.",
    )
    url = forms.CharField(
        label="Address",
        max_length=500,
        widget=forms.TextInput(
            attrs={
                "class": "code",
                "inputmode": "url",
                "placeholder": "https://tools.example.com/mcp",
            }
        ),
        help_text="A server that is reached by its address cannot be reset: give practice one "
        "that holds nothing you need.",
    )
    headers = forms.CharField(
        required=False,
        widget=_Code(placeholder="Authorization: Bearer …"),
        help_text="One Name: value per line, stored encrypted. Only the names are shown again.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Each way needs its own field; a form nobody sent yet calls neither of them optional.
        transport = self.data.get("transport") if self.is_bound else None
        self.fields["command"].required = transport != Environment.Transport.HTTP
        self.fields["url"].required = transport != Environment.Transport.STDIO
        known, folders = self.fields["command"], self.fields["seed"]
        assert isinstance(known, forms.ChoiceField)
        assert isinstance(folders, forms.ChoiceField)
        known.choices = [(name, name) for name in commands()]
        folders.choices = [("", "No seed folder"), *((name, name) for name in seeds())]

    def clean_variables(self) -> dict[str, str]:
        return _pairs(self.cleaned_data["variables"], "=", _VARIABLE, "NAME=value")

    def clean_headers(self) -> dict[str, str]:
        return _pairs(self.cleaned_data["headers"], ":", _HEADER, "Name: value")

    def as_arguments(self) -> dict[str, Any]:
        """What ``environment_connect`` takes, of a valid form."""
        asked = self.cleaned_data
        is_stdio = asked["transport"] == Environment.Transport.STDIO
        lines = (line.strip() for line in asked["arguments"].splitlines())
        return {
            "name": asked["name"],
            "transport": asked["transport"],
            "command": asked["command"],
            "arguments": [line for line in lines if line],
            "url": asked["url"].strip(),
            "secrets": asked["variables"] if is_stdio else asked["headers"],
            "seed": asked["seed"],
        }


POLICIES = [
    (Admission.FEASIBLE_ONLY.value, "From every feasible attempt, failures too"),
    (Admission.SUCCESS_ONLY.value, "From successes only"),
]


def _number(label: str, name: str, initial: int, help_text: str) -> forms.IntegerField:
    return forms.IntegerField(
        label=label, min_value=1, max_value=LIMITS[name], initial=initial, help_text=help_text
    )


class RunForm(forms.Form):
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
