"""Rows for tests, as small as the models allow."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import factory
from django.contrib.auth import get_user_model
from factory.django import DjangoModelFactory

from memoryapp import models as memory
from practice import models as practice
from practice.domain.plans import Plan
from practice.domain.types import ToolSpec


class UserFactory(DjangoModelFactory):
    class Meta:
        model = get_user_model()
        django_get_or_create = ("username",)

    username = factory.Sequence(lambda n: f"user{n}")


class WorkspaceFactory(DjangoModelFactory):
    class Meta:
        model = memory.Workspace
        django_get_or_create = ("slug",)

    name = factory.Sequence(lambda n: f"Workspace {n}")
    slug = factory.Sequence(lambda n: f"workspace-{n}")


class MembershipFactory(DjangoModelFactory):
    class Meta:
        model = memory.Membership

    workspace = factory.SubFactory(WorkspaceFactory)
    user = factory.SubFactory(UserFactory)
    role = "viewer"


class PlaybookFactory(DjangoModelFactory):
    class Meta:
        model = memory.Playbook

    workspace = factory.SubFactory(WorkspaceFactory, slug="main")
    name = factory.Sequence(lambda n: f"Help desk {n}")
    slug = factory.Sequence(lambda n: f"help-desk-{n}")


class BulletFactory(DjangoModelFactory):
    """A bullet with its first revision."""

    class Meta:
        model = memory.Bullet
        skip_postgeneration_save = True

    playbook = factory.SubFactory(PlaybookFactory)
    section = "strategies"
    label = factory.Sequence(lambda n: f"strategies-{n + 50_000}")
    content = factory.Sequence(lambda n: f"Verify the customer before refund number {n}.")
    revision_count = 1

    @factory.post_generation
    def first_revision(self: Any, create: bool, extracted: Any, **kwargs: Any) -> None:
        self.wording = self.revisions.create(
            number=1, content=self.content, section=self.section, status=self.status
        )
        self.save(update_fields=["wording"])


class CandidateFactory(DjangoModelFactory):
    class Meta:
        model = memory.Candidate

    playbook = factory.SubFactory(PlaybookFactory)
    op = "ADD"
    section = "pitfalls"
    content = factory.Sequence(lambda n: f"Dates are written YYYY-MM-DD, case {n}.")
    origin_kind = "run"
    origin_link = "/practice/runs/1/"
    origin_name = "Run 1"
    scores = factory.LazyFunction(
        lambda: {
            "label": "success",
            "feasibility": 5,
            "feasibility_reason": "Every tool exists.",
            "completion": 4,
            "completion_reason": "The refund was made.",
            "confidence": 0.9,
            "validator": "rules-1",
            "engine": "rules",
            "steps": 3,
            "checks": [],
        }
    )


class EvidenceFactory(DjangoModelFactory):
    class Meta:
        model = memory.Evidence

    candidate = factory.SubFactory(CandidateFactory)
    link = factory.Sequence(lambda n: f"/trajectories/{n}/#step-1")
    group = "Refund order ORD-2025-00017"
    number = 1
    tool = "create_refund"
    arguments = factory.LazyFunction(lambda: {"order_id": "ORD-2025-00017"})
    excerpt = "NOT_VERIFIED: verify the customer first"
    is_error = True
    digest = factory.Sequence(str)


class EnvironmentFactory(DjangoModelFactory):
    class Meta:
        model = practice.Environment

    workspace = factory.SubFactory(WorkspaceFactory, slug="main")
    name = factory.Sequence(lambda n: f"Desk {n}")
    slug = factory.Sequence(lambda n: f"desk-{n}")
    transport = "stdio"
    command = "helpdesk"
    arguments = factory.LazyFunction(lambda: ["--data", "{workdir}"])
    is_sample = True
    status = "connected"


class ToolFactory(DjangoModelFactory):
    class Meta:
        model = practice.EnvironmentTool

    environment = factory.SubFactory(EnvironmentFactory)
    name = factory.Sequence(lambda n: f"get_thing_{n}")
    description = "Look up a thing."
    input_schema = factory.LazyFunction(
        lambda: {"type": "object", "properties": {"id": {"type": "string"}}, "required": ["id"]}
    )
    annotations = factory.LazyFunction(lambda: {"readOnlyHint": True})
    is_enabled = True
    schema_hash = factory.LazyAttribute(
        lambda o: ToolSpec(o.name, o.description, o.input_schema, o.annotations).schema_hash
    )


class RunFactory(DjangoModelFactory):
    class Meta:
        model = practice.Run

    workspace = factory.SubFactory(WorkspaceFactory, slug="main")
    number = factory.Sequence(lambda n: n + 101)  # tests give small ones
    environment = factory.SubFactory(
        EnvironmentFactory, workspace=factory.SelfAttribute("..workspace")
    )
    playbook = factory.SubFactory(PlaybookFactory, workspace=factory.SelfAttribute("..workspace"))
    engine = "rules"
    plan = factory.LazyFunction(
        lambda: Plan(rounds=2, tasks=3, tools={"get_thing": "0"}, model="rules").to_json()
    )


class RoundFactory(DjangoModelFactory):
    class Meta:
        model = practice.Round

    run = factory.SubFactory(RunFactory)
    number = factory.Sequence(lambda n: n + 1)


class TaskFactory(DjangoModelFactory):
    class Meta:
        model = practice.PracticeTask

    round = factory.SubFactory(RoundFactory)
    number = factory.Sequence(lambda n: n + 1)
    instruction = factory.Sequence(lambda n: f"Look up thing {n}")
    kind = "query"
    intended_tools = factory.LazyFunction(lambda: ["get_thing"])


class AttemptFactory(DjangoModelFactory):
    class Meta:
        model = practice.Attempt

    task = factory.SubFactory(TaskFactory)
    run = factory.LazyAttribute(lambda o: o.task.round.run)
    current_try = 1


class StepFactory(DjangoModelFactory):
    class Meta:
        model = practice.Step

    attempt = factory.SubFactory(AttemptFactory)
    try_number = 1
    number = factory.Sequence(lambda n: n + 1)
    tool = "get_thing"
    arguments = factory.LazyFunction(lambda: {"id": "7"})
    observation = '{"id": "7"}'


class IncidentFactory(DjangoModelFactory):
    class Meta:
        model = practice.Incident

    workspace = factory.SubFactory(WorkspaceFactory, slug="main")
    number = factory.Sequence(lambda n: n + 100)
    title = factory.Sequence(lambda n: f"Replies are slow, case {n}")
    entry = "web"
    begins_at = factory.LazyFunction(lambda: datetime(2026, 11, 20, 9, 12, tzinfo=UTC))
    ends_at = factory.SelfAttribute("begins_at")


class CallFactory(DjangoModelFactory):
    """An answered call of a model run."""

    class Meta:
        model = practice.ModelCall

    run = factory.SubFactory(RunFactory, engine="model")
    workspace = factory.LazyAttribute(lambda o: o.run.workspace)
    role = "validator"
    model = "gpt-5-mini"
    prompt = "built-in 0a1b2c3d"
    request = factory.LazyFunction(
        lambda: [
            {"role": "system", "content": "Judge the attempt."},
            {"role": "user", "content": "The task was <b>this</b>."},
        ]
    )
    reply = factory.LazyFunction(
        lambda: [{"role": "assistant", "call": "reply", "arguments": '{"completion": 4}'}]
    )
    input_tokens = 1_200
    output_tokens = 80
    cached_tokens = 800
    cost = Decimal("0.0125")
    latency_ms = 1_400
