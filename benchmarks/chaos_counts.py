"""What a mixed trial of chaos left in the rows, held to what its senders were told.

Runs in the product's own shell. ``main`` prints one JSON object: figure to its value and the value
that an undisturbed product must give, null where there is none.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from django.db import connection
from django.db.models import Count, F, Q

from benchmarks.chaos_senders import digest
from memoryapp.domain.webhooks import TOLD_BY_EVENT
from memoryapp.models import (
    Bullet,
    BulletRevision,
    Candidate,
    Delivery,
    Event,
    PullCount,
    PullReceipt,
    Release,
    Report,
    Vote,
    Webhook,
)
from practice.models import (
    Analysis,
    Attempt,
    Incident,
    IncidentAlert,
    LedgerEntry,
    PracticeRecord,
    PracticeTask,
    Replay,
    Run,
    SentSpan,
    SentTrace,
    SentTrajectory,
    Step,
    TelemetryFile,
    Unit,
)

Rows = list[dict[str, Any]]
Figures = dict[str, tuple[Any, Any]]
#: counts that triggers keep, each beside the same count of the rows; a line is a difference.
TALLIES = {
    "bullets": """
      SELECT workspace, status, section, use, sum(amount), sum(tokens) FROM (
        SELECT p.workspace_id AS workspace, b.status, b.section,
               CASE WHEN deployed_helpful + deployed_harmful > 0 THEN 'live'
                    WHEN practice_helpful + practice_harmful + verified_wins + verified_losses > 0
                    THEN 'practice' ELSE 'never' END AS use,
               1 AS amount, (length(content) + 3) / 4 AS tokens
        FROM memoryapp_bullet b JOIN memoryapp_playbook p ON p.id = b.playbook_id
        UNION ALL
        SELECT workspace_id, status, section, use, -amount, -token_sum FROM memoryapp_tally
        WHERE kind = 'bullet' AND playbook_id IS {null} NULL
      ) AS both_counts GROUP BY 1, 2, 3, 4 HAVING sum(amount) <> 0 OR sum(tokens) <> 0""",
    "candidates": """
      SELECT workspace, status, section, op, sum(amount) FROM (
        SELECT workspace_id AS workspace, status, section, op, 1 AS amount FROM memoryapp_candidate
        UNION ALL
        SELECT workspace_id, status, section, use, -amount FROM memoryapp_tally
        WHERE kind = 'candidate' AND playbook_id IS {null} NULL
      ) AS both_counts GROUP BY 1, 2, 3, 4 HAVING sum(amount) <> 0""",
    "attempts": """
      SELECT label, status, outcome, is_trial, sum(amount) FROM (
        SELECT label, status, outcome, arm_id IS NOT NULL AS is_trial, 1 AS amount
        FROM practice_attempt
        UNION ALL
        SELECT label, status, outcome, is_trial, -amount FROM practice_attempttally
        WHERE run_id IS {null} NULL AND environment_id IS {null} NULL
      ) AS both_counts GROUP BY 1, 2, 3, 4 HAVING sum(amount) <> 0""",
    "tools": """
      SELECT tool, sum(tasks), sum(worked) FROM (
        SELECT c.value ->> 0 AS tool, 1 AS tasks,
               max((NOT (c.value ->> 1)::boolean)::int) AS worked
        FROM practice_practicerecord r
        JOIN practice_practicetask t ON t.id = r.task_id AND NOT t.is_held_out
        CROSS JOIN LATERAL jsonb_array_elements(r.calls) AS c (value)
        GROUP BY r.id, c.value ->> 0
        UNION ALL
        SELECT tool, -practised, -worked FROM practice_tooltally
      ) AS both_counts GROUP BY 1
      HAVING sum(tasks) <> 0 OR sum(worked) <> 0""",
}


def main(folder: str) -> None:
    data = Path(folder)
    told: dict[str, Rows] = defaultdict(list)
    for line in (data / "acknowledged.jsonl").read_text().splitlines():
        said = json.loads(line)
        told[said["kind"]].append(said)
    heard = json.loads((data / "heard.json").read_text())
    found: Figures = {
        "acknowledged": ({kind: len(rows) for kind, rows in sorted(told.items())}, None),
        **lost(told),
        **practised(told["run"]),
        **ingested(told),
        **decided(told["decision"]),
        **analysed(told),
        **delivered(heard),
        **counted(),
    }
    print(json.dumps(found))  # to whoever asked, through a pipe


def lost(told: dict[str, Rows]) -> Figures:
    """Acknowledged writes that are not there just once with what they said."""
    texts = Counter(Bullet.objects.values_list("content", flat=True))
    proposed = Counter(Candidate.objects.values_list("content", flat=True))
    said = {
        (label, number): content
        for label, number, content in BulletRevision.objects.filter(
            bullet__playbook__slug="chaos"
        ).values_list("bullet__label", "number", "content")
    }
    written = [*told["bullet"], *told["revision"]]
    added = BulletRevision.objects.filter(number=1, bullet__playbook__slug="chaos")
    first = Counter(added.values_list("content", flat=True))
    releases = {
        number: (notes, digest(digests))
        for number, notes, digests in Release.objects.filter(playbook__slug="chaos").values_list(
            "number", "notes", "digests"
        )
    }
    notes = Counter(notes for notes, _ in releases.values())
    return {
        "bullets_lost": (sum(said.get(_of(r)) != r["content"] for r in written), 0),
        "bullets_doubled": (sum(first[r["content"]] != 1 for r in told["bullet"]), 0),
        "imported_lost_or_doubled": (sum(texts[r["content"]] != 1 for r in told["imported"]), 0),
        "proposed_lost_or_doubled": (sum(proposed[r["content"]] != 1 for r in told["proposed"]), 0),
        "not_imported": (told["not_imported"][:3], []),
        "releases_lost": (
            sum(releases.get(r["number"]) != (r["notes"], r["digests"]) for r in told["release"]),
            0,
        ),
        "releases_doubled": (sum(notes[r["notes"]] != 1 for r in told["release"]), 0),
        "repeats_refused": (len(told["repeat_refused"]), 0),
        "exports_slow_or_torn": (
            sum(r["status"] in ("slow", "torn") for r in told["export"]),
            0,
        ),
        "exports_by_status": (Counter(r["status"] for r in told["export"]), None),
    }


def _of(row: dict[str, Any]) -> tuple[str, int]:
    return row["label"], row["number"]


def practised(told: Rows) -> Figures:
    """The runs that were acknowledged: ended, each attempt whole, nothing paid twice or not."""
    asked = {row["number"] for row in told}
    runs = Run.objects.filter(kind=Run.Kind.PRACTICE)
    units = Unit.objects.filter(run__kind__in=[Run.Kind.PRACTICE, Run.Kind.ONLINE])
    attempts = Attempt.objects.filter(run__in=runs)
    paid = LedgerEntry.objects.values("unit", "role").annotate(n=Count("pk")).filter(n__gt=1)
    done = units.filter(status=Unit.Status.DONE, ledger=None).exclude(stage="admit")
    by_label = Counter(attempts.values_list("label", flat=True))
    chosen = PracticeTask.objects.filter(round__run__in=runs, drop_reason="").count()
    judged = attempts.exclude(label="").values("task").distinct().count()
    return {
        "runs_lost": (len(asked - set(runs.values_list("number", flat=True))), 0),
        "runs_by_status": (Counter(runs.values_list("status", flat=True)), None),
        "runs_doubled": (runs.count() - len(asked), 0),
        "attempts_of_chosen": (attempts.count(), chosen),
        "attempts_by_label": (by_label, None),
        "attempts_given_up": (
            attempts.filter(label="", status="infrastructure_error").count(),
            None,
        ),
        "attempts_unjudged_otherwise": (
            attempts.filter(label="").exclude(status="infrastructure_error").count(),
            0,
        ),
        "records_of_judged": (PracticeRecord.objects.filter(run__in=runs).count(), judged),
        "units_by_status": (Counter(units.values_list("status", flat=True)), None),
        "units_failed_by": (
            Counter(units.filter(status="failed").values_list("message", flat=True)).most_common(5),
            None,
        ),
        "trajectories_torn": (_torn(Attempt.objects.exclude(status="cancelled")), 0),
        "ledger_entries_doubled": (paid.count(), 0),
        "ledger_entries_lost": (done.count(), 0),
    }


def _torn(attempts: Any) -> int:
    """Attempts whose current try misses a step or has one too many."""
    steps = Step.objects.filter(try_number=F("attempt__current_try")).values_list(
        "attempt", "number"
    )
    numbers: dict[int, list[int]] = defaultdict(list)
    for attempt, number in steps.order_by("attempt", "number"):
        numbers[attempt].append(number)
    return sum(
        numbers[pk] != list(range(1, count + 1))
        for pk, count in attempts.values_list("pk", "step_count")
    )


def ingested(told: dict[str, Rows]) -> Figures:
    """Traces, trajectories, reports and files: each once, with just what was sent."""
    sent = {row.external_id: row for row in SentTrajectory.objects.all()}
    wanted = [*told["trajectory"], *told["trace"]]
    attempts: dict[int, list[Any]] = defaultdict(list)
    taught = Step.objects.filter(attempt__sent_as__isnull=False).order_by("attempt", "number")
    for row in taught.values("attempt", "tool", "arguments", "observation"):
        attempts[row["attempt"]].append([row["tool"], row["arguments"], row["observation"]])
    reports = {row.task: row for row in Report.objects.prefetch_related("votes__bullet")}
    votes = {
        task: {vote.bullet.label: vote.value for vote in row.votes.all()}
        for task, row in reports.items()
    }
    files = dict(TelemetryFile.objects.values_list("pk", "digest"))
    read = dict(TelemetryFile.objects.filter(status="done").values_list("pk", "rows"))
    return {
        "trajectories_lost": (
            sum(
                row["id"] not in sent or _steps(sent[row["id"]].steps) != row["steps"]
                for row in wanted
            ),
            0,
        ),
        "trajectories_by_status": (Counter(row.status for row in sent.values()), None),
        "trajectories_learned_otherwise": (
            sum(
                digest(attempts[sent[row["id"]].attempt_id]) != row["steps"]
                for row in wanted
                if row["id"] in sent and sent[row["id"]].attempt_id
            ),
            0,
        ),
        "traces_by_status": (Counter(SentTrace.objects.values_list("status", flat=True)), None),
        "spans_left": (SentSpan.objects.count(), 0),
        "reports_lost": (
            sum(
                votes.get(row["task"]) != row["votes"]
                or reports[row["task"]].outcome != row["outcome"]
                for row in told["report"]
            ),
            0,
        ),
        "files_lost": (sum(files.get(row["id"]) != row["sha256"] for row in told["file"]), 0),
        "files_read_otherwise": (
            sum(read.get(row["id"], row["rows"]) != row["rows"] for row in told["file"]),
            0,
        ),
        "files_by_status": (
            Counter(TelemetryFile.objects.values_list("status", flat=True)),
            {"done": TelemetryFile.objects.count()},
        ),
    }


def _steps(steps: Iterable[dict[str, Any]]) -> str:
    return digest([[s["tool"], s["arguments"], s["observation"]] for s in steps])


def decided(told: Rows) -> Figures:
    """Decisions: the last word stands, and what was admitted is one bullet, once."""
    last = {row["id"]: row["status"] for row in told}
    now = {str(pk): status for pk, status in Candidate.objects.values_list("pk", "status")}
    kinds = ("approved", "rejected", "reopened", "admitted")
    events = Counter(
        Event.objects.filter(kind__in=[f"candidate.{kind}" for kind in kinds]).values_list(
            "subject_id", "kind"
        )
    )
    doubled = 0
    for candidate, status in now.items():
        seen = {kind: events[candidate, f"candidate.{kind}"] for kind in kinds}
        settled = seen["approved"] + seen["rejected"] + seen["admitted"] - seen["reopened"]
        doubled += settled != (status in ("approved", "rejected"))
    made = Candidate.objects.filter(status="approved", op="ADD").annotate(
        bullets=Count("revisions__bullet", distinct=True)
    )
    lessons = Candidate.objects.filter(status="pending").values(
        "playbook", "op", "section", "content"
    )
    return {
        "decisions_lost": (sum(now.get(pk) != status for pk, status in last.items()), 0),
        "decisions_doubled": (doubled, 0),
        "admissions_not_one_bullet": (made.exclude(bullets=1).count(), 0),
        "candidates_doubled": (lessons.annotate(n=Count("pk")).filter(n__gt=1).count(), 0),
        "candidates_by_status": (Counter(now.values()), None),
    }


def analysed(told: dict[str, Rows]) -> Figures:
    """Incidents: each once, each alert in one of them, each with an answer in the end."""
    numbers = Counter(Incident.objects.values_list("number", flat=True))
    asked = [*told["incident"], *told["cause"]]
    alerts = Counter(IncidentAlert.objects.values_list("external_id", flat=True))
    opened = {row["alert"] for row in told["incident"]}
    newest = Analysis.objects.order_by("incident_id", "-number").distinct("incident_id")
    ends = {row.incident_id: row for row in newest.defer("result", "panels")}
    silent = [row.message[:120] for row in ends.values() if row.status != "done"]
    answered = {row["number"]: row["outcome"] for row in told["answer"]}
    outcomes = dict(Incident.objects.values_list("number", "outcome"))
    attempts = Incident.objects.exclude(attempt=None).values("attempt").annotate(n=Count("pk"))
    states = Counter(replay.state for replay in Replay.objects.all())
    return {
        "incidents_lost": (sum(not numbers[row["number"]] for row in asked), 0),
        "incidents_doubled": (
            sum(alerts[alert] > 1 for alert in opened) + attempts.filter(n__gt=1).count(),
            0,
        ),
        "alerts_lost_or_doubled": (sum(alerts[row["id"]] != 1 for row in told["alert"]), 0),
        "incidents_without_analysis": (Incident.objects.filter(analyses=None).count(), 0),
        "incidents_without_answer": (len(silent), 0),
        "analyses_that_failed": (
            Counter(
                Analysis.objects.filter(status="failed").values_list("message", flat=True)
            ).most_common(5),
            None,
        ),
        "unanswered_at_first": (len(told["unanswered"]), None),
        "answers_changed": (
            sum(outcomes.get(number) in (None, "") for number in answered),
            0,
        ),
        "replays_by_state": (states, {"finished": states.total()} if states else {}),
    }


def delivered(heard: dict[str, int]) -> Figures:
    """Messages: one for each thing that happened, and each heard."""
    webhook = Webhook.objects.get()
    kinds = [event for event, kind in TOLD_BY_EVENT.items() if kind in webhook.kinds]
    happened = Event.objects.filter(kind__in=kinds, created_at__gt=webhook.created_at).count()
    rows = dict(Delivery.objects.values_list("pk", "status"))
    return {
        "messages_of_events": (len(rows), happened),
        "messages_by_status": (Counter(rows.values()), None),
        "messages_given_up": (Counter(rows.values())["failed"], 0),
        "messages_not_heard": (
            sum(str(pk) not in heard for pk, status in rows.items() if status == "delivered"),
            0,
        ),
        "messages_heard_again": (sum(heard.values()) - len(heard), None),
    }


def counted() -> Figures:
    """Counters beside the rows they count."""
    votes = Vote.objects.order_by().values("bullet")
    helpful = dict(votes.filter(value="helpful").annotate(n=Count("pk")).values_list("bullet", "n"))
    harmful = dict(votes.filter(value="harmful").annotate(n=Count("pk")).values_list("bullet", "n"))
    bullets = Bullet.objects.values_list("pk", "deployed_helpful", "deployed_harmful")
    off = sum((helpful.get(pk, 0), harmful.get(pk, 0)) != (up, down) for pk, up, down in bullets)
    revised = Bullet.objects.annotate(n=Count("revisions")).exclude(n=F("revision_count"))
    pulls = sum(PullCount.objects.values_list("pulls", flat=True))
    found: Figures = {
        "votes_counted_otherwise": (off, 0),
        "revisions_counted_otherwise": (revised.count(), 0),
        "bullets_unlike_their_newest_revision": (_unlike_newest(), 0),
        "pulls_counted": (pulls, PullReceipt.objects.count()),
        "step_counts_otherwise": (
            Attempt.objects.annotate(n=Count("steps", filter=Q(steps__try_number=F("current_try"))))
            .exclude(Q(n=F("step_count")) | Q(status="cancelled"))
            .count(),
            0,
        ),
    }
    with connection.cursor() as cursor:
        for name, statement in TALLIES.items():
            for scope, null in (("all", ""), ("parts", "NOT")):
                cursor.execute(statement.format(null=null))
                found[f"tally_of_{name}_{scope}_off"] = (len(cursor.fetchall()), 0)
    return found


def _unlike_newest() -> int:
    newest = BulletRevision.objects.filter(number=F("bullet__revision_count"))
    same = Q(content=F("bullet__content"), status=F("bullet__status"))
    return newest.exclude(same).count() + Bullet.objects.count() - newest.count()
