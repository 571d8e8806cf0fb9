"""Forms of a review policy. They check the shape; services decide."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms

from memoryapp.domain.review import Policy
from memoryapp.forms import SeenForm


def _share(label: str, help_text: str) -> forms.FloatField:
    return forms.FloatField(min_value=0, max_value=100, label=label, help_text=help_text)


class GateForm(SeenForm):
    """The confidence from which nobody is asked, in percent; empty asks people about everything."""

    admit_from = forms.FloatField(
        min_value=50,
        max_value=100,
        required=False,
        label="Admit from, percent sure",
        help_text="From this confidence of the validator nobody is asked. Empty: people decide.",
    )
    reason = forms.CharField(max_length=300)

    def clean_admit_from(self) -> float | None:
        percent = self.cleaned_data["admit_from"]
        return None if percent is None else round(percent / 100, 4)


class PolicyForm(GateForm):
    """A review policy; shares are in percent."""

    reviewers = forms.IntegerField(
        min_value=1, max_value=5, label="Reviewers", help_text="How many people have to agree."
    )
    protected_labels = forms.CharField(
        max_length=400,
        required=False,
        label="Protected labels",
        help_text="Names agents pull by, with commas between them, such as production.",
    )
    protected_reviewers = forms.IntegerField(
        min_value=1,
        max_value=5,
        label="Reviewers under a protected label",
        help_text="While agents read the playbook through one of them.",
    )
    audit_share = _share(
        "Audited, percent", "Of what was admitted so; drawn at random for a person to look at."
    )
    blind_share = _share(
        "Blind, percent", "Of what people decide; the verdict is shown after the decision."
    )
    field_order = (
        "reviewers",
        "protected_labels",
        "protected_reviewers",
        "admit_from",
        "audit_share",
        "blind_share",
        "reason",
    )

    @staticmethod
    def initial_of(stands: Mapping[str, Any]) -> dict[str, Any]:
        admit_from = stands["admit_from"]
        return {
            "reviewers": stands["reviewers"],
            "protected_labels": ", ".join(stands["protected_labels"]),
            "protected_reviewers": stands["protected_reviewers"],
            "admit_from": None if admit_from is None else _percent(admit_from),
            "audit_share": _percent(stands["audit_share"]),
            "blind_share": _percent(stands["blind_share"]),
        }

    def policy(self) -> Policy:
        said = self.cleaned_data
        names = (name.strip() for name in said["protected_labels"].split(","))
        return Policy(
            reviewers=said["reviewers"],
            protected_labels=tuple(dict.fromkeys(filter(None, names))),
            protected_reviewers=said["protected_reviewers"],
            admit_from=said["admit_from"],
            audit_share=round(said["audit_share"] / 100, 4),
            blind_share=round(said["blind_share"] / 100, 4),
        )


def _percent(share: float) -> float | int:
    """A share in percent, whole where it is."""
    percent = round(share * 100, 2)
    return int(percent) if percent.is_integer() else percent
