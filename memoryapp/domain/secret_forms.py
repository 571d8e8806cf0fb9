"""What gives a secret away: the forms of well-known ones, and names that make a value one. Pure.

A rule is what it masks as, a pattern, and what the match is replaced by. No pattern backtracks
far: what repeats is bounded, or ends at a character that it cannot hold.
"""

from __future__ import annotations

import re
from typing import Any

import re2

#: ``pass`` after whose it is: ``smtp_pass``, ``auth.pass``, ``dbpass``. The look is behind, so that
#: a text without "pass" costs nothing.
_WHOSE = (
    *("account", "admin", "auth", "basic", "database", "db", "email", "ftp", "git", "http", "imap"),
    *("ldap", "login", "mail", "mongo", "mysql", "pg", "pop3", "postgres", "proxy", "redis"),
    *("registry", "root", "sftp", "smtp", "ssh", "sudo", "user", "username", "vpn", "wifi"),
)
_ACCOUNT_PASS = (
    rf"[_.-]?pass(?:{'|'.join(f'(?<={whose}[_.-]pass)|(?<={whose}pass)' for whose in _WHOSE)})"
)
_PASSWORD = (
    r"(?:(?:password|passwd|passphrase|pwd|secret|secret[_-]?key|client[_-]?secret|api[_-]?key"
    r"|private[_-]?key|access[_-]?key)(?:s|[_-]?(?:list|value|hash))?"
    # Tokens in the plural are counted, above all where models are at work.
    r"|(?:access|auth|oauth|api|bot|bearer|csrf|device|id|login|refresh|session|user)[_-]?token)"
)
_SPACE = r"[\s\v\pZ\x1c-\x1f\x{85}]*"  # what \s is to the patterns
#: Signs are RE2's, which reads a text once whatever it looks for.
_NAME_SIGN = rf"{_PASSWORD}|(?:{'|'.join(_WHOSE)})[_.-]?pass(?:\\*[\"']|{_SPACE}[:=]|[&%])"
_PASS_SIGN = rf"pass\\*[\"']?{_SPACE}[:=]"
_PIN_SIGN = r"(?:pin|otp)(?:[_-]?code)?\\*[\"']"
_OPTIONS = re2.Options()
_OPTIONS.log_errors = False
_NAME = rf"(?:{_PASSWORD}|{_ACCOUNT_PASS})"
#: The same where no quote shows that a name begins.
_WORD = rf"(?:(?<![a-z]){_PASSWORD}|{_ACCOUNT_PASS})"
# A value that is plainly not prose: no spaces, and letters mixed with digits or symbols.
_SECRETIVE = (
    r"(?=[^\s\"'\\]{0,200}[A-Za-z])(?=[^\s\"'\\]{0,200}[0-9!#$%^&*@+=/~])[^\s\"'\\,;&<>]{6,}"
)
_LONG_TOKEN = r"(?=[\w.~+/=-]{0,200}[A-Za-z])(?=[\w.~+/=-]{0,200}\d)[\w.~+/=-]{16,}"
#: What stands beside ``pass`` is a password where it is neither a word, a time nor a path.
_NO_WORD = (
    r"(?!\[|\d{4}-\d\d-\d\d)(?=[^\s\"'\\/]{0,200}[A-Za-z])(?=[^\s\"'\\/]{0,200}[0-9!#$%^&*@+=~])"
)
_PASS = r"(?<![A-Za-z])(?:[Pp]ass|PASS(?![ \t]*:))"  # "PASS: test_2" is what test runners print
_PIN = r"(?:pin|otp)(?:[_-]?code)?"
#: Whose it is, between a name and what prose says of it: "the password for the vault is …".
_OF_WHAT = r"(?:[ \t]+(?:for|of|to)(?:[ \t]+[\w.@-]{1,40}){1,3})?"
_IS = rf"{_OF_WHAT}[ \t]+(?:is|was)(?:[ \t]+now)?[ \t]*:?"
#: A value in prose: a word that no description is, its last sign no full stop.
_TOLD = (
    r"(?!\[|https?:|\S{0,60}(?:based|bits?|bytes?|char(?:acter)?s?|days?|digits?|encoded|encrypted"
    r"|hashed|hours?|letters?|minutes?|signed)\b|(?:base\d+|ed25519|md5|oauth2?|utf-?8|[hr]s\d+"
    r"|sha-?\d+)\b)(?=\S{0,200}[A-Za-z])(?=\S{0,200}(?:[0-9#$%^&*@+~]|!\w))"
    r"[^\s\"'`\\,;&<>()]{5,}[^\s\"'`\\,;&<>().!?:]"
)


def _in_prose(names: str, *, said: str = rf"(?:{_IS}|[ \t]*:)") -> str:
    return rf"(?i)((?<![a-z])(?:{names}){said}[ \t]*[\"'`]?){_TOLD}"


_PROSE_SIGN = r"(?:password|passphrase|passcode|secret|token|api[ _-]?key|pin)[ \t:]"
_HTML_QUOTE = r"&(?:quot|apos|#0*3[49]|#x0*2[27]);"
_PERCENT = r"%(?:25)?"

#: What a parameter called password is like is no secret.
SCHEMA_KEYS = frozenset({"type", "$ref", "anyOf", "oneOf", "allOf", "enum", "const"})
_SCHEMA = f"(?:{'|'.join(map(re.escape, sorted(SCHEMA_KEYS)))})"

Rule = tuple[str, re.Pattern[str], str]
#: secrets whose form gives them away, whatever they are called.
FORMS: tuple[Rule, ...] = tuple(
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
            r"(?i)\b(authorization\\*[\"']?\s*[:=,]\s*\\*[\"']?(?:basic|token|apikey))"
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
#: values that only their name makes secret, by a sign that every text with one has.
_NAMED_RULES: tuple[tuple[str, tuple[tuple[str, str, str], ...]], ...] = (
    (
        _NAME_SIGN,
        (
            (
                "password",
                rf"(?i)({_NAME}[\"']?\s*[:=]\s*([\"']))(?!\[redacted)(?:(?!\2)[^\\\n]|\\.)+",
                r"\1{}",
            ),
            (  # the same inside a JSON document that is itself a JSON string
                "password",
                rf"(?i)({_NAME}\\+[\"']\s*[:=]\s*\\+[\"'])(?!\[redacted)"
                r"(?:[^\\\"\n]|\\(?![\"'\\])|\\{2,}.)+",
                r"\1{}",
            ),
            (
                "password",
                rf"(?i)({_WORD}[ \t]*=[ \t]*)(?![\"'\[=])[^\s\"'\\,;&<>]{{3,}}",
                r"\1{}",
            ),
            ("password", rf"(?i)({_WORD}:[ \t]*)(?!\[redacted){_SECRETIVE}", r"\1{}"),
            (  # in JSON: a number, a list or an object without another in it
                "password",
                rf"(?i)({_NAME}\"\s*:\s*)(?:-?\d[\d.eE+-]*|\[[^\[\]{{}}]*\]|"
                rf"(?!\{{[^{{}}]*\"{_SCHEMA}\"\s*:)\{{[^{{}}\[\]]*\}})",
                r'\1"{}"',
            ),
            (
                "password",
                rf"(?i)({_WORD}:[ \t]*(\n|\\n))(?:[ \t]*- [^\n\\\"]+(?:\2)?)+",
                r"\1  - {}\2",
            ),
        ),
    ),
    (
        rf"(?:{_PASSWORD}|pass)%",
        (
            (  # percent-encoded once or twice, alone or as JSON
                "password",
                rf"(?i)({_NAME}(?:{_PERCENT}2[27])?(?:{_PERCENT}20)?{_PERCENT}3[ad]"
                rf"(?:{_PERCENT}20)?(?:{_PERCENT}2[27])?)(?!\[redacted)"
                r"(?:[^\s\"'\\,;&<>%]|%(?!(?:25)?(?:2[0267c]|3b|0[ad]))){3,}",
                r"\1{}",
            ),
        ),
    ),
    (
        rf"(?:{_PASSWORD}|pass)&",
        (
            (  # in HTML
                "password",
                rf"(?i)({_NAME}{_HTML_QUOTE}\s*[:=]\s*({_HTML_QUOTE}))(?!\[redacted)"
                r"(?:(?!\2)[^\n<>])+",
                r"\1{}",
            ),
            (
                "password",
                rf"(?i)({_NAME}{_HTML_QUOTE}\s*[:=]\s*)(?!\[|null|true|false)[^\s&,;<>{{}}]{{3,}}",
                r"\1{}",
            ),
        ),
    ),
    (
        _PASS_SIGN,
        (
            (
                "password",
                rf"({_PASS}\\*[\"']?\s*[:=]\s*\\*[\"']){_NO_WORD}[^\s\"'\\/]{{6,}}(?=\\*[\"'])",
                r"\1{}",
            ),
            (
                "password",
                rf"({_PASS}[ \t]*[:=][ \t]*){_NO_WORD}[^\s\"'\\/,;&<>]{{6,}}(?![^\s\"'\\,;&<>])",
                r"\1{}",
            ),
        ),
    ),
    (
        _PIN_SIGN,
        (
            (
                "pin",
                rf"(?i)((?<![a-z]){_PIN}\\*[\"']\s*:\s*\\*[\"'])\d{{4,12}}(?=\\*[\"'])",
                r"\1{}",
            ),
            ("pin", rf"(?i)((?<![a-z]){_PIN}[\"']\s*:\s*)\d{{4,12}}(?![\w.])", r'\1"{}"'),
        ),
    ),
    (
        r"cred(?:ential|s)",
        (
            (  # a name and a word: fetch() has credentials too, and calls them include or omit
                "credentials",
                r"(?i)((?<![a-z])(?:credentials?|creds)\\*[\"']?\s*[:=]\s*(\\*[\"']))[\w.@+-]{1,64}:"
                r"(?!//)(?:(?!\2)[^\n])+",
                r"\1{}",
            ),
            (
                "credentials",
                r"(?i)((?<![a-z])(?:credentials?|creds)[ \t]*[:=][ \t]*)[\w.@+-]{1,64}:(?!//)"
                rf"{_SECRETIVE}",
                r"\1{}",
            ),
        ),
    ),
    (
        _PROSE_SIGN,
        (
            ("password", _in_prose("password|passphrase|passcode|secret"), r"\1{}"),
            ("api key", _in_prose(r"api[ _-]?key"), r"\1{}"),
            ("pin", _in_prose("pin"), r"\1{}"),
            (  # "token: …" may be a cursor, and so may the token of a page
                "token",
                _in_prose(r"(?<!page )(?<!next )token", said=_IS),
                r"\1{}",
            ),
        ),
    ),
    (
        "token",
        (
            (  # a cursor is called token too, and looks like one less often
                "token",
                rf"(?i)((?<![\w-])token\\*[\"']?\s*[:=]\s*\\*[\"']?){_LONG_TOKEN}",
                r"\1{}",
            ),
        ),
    ),
)
NAMED: tuple[tuple[Any, tuple[Rule, ...]], ...] = tuple(
    (
        re2.compile(sign, options=_OPTIONS),
        tuple((kind, re.compile(pattern), shape) for kind, pattern, shape in rules),
    )
    for sign, rules in _NAMED_RULES
)
#: The name of a field that holds a secret, a password where somebody is beside it, or cookies.
SECRET_FIELD = re.compile(rf"(?i)(?:.*[_\-.])?{_PASSWORD}|.*{_ACCOUNT_PASS}")
PASS_FIELD = re.compile(r"(?i)(?:.*[_\-.])?pass")
PIN_FIELD = re.compile(rf"(?i)(?:.*[_\-.])?{_PIN}")
COOKIES_FIELD = re.compile(r"(?i)(?:set-)?cookies?")
#: What a field has to hold to be a secret by these names.
SECRETIVE = re.compile(_SECRETIVE)
TOKEN = re.compile(_LONG_TOKEN)
NO_WORD = re.compile(rf"{_NO_WORD}[^\s\"'\\/]{{6,}}")
PIN = re.compile(r"\d{4,12}")
NAME_AND_WORD = re.compile(r"[\w.@+-]{1,64}:(?!//).+")
#: What takes reading the JSON around it to tell that it is a secret.
NESTED = re.compile(rf"(?i){_NAME}\"\s*:\s*[\[{{]|cookies?\\*\"\s*:\s*[\[{{]|pass\\*\"\s*:")
#: What may stand before a secret: no letter, unless it is the end of an escape in JSON.
_EDGE = r"(?:^|[^a-z0-9_]|\\[bfnrt]|\\u[0-9a-f]{4})"
#: Every rule needs one of these in what it masks, in small letters, as it is or written in JSON.
#: Narrow, because all that comes in is looked at: ``task_1``, ``msg.id``, ``input_tokens`` and
#: addresses without a password are in every trace.
SIGN = re2.compile(
    rf"{_EDGE}(?:[sr]k[-_]|gr_|sg\.|eyj|aiza|a[ks]ia[a-z0-9]|hf_|npm_|whsec_)"
    r"|gh[pousr]_|github_pat_|glpat-|xox[abeprs]-|authorization|private key|bearer"
    r"|basic(?:[ \t]|\\t)|://[^/@\"']*@|token(?:[^s]|$)|cookie|cred(?:ential|s)"
    rf"|{_EDGE}(?:api key|passcode|pin)[ \t:]"
    rf"|{_NAME_SIGN}|{_PASS_SIGN}|{_PIN_SIGN}|\\u00[2-7]|%(?:25)?[4-7]",
    options=_OPTIONS,
)


def folded(text: str) -> str:
    """Return ``text`` in small letters as patterns that ignore case take them, for a sign."""
    if text.isascii():
        return text.lower()
    # The patterns ignore case as Unicode folds it, with the Turkish letters i besides.
    low = text.replace("İ", "i").replace("ı", "i").casefold().lower()
    return low.encode("utf-8", "replace").decode()  # RE2 takes no lone surrogates
