"""Bullets and their immutable revisions."""

from __future__ import annotations

import re
import uuid
from typing import Any

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchQuery, SearchVectorField
from django.db import models
from django.db.models import F, Func, IntegerField, Q
from django.db.models.functions import Cast
from django.urls import reverse

from memoryapp.domain import playbook as domain
from memoryapp.domain.playbook import LIVE, SECTIONS, BulletStatus
from memoryapp.domain.provenance import Trust

SEARCH_CONFIG = "english"


class SearchVectorOf(Func):
    """The generated column ``search`` beside a primary key, whatever a query calls the table.

    The column is no field, so that no query fetches it; a migration keeps it.
    """

    output_field = SearchVectorField()

    def as_sql(self, compiler: Any, *args: Any, **context: Any) -> Any:
        key: Any = self.get_source_expressions()[0]
        table = compiler.quote_name_unless_alias(key.alias)
        return f'{table}."search"', []


class SectionPlace(Func):
    """The place of a section among the fixed ones; a custom one has none, which comes last.

    One expression, because Django takes long to write a ``CASE`` and most pages ask for it.
    """

    template = (
        "array_position(ARRAY["
        + ", ".join(f"'{section}'" for section in SECTIONS)
        + "]::varchar[], %(expressions)s)"
    )
    output_field = IntegerField()


class BulletQuerySet(models.QuerySet["Bullet"]):
    def live(self) -> BulletQuerySet:
        """Bullets an agent is given."""
        return self.filter(status__in=LIVE)

    def used(self, use: str) -> BulletQuerySet:
        """Bullets of which agents reported (``live``), only practice did, or nobody (``never``).

        The triggers of ``models/tallies.py`` draw the same lines.
        """
        live = Q(deployed_helpful__gt=0) | Q(deployed_harmful__gt=0)
        practised = Q()
        for column in ("practice_helpful", "practice_harmful", "verified_wins", "verified_losses"):
            practised |= Q(**{f"{column}__gt": 0})
        if use == "live":
            return self.filter(live)
        return (
            self.filter(~live, practised) if use == "practice" else self.filter(~live, ~practised)
        )

    def in_delivery_order(self) -> BulletQuerySet:
        """Sections in their fixed order, custom sections last; then as placed, then by label."""
        placed = F("position").asc(nulls_last=True)
        return self.order_by(SectionPlace("section"), "section", placed, "label")

    def as_values(self) -> tuple[domain.Bullet, ...]:
        """The bullets as values, from the columns of one: whole rows cost three times as much."""
        return tuple(_value(*row) for row in self.values_list(*_VALUED))

    def citing(self, tool: str) -> BulletQuerySet:
        """Bullets that speak of a tool: in their text, their rule, or the steps they rest on."""
        word = rf"(^|[^A-Za-z0-9_]){re.escape(tool)}([^A-Za-z0-9_]|$)"
        shown = BulletRevision.objects.filter(
            bullet=models.OuterRef("pk"), candidate__evidence__tool=tool
        )
        rule = Cast("rule", models.TextField())
        return self.annotate(rule_text=rule).filter(
            models.Q(content__regex=word) | models.Q(rule_text__regex=word) | models.Exists(shown)
        )

    def matching(self, text: str) -> BulletQuerySet:
        """Bullets that hold all words of ``text``, as a person types it into a search engine.

        Quotes ask for a phrase, ``or`` for either word, a dash leaves a word out. A label such as
        ``pitfalls-004`` finds the bullets of that label.
        """
        if _LABEL.fullmatch(text.strip().lower()):
            return self.filter(label=text.strip().lower())
        return self.alias(words=SearchVectorOf("pk")).filter(words=search_query(text))

    def being_typed(self, text: str) -> BulletQuerySet:
        """Bullets that hold the words of ``text``, of which the last may not be finished yet."""
        *whole, last = text.split()
        if len(last) < LETTERS_TYPED or _LABEL.fullmatch(text.strip().lower()):
            return self.matching(text)
        begun = beginning_with(last)
        if whole:
            begun = search_query(" ".join(whole)) & begun
        # What stands for a word is its stem, which a word typed to its end may not begin.
        return self.alias(words=SearchVectorOf("pk")).filter(words=begun | search_query(text))


#: Fewer letters begin too many words to be of help.
LETTERS_TYPED = 3
_LABEL = re.compile(r"[a-z][a-z0-9_]*-\d+")


def search_query(text: str) -> SearchQuery:
    """A person's words as a full-text query, which no input can make malformed."""
    return SearchQuery(text, config=SEARCH_CONFIG, search_type="websearch")


def beginning_with(word: str) -> SearchQuery:
    """Texts with a word that begins so; what is no word at all matches as it is."""
    quoted = word.replace("\\", "\\\\").replace("'", "''")
    return SearchQuery(f"'{quoted}':*", config="simple", search_type="raw")


#: The columns a bullet's value is made of, as ``_value`` takes them.
_VALUED = (
    "pk",
    "label",
    "section",
    "content",
    "status",
    "practice_helpful",
    "practice_harmful",
    "deployed_helpful",
    "deployed_harmful",
    "rule",
)


def _value(
    pk: uuid.UUID,
    label: str,
    section: str,
    content: str,
    status: str,
    practice_helpful: int,
    practice_harmful: int,
    deployed_helpful: int,
    deployed_harmful: int,
    rule: Any,
) -> domain.Bullet:
    return domain.Bullet(
        id=str(pk),
        label=label,
        section=section,
        content=content,
        status=BulletStatus(status),
        helpful=practice_helpful + deployed_helpful,
        harmful=practice_harmful + deployed_harmful,
        rule=rule,
    )


#: The columns a revision may change. Not the votes: agents report without the playbook's lock while
#: somebody works on the bullet, and their votes would be lost.
_REVISED = (
    "section",
    "content",
    "rule",
    "status",
    "verified_wins",
    "verified_losses",
    "revision_count",
    "trust",
    "position",
    "tags",
    "origin_kind",
    "environment",
    "evidence_count",
    "updated_at",
)


class Bullet(models.Model):
    """One remembered lesson. ``content`` and ``section`` repeat the newest revision.

    The table has one column more than the model, as has ``BulletRevision``: ``search``, a generated
    tsvector that only ``queries.search`` reads, so that no list carries it along.
    """

    class Status(models.TextChoices):
        APPROVED = BulletStatus.APPROVED.value, "Approved"
        STALE = BulletStatus.STALE.value, "Stale"
        RETIRED = BulletStatus.RETIRED.value, "Retired"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    playbook = models.ForeignKey("memoryapp.Playbook", models.CASCADE, related_name="bullets")
    label = models.CharField(max_length=80)
    section = models.CharField(max_length=60)
    content = models.TextField()
    rule = models.JSONField(null=True, blank=True)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.APPROVED)
    #: counters stay apart: what practice saw is not what deployment saw.
    practice_helpful = models.PositiveIntegerField(default=0)
    practice_harmful = models.PositiveIntegerField(default=0)
    #: trials with the bullet in context, from a reset environment, never votes.
    verified_wins = models.PositiveIntegerField(default=0)
    verified_losses = models.PositiveIntegerField(default=0)
    deployed_helpful = models.PositiveIntegerField(default=0)
    deployed_harmful = models.PositiveIntegerField(default=0)
    revision_count = models.PositiveIntegerField(default=0)
    #: the revision that first said what the bullet says now; search and releases hold on to it.
    wording = models.ForeignKey(
        "memoryapp.BulletRevision", models.SET_NULL, null=True, blank=True, related_name="+"
    )
    #: a level of ``domain.provenance.Trust``; it never rises.
    trust = models.PositiveSmallIntegerField(default=int(Trust.PERSON), db_default=3)
    #: place in its section as a person ordered it; empty ones follow, by label.
    position = models.PositiveIntegerField(null=True, blank=True)
    tags = ArrayField(models.CharField(max_length=40), default=list, blank=True)
    #: what the candidates say that it rests on: the kind of job that first taught it (a file's is
    #: ``file``, a person's empty), the name of its environment, and how many observed steps.
    origin_kind = models.CharField(max_length=20, blank=True, default="", db_default="")
    environment = models.CharField(max_length=200, blank=True, default="", db_default="")
    evidence_count = models.PositiveIntegerField(default=0, db_default=0)
    #: what a ``playbook.json`` said of it besides; empty for bullets of our own.
    imported = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = BulletQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["playbook", "label"], name="one_label_per_playbook")
        ]
        indexes = [
            GinIndex(fields=["tags"], name="bullet_tags"),
            models.Index(fields=["-updated_at", "id"], name="bullet_newest"),
            models.Index(fields=["status", "-updated_at", "id"], name="bullet_status"),
            models.Index(fields=["section", "-updated_at", "id"], name="bullet_section"),
            models.Index(fields=["label"], name="bullet_label"),
            models.Index(fields=["origin_kind", "-updated_at", "id"], name="bullet_origin"),
            models.Index(fields=["environment", "-updated_at", "id"], name="bullet_environment"),
            # Of each of these pairs one half may be rare, and a list must not read the other.
            models.Index(
                fields=["-updated_at", "id"],
                condition=Q(evidence_count__gt=0),
                name="bullet_with_evidence",
            ),
            models.Index(
                fields=["-updated_at", "id"],
                condition=Q(evidence_count=0),
                name="bullet_without_evidence",
            ),
            models.Index(
                fields=["-updated_at", "id"],
                condition=Q(verified_wins__gt=0),
                name="bullet_tried",
            ),
        ]

    def __str__(self) -> str:
        return self.label

    def get_absolute_url(self) -> str:
        return reverse("bullet-detail", args=[self.playbook.slug, self.label])

    @property
    def tokens(self) -> int:
        return domain.estimate_tokens(self.content)

    def as_value(self) -> domain.Bullet:
        return _value(*(getattr(self, name) for name in _VALUED))

    def revise(
        self,
        *,
        content: str,
        section: str,
        status: str,
        rule: Any,
        author: Any,
        reason: str,
        candidate: Any = None,
    ) -> BulletRevision:
        """Append a revision and make it the current text. The caller holds the playbook's lock.

        Votes are kept as they are in the database, whatever this object says. Trials are those of
        the new text, where the candidate that brought it was tried.
        """
        reworded = content != self.content or self.wording_id is None
        if content != self.content:
            self.verified_wins, self.verified_losses = self._trials_of(content, candidate)
        self.content, self.section, self.status = content, section, status
        self.rule = rule
        self.revision_count += 1
        self._rest_on(candidate)
        self.save(update_fields=None if self._state.adding else _REVISED)
        revision: BulletRevision = self.revisions.create(
            number=self.revision_count,
            content=content,
            section=section,
            status=status,
            rule=rule,
            author=author,
            is_automatic=author is None,
            reason=reason,
            candidate=candidate,
        )
        if reworded:
            self.wording = revision
            self.save(update_fields=["wording"])
        return revision

    def _trials_of(self, content: str, candidate: Any) -> tuple[int, int]:
        """Trials won and lost with this very text; an edited text was never tried."""
        brought = candidate if candidate is not None and candidate.content == content else None
        if brought is None and not self._state.adding:
            said = self.revisions.filter(content=content, candidate__content=content)
            earlier = said.select_related("candidate").first()
            brought = earlier.candidate if earlier else None
        tried = brought.scores.get("verified", {}) if brought is not None else {}
        wins = int(tried.get("wins", 0))
        return wins, max(0, int(tried.get("trials", 0)) - wins)

    def _rest_on(self, candidate: Any) -> None:
        """Count the steps of a candidate that has changed nothing here before."""
        if candidate is None:
            return
        if not self._state.adding and self.revisions.filter(candidate=candidate).exists():
            return
        self.evidence_count += candidate.evidence.count()
        self.origin_kind = self.origin_kind or candidate.origin_kind
        self.environment = self.environment or candidate.origin_environment


class BulletRevision(models.Model):
    """What a bullet said at one time. Written once, never changed."""

    bullet = models.ForeignKey(Bullet, models.CASCADE, related_name="revisions", db_index=False)
    number = models.PositiveIntegerField()
    content = models.TextField()
    section = models.CharField(max_length=60)
    status = models.CharField(max_length=10, choices=Bullet.Status.choices)
    rule = models.JSONField(null=True, blank=True)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+"
    )
    #: nobody wrote it: a policy, a run or the drift watch did. An author may be removed later.
    is_automatic = models.BooleanField(default=False, db_default=False)
    reason = models.CharField(max_length=300, blank=True)
    candidate = models.ForeignKey(
        "memoryapp.Candidate", models.SET_NULL, null=True, blank=True, related_name="revisions"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-number"]
        constraints = [
            models.UniqueConstraint(fields=["bullet", "number"], name="one_revision_number")
        ]

    def __str__(self) -> str:
        return f"{self.bullet} r{self.number}"

    def save(self, *args: object, **kwargs: object) -> None:
        if not self._state.adding:
            raise TypeError("A revision is immutable; append a new one.")
        super().save(*args, **kwargs)  # type: ignore[arg-type]
