"""What a value is refused with, in our words: what to send instead, and no more."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

_LIST = "Send a list."
_OBJECT = "Send an object."
_BOUNDS = {"min_value": "Give {min_value} or more.", "max_value": "Give {max_value} or less."}
_COUNTS = {"min_length": "Give at least {min_length}.", "max_length": "Give at most {max_length}."}
_NULL = "It cannot be null."

#: by the class of the field: the names are the framework's, whose sentences speak of its own kinds.
OURS: dict[type[serializers.Field[Any, Any, Any, Any]], dict[str, str]] = {
    serializers.Field: {"null": _NULL},
    serializers.CharField: {
        "invalid": "Send a string.",
        "blank": "It cannot be empty.",
        "min_length": "Give at least {min_length} characters.",
        "max_length": "Give at most {max_length} characters.",
    },
    serializers.BooleanField: {"invalid": "Send true or false."},
    serializers.IntegerField: {"invalid": "Send a whole number.", **_BOUNDS},
    serializers.FloatField: {"invalid": "Send a number.", **_BOUNDS},
    serializers.DecimalField: {
        "invalid": "Send a number.",
        "max_digits": "Give at most {max_digits} digits.",
        "max_decimal_places": "Give at most {max_decimal_places} digits after the point.",
        "max_whole_digits": "Give at most {max_whole_digits} digits before the point.",
        **_BOUNDS,
    },
    serializers.DateTimeField: {"invalid": "Send a moment, such as 2026-12-31T18:30:00Z."},
    serializers.DateField: {"invalid": "Send a date, such as 2026-12-31."},
    serializers.UUIDField: {"invalid": "It is no UUID."},
    serializers.URLField: {"invalid": "Send an address, such as https://example.com/."},
    serializers.ListField: {"not_a_list": _LIST, "empty": "Give at least 1.", **_COUNTS},
    serializers.ListSerializer: {"not_a_list": _LIST, "empty": "Give at least 1.", **_COUNTS},
    serializers.MultipleChoiceField: {"not_a_list": _LIST, "empty": "Give at least 1."},
    serializers.DictField: {"not_a_dict": _OBJECT, "empty": "It cannot be empty."},
    serializers.Serializer: {"invalid": _OBJECT},
}


def speak() -> None:
    """Have every field of the API say it so. A field that has words of its own keeps them."""
    for field, words in OURS.items():
        field.default_error_messages = {**field.default_error_messages, **words}
