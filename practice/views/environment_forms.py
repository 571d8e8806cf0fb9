"""The form that connects an environment, with the fields of every transport."""

from __future__ import annotations

import re
from collections.abc import Mapping
from copy import deepcopy
from typing import Any, Self

from django import forms

from memoryapp.forms import SeenForm
from memoryapp.queries.meanwhile import Meanwhile
from practice.models import Environment
from practice.services.environments import SLOT_LIMIT, SLOTS, commands, packs, seeds
from practice.services.reaching import SCENARIO_LIMIT, OpenApiAsked, PackAsked

DOCUMENT_CAP = 16 * 1024 * 1024
SCHEME_CHOICES = [
    ("", "No credential"),
    ("bearer", "Authorization: Bearer"),
    ("basic", "Authorization: Basic, user:password"),
    ("header", "A header of its own"),
    ("query", "A query parameter"),
    ("cookie", "A cookie"),
]
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


def _address(placeholder: str) -> forms.TextInput:
    return forms.TextInput(
        attrs={
            "class": "code",
            "inputmode": "url",
            "placeholder": placeholder,
            "autocomplete": "off",
        }
    )


def _line(placeholder: str) -> forms.TextInput:
    return forms.TextInput(
        attrs={"class": "code", "placeholder": placeholder, "autocomplete": "off"}
    )


class _Secrets(forms.Form):
    """Reads what is stored encrypted, one a line."""

    def clean_variables(self) -> dict[str, str]:
        return _pairs(self.cleaned_data["variables"], "=", _VARIABLE, "NAME=value")

    def clean_headers(self) -> dict[str, str]:
        return _pairs(self.cleaned_data["headers"], ":", _HEADER, "Name: value")


class EnvironmentForm(_Secrets):
    """How to reach an environment. The command is chosen by name: a form never holds one."""

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
        "copied afresh from the seed folder for every attempt. No passwords and keys: they are "
        "shown, and belong into a variable.",
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
        widget=_address("https://tools.example.com/mcp"),
        help_text="A server that is reached by its address cannot be reset: give practice one "
        "that holds nothing you need.",
    )
    headers = forms.CharField(
        required=False,
        widget=_Code(placeholder="Authorization: Bearer …"),
        help_text="One Name: value per line, stored encrypted. Only the names are shown again.",
    )
    document_url = forms.CharField(
        label="Address of the document",
        required=False,
        max_length=500,
        widget=_address("https://api.example.com/openapi.json"),
        help_text="OpenAPI 3.0 or 3.1, JSON or YAML. It is read again for every attempt, so "
        "changes are noticed.",
    )
    document = forms.CharField(
        label="Or the document itself",
        required=False,
        widget=_Code(rows=5, placeholder='{"openapi": "3.1.0", …}'),
    )
    document_file = forms.FileField(label="Or a file", required=False)
    base_url = forms.CharField(
        label="Address of the service",
        required=False,
        max_length=500,
        widget=_address("https://sandbox.example.com/v1"),
        help_text="Empty takes the first server the document names. Give practice a sandbox.",
    )
    scheme = forms.ChoiceField(label="Credential", required=False, choices=SCHEME_CHOICES)
    parameter = forms.CharField(
        label="Its name",
        required=False,
        max_length=100,
        widget=_line("X-API-Key"),
        help_text="Of the header, query parameter or cookie.",
    )
    credential = forms.CharField(
        label="Its value",
        required=False,
        max_length=4000,
        widget=forms.PasswordInput(attrs={"class": "code", "autocomplete": "off"}),
        help_text="Stored encrypted and never shown again.",
    )
    reset = forms.CharField(
        label="Reset",
        required=False,
        max_length=300,
        widget=_line("POST /reset"),
        help_text="Called before every attempt, which then run one at a time. Without it all "
        "attempts share one world, and only operations that read are on from the start.",
    )
    pack = forms.ChoiceField(required=False)
    scenario = forms.IntegerField(
        required=False,
        min_value=0,
        max_value=SCENARIO_LIMIT,
        initial=1,
        help_text="Each number is another starting state; the same number is always the same.",
    )
    slots = forms.IntegerField(
        label="Sessions at once",
        required=False,
        min_value=1,
        max_value=SLOT_LIMIT,
        help_text=f"Over all runs. Empty means {SLOTS}, or 1 with a reset of a shared service.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Each way needs its own field; a form nobody sent yet calls none of them optional.
        transport = self.data.get("transport") if self.is_bound else None
        way = Environment.Transport
        self.fields["command"].required = transport in {None, way.STDIO}
        self.fields["url"].required = transport in {None, way.HTTP}
        self._choose("command", [(name, name) for name in commands()])
        self._choose("seed", [("", "No seed folder"), *((name, name) for name in seeds())])
        self.missing_packs = [pack["missing"] for pack in packs() if pack["missing"]]
        installed = [pack for pack in packs() if not pack["missing"]]
        self._choose("pack", [(pack["name"], pack["title"]) for pack in installed])
        self.fields["pack"].help_text = " ".join(pack["description"] for pack in installed)

    def _choose(self, name: str, choices: list[tuple[str, str]]) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)
        field.choices = choices

    def clean_document_file(self) -> str:
        """The text of the file; what was sent is never stored as a file."""
        sent = self.cleaned_data["document_file"]
        if not sent:
            return ""
        if sent.size > DOCUMENT_CAP:
            raise forms.ValidationError(
                f"The file is larger than {DOCUMENT_CAP // 2**20} MB. Leave out what practice "
                "does not need."
            )
        try:
            return str(sent.read().decode("utf-8-sig"))
        except UnicodeDecodeError as error:
            raise forms.ValidationError("The file is not UTF-8 text.") from error

    def as_arguments(self) -> dict[str, Any]:
        """What ``environment_connect`` takes, of a valid form."""
        asked, way = self.cleaned_data, Environment.Transport
        made: dict[str, Any] = {
            "name": asked["name"],
            "transport": asked["transport"],
            "slots": asked["slots"],
        }
        match asked["transport"]:
            case way.STDIO:
                lines = (line.strip() for line in asked["arguments"].splitlines())
                return made | {
                    "command": asked["command"],
                    "arguments": [line for line in lines if line],
                    "secrets": asked["variables"],
                    "seed": asked["seed"],
                }
            case way.HTTP:
                return made | {"url": asked["url"].strip(), "secrets": asked["headers"]}
            case way.OPENAPI:
                return made | {
                    "url": asked["document_url"].strip(),
                    "openapi": OpenApiAsked(
                        document=asked["document"] or asked["document_file"],
                        base_url=asked["base_url"].strip(),
                        scheme=asked["scheme"],
                        parameter=asked["parameter"].strip(),
                        credential=asked["credential"],
                        reset=asked["reset"],
                    ),
                }
        return made | {"pack": PackAsked(asked["pack"], asked["scenario"] or 0)}


def _changed(name: str, help_text: str = "") -> forms.Field:
    """A field of the form that connects, for whoever changes what it says."""
    field: forms.Field = deepcopy(EnvironmentForm.base_fields[name])
    field.help_text = help_text or field.help_text
    return field


REPLACED = "One a line. These take the place of all that are stored. Values are never shown."


class AccessForm(_Secrets, SeenForm):
    """What an environment is reached with, to be changed: ``services.environments.reached_by``."""

    use_required_attribute = False

    @staticmethod
    def initial_of(stands: Mapping[str, Any]) -> dict[str, Any]:
        return {}

    def as_arguments(self) -> dict[str, Any]:
        """What ``environment_reach`` takes, of a valid form."""
        asked = self.cleaned_data
        secrets = asked.get("variables") or asked.get("headers") or {}
        return {"secrets": secrets, "seen": asked["seen"]}


class VariablesForm(AccessForm):
    variables = _changed("variables", REPLACED)


class HeadersForm(AccessForm):
    headers = _changed("headers", REPLACED)


class CredentialForm(AccessForm):
    base_url = _changed(
        "base_url",
        "Where calls go. For another host enter the credential once more: the stored one is not "
        "sent there. Empty leaves it as it is.",
    )
    scheme = _changed("scheme")
    parameter = _changed("parameter")
    credential = _changed(
        "credential",
        "Stored encrypted and never shown. Empty keeps the one that is stored, where it is sent as "
        "before and to the same host.",
    )
    reset = _changed("reset")

    @staticmethod
    def initial_of(stands: Mapping[str, Any]) -> dict[str, Any]:
        scheme, _, parameter = stands["credential"].partition(" ")
        return {
            "base_url": stands["calls go to"],
            "scheme": scheme,
            "parameter": parameter,
            "reset": stands["reset"],
        }

    def again(self, found: Meanwhile) -> Self:
        form = super().again(found)
        if self["credential"].data:
            # No page shows it, so this one does not keep it either.
            form.fields["credential"].help_text = "Enter it once more: it is not kept on the page."
        return form

    def as_arguments(self) -> dict[str, Any]:
        asked = {**self.cleaned_data, "parameter": self.cleaned_data["parameter"].strip()}
        seen = asked.pop("seen")
        return {"openapi": OpenApiAsked(**asked), "seen": seen}


#: the form of each transport; a pack is reached with nothing.
ACCESS_FORMS: Mapping[str, type[AccessForm]] = {
    Environment.Transport.STDIO: VariablesForm,
    Environment.Transport.HTTP: HeadersForm,
    Environment.Transport.OPENAPI: CredentialForm,
}


class SlotsForm(SeenForm):
    """What ``services.environments.slots_of`` says."""

    slots = forms.IntegerField(
        label="Sessions at once",
        min_value=1,
        max_value=SLOT_LIMIT,
        error_messages=dict.fromkeys(
            ("required", "invalid", "min_value", "max_value"),
            f"Give a number from 1 to {SLOT_LIMIT}.",
        ),
    )
