"""Masking secrets: in texts, and in JSON by the names of its fields.

Whatever a tool server says is data. It is masked before it is stored or put into a prompt. What is
known are forms that give a secret away, names that make a value one, and the operator's own rules.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from functools import lru_cache
from typing import Any

from memoryapp.domain.redaction import MARK, Own

_MASKED = re.compile(r"\[redacted: ([^\]\n]{1,60})\]")
_SECRET_NAME = (
    r"(?:(?:password|passwd|passphrase|pwd|secret|secret[_-]?key|client[_-]?secret|api[_-]?key"
    r"|private[_-]?key|access[_-]?key)(?:s|[_-]?(?:list|value|hash))?"
    # Tokens in the plural are counted, above all where models are at work.
    r"|(?:access|auth|oauth|api|bot|bearer|csrf|device|id|login|refresh|session|user)[_-]?token)"
)
# A value that is plainly not prose: no spaces, and letters mixed with digits or symbols.
_SECRETIVE = r"(?=[^\s\"'\\]*[A-Za-z])(?=[^\s\"'\\]*[0-9!#$%^&*@+=/~])[^\s\"'\\,;&<>]{6,}"

#: What a parameter called password is like is no secret.
_SCHEMA_KEYS = frozenset({"type", "$ref", "anyOf", "oneOf", "allOf", "enum", "const"})
_SCHEMA = f"(?:{'|'.join(map(re.escape, sorted(_SCHEMA_KEYS)))})"
_LONG_TOKEN = r"(?=[\w.~+/=-]*[A-Za-z])(?=[\w.~+/=-]*\d)[\w.~+/=-]{16,}"

Rule = tuple[str, re.Pattern[str], str]
#: secrets whose form gives them away, whatever they are called.
_FORMS: tuple[Rule, ...] = tuple(
    (kind, re.compile(pattern), shape)
    for kind, pattern, shape in (
        (
            "private key",
            r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY-----"
            r"(?:[\s\S]{0,20000}?-----END (?:[A-Z0-9]+ )*PRIVATE KEY-----|[A-Za-z0-9+/=\s\\]*)",
            "{}",
        ),
        ("token", r"(?<![\w-])eyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*)?", "{}"),
        (
            "bearer token",
            r"(?i)\b(bearer)[ \t]+(?=[\w.~+/-]*(?:\d|(?-i:[a-z][A-Z])))[\w.~+/-]{16,}=*",
            r"\1 {}",
        ),
        (
            "credentials",
            r"(?i)\b(authorization\\*[\"']?\s*[:=]\s*\\*[\"']?(?:basic|token|apikey))"
            r"[ \t]+[\w.~+/-]{8,}=*",
            r"\1 {}",
        ),
        ("password", r"(://[^\s/:@\"'\[]{1,64}):(?!\[redacted)[^\s/@\"']{1,256}@", r"\1:{}@"),
        ("api key", r"(?<![\w-])(?:sk|rk)[-_](?=[\w-]*\d)[\w-]{16,}", "{}"),
        ("api key", r"(?<![\w-])gr_(?=\w*[0-9A-Z])[\w-]{16,}", "{}"),
        ("github token", r"\b(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,})", "{}"),
        ("gitlab token", r"(?<![\w-])glpat-[\w-]{20,}", "{}"),
        ("aws key", r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b", "{}"),
        ("google key", r"(?<![\w-])AIza[\w-]{35,}", "{}"),
        ("slack token", r"(?<![\w-])xox[abeprs]-[A-Za-z0-9-]{10,}", "{}"),
        ("api key", r"\b(?:hf|npm)_[A-Za-z0-9]{30,}", "{}"),
        ("api key", r"(?<![\w-])SG\.[\w-]{16,}\.[\w-]{16,}", "{}"),
        ("api key", r"(?<![\w-])whsec_[\w+/-]{16,}=*", "{}"),
        (
            "cookie",
            r"(?i)\b((?:set-)?cookie\\*[\"']?\s*[:=]\s*\\*[\"']?[\w.-]{1,64}=)(?!\[redacted)"
            r"[^;,\s\"'\\]{6,}",
            r"\1{}",
        ),
    )
)
#: values that only their name makes a secret.
_NAMED: tuple[Rule, ...] = tuple(
    (kind, re.compile(pattern), shape)
    for kind, pattern, shape in (
        (
            "password",
            rf"(?i)({_SECRET_NAME}[\"']?\s*[:=]\s*([\"']))(?!\[redacted)(?:(?!\2)[^\\\n]|\\.)+",
            r"\1{}",
        ),
        (  # the same inside a JSON document that is itself a JSON string
            "password",
            rf"(?i)({_SECRET_NAME}\\+[\"']\s*[:=]\s*\\+[\"'])(?!\[redacted)"
            r"(?:[^\\\"\n]|\\(?![\"'\\])|\\{2,}.)+",
            r"\1{}",
        ),
        (
            "password",
            rf"(?i)((?<![a-z]){_SECRET_NAME}[ \t]*=[ \t]*)(?![\"'\[=])[^\s\"'\\,;&<>]{{3,}}",
            r"\1{}",
        ),
        ("password", rf"(?i)((?<![a-z]){_SECRET_NAME}:[ \t]*)(?!\[redacted){_SECRETIVE}", r"\1{}"),
        (  # in JSON: a number, a list or an object without another in it
            "password",
            rf"(?i)({_SECRET_NAME}\"\s*:\s*)(?:-?\d[\d.eE+-]*|\[[^\[\]{{}}]*\]|"
            rf"(?!\{{[^{{}}]*\"{_SCHEMA}\"\s*:)\{{[^{{}}\[\]]*\}})",
            r'\1"{}"',
        ),
        (
            "password",
            rf"(?i)((?<![a-z]){_SECRET_NAME}:[ \t]*(\n|\\n))(?:[ \t]*- [^\n\\\"]+(?:\2)?)+",
            r"\1  - {}\2",
        ),
        (  # a cursor is called token too, and looks like one less often
            "token",
            rf"(?i)((?<![\w-])token\\*[\"']?\s*[:=]\s*\\*[\"']?){_LONG_TOKEN}",
            r"\1{}",
        ),
    )
)
_SECRET_FIELD = re.compile(rf"(?i)(?:.*[_\-.])?{_SECRET_NAME}")
_TOKEN = re.compile(_LONG_TOKEN)
_COOKIES = re.compile(r"(?i)(?:set-)?cookies?")
#: What takes reading the JSON around it to tell that it is a secret.
_NESTED = re.compile(
    rf"(?i){_SECRET_NAME}\"\s*:\s*[\[{{]|cookies?\\*\"\s*:\s*[\[{{]|\"pass\\*\"\s*:"
)


def redact(text: str, *, named: bool = True) -> str:
    """Return ``text`` with secrets of well-known forms masked, e.g. ``[redacted: api key]``.

    Redacting twice changes nothing more. Secrets of unknown forms pass. Without ``named`` only
    what has the form of a secret is masked: ``password=example`` is kept.
    """
    if not may_hold_secret(text):
        return text
    text = _masked_by_own(text)
    for kind, pattern, shape in _FORMS + (_NAMED if named else ()):
        text = pattern.sub(shape.format(MARK.format(kind)), text)
    return _masked_inside(text) if named and _NESTED.search(text) else text


def _masked_inside(text: str) -> str:
    """Mask what stands deeper under a secret's name, where the text is JSON."""
    try:
        value = json.loads(text)
        masked = redact_value(value)
    except (ValueError, RecursionError):
        return text
    return text if masked == value else json.dumps(masked, ensure_ascii=False)


def secrets_in(text: str) -> tuple[str, ...]:
    """Name the kinds of secrets that ``redact`` would mask, each once; empty if there are none."""
    found = []
    for kind, pattern, _ in _FORMS + _NAMED:
        if kind not in found and pattern.search(text):
            found.append(kind)
    found += [rule.kind for rule in _own if rule.finds(_encodable(text))]
    return tuple(dict.fromkeys(found))


def install(rules: Sequence[Own]) -> None:
    """Mask what the operator's own rules name as well, from now on and in this process."""
    global _own
    _own = tuple(rules)
    _field.cache_clear()


def installed() -> tuple[Own, ...]:
    return _own


def kinds() -> tuple[str, ...]:
    """What is masked without any rule of the operator's, each kind once."""
    return tuple(dict.fromkeys(kind for kind, _, _ in _FORMS + _NAMED))


_own: tuple[Own, ...] = ()


def _masked_by_own(text: str) -> str:
    if _own:
        text = _encodable(text)
    for rule in _own:
        text = rule.mask(text)
    return text


def _encodable(text: str) -> str:
    """RE2 reads UTF-8, which has no halves of characters."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


#: Every rule above needs one of these in what it masks, in small letters.
_SIGN = re.compile(
    r"s(?:k[-_]|ecret)|rk[-_]|g(?:r_|h[pousr]_|ithub_pat_|lpat-)|a(?:kia|sia|iza|uthorization"
    r"|pi[-_]?key|ccess[-_]?(?:key|token)|uth[-_]?token)|p(?:rivate[ _-]?key|assw|assphrase)|eyj"
    r"|bearer|://|xox|hf_|npm_|token|pwd|sg\.|whsec_|cookie|\"pass\\*\""
)


def may_hold_secret(text: str) -> bool:
    """Whether ``redact`` could change ``text``: a cheap look that never misses a secret."""
    if any(rule.finds(_encodable(text)) for rule in _own):
        return True
    # The patterns ignore case as Unicode folds it, with the Turkish letters i besides.
    if not text.isascii():
        text = text.replace("İ", "i").replace("ı", "i").casefold()
    low = text.lower()
    return _SIGN.search(low) is not None


def masks_in(text: str) -> tuple[str, ...]:
    """Name the kinds of secrets that were masked in a text, each once, in order."""
    return tuple(dict.fromkeys(_MASKED.findall(text)))


def redact_value(value: Any, *, named: bool = True) -> Any:
    """Return a JSON value with every string redacted, and values under secret names masked.

    Names are redacted too. The value's nesting is bounded by whoever read it.
    """
    if isinstance(value, str):
        return redact(value, named=named)
    if isinstance(value, Mapping):
        fields = [(_field(str(key), named), item) for key, item in value.items()]
        of_someone = any(field.says == _Says.WHO for field, _ in fields)
        return {
            field.name: _redact_field(field.says, item, named, of_someone) for field, item in fields
        }
    if isinstance(value, list | tuple):
        return [redact_value(item, named=named) for item in value]
    return value


class _Says(Enum):
    """What the name of a field says of its value."""

    NOTHING = auto()
    SECRET = auto()
    #: a password where the fields beside it are about somebody.
    PASS = auto()
    COOKIES = auto()
    TOKEN = auto()
    WHO = auto()


@dataclass(frozen=True, slots=True)
class _Field:
    """A name as it is kept, and what it says."""

    name: str
    says: _Says


@lru_cache(maxsize=4096)
def _field(name: str, named: bool) -> _Field:
    """Names come again and again, in every row of an answer and every span of an agent."""
    low = name.lower()
    says = _Says.NOTHING
    if not named:
        pass
    elif _SECRET_FIELD.fullmatch(name):
        says = _Says.SECRET
    elif _COOKIES.fullmatch(name):
        says = _Says.COOKIES
    elif low in _BY_NAME:
        says = _BY_NAME[low]
    return _Field(redact(name, named=named), says)


_BY_NAME = {"pass": _Says.PASS, "token": _Says.TOKEN} | dict.fromkeys(
    ("user", "username", "user_name", "login", "email", "account"), _Says.WHO
)


def _redact_field(says: _Says, value: Any, named: bool, of_someone: bool) -> Any:
    if says is _Says.SECRET or (says is _Says.PASS and of_someone):
        return _all_masked(value)
    if says is _Says.COOKIES:
        return _cookies_masked(value)
    if says is _Says.TOKEN and isinstance(value, str) and _TOKEN.fullmatch(value):
        return MARK.format("token")
    return redact_value(value, named=named)


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
    return isinstance(value, str) and re.fullmatch(_SECRETIVE, value) is not None


def _all_masked(value: Any) -> Any:
    """Return a value under a secret name with everything in it masked; flags and nothing stay."""
    if isinstance(value, Mapping):
        if _SCHEMA_KEYS & value.keys():
            return redact_value(value)
        return {str(key): _all_masked(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_all_masked(item) for item in value]
    if value is None or isinstance(value, bool) or value == "" or masks_in(str(value)):
        return value
    return MARK.format("password")
