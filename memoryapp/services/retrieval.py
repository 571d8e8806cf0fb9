"""Lessons that bear on a question: searched, judged, cut to a budget, traced if asked."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from memoryapp.clients import embeddings, resting
from memoryapp.clients.embeddings import EmbeddingsUnavailable
from memoryapp.domain.epistemics import Epistemic, judge
from memoryapp.domain.errors import UnableToChange
from memoryapp.domain.masking import redact
from memoryapp.domain.playbook import LIVE, Bullet, estimate_tokens
from memoryapp.domain.ranking import is_harmful
from memoryapp.models import ApiKey, EmbeddingModel, Playbook, RecallTrace, Release, Workspace
from memoryapp.queries.search import Hit, QueryVector, Scope, search, unknown_sections
from memoryapp.services.meaning import Meaning, UnableToEmbed
from memoryapp.services.releases import wordings

logger = logging.getLogger(__name__)
#: hits that the epistemic answer looks at.
JUDGED = 3


@dataclass(frozen=True, slots=True)
class Recalled:
    """What a search found. ``vectors`` says whether they took part: on, off or unavailable."""

    hits: Sequence[Hit]
    epistemic: Epistemic
    vectors: str
    left_out: int
    trace: UUID | None = None
    #: of the sections that were asked for, those that hold nothing to search in.
    unknown_sections: Sequence[str] = ()


def query_vector(text: str) -> tuple[QueryVector | None, str]:
    """The question as the serving model sees it, and the word for whether vectors take part.

    The page of a bullet among the best matches asks what the list asked, once more for each bullet:
    a question asked of this process before is asked of no model again. A model that did not answer
    a moment ago is not waited for.
    """
    if not text.strip():
        return None, "off"
    model = EmbeddingModel.objects.filter(status=EmbeddingModel.Status.SERVING).first()
    if model is None:
        return None, "off" if embeddings.configured() is None else "building"
    embedder = embeddings.embedder_for(model.provider, model.name)
    if embedder is None:
        return None, "off"
    try:
        (values,) = Meaning(resting.Impatient(embedder))([text])
    except UnableToEmbed as error:
        logger.warning("Searching by words alone. %s", error)
        return None, "unavailable"
    return QueryVector(model.pk, values), "on"


def embedding_try() -> str:
    """Return a sentence that the embedding model of the settings answered.

    Raises:
        UnableToChange: none is set up, or it did not answer; the text says why.
    """
    embedder = embeddings.configured()
    if embedder is None:
        raise UnableToChange("No embedding model is set up. Set EMBEDDING_PROVIDER and restart.")
    try:
        (values,) = resting.ask(embedder, ["ready"])
    except EmbeddingsUnavailable as error:
        raise UnableToChange(f"{error} Searches go by words alone until it answers.") from error
    return f"{embedder.name} answered with a vector of {len(values)} dimensions."


def release_scope(release: Release, *, sections: Sequence[str] = ()) -> Scope:
    """Search what a release froze. One published before wordings were kept learns its own."""
    held = release.wordings
    if not held and release.bullet_count:
        held = wordings(release.playbook, release.document)
        Release.objects.filter(pk=release.pk).update(wordings=held)
    return Scope(playbooks=[release.playbook_id], wordings=held, sections=sections)


def memory_retrieve(
    *,
    workspace: Workspace,
    query: str,
    scope: Scope,
    k: int = 8,
    max_tokens: int = 0,
    release: Release | None = None,
    key: ApiKey | None = None,
    keep_trace: bool = False,
) -> Recalled:
    """Find up to ``k`` bullets that bear on ``query`` and fit ``max_tokens`` (0: any number).

    What reports credibly call harmful stands at the end. With ``keep_trace`` what was found and why
    is stored, what was left out of the answer too, secrets in the question masked.
    """
    vector, vectors = query_vector(query)
    found = search(query, scope=scope, limit=max(4 * k, 20), vector=vector)
    similarity = None
    if vector is not None:
        similarity = max((hit.vector.score for hit in found if hit.vector), default=0.0)
    epistemic = judge(query, [hit.content for hit in found[:JUDGED]], similarity)
    hits, left_out = _cut(sorted(found, key=_is_harmful), k, max_tokens)
    trace = None
    if keep_trace:
        trace = RecallTrace.objects.create(
            workspace=workspace,
            release=release,
            key=key,
            query=redact(query)[:10_000],
            asked={"k": k, "max_tokens": max_tokens, "sections": list(scope.sections)},
            answer={**epistemic_facts(epistemic), "vectors": vectors, "left_out": left_out},
            results=_traced(found, hits),
        ).pk
    return Recalled(hits, epistemic, vectors, left_out, trace, unknown_sections(scope))


def _traced(found: Sequence[Hit], hits: Sequence[Hit]) -> list[dict[str, Any]]:
    """What was given in its order, then what was left out; harmful ones say so."""
    given = {hit.bullet_id for hit in hits}
    rows = [*hits, *(hit for hit in found if hit.bullet_id not in given)]
    return [
        {
            **trace_row(hit, place),
            "given": hit.bullet_id in given,
            "is_harmful": _is_harmful(hit),
        }
        for place, hit in enumerate(rows, start=1)
    ]


def _cut(ranked: Sequence[Hit], k: int, max_tokens: int) -> tuple[list[Hit], int]:
    """The first ``k`` that fit the budget, and how many better ones did not fit."""
    kept: list[Hit] = []
    left, skipped = max_tokens, 0
    for hit in ranked:
        if len(kept) == k:
            break
        tokens = estimate_tokens(hit.content)
        if max_tokens and tokens > left:
            skipped += 1
            continue
        left -= tokens
        kept.append(hit)
    return kept, skipped


def _is_harmful(hit: Hit) -> bool:
    return is_harmful(
        Bullet(
            label=hit.label,
            section=hit.section,
            content=hit.content,
            helpful=hit.helpful,
            harmful=hit.harmful,
        )
    )


def epistemic_facts(epistemic: Epistemic) -> dict[str, Any]:
    return {
        "answer": epistemic.answer.value,
        "confidence": epistemic.confidence,
        "coverage": epistemic.coverage,
        "similarity": epistemic.similarity,
    }


def trace_row(hit: Hit, place: int) -> dict[str, Any]:
    """A hit with what each leg thought of it, as JSON."""

    def leg(found: Any) -> dict[str, float] | None:
        return {"place": found.place, "score": round(found.score, 6)} if found else None

    return {
        "place": place,
        "bullet": str(hit.bullet_id),
        "revision": hit.revision_id,
        "label": hit.label,
        "score": round(hit.score, 6),
        "text": leg(hit.text),
        "vector": leg(hit.vector),
        "has_every_word": hit.has_every_word,
    }


def served_scope(releases: Sequence[Release]) -> Scope:
    """Everything that some releases hold."""
    scopes = [release_scope(release) for release in releases]
    return Scope(
        playbooks=[playbook for scope in scopes for playbook in scope.playbooks],
        wordings=[wording for scope in scopes for wording in scope.wordings or ()],
    )


def live_scope(
    playbooks: Sequence[Playbook], *, sections: Sequence[str], statuses: Sequence[str]
) -> Scope:
    """What bullets say now, released or not, for people."""
    named = [playbook.pk for playbook in playbooks]
    return Scope(named, sections=sections, statuses=statuses or sorted(LIVE))
