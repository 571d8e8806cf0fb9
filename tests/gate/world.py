"""One of everything in one workspace, with a word in it that nobody else may ever read."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Any

from drf_spectacular.generators import SchemaGenerator

from memoryapp import models as memory
from memoryapp.services.releases import release_publish
from practice import models as practice
from tests import factories as make
from tests.gate.addresses import Address

WORD = "Quokka"
#: Fields that let a request past its form, to where the object is looked up; of these an endpoint
#: of the API is sent what its schema knows.
FIELDS: dict[str, Any] = {
    "version": 1, "revision": 1, "share": 10, "slots": 1, "watched": True, "allowed": True,
    "section": "pitfalls", "content": "x", "reason": "x", "text": "x", "query": "x", "seen": "x",
    "origin": "x", "username": "", "direction": "up", "format": "json", "tags": ["x"],
    "labels": ["pit-00001", "pit-00002"], "file": "proposer_memory.json", "document": {},
    "playbook": "quokka-book", "columns": {}, "label": "success", "instruction": "x",
    "other": "00000000-0000-4000-8000-000000000000", "name": "x",
}  # fmt: skip
#: What ``kind`` may be differs by endpoint.
KINDS = {"withdraw": "retired", "steering": "seed_task", "columns": "metrics"}
ASKED = "?threshold=0.9&kind=metrics"


def fields(address: Address, method: str) -> dict[str, Any]:
    """Return a body that an endpoint takes as well-formed."""
    every = FIELDS | {"kind": KINDS.get(address.route.rpartition("/")[2], "metrics")}
    taken = _taken(address, method) if address.is_api else None
    if taken is None:
        return every
    if {"label", "version"} <= taken:
        taken -= {"label"}  # one of the two
    return {name: value for name, value in every.items() if name in taken}


def _taken(address: Address, method: str) -> frozenset[str] | None:
    """Return the fields of an endpoint's body; ``None`` where it takes others as well."""
    schema = _schema()
    path = address.path(dict.fromkeys(address.arguments, "{}"))
    asked = schema["paths"].get(path, {}).get(method.lower(), {}).get("requestBody", {})
    body = asked.get("content", {}).get("application/json", {}).get("schema", {})
    body = schema["components"]["schemas"].get(body.get("$ref", "").rpartition("/")[2], body)
    if body.get("additionalProperties") is not False:
        return None
    return frozenset(body["properties"])


@cache
def _schema() -> dict[str, Any]:
    generator: Any = SchemaGenerator
    found: dict[str, Any] = generator().get_schema(public=True)
    # What a place in a path is called differs from the route.
    return found | {"paths": {re.sub(r"{\w+}", "{}", p): v for p, v in found["paths"].items()}}


@dataclass(frozen=True)
class World:
    """Beginnings of routes, and the arguments that reach an object behind them."""

    rules: tuple[tuple[str, dict[str, Any]], ...]

    def arguments(self, address: Address) -> dict[str, Any]:
        """Raises ``LookupError`` for an address that nobody said how to reach."""
        route = address.route.removeprefix("api/v1/")
        found: dict[str, Any] = {}
        for beginning, kwargs in self.rules:
            if route.startswith(beginning):
                found |= kwargs
        missing = set(address.arguments) - set(found)
        if missing:
            raise LookupError(f"{address.route}: tests/gate/world.py does not fill {missing}")
        return {name: found[name] for name in address.arguments}


def build(workspace: Any, ada: Any) -> World:
    playbook = make.PlaybookFactory(
        workspace=workspace, name=f"{WORD} book", slug="quokka-book", description=WORD
    )
    bullet = make.BulletFactory(playbook=playbook, content=f"{WORD}s are counted at dawn.")
    release = release_publish(playbook=playbook, by=ada, label="production")
    candidate = make.CandidateFactory(playbook=playbook, content=f"{WORD}s sleep at noon.")
    bulk = memory.BulkDecision.objects.create(
        workspace=workspace, action="approve", query={"filter": {}, "chosen": []}, total=0
    )
    change = memory.BulkChange.objects.create(
        workspace=workspace, action="retire", query={"filter": {}, "chosen": []}, total=0
    )
    view = memory.SavedView.objects.create(
        workspace=workspace, owner=ada, page="review", name=WORD, query="status=approved"
    )
    key = memory.ApiKey.objects.create(
        workspace=workspace, name=WORD, prefix="quokka", secret_hash="0", scopes=["read"],
        created_by=ada,
    )  # fmt: skip
    hook = memory.Webhook(workspace=workspace, url=f"https://{WORD}.example/", kinds=[])
    hook.keep_secret(b"whsec")
    hook.save()
    delivery = memory.Delivery.objects.create(webhook=hook, kind="run.finished", payload={})
    export = memory.WorkspaceExport.objects.create(workspace=workspace, status="failed")
    recall = memory.RecallTrace.objects.create(workspace=workspace, query=WORD)
    membership = workspace.memberships.get(user=ada)
    invitation = memory.Invitation.objects.create(
        workspace=workspace, role="viewer", for_whom=WORD, token_hash="0",
        expires_at="2100-01-01T00:00Z",
    )  # fmt: skip
    environment = make.EnvironmentFactory(
        workspace=workspace, name=f"{WORD} desk", slug="quokka-desk"
    )
    tool = make.ToolFactory(environment=environment, description=WORD)
    run = make.RunFactory(workspace=workspace, environment=environment, playbook=playbook)
    task = make.TaskFactory(round=make.RoundFactory(run=run), instruction=f"Feed the {WORD}")
    attempt = make.AttemptFactory(task=task, status="finished")
    other = make.AttemptFactory(task=task, status="finished", number=2)
    step = make.StepFactory(attempt=attempt, observation=WORD)
    experiment = make.RunFactory(
        workspace=workspace, environment=environment, playbook=playbook, kind="experiment"
    )
    practice.Experiment.objects.create(run=experiment)
    call = make.CallFactory(run=run, attempt=attempt)
    price = practice.ModelPrice.objects.create(
        workspace=workspace, model=WORD, input=Decimal(1), output=Decimal(1)
    )
    wish = practice.Steering.objects.create(
        environment=environment, kind="seed_task", instruction=WORD
    )
    fact = practice.EnvironmentFact.objects.create(
        environment=environment, run=run, task=task, text=f"{WORD}s exist."
    )
    trial = practice.PromptTrial.objects.create(environment=environment, role="solver", text=WORD)
    practice.PromptVersion.objects.create(
        environment=environment, role="solver", number=1, text=WORD
    )
    snapshot = practice.EnvironmentSnapshot.objects.create(environment=environment, number=1)
    incident = make.IncidentFactory(workspace=workspace, title=f"{WORD}s are slow")
    cases = practice.CaseSet.objects.create(
        workspace=workspace, name=WORD, digest="0", archive=b"", size=0
    )
    replay = practice.Replay.objects.create(case_set=cases, number=1)
    case = replay.cases.create(variant="whole", case_id=WORD)
    source = practice.TelemetrySource.objects.create(
        workspace=workspace, name=WORD, slug="quokka-shop"
    )
    file = practice.TelemetryFile.objects.create(
        source=source, kind="logs", name=WORD, digest="0", original=b"", size=0
    )  # fmt: skip
    return World(
        (
            ("review/<", {"pk": candidate.pk}),
            ("review/bulk/<", {"pk": bulk.pk}),
            ("candidates/<", {"pk": candidate.pk}),
            ("bulk-decisions/<", {"pk": bulk.pk}),
            ("bulk-changes/<", {"pk": change.pk}),
            ("playbooks/<", {"slug": playbook.slug, "label": bullet.label}),
            ("playbooks/<", {"number": release.number, "version": release.number}),
            ("playbooks/<", {"form": "json", "name": "production"}),
            ("memory/recalls/<", {"pk": recall.pk}),
            ("recalls/<", {"pk": recall.pk}),
            ("memory/bulk/<", {"pk": change.pk}),
            ("views/<", {"pk": view.pk}),
            ("settings/keys/<", {"pk": key.pk}),
            ("keys/<", {"pk": key.pk}),
            ("settings/webhooks/<", {"pk": hook.pk, "delivery": delivery.pk}),
            ("webhooks/<", {"pk": hook.pk, "delivery": delivery.pk}),
            ("settings/export/<", {"pk": export.pk}),
            ("workspace/exports/<", {"pk": export.pk}),
            ("settings/members/<", {"pk": membership.pk}),
            ("settings/members/invitations/<", {"pk": invitation.pk}),
            ("settings/models/<", {"pk": price.pk}),
            ("environments/<", {"slug": environment.slug, "number": snapshot.number}),
            (
                "environments/<",
                {"role": "solver", "file": "proposer_memory.json", "name": tool.name},
            ),
            ("environments/<slug:slug>/memory/wishes/<", {"pk": wish.pk}),
            ("environments/<slug:slug>/memory/steering/<", {"pk": wish.pk}),
            ("environments/<slug:slug>/memory/facts/<", {"pk": fact.pk}),
            ("environments/<slug:slug>/prompts/trials/<", {"pk": trial.pk}),
            ("practice/runs/<", {"number": run.number}),
            ("runs/<", {"number": run.number}),
            ("practice/experiments/<", {"number": experiment.number}),
            ("experiments/<", {"number": experiment.number}),
            ("practice/calls/<", {"pk": call.pk}),
            ("model-calls/<", {"pk": call.pk}),
            ("trajectories/<", {"pk": attempt.pk, "other": other.pk, "step": step.pk}),
            ("attempts/<", {"pk": attempt.pk, "number": step.number}),
            ("root-causes/<", {"number": incident.number}),
            ("incidents/<", {"number": incident.number}),
            ("root-causes/evaluation/<", {"pk": replay.pk, "case": case.pk}),
            ("root-causes/evaluation/sets/<", {"pk": cases.pk}),
            ("replays/<", {"pk": replay.pk, "case": case.pk}),
            ("case-sets/<", {"pk": cases.pk}),
            ("root-causes/telemetry/<", {"slug": source.slug}),
            ("telemetry/<", {"slug": source.slug, "pk": file.pk}),
            ("root-causes/telemetry/files/<", {"pk": file.pk}),
        )
    )
