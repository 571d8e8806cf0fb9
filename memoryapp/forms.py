"""Forms of memoryapp's pages. They check the shape; services decide."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Self

from django import forms
from django.http import HttpRequest
from django.utils import timezone

from memoryapp.domain.playbook import CONTENT_MOST, SECTION_NAME
from memoryapp.domain.redaction import BadRule, Own, own_rules
from memoryapp.domain.seen import shown
from memoryapp.domain.webhooks import KINDS
from memoryapp.models import Playbook, Role
from memoryapp.models.tokens import Scope
from memoryapp.queries.meanwhile import Meanwhile

MAX_BUDGET = 1_000_000
NEVER = "never"
#: in base64 it fits the field for text.
FILE_MOST = 1_500_000
ZIP = b"PK\x03\x04"


class SeenForm(forms.Form):
    """A form that replaces what its reader saw: ``seen`` is the digest of that.

    What stands comes by the names of the audit log; ``initial_of`` makes values of fields of it.
    """

    seen = forms.CharField(required=False, widget=forms.HiddenInput)

    @staticmethod
    def initial_of(stands: Mapping[str, Any]) -> dict[str, Any]:
        return dict(stands)

    @classmethod
    def showing(cls, stands: Mapping[str, Any]) -> Self:
        """The form as whoever opens the page gets it."""
        return cls(initial={**cls.initial_of(stands), "seen": shown(stands)})

    def again(self, found: Meanwhile) -> Self:
        """The form once more: what was typed stays, all else is as it stands by now.

        A field that nobody touched must not put back what somebody else has just changed.
        """
        typed: Iterable[str] = self.fields
        if found.was is not None:
            typed = type(self)(self.data, initial=self.initial_of(found.was)).changed_data
        kept = {name: self[name].data for name in typed}
        stands = self.initial_of(found.now)
        return type(self)(initial={**stands, **kept, "seen": shown(found.now)})


class PlaybookForm(forms.Form):
    name = forms.CharField(max_length=100, help_text="For example the agent it is for.")
    description = forms.CharField(max_length=300, required=False)
    token_budget = forms.IntegerField(
        min_value=0, max_value=MAX_BUDGET, initial=8000, help_text="0 means no limit."
    )


class PlaybookChangeForm(SeenForm, PlaybookForm):
    """What ``services.curation.settings_of`` says."""


def at_most(characters: int) -> dict[str, Any]:
    """How long a text may be, and how a longer one is refused."""
    said = f"Use at most {characters:,} characters."
    return {"max_length": characters, "error_messages": {"max_length": said}}


class Lines(forms.CharField):
    """A text of several lines, which browsers send with a carriage return each."""

    widget = forms.Textarea

    def to_python(self, value: Any) -> str:
        return str(super().to_python(value)).replace("\r\n", "\n")


class BulletForm(forms.Form):
    section = forms.RegexField(f"^{SECTION_NAME.pattern}$")
    content = Lines(label="What agents should know", **at_most(CONTENT_MOST))


class BulletEditForm(forms.Form):
    content = Lines(label="What agents should know", **at_most(CONTENT_MOST))
    reason = forms.CharField(max_length=300, required=False)
    revision = forms.IntegerField(min_value=0)


class PublishForm(forms.Form):
    """``seen`` is the digest of the draft that was shown, ``since`` its newest revision.

    ``labels`` is where its reader saw each label point: any can be named.
    """

    notes = forms.CharField(max_length=500, required=False)
    label = forms.CharField(max_length=40, required=False)
    seen = forms.CharField(required=False)
    since = forms.IntegerField(min_value=0, max_value=2**62, required=False)
    labels = forms.CharField(required=False)


class LabelMoveForm(forms.Form):
    """Where a label is to point. To move it back, ``now`` is where its reader saw it point.

    ``labels`` is as in ``PublishForm``.
    """

    name = forms.CharField(max_length=40)
    release = forms.IntegerField(min_value=1)
    now = forms.IntegerField(min_value=1, max_value=999_999_999, required=False)
    labels = forms.CharField(required=False)


class WithdrawForm(forms.Form):
    """Take a release out of use; without a replacement the newest earlier one takes its place."""

    kind = forms.ChoiceField(
        choices=[("recalled", "Recall: it is wrong"), ("retired", "Retire: it is old")],
        initial="recalled",
        label="How",
    )
    reason = forms.CharField(max_length=300, help_text="Agents that ask for it are told.")
    replacement = forms.IntegerField(
        min_value=1, required=False, help_text="A version; empty is the newest earlier one in use."
    )


class ImportForm(forms.Form):
    """Bullets from a file. Checked first: nothing is stored until it is imported."""

    form = forms.ChoiceField(
        choices=[
            ("json", "Native JSON"),
            ("ace", "ACE text"),
            ("preping", "Preping’s playbook.json"),
            ("skill", "Agent Skill: SKILL.md, or its folder as a zip"),
        ],
        label="Form of the file",
    )
    content = forms.CharField(
        **at_most(2_000_000),
        strip=False,
        required=False,
        widget=forms.Textarea(attrs={"rows": 12, "spellcheck": "false"}),
        help_text="The text of the file, up to two million characters.",
    )
    file = forms.FileField(
        required=False, label="Or the file itself", help_text="Up to 1.5 MB; a skill as a zip."
    )
    on_conflict = forms.ChoiceField(
        choices=[
            ("skip", "Leave ours"),
            ("overwrite", "Take the file’s, as a new revision"),
            ("new", "Add the file’s under a new label"),
        ],
        label="Where a label says something else here",
    )
    #: of the texts the last check would have replaced, and the newest revision there was then.
    seen = forms.CharField(required=False, widget=forms.HiddenInput)
    since = forms.IntegerField(
        min_value=0, max_value=2**62, required=False, widget=forms.HiddenInput
    )

    def clean(self) -> dict[str, Any]:
        """``content`` is the text of the file from then on; a zip in base64."""
        values: dict[str, Any] = super().clean() or {}
        file = values.get("file")
        if file is None:
            if not values.get("content") and "content" not in self.errors:
                self.add_error("content", "Paste the text of the file, or choose the file.")
            return values
        if file.size > FILE_MOST:
            self.add_error("file", "The file is too large. Import it over the API, or split it.")
            return values
        read = file.read()
        try:
            is_zip = read.startswith(ZIP)
            values["content"] = (base64.b64encode(read) if is_zip else read).decode()
        except UnicodeDecodeError:
            self.add_error("file", "The file is neither text in UTF-8 nor a zip.")
        return values


class TrialForm(forms.Form):
    release = forms.IntegerField(min_value=1, max_value=999_999_999)
    share = forms.IntegerField(min_value=1, max_value=99)
    seen = forms.CharField(required=False)


class TrialEndForm(forms.Form):
    reason = forms.CharField(max_length=300, required=False)


class KeyForm(forms.Form):
    """A new API key; ``expires`` is a number of days, or never."""

    name = forms.CharField(max_length=100, help_text="Which agent or program uses it.")
    scopes = forms.MultipleChoiceField(
        choices=[(scope.value, f"{scope.label} ({scope.value})") for scope in Scope],
        widget=forms.CheckboxSelectMultiple,
        initial=[Scope.PULL.value],
        error_messages={"required": "Choose at least one scope."},
    )
    playbooks = forms.MultipleChoiceField(
        choices=[],
        required=False,
        widget=forms.CheckboxSelectMultiple,
        label="Only for these playbooks",
        help_text="None chosen: all. For keys that pull, report or send trajectories.",
    )
    rate_limit = forms.IntegerField(
        min_value=0,
        max_value=1_000_000,
        required=False,
        label="Requests a minute",
        help_text="Empty: the usual limit. 0: no limit.",
    )
    expires = forms.ChoiceField(
        choices=[
            ("30", "in 30 days"),
            ("90", "in 90 days"),
            ("365", "in a year"),
            (NEVER, "never"),
        ],
        initial="90",
    )

    def __init__(self, *args: Any, playbooks: Sequence[Playbook] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["playbooks"]
        if playbooks and isinstance(field, forms.MultipleChoiceField):
            field.choices = [(playbook.slug, playbook.name) for playbook in playbooks]
        else:
            del self.fields["playbooks"]

    def expires_at(self) -> datetime | None:
        days = self.cleaned_data["expires"]
        return None if days == NEVER else timezone.now() + timedelta(days=int(days))


class WebhookForm(forms.Form):
    """A new webhook: where it listens and what it is told."""

    url = forms.CharField(
        label="Address",
        max_length=500,
        help_text="For example https://hooks.example.com/greenroom.",
        widget=forms.URLInput,
    )
    kinds = forms.MultipleChoiceField(
        label="Told when",
        choices=[(kind, f"{words} ({kind})") for kind, words in KINDS.items()],
        widget=forms.CheckboxSelectMultiple,
        initial=[*KINDS],
        error_messages={"required": "Choose at least one."},
    )


class WebhookKindsForm(SeenForm):
    """What ``services.webhooks.told_of`` says."""

    kinds = forms.MultipleChoiceField(
        label="Told when",
        choices=[(kind, f"{words} ({kind})") for kind, words in KINDS.items()],
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Choose at least one."},
    )
    is_active = forms.BooleanField(label="On", required=False)


class ViewForm(SeenForm):
    """The filter of a list under a name: ``services.saved_views.view_said``.

    ``of`` is the name that was read: under another one nothing was.
    """

    of = forms.CharField(required=False, widget=forms.HiddenInput)
    page = forms.CharField(widget=forms.HiddenInput)
    name = forms.CharField(
        label="Save this filter as",
        max_length=60,
        error_messages={"required": "Give the view a name."},
    )
    query = forms.CharField(
        label="Filter",
        widget=forms.TextInput(attrs={"class": "code"}),
        error_messages={"required": "Filter the list first; then it can be saved under a name."},
    )
    shared = forms.BooleanField(label="Share it with the workspace", required=False)

    def again(self, found: Meanwhile) -> Self:
        form = super().again(found)
        form.initial["of"] = self["name"].data
        return form


class InvitationForm(forms.Form):
    """A link that lets one person in; ``expires`` is a number of days."""

    for_whom = forms.CharField(
        max_length=150,
        required=False,
        label="For whom",
        help_text="For your list. Anybody who has the link can use it, once.",
    )
    role = forms.ChoiceField(choices=Role.choices, initial=Role.VIEWER)
    expires = forms.ChoiceField(
        choices=[("1", "in a day"), ("7", "in a week"), ("30", "in 30 days")], initial="7"
    )

    def valid_for(self) -> timedelta:
        return timedelta(days=int(self.cleaned_data["expires"]))


class NameForm(forms.Form):
    """What signing up asks besides what signing in needs."""

    name = forms.CharField(max_length=150, required=False, help_text="As history shows it.")

    def signup(self, request: HttpRequest, user: Any) -> None:
        """Called by allauth once the account is stored."""
        first, _, last = self.cleaned_data["name"].strip().partition(" ")
        user.first_name, user.last_name = first, last.strip()
        user.save(update_fields=["first_name", "last_name"])


class RedactionForm(forms.Form):
    """A text to see masked, and a rule to try on it. Nothing of it is stored."""

    text = forms.CharField(
        **at_most(20_000), strip=False, widget=forms.Textarea(attrs={"rows": 8}), label="Text"
    )
    kind = forms.CharField(
        max_length=60, required=False, label="What a rule to try masks", initial="employee number"
    )
    pattern = forms.CharField(
        max_length=500,
        required=False,
        strip=False,
        label="Pattern to try",
        help_text="RE2, for example EMP-[0-9]{6}. Empty tries none.",
    )

    def rules(self) -> tuple[Own, ...]:
        """The rule to try, read in ``clean``."""
        found: tuple[Own, ...] = self.cleaned_data.get("rules", ())
        return found

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or {}
        if given.get("pattern"):
            try:
                given["rules"] = own_rules({given.get("kind") or "tried": given["pattern"]})
            except BadRule as error:
                self.add_error("pattern", str(error))
        return given


class RoleForm(SeenForm):
    """What ``services.members.role_of`` says."""

    role = forms.ChoiceField(choices=Role.choices)


def first_error(form: forms.Form) -> str:
    """The first complaint of a form in one sentence, for pages that draw the fields themselves."""
    for name, errors in form.errors.items():
        field = form.fields.get(name)
        label = (field.label or name.replace("_", " ").capitalize()) if field else ""
        return f"{label}: {errors[0]}" if label else str(errors[0])
    return ""
