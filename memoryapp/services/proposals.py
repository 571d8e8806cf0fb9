"""Lessons that agents propose themselves. They wait in review like any other candidate."""

from __future__ import annotations

from typing import Any

from memoryapp.domain.errors import UnableToChange
from memoryapp.domain.masking import redact
from memoryapp.domain.playbook import SECTION_NAME, SECTIONS, Delta, Op
from memoryapp.domain.text import cleaned, storable
from memoryapp.models import ApiKey, Candidate, Playbook
from memoryapp.services.candidates import Origin, Source, candidate_submit
from memoryapp.services.patience import no_long_wait

#: A bullet is one lesson, not a document.
MAX_LESSON = 4_000
MAX_EVIDENCE = 10_000
#: why it is worth remembering, and what the agent was doing.
MAX_WORDS = 2_000
KNOWN = "Nothing was added: the playbook already says exactly this, or it was rejected before."
WAITING = "It waits for a person. Agents read it after it is approved and released."
AGENT = "agent"


def lesson_propose(
    *,
    playbook: Playbook,
    content: str,
    by: Any,
    section: str = SECTIONS[0],
    reason: str = "",
    task: str = "",
    evidence: str = "",
) -> Candidate | None:
    """Put an agent's lesson into the review queue, secrets masked.

    ``by`` is the key it came with, or the person who sent it; ``task`` is what the agent was doing,
    ``evidence`` what it observed. Returns ``None`` where the playbook says just this already, or a
    person rejected the very words before.

    Raises:
        PlaybookBusy: somebody has been changing the playbook for long; nothing is kept.
        UnableToChange: an empty or overlong lesson, or not a section name.
    """
    content = cleaned(storable(content))
    if not content:
        raise UnableToChange(
            "The lesson is empty. Write one sentence that another agent can use.", field="content"
        )
    if len(content) > MAX_LESSON:
        raise UnableToChange(
            f"The lesson has {len(content)} characters; a bullet has at most {MAX_LESSON}. "
            "Shorten it.",
            field="content",
        )
    if not SECTION_NAME.fullmatch(section):
        raise UnableToChange(
            f"A section is lower-case letters, digits and _, such as {', '.join(SECTIONS)}.",
            field="section",
        )
    is_key = isinstance(by, ApiKey)
    name = by.name if is_key else by.get_username()
    seen = redact(storable(evidence).strip())[:MAX_EVIDENCE]
    source = Source(
        link="",
        group=redact(storable(task).strip())[:200] or f"Reported by {name}",
        number=1,
        tool="",
        arguments={},
        excerpt=seen,
        kind="report",
    )
    with no_long_wait():
        return candidate_submit(
            playbook_id=playbook.pk,
            delta=Delta(
                op=Op.ADD,
                section=section,
                content=content,
                reason=redact(storable(reason).strip())[:MAX_WORDS],
            ),
            origin=Origin(
                kind=AGENT, link="", name=f"an agent with the key {name}" if is_key else name
            ),
            sources=[source] if seen else [],
            scores={},
        )
