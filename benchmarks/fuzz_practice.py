"""Targets of ``fuzz_parsers``: what ``practice`` reads of agents, tool servers and models."""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import random
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import mcp_types
from django.http import QueryDict
from pydantic import BaseModel, ValidationError

from benchmarks.fuzz_making import Tape, Target, documents, encoded, raw, texts
from benchmarks.fuzz_samples import (
    BULLET,
    CLAUDE,
    CODEX,
    ENTRY,
    ERRORS,
    LANGFUSE,
    LISTED,
    NATIVE,
    OBSERVATIONS,
    OBSERVED,
    OPENAPI,
    OTLP,
    OTLP_WORDS,
    REPLY,
    RESULT,
    RUNS,
    SCHEMA,
    SEEDS,
    YAML,
    protobuf,
)
from practice.agents import reducing, repairing
from practice.agents.curator import Changes
from practice.agents.explainer import Explanation
from practice.agents.investigator import Finding
from practice.agents.proposer import Candidates
from practice.agents.reflector import Analysis
from practice.agents.rules import (
    checking,
    errors,
    grounding,
    paging,
    recovery,
    schema,
    seeding,
    tables,
)
from practice.agents.rules import documents as answers
from practice.agents.summariser import Facts
from practice.agents.validator import Judgement
from practice.clients import mcp_reading, openapi_reading, openapi_request
from practice.clients.discovery import mismatch, schema_problem
from practice.clients.llm import tokens_of
from practice.clients.openapi_document import Document, read_document
from practice.clients.openapi_exchange import Answer
from practice.clients.openapi_text import DocumentError
from practice.domain import artifact, deployment, prompts, reading
from practice.domain.encodings import finder
from practice.domain.rootcause.trajectories import actions_of, analyse_trajectory
from practice.domain.traces import bodies, otlp
from practice.domain.traces.assembly import trajectory
from practice.domain.traces.exports import NotAnExport, read_export
from practice.domain.traces.spans import all_stored_attributes, stored_attributes
from practice.domain.types import Outcome, Step, ToolSpec, Trajectory
from practice.queries.calls import CallFilter
from practice.queries.trajectories import TrajectoryFilter
from practice.views.calibration import parse_gate

#: what every reader of a body may say of it.
BODY = (bodies.BodyTooLarge, bodies.BrokenBody)


def _native(entry: Any) -> None:
    """One native trajectory as it is taken, stored, and looked at by the rules of incidents."""
    try:
        sent = deployment.read(entry)
    except deployment.NotATrajectory:
        return
    json.dumps(sent.steps, allow_nan=False).encode()
    for said in (sent.external_id, sent.instruction, sent.answer, sent.outcome, sent.release):
        assert "\0" not in said
        said.encode()


def _export(form: str, body: bytes) -> None:
    for entry in read_export(form, iter((body[:50], body[50:]))):
        if not isinstance(entry, deployment.NotATrajectory):
            _native(entry)


def _spans(found: otlp.Decoded) -> None:
    """Spans as they are stored and, all of one trace, put together."""
    if not found.spans:
        return
    for said in (stored_attributes(found.spans[0].attributes), *all_stored_attributes(found.spans)):
        json.loads(said)
    try:
        made = trajectory(found.spans[0].trace_id, found.spans)
    except deployment.NotATrajectory:
        return
    _native(made)


def _otlp_json(body: bytes) -> None:
    _spans(otlp.from_json(body))


def _otlp_protobuf(body: bytes) -> None:
    _spans(otlp.from_protobuf(body))


def _unpacked(body: bytes) -> None:
    stream = io.BytesIO(body)
    pieces = bodies.unpacked(stream.read, encoding="gzip", limit=1 << 20, piece=512)
    before = -1
    for number, line in bodies.lines(pieces, limit=1 << 16):
        assert line == line.strip()
        assert line
        assert number > before
        before = number


def _artifact(value: Any) -> None:
    """Both files of the artifact; what is read is written and read back the same."""
    for read, write in (
        (artifact.read_memory, artifact.write_memory),
        (artifact.read_playbook, artifact.write_playbook),
    ):
        try:
            found = read(value)
        except artifact.Unreadable:
            continue
        written = json.loads(json.dumps(write([item for _, item in found.items])))
        if found.items:
            again = [item for _, item in read(written).items]
            assert json.dumps(write(again)) == json.dumps(write([i for _, i in found.items]))


def _answer_json(said: str) -> None:
    """An observation as JSON, whole and cut."""
    with contextlib.suppress(ValueError):
        json.dumps(reading.read_json(said)).encode()
    with contextlib.suppress(ValueError):
        reading.read_cut(said + reading.cut_note(9))
    whole = reading.whole_text(said)
    assert reading.whole_text(whole) == whole
    whole.encode()
    reading.is_unreadable(said)
    reading.is_blank(said)


def _known_secrets(data: bytes) -> None:
    """A secret of any characters is found in every form it is commonly written in."""
    tape = Tape(data)
    secret = reading.whole_text(tape.rest(40)).strip()
    found = finder({"key": secret})
    if found is None:
        return
    forms = (secret, json.dumps(secret)[1:-1])
    for form in forms:
        masked = found.mask(f"x {form} y")
        assert masked == "x [redacted: key] y" or len(secret) < 2, f"{form!r} stays in {masked!r}"
    found.mask(tape.rest(200).encode("utf-8", "replace").decode())


def _service(said: str | Any) -> None:
    """An OpenAPI document, and a call of each of its operations."""
    given = said if isinstance(said, str) else json.dumps(said)
    read_document.cache_clear()
    found: Document = read_document(given, source="https://service.example/openapi.json")
    credential = openapi_request.Credential("header", "X-Key", "abcdefgh")
    for operation in found.operations.values():
        json.dumps(operation.spec.input_schema)
        chance = random.Random(0)
        arguments = {
            name: schema.text_value(name, chance) if number % 2 else {"a": [1, None]}
            for number, name in enumerate(operation.spec.parameters)
        }
        with contextlib.suppress(openapi_request.Refused):
            openapi_request.build(operation, arguments, credential)


_SPEC = ToolSpec(
    "get_order",
    "Get an order.",
    {"type": "object", "properties": {"order_id": {"type": "string"}}, "required": ["order_id"]},
    output_schema={"type": "object", "required": ["status"]},
)
_TOOLS = (
    _SPEC,
    ToolSpec("verify_customer", "Verify a customer by id.", {"properties": {"customer": {}}}),
    ToolSpec("log_in", "Sign in.", {"properties": {"password": {"type": "string"}}}),
    ToolSpec("list_orders", "List orders.", {"properties": {"from_date": {"format": "date"}}}),
    ToolSpec("set_status", "", {"properties": {"status": {"enum": ["open", "done"]}}}),
)
_ARGUMENTS = {"order_id": "ORD-1", "status": "odd", "from_date": "2026-01-01", "limit": 900}


def _answered(data: bytes) -> None:
    """An answer of a service: status, type, charset and place of its choice, and a body."""
    tape = Tape(data)
    media = tape.of(("application/json", "text/plain", "", "application/x+json", "image/png"))
    answer = Answer(
        status=tape.of((200, 204, 301, 404, 500)),
        media=media,
        charset=tape.of(("", "utf-8", "utf-16", "idna", "unicode_escape", "rot13", tape.rest(12))),
        location=tape.of(("", "https://a/b", "http://[", tape.rest(20))),
        is_cut=tape.below(5) == 4,
        body=data[8:],
    )
    seen = openapi_reading.observe(answer, {"credential": "abcdefgh"})
    seen.text.encode()
    list(openapi_reading.remark(_SPEC, seen, answer))


def _tools(value: Any) -> None:
    """Tools as a server lists them, and what each schema is good for."""
    try:
        listed = mcp_types.ListToolsResult.model_validate(value).tools
    except ValidationError:
        return
    found, problems = mcp_reading.read_tools(listed, {"key": "abcdefgh"})
    chance = random.Random(0)
    for tool in found:
        str(tool.schema_hash)
        if tool.name in problems:
            continue  # it is shown with its problem and never practised
        schema.is_read(tool)
        checking.problems(tool, _ARGUMENTS)
        for name, one in tool.parameters.items():
            schema.role(tool, name)
            for asked in (schema.kind, schema.choices, schema.bounds, schema.examples):
                asked(one)
            schema.date_format(name, one)
            schema.states_date_format(one)
            schema.texts(one, chance)
            for given in ("12", 1, 1e400, None, "²", [], {"a": 1}):
                checking.coerce(given, one)
                checking.fits(given, one)
            if schema.kind(one) in ("integer", "number"):
                schema.number(name, one, chance)
        answers.schema_fields(tool.output_schema, tool.name)
        mismatch({"a": 1}, tool.output_schema or {})


def _result(value: Any) -> None:
    try:
        result = mcp_types.CallToolResult.model_validate(value)
    except ValidationError:
        return
    seen = mcp_reading.observe(result, "/tmp/work", {"key": "abcdefgh"})
    json.dumps(seen.structured)
    seen.text.encode()


def _schema(value: Any) -> None:
    if isinstance(value, dict):
        schema_problem(value)
        mismatch({"a": [1]}, value)


def _told(said: str) -> None:
    """An observation as the rules read it: records, failures, pages, tables and errors."""
    answers.parse.cache_clear()
    answers.leaves.cache_clear()
    for leaf in answers.leaves(said, "get_order"):
        str(leaf.words)
    answers.records(said, "list_orders")
    answers.owned_records(said, "list_orders")
    paging.cursor(said)
    answers.is_empty(said)
    for failed in (False, True):
        answers.failure(Step(1, "set_status", _ARGUMENTS, said, is_error=failed))
    grounding.numbers(said)
    for row in tables.rows(said):
        assert all(isinstance(cell, str) for cell in row.values())


def _diagnosed(said: str) -> None:
    found = errors.diagnose(said, _SPEC, _ARGUMENTS, _TOOLS)
    for fix in recovery.fixes(found, _SPEC, _ARGUMENTS):
        json.dumps(fix.arguments)
    recovery.variants(_SPEC, said, _ARGUMENTS)
    recovery.reformatted("2026-01-01", said)


def _asked(said: str) -> None:
    """A seed task in words, as calls."""
    world = seeding.World(
        _TOOLS,
        lambda tool, given: [{"tool": tool.name, "arguments": dict(given)}],
        lambda reader, tool, name: "",
    )
    assert isinstance(seeding.read(said, world, 4), seeding.Reading)


_REPLIES: tuple[type[BaseModel], ...] = (
    *(Changes, Explanation, Finding, Candidates, Analysis, Facts, Judgement),
)


def _replied(said: str | Any) -> None:
    given = said if isinstance(said, str | dict) else json.dumps(said)
    # One of them by chance: all would be seven times as slow.
    reply = _REPLIES[len(str(given)) % len(_REPLIES)]
    try:
        repairing.read_reply(given, reply)
    except repairing.Unreadable as error:
        str(error).encode("utf-8", "replace")


def _reduced(said: str) -> None:
    for cap in (40, 200):
        assert len(reducing.reduced(said, cap, about="Refund order 7")) <= cap


def _prompt(said: str) -> None:
    built_in = "# A\n\nRole.\n\n## Message\n\n$task\n"
    prompts.problem(prompts.tidy(said), built_in)
    prompts.placeholders(said)


def _analysed(value: Any) -> None:
    """The steps of a rejected trajectory, ranked."""
    try:
        sent = deployment.read(value)
    except deployment.NotATrajectory:
        return
    steps = tuple(
        Step(n, s["tool"], s["arguments"], s["observation"], is_error=s["is_error"])
        for n, s in enumerate(sent.steps, start=1)
    )
    done = Trajectory(steps=steps, answer=sent.answer, outcome=Outcome.FINISHED)
    analyse_trajectory(actions_of(done), task=sent.instruction, usual=[["get_order"]])


def _filters(data: bytes) -> None:
    query = QueryDict(data, mutable=False)
    for cls in (TrajectoryFilter, CallFilter):
        cls.from_query(query)
    parse_gate(query.get("gate", ""))


def _exports() -> Iterator[Target]:
    for form, rows in (
        ("jsonl", [[NATIVE]]),
        ("langfuse", [[LANGFUSE], OBSERVATIONS]),
        ("langsmith", [RUNS]),
        ("claude-code", [CLAUDE]),
        ("codex", [CODEX]),
    ):
        take = partial(_export, form)
        is_lined = form not in ("langfuse", "langsmith")
        refused: tuple[type[BaseException], ...] = (NotAnExport, *BODY)
        yield documents(
            f"export {form}", encoded(take, lines=is_lined), rows, ("2026-01-01",), refused
        )
        lines = [b"\n".join(json.dumps(one).encode() for one in some) for some in rows]
        yield raw(f"export {form} bytes", take, lines, refused)


def _answers() -> Iterator[Target]:
    yield raw("known secrets", _known_secrets, [b"\x14sk_live_+/=\xc3\xa9 longer"])
    yield texts("OpenAPI text", _service, [YAML, json.dumps(OPENAPI)], ("&a ", "*a", "<<: *a"),
                (DocumentError,))  # fmt: skip
    words = ("oneOf", "allOf", "$ref", "#/components/schemas/A", "multipart/form-data", "trace")
    yield documents("OpenAPI tree", _service, [OPENAPI], words, (DocumentError,))
    yield raw("OpenAPI answer", _answered, [b"\x00\x00\x00\x00\x00\x00\x00\x00" + b'{"a": 1}'])
    yield documents("MCP tools", _tools, [LISTED], ("oneOf", "nullable", "null", "not", "format"))
    yield documents("MCP result", _result, [RESULT], ("audio", "blob", "_meta"))
    yield documents("JSON Schema", _schema, [SCHEMA], ("$dynamicRef", "$id", "if", "contains"))
    yield texts("observations", _told, OBSERVED, ("|", "---", '"next": ', "\n"))
    tree = [json.loads(one) for one in OBSERVED[:3]]
    yield documents("observation tree", lambda value: _told(json.dumps(value)), tree)
    yield texts("observation JSON", _answer_json, OBSERVED)
    yield texts("error messages", _diagnosed, [*ERRORS, *OBSERVED[1:3]], ("must be ", "one of "))
    yield texts("seed tasks", _asked, SEEDS, (" and ", " then ", "; ", '"', "order ", "customer "))
    yield texts("model replies", _replied, REPLY, ("```", ",}", "None", "True", "{", "}", "'"))
    replies: Sequence[Any] = [json.loads(REPLY[2]), {"facts": ["a"]}, {"changes": []}]
    yield documents("model reply tree", _replied, replies, tuple(
        name for reply in _REPLIES for name in reply.model_fields))  # fmt: skip
    yield texts("reduced answers", _reduced, [*OBSERVED, *ERRORS])
    yield texts("prompts", _prompt, ["# A\n\nRole.\n\n## Message\n\n$task ${x} $$\n"], ("$", "${"))
    usage = {"usage": {"prompt_tokens": 3, "completion_tokens": 4, "input_tokens": 1,
             "prompt_tokens_details": {"cached_tokens": 2}, "output_tokens": 1}}  # fmt: skip
    yield documents("model usage", encoded(tokens_of), [usage])


def targets() -> tuple[Target, ...]:
    bytes_of: Callable[[Any], bytes] = lambda value: json.dumps(value).encode()  # noqa: E731
    refused = (otlp.NotOtlp, *BODY)
    return (
        raw("OTLP protobuf", _otlp_protobuf, [protobuf(), protobuf() * 2], refused),
        raw("OTLP JSON bytes", _otlp_json, [bytes_of(OTLP)], refused),
        documents("OTLP JSON", encoded(_otlp_json), [OTLP], OTLP_WORDS, refused),
        *_exports(),
        documents("trajectory", _native, [NATIVE], ("2026-01-01", "failure")),
        raw("gzip body", _unpacked, [gzip.compress(b"a\n\nb", mtime=0) * 2], BODY),
        documents("Preping files", _artifact, [{"apis": [BULLET]}, {"entries": [ENTRY]}]),
        *_answers(),
        documents("decisive step", _analysed, [NATIVE]),
        raw("practice query strings", _filters, [b"run=3&status=done&gate=0.5,x&find=%00&role=a"]),
    )
