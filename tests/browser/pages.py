"""Every page of the product, for the tests that walk them all.

``tests/project/test_pages.py`` fails when an address is in no list here.
"""

from __future__ import annotations

import json

from benchmarks.product_api import in_shell
from tests.product import Product

#: Addresses as the product of the browser tests has them. ``{…}`` stands for a row that
#: ``with_rows`` makes.
PAGES = (
    "/",
    "/review/",
    "/review/?status=approved",
    "/review/bulk/",
    "/review/progress/",
    "/playbooks/help-desk/policy/",
    "/playbooks/",
    "/playbooks/help-desk/",
    "/playbooks/help-desk/?tab=releases",
    "/playbooks/help-desk/?tab=use",
    "/playbooks/help-desk/releases/1/",
    "/playbooks/help-desk/labels/walked/",
    "/playbooks/help-desk/import/",
    "/playbooks/help-desk/?arrange=1",
    "/playbooks/help-desk/?tab=sources",
    "/memory/",
    "/memory/?q=before&sort=best",
    "/memory/?facets=counted&kind=run",
    "/memory/bulk/",
    "/memory/pulls/",
    "/memory/votes/",
    "/memory/duplicates/",
    "/memory/recalls/",
    "/trajectories/",
    "/trajectories/1/",
    "/trajectories/1/?view=tree&find=order",
    "/trajectories/1/compare/2/",
    "/trajectories/1/steps/{step}/",
    "/practice/",
    "/practice/new/",
    "/practice/runs/1/",
    "/practice/runs/1/compare/",
    "/practice/costs/",
    "/practice/calls/",
    "/practice/experiments/",
    "/practice/experiments/new/",
    "/practice/calibration/",
    "/environments/",
    "/environments/new/",
    "/environments/help-desk/",
    "/environments/help-desk/access/",
    "/environments/help-desk/prompts/",
    "/environments/help-desk/prompts/solver/",
    "/coverage/",
    "/root-causes/",
    "/root-causes/1/",
    "/root-causes/new/",
    "/root-causes/telemetry/",
    "/root-causes/telemetry/train-tickets-sample/",
    "/root-causes/evaluation/",
    "/analytics/?days=7",
    "/environments/help-desk/memory/",
    "/environments/help-desk/memory/?tab=pairs",
    "/environments/help-desk/memory/?tab=facts",
    "/environments/help-desk/memory/?tab=wishes",
    "/environments/help-desk/memory/?tab=shown",
    "/environments/help-desk/memory/?tab=files",
    "/settings/keys/",
    "/settings/members/",
    "/settings/workspace/",
    "/settings/webhooks/",
    "/settings/models/",
    "/settings/retention/",
    "/settings/export/",
    "/settings/audit/",
    "/settings/redaction/",
    "/password/change/",
    "/account/second-factor/",
    "/account/second-factor/webauthn/",
    "/account/sessions/",
    "/account/services/",
    "/email/",
    "/design/",
    "/palette/?q=refund",
    "/review/#queue",
    "/review/bulk/{bulk}/",
    "/memory/bulk/{bulk_change}/",
    "/playbooks/help-desk/bullets/{bullet}/",
    "/playbooks/help-desk/bullets/{bullet}/?edit=1",
    "/playbooks/help-desk/bullets/{bullet}/graph/",
    "/playbooks/help-desk/merge/?bullet={bullet}&bullet={other}",
    "/playbooks/help-desk/undo/?origin=/practice/runs/1/",
    "/memory/recalls/{recall}/",
    "/practice/calls/{call}/",
    "/practice/experiments/{experiment}/",
    "/practice/from-agents/",
    "/environments/help-desk/prompts/trials/{trial}/",
    "/environments/help-desk/prompts/solver/compare/?from=built-in&to=built-in",
    "/root-causes/evaluation/{replay}/",
    "/root-causes/evaluation/{replay}/cases/{case}/",
    "/settings/webhooks/{webhook}/",
    "/join/",
    "/kept/",
    "/no-such-page/",
)

#: Names of addresses that are no page, and what they are.
NO_PAGES = {
    "healthz": "for probes",
    "readyz": "for probes",
    "metrics": "for Prometheus",
    "api-elsewhere": "the API",
    "join-link": "leads to /join/",
    "candidate-detail": "leads to the review page of a candidate",
    "review-queue": "the queue column; a redirect to the page without htmx",
    "bullet-row": "a part of the bullets tab; a redirect without htmx",
    "release-download": "a file",
    "audit-export": "a file",
    "export-download": "a file",
    "memory-file": "a file",
    "incident-report": "a file",
}
#: What a placeholder may look like, to tell which page an address is.
SAMPLES = {
    "bullet": "apis-001",
    "other": "apis-002",
    "recall": "5f0c9a1e-6f0b-4a67-9d43-0c3f6d1b2a55",
    **dict.fromkeys(
        ("bulk", "bulk_change", "call", "case", "experiment", "replay", "step", "trial", "webhook"),
        "1",
    ),
}

_MAKE_ROWS = """
import json
from django.utils import timezone
from memoryapp.models import BulkDecision, Playbook
from memoryapp.queries.browsing import EntryFilter
from memoryapp.services.bulk_changes import bulk_change_continue, bulk_change_start
from memoryapp.services.releases import label_move
from memoryapp.services.retrieval import live_scope, memory_retrieve
from memoryapp.services.webhooks import webhook_create
from practice.agents.prompting import built_in_text
from practice.models import Attempt, CaseSet, PromptTrial, Run, Step
from practice.domain.rootcause import serial
from practice.domain.rootcause.evaluation import of_trajectory
from practice.domain.rootcause.trajectories import Action, analyse_trajectory
from practice.orchestrator import observations
from practice.services.experiments import experiment_start
from practice.services.case_sets import case_set_send
from tests.factories import CallFactory
from tests.practice.case_sets import trajectory_files, zipped

playbook, now = Playbook.objects.get(slug="help-desk"), timezone.now()
workspace, first = playbook.workspace, Run.objects.get(number=1)
by = first.started_by
labels = [row.label for row in playbook.bullets.live().order_by("label")[:2]]
bulk = BulkDecision.objects.create(
    workspace=workspace, action="approve", query={"filter": {}, "chosen": []}, total=0,
    asked_by=by, ended_at=now)
change = bulk_change_start(
    workspace=workspace, action="tag", asked=EntryFilter(), chosen=[], value="walked", reason="",
    by=by)
bulk_change_continue(bulk=change, by=by)
webhook, _ = webhook_create(
    workspace=workspace, url="http://127.0.0.1:9/hook", kinds=["incident.analyzed"], by=by)
release = playbook.releases.get(number=1)
label_move(playbook=playbook, name="walked", release=release, by=by)
found = memory_retrieve(
    workspace=workspace, query="refund", keep_trace=True,
    scope=live_scope([playbook], sections=[], statuses=["approved"]))
experiment = experiment_start(
    environment=first.environment, playbook=playbook, engine="rules", by=by, tasks=1)
trial = PromptTrial.objects.create(
    environment=first.environment, role="reflector", text=built_in_text("reflector"),
    attempt=Attempt.objects.filter(run=first).exclude(label="").first(), status="failed",
    message="No model is configured.", ended_at=now)
data = zipped(trajectory_files())
cases = case_set_send(workspace=workspace, name="talks.zip", data=data, by=by)
replay = cases.replays.create(
    number=1, variants=["whole"], started_by=by, ended_at=now, cancelled_at=now)
told = of_trajectory("talk-1", analyse_trajectory([Action(0, "coder", "```run()```" * 9)]), 0.1)
step = {"index": 0, "agent": "coder", "text": "run()", "is_cut": True, "rank": 1, "statement": "."}
case = replay.cases.create(
    variant="whole", case_id="talk-1", status="done", answer={
        "replayed": serial.to_json(told), "model_calls": 0, "steps": [step]})
CaseSet.objects.filter(pk=cases.pk).update(
    kind="trajectories", truths={"talk-1": {"service": "0", "agent": "coder"}})
call = CallFactory(run=first, workspace=workspace)
step = Step.objects.filter(attempt=1).order_by("pk").first()
kept = observations.keep(workspace.pk, step.observation, json.dumps([{"order": "ORD-1"}] * 900))
Step.objects.filter(pk=step.pk).update(text=kept.text)
failed = ("values_kept", "arguments_grounded", "intended_arguments_used")
for waiting in playbook.candidates.filter(status="pending"):
    waiting.scores["checks"] = [
        {"name": name, "passed": False, "detail": "Not as asked."} for name in failed]
    waiting.save(update_fields=["scores"])
print(json.dumps({"bullet": labels[0], "other": labels[1], "bulk": bulk.pk,
    "bulk_change": change.pk, "webhook": webhook.pk,
    "recall": str(found.trace), "experiment": experiment.run.number, "trial": trial.pk,
    "replay": replay.pk, "case": case.pk, "call": call.pk, "step": step.pk}))
"""


def with_rows(product: Product) -> list[str]:
    """Make one row of every kind that has a page of its own, and return all addresses."""
    said = in_shell(product.data, _MAKE_ROWS)
    made = json.loads(said.strip().splitlines()[-1])
    return [path.format(**made) for path in PAGES]
