"""The form renderer: labels, help and errors a screen reader hears with the field."""

from django import forms

from memoryapp.form_rendering import FormRenderer


class KeyForm(forms.Form):
    default_renderer = FormRenderer

    name = forms.CharField(help_text="Name the agent that uses it.")
    note = forms.CharField(required=False)
    scopes = forms.MultipleChoiceField(
        choices=[("read", "Read everything")], widget=forms.CheckboxSelectMultiple
    )
    sure = forms.BooleanField(label="I keep it safe")


def test_it_ties_help_and_errors_to_the_field() -> None:
    shown = str(KeyForm({"name": ""}))

    assert 'aria-describedby="id_name_helptext id_name_error"' in shown
    assert 'id="id_name_helptext"' in shown
    assert 'id="id_name_error"' in shown
    assert 'aria-invalid="true"' in shown


def test_it_says_which_fields_are_optional() -> None:
    shown = str(KeyForm())

    assert shown.count("optional</span>") == 1


def test_it_groups_choices_under_a_legend() -> None:
    assert "<legend>Scopes</legend>" in str(KeyForm())


def test_it_puts_a_checkbox_before_its_words() -> None:
    shown = str(KeyForm())

    assert shown.index('name="sure"') < shown.index("I keep it safe")
