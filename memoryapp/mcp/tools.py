"""The tools agents call over MCP: parse, check the key, one service call, answer.

What a tool answers is both text for the model and the same as structured content. Whatever an
agent did wrong comes back as a tool error that says what to do, so that a model can correct itself.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import jsonschema
import mcp_types as types

from memoryapp.access import key_problem
from memoryapp.domain.delivery import FORMS
from memoryapp.domain.errors import UnableTo, UnableToFind
from memoryapp.domain.json_texts import texts_in
from memoryapp.domain.playbook import SECTIONS
from memoryapp.models import ApiKey, Playbook, Release, Report, Vote
from memoryapp.models.tokens import Scope
from memoryapp.services.proposals import (
    KNOWN,
    MAX_EVIDENCE,
    MAX_LESSON,
    MAX_WORDS,
    WAITING,
    lesson_propose,
)
from memoryapp.services.pulls import ONE_OF_TWO
from memoryapp.services.releases import PRODUCTION
from memoryapp.services.reports import Said, report_take
from memoryapp.services.serving import memory_search, playbook_serve, playbooks_open_to

Answer = dict[str, Any]
READERS = (Scope.PULL, Scope.READ, Scope.WRITE)
REPORTERS = (Scope.FEEDBACK, Scope.WRITE)
SENDERS = (Scope.TRAJECTORIES, Scope.WRITE)
OUTCOMES = [value for value in Report.Outcome.values if value]
MAX_K = 50
#: a zip is nothing to put into a context.
TEXT_FORMS = [name for name in FORMS if name != "skill"]

_SLUG = {"type": "string", "minLength": 1, "maxLength": 64, "description": "Slug of the playbook."}
_LABEL = {
    "type": "string",
    "maxLength": 40,
    "default": PRODUCTION,
    "description": "Which release: a label such as production.",
}


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls: the key, and what the agent calls itself in ``X-Agent-Id``; may be empty."""

    key: ApiKey
    agent: str = ""


@dataclass(frozen=True, slots=True)
class Offered:
    """One tool: what a client is told of it, which scopes may call it, and what it does."""

    tool: types.Tool
    scopes: tuple[str, ...]
    call: Callable[[Caller, Mapping[str, Any]], Answer]


def search_memory(caller: Caller, given: Mapping[str, Any]) -> Answer:
    """Lessons that answer a query, from what was released."""
    found = memory_search(
        key=caller.key,
        agent=caller.agent,
        query=given["query"],
        playbook=given.get("playbook", ""),
        label=given.get("label") or PRODUCTION,
        k=given.get("k", 8),
    )
    return {"bullets": [asdict(one) for one in found], "count": len(found)}


def get_playbook(caller: Caller, given: Mapping[str, Any]) -> Answer:
    """A whole released playbook in one of its forms."""
    if given.get("label") and "version" in given:
        raise UnableTo(ONE_OF_TWO)
    served = playbook_serve(
        key=caller.key,
        agent=caller.agent,
        slug=given["playbook"],
        label=given.get("label") or PRODUCTION,
        version=given.get("version"),
        form=given.get("format", "md"),
        max_tokens=given.get("max_tokens", 0),
    )
    return {
        "playbook": served.slug,
        "version": served.number,
        "release": str(served.release_id),
        "digest": served.digest,
        "content": served.text,
    }


def report_outcome(caller: Caller, given: Mapping[str, Any]) -> Answer:
    """How a task went with a release, and which of its bullets helped or harmed; counted once."""
    open_to = playbooks_open_to(caller.key)
    found = Release.objects.light().filter(playbook__in=open_to, pk=int(given["release"]))
    release = found.first()
    if release is None:
        raise UnableToFind(
            "There is no such release here. get_playbook and search_memory return it as release."
        )
    receipt = report_take(
        release=release,
        votes=[Said(v["id"], v["vote"], v.get("evidence", "")) for v in given.get("bullets", ())],
        outcome=given.get("outcome", ""),
        task=given["task"],
        agent=caller.agent,
        key=caller.key,
    )
    return asdict(receipt)


def propose_lesson(caller: Caller, given: Mapping[str, Any]) -> Answer:
    """A lesson for the review queue; a person decides whether it is remembered."""
    candidate = lesson_propose(
        playbook=_playbook(caller.key, given["playbook"]),
        content=given["content"],
        by=caller.key,
        section=given.get("section", SECTIONS[0]),
        reason=given.get("reason", ""),
        task=given.get("task", ""),
        evidence=given.get("evidence", ""),
    )
    if candidate is None:
        return {"status": "known", "message": KNOWN}
    return {
        "status": "waiting",
        "candidate": str(candidate.pk),
        "seen": candidate.seen_count,
        "message": WAITING,
    }


def _playbook(key: ApiKey, slug: str) -> Playbook:
    playbook = playbooks_open_to(key).filter(slug=slug).first()
    if playbook is None:
        raise UnableToFind(f"There is no playbook {slug!r} here.")
    return playbook


def _offer(
    call: Callable[[Caller, Mapping[str, Any]], Answer],
    scopes: tuple[str, ...],
    title: str,
    description: str,
    properties: Mapping[str, Any],
    required: tuple[str, ...],
    *,
    reads: bool,
) -> Offered:
    schema = {
        "type": "object",
        "properties": dict(properties),
        "required": list(required),
        "additionalProperties": False,
    }
    hints = types.ToolAnnotations(
        title=title,
        read_only_hint=reads,
        destructive_hint=False,
        idempotent_hint=True,
        open_world_hint=False,
    )
    tool = types.Tool(
        name=call.__name__,
        title=title,
        description=description,
        input_schema=schema,
        annotations=hints,
    )
    return Offered(tool, scopes, call)


TOOLS: Mapping[str, Offered] = {
    offered.tool.name: offered
    for offered in (
        _offer(
            search_memory,
            READERS,
            "Search memory",
            "Find reviewed lessons that bear on a task before you start it. Returns released "
            "bullets with their labels and scores, the closest first.",
            {
                "query": {
                    "type": "string",
                    "minLength": 1,
                    "maxLength": 2000,
                    "description": "The task, or what you are unsure of, in plain words.",
                },
                "playbook": {**_SLUG, "description": "Search in this playbook only."},
                "label": _LABEL,
                "k": {"type": "integer", "minimum": 1, "maximum": MAX_K, "default": 8},
            },
            ("query",),
            reads=True,
        ),
        _offer(
            get_playbook,
            READERS,
            "Get a playbook",
            "Read a whole released playbook. Put its content into your context before you work.",
            {
                "playbook": _SLUG,
                # No default: who fills defaults in would always name both.
                "label": {
                    "type": "string",
                    "maxLength": 40,
                    "description": "Which release: a label. Without one, and without a version, "
                    f"it is {PRODUCTION}.",
                },
                "version": {
                    "type": "integer",
                    "minimum": 1,
                    "maximum": 999_999_999,
                    "description": "A release number instead of a label.",
                },
                "format": {"type": "string", "enum": TEXT_FORMS, "default": "md"},
                "max_tokens": {
                    "type": "integer",
                    "minimum": 0,
                    "maximum": 999_999_999,
                    "default": 0,
                    "description": "Only the most proven bullets that fit; 0 is all of them.",
                },
            },
            ("playbook",),
            reads=True,
        ),
        _offer(
            report_outcome,
            REPORTERS,
            "Report an outcome",
            "Report how a task you did with a playbook ended, and which bullets helped or harmed. "
            "A task is counted once, however often you report it.",
            {
                "release": {
                    "type": "string",
                    "pattern": "^[1-9][0-9]{0,17}$",
                    "description": "The release you worked with, as get_playbook and "
                    "search_memory name it.",
                },
                "task": {
                    "type": "string",
                    "minLength": 1,
                    "maxLength": 200,
                    "description": "Your own name for the task.",
                },
                "outcome": {"type": "string", "enum": OUTCOMES},
                "bullets": {
                    "type": "array",
                    "maxItems": 500,
                    "items": {
                        "type": "object",
                        "properties": {
                            "id": {
                                "type": "string",
                                "maxLength": 80,
                                "description": "Its label, such as pitfalls-004.",
                            },
                            "vote": {"type": "string", "enum": [*Vote.Value.values]},
                            "evidence": {"type": "string", "maxLength": 20_000},
                        },
                        "required": ["id", "vote"],
                        "additionalProperties": False,
                    },
                },
            },
            ("release", "task"),
            reads=False,
        ),
        _offer(
            propose_lesson,
            SENDERS,
            "Propose a lesson",
            "Propose one lesson you learned. It goes to review: a person reads it with your "
            "evidence and decides. Say what to do, not what happened.",
            {
                "playbook": _SLUG,
                "content": {
                    "type": "string",
                    "minLength": 1,
                    "maxLength": MAX_LESSON,
                    "description": "The lesson, so that another agent can act on it.",
                },
                "section": {
                    "type": "string",
                    "maxLength": 60,
                    "default": SECTIONS[0],
                    "description": f"Where it belongs: {', '.join(SECTIONS)}, or one of your own.",
                },
                "reason": {
                    "type": "string",
                    "maxLength": MAX_WORDS,
                    "description": "Why it is worth remembering.",
                },
                "task": {
                    "type": "string",
                    "maxLength": MAX_WORDS,
                    "description": "What you were asked to do when you learned it.",
                },
                "evidence": {
                    "type": "string",
                    "maxLength": MAX_EVIDENCE,
                    "description": "What you observed, word for word.",
                },
            },
            ("playbook", "content"),
            reads=False,
        ),
    )
}


def input_schema(name: str) -> Mapping[str, Any] | None:
    """The input schema of a tool, or ``None`` for an unknown name."""
    offered = TOOLS.get(name)
    return offered.tool.input_schema if offered else None


def call(caller: Caller, name: str, given: Mapping[str, Any]) -> types.CallToolResult:
    """Call a tool for ``caller``; every refusal is a tool error with one clear line."""
    offered = TOOLS[name]
    if type(given.get("release")) is int:  # digits are a number to many models
        given = {**given, "release": str(given["release"])}
    problem = _malformed(offered.tool.input_schema, given) or key_problem(
        caller.key, offered.scopes
    )
    if problem:
        return _refused(problem)
    try:
        answer = offered.call(caller, given)
    except UnableTo as error:
        return _refused(str(error))
    text = answer.get("content") or json.dumps(answer, ensure_ascii=False, indent=2)
    return types.CallToolResult(
        content=[types.TextContent(text=str(text))], structured_content=answer
    )


def _malformed(schema: Mapping[str, Any], given: Mapping[str, Any]) -> str:
    found = jsonschema.Draft202012Validator(dict(schema)).iter_errors(given)
    worst = jsonschema.exceptions.best_match(found)
    if worst is None:
        holds_nul = any("\x00" in text for text in texts_in(given))
        return "An argument contains a NUL character. Remove it." if holds_nul else ""
    place = ".".join(str(part) for part in worst.absolute_path)
    said = worst.message if len(worst.message) <= 300 else f"{worst.message[:300]}…"
    return f"{place}: {said}" if place else said


def _refused(problem: str) -> types.CallToolResult:
    return types.CallToolResult(content=[types.TextContent(text=problem)], is_error=True)
