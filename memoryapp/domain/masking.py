"""Masking secrets: in texts, and in JSON by the names of its fields.

Whatever a tool server says is data, and is masked before it is stored or put into a prompt. A
secret is known by its form, by the name of its field, or by a rule of the operator's own.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from functools import lru_cache
from typing import Any

from memoryapp.domain.redaction import MARK, Own
from memoryapp.domain.secret_encodings import may_be_coded, plain, without_basic, without_coded
from memoryapp.domain.secret_forms import (
    COOKIES_FIELD,
    FORMS,
    NAME_AND_WORD,
    NAMED,
    NESTED,
    NO_WORD,
    PASS_FIELD,
    PIN,
    PIN_FIELD,
    SCHEMA_KEYS,
    SECRET_FIELD,
    SECRETIVE,
    SIGN,
    TOKEN,
    folded,
)

_MASKED = re.compile(r"\[redacted: ([^\]\n]{1,60})\]")


def redact(text: str, *, named: bool = True) -> str:
    """Return ``text`` with secrets of well-known forms masked, e.g. ``[redacted: api key]``.

    Redacting twice changes nothing more. Secrets of unknown forms pass. Without ``named`` only
    what has the form of a secret is masked: ``password=example`` is kept.
    """
    return _redacted(text, named) if may_hold_secret(text) else text


def _redacted(text: str, named: bool) -> str:
    text = _masked_by_rules(_masked_by_own(text), named)
    if (read := plain(text)) != text and (masked := _masked_by_rules(read, named)) != read:
        text = masked
    if may_be_coded(text):
        text = without_coded(
            text,
            MARK.format("password"),
            lambda said: _masked_by_rules(said, named) != said,
        )
    return _masked_inside(text) if named and NESTED.search(text) else text


def _masked_by_rules(text: str, named: bool) -> str:
    low = folded(text) if named else ""
    for kind, pattern, shape in FORMS:
        text = pattern.sub(shape.format(MARK.format(kind)), text)
    for sign, rules in NAMED:
        if low and sign.search(low):
            for kind, pattern, shape in rules:
                text = pattern.sub(shape.format(MARK.format(kind)), text)
    return without_basic(text, MARK.format("credentials"))


def _masked_inside(text: str) -> str:
    """Mask what lies deeper under the name of a secret, where the text is JSON."""
    try:
        value = json.loads(text)
        masked = redact_value(value)
    except (ValueError, RecursionError):
        return text
    return text if masked == value else json.dumps(masked, ensure_ascii=False)


def secrets_in(text: str) -> tuple[str, ...]:
    """Name the kinds of secrets that ``redact`` would mask, each once; empty if there are none."""
    found = Counter(_MASKED.findall(redact(text)))
    return tuple(found - Counter(_MASKED.findall(text)))


def install(rules: Sequence[Own]) -> None:
    """Mask what the operator's own rules name as well, from now on and in this process."""
    global _own
    _own = tuple(rules)
    _field.cache_clear()


def installed() -> tuple[Own, ...]:
    return _own


def kinds() -> tuple[str, ...]:
    """What is masked without any rule of the operator's, each kind once."""
    named = tuple(rule for _, rules in NAMED for rule in rules)
    return tuple(dict.fromkeys(kind for kind, _, _ in FORMS + named))


_own: tuple[Own, ...] = ()


def _masked_by_own(text: str) -> str:
    if _own:
        text = encodable(text)
    for rule in _own:
        text = rule.mask(text)
    return text


def encodable(text: str) -> str:
    """A text without lone surrogates, which UTF-8 cannot write: RE2 and digests read UTF-8."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def may_hold_secret(text: str) -> bool:
    """Whether ``redact`` could change ``text``: a cheap look that never misses a secret."""
    if any(rule.finds(encodable(text)) for rule in _own):
        return True
    return SIGN.search(folded(text)) is not None or may_be_coded(text)


def masks_in(text: str) -> tuple[str, ...]:
    """Name the kinds of secrets that were masked in a text, each once, in order."""
    return tuple(dict.fromkeys(_MASKED.findall(text)))


def redact_value(value: Any, *, named: bool = True) -> Any:
    """Return a JSON value with every string redacted, and values under secret names masked.

    Names are redacted too. The value's nesting is bounded by whoever read it.
    """
    return _value(value, named, of_someone=False)


def _value(value: Any, named: bool, *, of_someone: bool) -> Any:
    """``of_someone``: whether the name above says that the fields here are about a login."""
    if isinstance(value, str):
        return redact(value, named=named)
    if isinstance(value, Mapping):
        fields = [(_field_of(str(key), named), item) for key, item in value.items()]
        of_someone = of_someone or any(field.says is _Says.WHO for field, _ in fields)
        return {
            field.name: _redact_field(field.says, item, named, of_someone) for field, item in fields
        }
    if isinstance(value, list | tuple):
        return [_value(item, named, of_someone=of_someone) for item in value]
    return value


class _Says(Enum):
    """What the name of a field says of its value."""

    NOTHING = auto()
    SECRET = auto()
    #: a password where the fields beside it are about somebody.
    PASS = auto()
    PIN = auto()
    COOKIES = auto()
    TOKEN = auto()
    WHO = auto()
    #: what is below it is about a login.
    LOGIN = auto()
    #: the same, or a name and a password in one.
    CREDENTIALS = auto()


@dataclass(frozen=True, slots=True)
class _Field:
    """A name as it is kept, and what it says."""

    name: str
    says: _Says


#: longer names are not kept, so that what is kept stays small.
_NAME_KEPT = 200


def _field_of(name: str, named: bool) -> _Field:
    return (_field if len(name) <= _NAME_KEPT else _field.__wrapped__)(name, named)


@lru_cache(maxsize=4096)
def _field(name: str, named: bool) -> _Field:
    """Cached, since every row of an answer and every span of an agent repeats its names."""
    says = _BY_NAME.get(name.lower(), _Says.NOTHING) if named else _Says.NOTHING
    if named and says is _Says.NOTHING:
        says = next((one for one, form in _BY_FORM if form.fullmatch(name)), says)
    return _Field(redact(name, named=named), says)


_BY_NAME = (
    {"token": _Says.TOKEN}
    | dict.fromkeys(("user", "username", "user_name", "login", "email", "account"), _Says.WHO)
    | dict.fromkeys(("auth", "authentication", "basic_auth", "smtp"), _Says.LOGIN)
    | dict.fromkeys(("credential", "credentials", "creds"), _Says.CREDENTIALS)
)
_BY_FORM = (
    (_Says.SECRET, SECRET_FIELD),
    (_Says.PASS, PASS_FIELD),
    (_Says.PIN, PIN_FIELD),
    (_Says.COOKIES, COOKIES_FIELD),
)
#: What a check of a login puts under the name of a password: how it went.
_OUTCOMES = frozenset({"yes", "no", "ok", "on", "off", "true", "false", "none", "failed", "passed"})


def _redact_field(says: _Says, value: Any, named: bool, of_someone: bool) -> Any:
    match says:
        case _Says.SECRET:
            return _all_masked(value)
        case _Says.PASS if of_someone and str(value).lower() not in _OUTCOMES:
            return _all_masked(value)
        case _Says.PASS if isinstance(value, str) and NO_WORD.fullmatch(value):
            return MARK.format("password")
        case _Says.PIN if isinstance(value, str | int) and PIN.fullmatch(str(value)):
            return MARK.format("pin")
        case _Says.COOKIES:
            return _cookies_masked(value)
        case _Says.TOKEN if isinstance(value, str) and TOKEN.fullmatch(value):
            return MARK.format("token")
        case _Says.CREDENTIALS if isinstance(value, str) and NAME_AND_WORD.fullmatch(value):
            return MARK.format("credentials")
    return _value(value, named, of_someone=says in {_Says.LOGIN, _Says.CREDENTIALS})


def _cookies_masked(value: Any) -> Any:
    """Return cookies without what they hold: by name, one by one, or as a header writes them."""
    if isinstance(value, Mapping):
        held = {"value"} if "value" in value else {k for k, v in value.items() if _opaque(v)}
        return {k: _all_masked(v) if k in held else redact_value(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_cookies_masked(item) for item in value]
    if isinstance(value, str):
        return redact(f"Cookie: {value}").removeprefix("Cookie: ")
    return value


def _opaque(value: Any) -> bool:
    """Whether a value may be what a cookie holds: neither a word or two nor a count."""
    return isinstance(value, str) and SECRETIVE.fullmatch(value) is not None


def _all_masked(value: Any) -> Any:
    """Return a value under a secret name with everything in it masked; flags and nothing stay."""
    if isinstance(value, Mapping):
        if SCHEMA_KEYS & value.keys():
            return redact_value(value)
        return {str(key): _all_masked(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_all_masked(item) for item in value]
    if value is None or isinstance(value, bool) or value == "" or masks_in(str(value)):
        return value
    return MARK.format("password")
