"""What generated requests find: one of most things in a workspace, and a key for each role."""

from __future__ import annotations

from typing import Any

from memoryapp.models import Webhook, Workspace
from memoryapp.models.tokens import Scope
from memoryapp.services.releases import release_publish
from memoryapp.services.tokens import api_key_create
from tests import factories as f
from tests.fuzzing import ROLES, World

AGENT = (Scope.PULL, Scope.FEEDBACK, Scope.TRAJECTORIES)
#: keys in use get ids no generated request names, or an admin would revoke itself.
OUT_OF_REACH = 7_000_000_000


def make_world() -> World:
    """Fill the workspace ``main`` with one of most things, and make a key for each role."""
    workspace = f.WorkspaceFactory(slug="main", name="Main")
    world = World()
    people = {
        role: f.MembershipFactory(workspace=workspace, user__username=f"fuzz-{role}", role=role)
        for role in ("admin", "reviewer", "viewer")
    }
    spare = _key(workspace, people["admin"].user, list(Scope))[0]
    for role in ROLES[1:]:
        maker = people.get(role, people["admin"]).user
        row, key = _key(workspace, maker, AGENT if role == "agent" else list(Scope))
        type(row).objects.filter(pk=row.pk).update(id=OUT_OF_REACH + row.pk)
        world.keys[role] = key
    world.known = _things(workspace, people["admin"].user, spare.pk)
    return world


def _key(workspace: Workspace, by: Any, scopes: Any) -> tuple[Any, str]:
    return api_key_create(workspace=workspace, name="fuzz", scopes=scopes, by=by, rate_limit=0)


def _things(workspace: Workspace, by: Any, key: int) -> dict[str, dict[str, Any]]:
    playbook = f.PlaybookFactory(workspace=workspace, slug="fuzz-book")
    for label in ("production", ""):
        bullet = f.BulletFactory(playbook=playbook)
        release_publish(playbook=playbook, by=by, label=label)
    candidate = f.CandidateFactory(playbook=playbook)
    f.EvidenceFactory(candidate=candidate)
    environment = f.EnvironmentFactory(workspace=workspace, slug="fuzz-desk")
    f.ToolFactory(environment=environment)
    run = f.RunFactory(
        workspace=workspace, environment=environment, playbook=playbook, number=7_001
    )
    attempt = f.AttemptFactory(
        task__round__run=run, label="failure", answer="No.", outcome="finished"
    )
    f.StepFactory(attempt=attempt)
    incident = f.IncidentFactory(workspace=workspace, number=7_001)
    call = f.CallFactory(run=run)
    source = workspace.telemetry_sources.create(name="Shop", slug="fuzz-shop")
    recall = workspace.recall_traces.create(query="refund")
    hook = Webhook(
        workspace=workspace, url="http://127.0.0.1:9/", kinds=["run.finished"], created_by=by
    )
    hook.keep_secret(b"x" * 32)
    hook.save()
    export = workspace.exports.create(status="removed")
    return {
        "/api/v1/playbooks/": {
            "slug": playbook.slug,
            "name": "production",
            "version": 1,
            "label": bullet.label,
        },
        "/api/v1/environments/": {"slug": environment.slug},
        "/api/v1/telemetry/": {"slug": source.slug},
        "/api/v1/candidates/": {"id": str(candidate.pk)},
        "/api/v1/runs/": {"number": run.number},
        "/api/v1/attempts/": {"id": attempt.pk},
        "/api/v1/incidents/": {"number": incident.number},
        "/api/v1/model-calls/": {"id": call.pk},
        "/api/v1/recalls/": {"id": str(recall.pk)},
        "/api/v1/webhooks/": {"id": hook.pk},
        "/api/v1/workspace/exports/": {"id": export.pk},
        "/api/v1/keys/": {"id": key},
    }
