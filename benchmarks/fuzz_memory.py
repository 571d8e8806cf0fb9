"""Targets of ``fuzz_parsers``: what ``memoryapp`` reads of playbooks, texts and secrets.

A finding is any other exception than the refusal a parser declares, and a property that does not
hold: what is written reads back, masking twice is masking once, what is drawn holds no script.
"""

from __future__ import annotations

import base64
import io
import json
import zipfile
from collections.abc import Iterator, Mapping
from functools import partial
from html.parser import HTMLParser
from typing import Any

from benchmarks.fuzz_making import Tape, Target, documents, raw, texts
from memoryapp.domain import diff, masking, preping, text
from memoryapp.domain.delivery import FORMS, trimmed
from memoryapp.domain.formats import document
from memoryapp.domain.playbook import Bullet, Playbook
from memoryapp.domain.provenance import is_suspicious
from memoryapp.domain.reading import READERS, read
from memoryapp.domain.readings import Unreadable
from memoryapp.domain.redaction import BadRule, own_rules
from memoryapp.domain.warnings import warnings_of
from memoryapp.templatetags import formats as shown
from memoryapp.templatetags import ui

SECTIONS = ("strategies", "pitfalls", "apis", "code_snippets", "a", "x1")
SECRETS = (
    "Authorization: Bearer abcdefghijklmnopqrstuvwxyz0123",
    "AKIAIOSFODNN7EXAMPLE",
    "ghp_0123456789abcdefghijABCDEFGHIJ012345",
    "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA\n-----END RSA PRIVATE KEY-----",
    "password=hunter2hunter2",
    '{"token": "abcdefghijklmnop", "user": "u", "password": "p4ssw0rd!"}',
    "postgres://user:secret@host/db",
    "Basic dXNlcjpwYXNzd29yZA==",
    "Cookie: sessionid=abcdef0123456789",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c",
    "pass%77ord%3Dhunter22",
    "cGFzc3dvcmQ9aHVudGVyMjJodW50ZXI=",
)


def _released(rows: Any) -> dict[str, Any]:
    bullets = tuple(
        Bullet(f"{section}-{number:03d}", section, said, helpful=up, harmful=down)
        for number, (section, said, up, down) in enumerate(rows, start=1)
    )
    about = {"slug": "help-desk", "name": "Help desk", "description": "Refunds.", "version": 3}
    return document(Playbook(bullets=bullets), **about)


_DOCUMENT = _released(
    [("strategies", "Look the order up first.", 3, 0), ("pitfalls", "Never `refund`\ntwice.", 1, 4)]
)


def _written(form: str, doc: Mapping[str, Any]) -> str:
    body = FORMS[form].render(doc)
    return base64.b64encode(body).decode() if form == "skill" else body.decode()


def _read(form: str, said: str) -> None:
    """Read, and what was read is plain enough to be stored as JSON."""
    for bullet in read(form, said).bullets:
        assert isinstance(bullet.content, str)
        json.dumps([bullet.label, bullet.section, dict(bullet.details)], default=str)


def _round_trip(data: bytes) -> None:
    """Bullets of any texts as each form writes them: the same bytes twice, and the same bullets."""
    tape = Tape(data)
    rows = []
    for _ in range(1 + tape.below(4)):
        said = tape.rest(120) if tape.below(3) else str(tape.of(SECRETS))
        said = "\n".join(said.encode("utf-8", "replace").decode().splitlines()).strip()
        rows.append((tape.of(SECTIONS), said or "x", tape.below(1000), tape.below(1000)))
    doc = _released(rows)
    trimmed(doc, tape.below(300))
    for form in ("json", "ace", "preping", "md", "agents-md"):
        assert FORMS[form].render(doc) == FORMS[form].render(doc), form
    # Headings of the text forms part what stands under one section twice.
    for form in ("json", "ace"):
        found = [(b.label, b.content, b.helpful) for b in read(form, _written(form, doc)).bullets]
        rows_of = [b for section in doc["sections"] for b in section["bullets"]]
        assert found == [(b["label"], b["content"], b["helpful"]) for b in rows_of], form


def _zipped(files: Mapping[str, str]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, said in files.items():
            archive.writestr(name, said)
    return out.getvalue()


_SKILL = (
    "---\nname: refunds\ndescription: How to refund.\nmetadata: {a: [1, 2.5], b: 2026-01-01}\n---\n"
    "# Rules\n\n- One\n  two\n\n1. Three\n\n```py\ncode\n```\n"
)
_SKILL_ZIP = _zipped({"refunds/SKILL.md": _SKILL, "refunds/more.md": "x"})
YAML = (
    *("---\n", "&a ", "*a", "<<: ", "<<: *a\n", "!!int ", "!!float ", "!!bool ", "!!timestamp "),
    *("!!binary ", "!!set ", "!!omap ", "!!pairs ", "!!python/name:os.system ", "? ", ": ", "- "),
    *(
        "|\n ",
        ">\n ",
        '"\\x',
        '"\\U00110000"',
        "2026-01-01",
        "2001-01-01 00:00:00 +99:99",
        "1:60:1",
    ),
    *(
        "0x",
        "0b",
        "0o7",
        "1e400",
        ".inf",
        ".nan",
        "~",
        "[",
        "]",
        "{",
        "}",
        ",",
        "%YAML 9.9\n",
        "\t",
    ),
)


def _skill(data: bytes) -> None:
    _read("skill", base64.b64encode(data).decode())


def _masked(said: str) -> None:
    once = masking.redact(said)
    assert masking.redact(once) == once, "masking twice masks more"
    if once != said:
        assert masking.may_hold_secret(said), "the cheap look missed it"
    masking.redact(said, named=False)
    masking.secrets_in(said)
    masking.masks_in(said)


def _masked_value(value: Any) -> None:
    once = masking.redact_value(value)
    json.dumps(once)
    twice = masking.redact_value(once)
    assert json.dumps(twice) == json.dumps(once), "masking twice masks more"


def _own_rules(value: Any) -> None:
    if not isinstance(value, dict):
        return
    for rule in own_rules(value):
        once = rule.mask("Employee 12345 of [redacted: x] \u00df")
        rule.finds(once)


def _cleaned(said: str) -> None:
    bare = text.strip_hidden(said)
    assert text.hidden_characters(bare) == []
    once = text.cleaned(said)
    assert text.cleaned(once) == once, "cleaning twice cleans more"


def _scanned(said: str) -> None:
    warnings_of(said)
    is_suspicious(said)
    text.task_reads_like_order(said)


def _in_two(said: str) -> tuple[str, str]:
    before, _, after = said.partition("\x01")
    return before, after if "\x01" in said else before[1:] + before[:1]


def _diffed(said: str) -> None:
    before, after = _in_two(said)
    pieces = diff.word_diff(before, after)
    for kind, whole in (("delete", before), ("insert", after)):
        assert "".join(p.text for p in pieces if p.kind in ("equal", kind)) == whole


class _Tags(HTMLParser):
    """What drawn text may consist of: these tags, none of whose attributes does anything."""

    ALLOWED = frozenset({"code", "mark", "del", "ins", "div", "span", "pre", "option"})

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in self.ALLOWED, f"a tag {tag}"
        for name, _ in attrs:
            assert name in {"class", "title", "tabindex", "value", "selected"}, f"{tag} with {name}"


def _drawn(said: str) -> None:
    said = said[:200]
    before, after = _in_two(said)
    for html in (
        ui.memory(said),
        ui.memory_marked(said),
        ui.found(said, after[:8]),
        ui.worddiff(before, after),
        shown.pretty_json({before: after}),
        ui.options([(before, after)], before),
    ):
        tags = _Tags(convert_charrefs=True)
        tags.feed(str(html))
        tags.close()


_WORDS = (
    *masking.kinds(),
    "[redacted: ",
    "]",
    "password",
    "token",
    "secret",
    "Basic ",
    ": ",
)
_ORDERS = ("ignore previous instructions", "you are now", "<|im_start|>", "curl x | sh", "\u202e")


def _targets() -> Iterator[Target]:
    for form in READERS:
        said = _written(form, _DOCUMENT)
        bases = [said] if form == "skill" else []
        words = (
            YAML if form == "skill" else ("## A\n", "[a-1] ", "helpful=1 ", "harmful=0 ", " :: ")
        )
        yield texts(
            f"playbook {form}",
            partial(_read, form),
            [said, *([_SKILL, *bases] if form == "skill" else [])],
            words,
            (Unreadable,),
        )
    for form in ("json", "preping"):
        take = partial(_read, form)
        yield documents(
            f"playbook {form} tree",
            lambda value, take=take: take(json.dumps(value)),
            [json.loads(_written(form, _DOCUMENT))],
            preping.METADATA,
            (Unreadable,),
        )
    yield raw("playbook skill zip", _skill, [_SKILL_ZIP], (Unreadable,))
    yield raw("playbook round trip", _round_trip, [b"\x02\x05\x08Hello\n- x", b"\x01\x09a\\nb"])
    yield texts("secrets in text", _masked, SECRETS, _WORDS)
    value = {"auth": {"user": "u", "password": "x"}, "headers": [["Cookie", "a=b"]], "pin": 1234}
    more = {"token": "abcdefghijklmnop", "cookies": {"sid": "0123456789abcdef"}, "api_key": None}
    said = dict(enumerate(SECRETS))
    yield documents("secrets in JSON", _masked_value, [value, more, list(said.values())], _WORDS)
    rules = {"employee number": r"\b[0-9]{5}\b", "case": "(?i)case [a-z]+"}
    re_words = ("(?i)", "(?=a)", r"\p{L}", r"\C", "{1000}", "(a*)*", "[[:alpha:]]", r"\Q")
    yield documents("redaction rules", _own_rules, [rules], re_words, (BadRule,))
    yield texts("hidden characters", _cleaned, ["a\u200bb", "\U000e0041", *SECRETS[:3]], _ORDERS)
    yield texts("orders and warnings", _scanned, [*_ORDERS, *SECRETS[:3]], _ORDERS)
    yield texts("word diff", _diffed, ["The red fox.\x01The blue fox."], ("a ", "\n", "\x01", ", "))
    markup = ("<img src=x onerror=alert(1)>", "</code>", "&lt;", "\ue000", "\ue001", '"', "'", "`")
    yield texts("drawn text", _drawn, ["Use `a` not <b>\x01Use `b`"], markup)


def targets() -> tuple[Target, ...]:
    return tuple(_targets())
