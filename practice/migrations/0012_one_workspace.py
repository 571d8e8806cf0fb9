"""Rows that point at two things of different workspaces are refused by the database itself.

A trigger per table compares the workspaces that its columns lead to, whenever one of them is
written. docs/adr/0007 says why triggers. It stands in the last app, because tables of both are
in it; tests/project/test_one_workspace.py fails on a table that is missing here.
"""

from django.db import migrations

#: how a key leads to its workspace.
WORKSPACE_OF = {
    "playbook": "SELECT workspace_id FROM memoryapp_playbook WHERE id = $1",
    "bullet": """SELECT p.workspace_id FROM memoryapp_bullet b
        JOIN memoryapp_playbook p ON p.id = b.playbook_id WHERE b.id = $1""",
    "bulletrevision": """SELECT p.workspace_id FROM memoryapp_bulletrevision r
        JOIN memoryapp_bullet b ON b.id = r.bullet_id
        JOIN memoryapp_playbook p ON p.id = b.playbook_id WHERE r.id = $1""",
    "candidate": "SELECT workspace_id FROM memoryapp_candidate WHERE id = $1",
    "release": """SELECT p.workspace_id FROM memoryapp_release r
        JOIN memoryapp_playbook p ON p.id = r.playbook_id WHERE r.id = $1""",
    "reviewpolicy": """SELECT p.workspace_id FROM memoryapp_reviewpolicy r
        JOIN memoryapp_playbook p ON p.id = r.playbook_id WHERE r.id = $1""",
    "report": """SELECT p.workspace_id FROM memoryapp_report o
        JOIN memoryapp_release r ON r.id = o.release_id
        JOIN memoryapp_playbook p ON p.id = r.playbook_id WHERE o.id = $1""",
    "apikey": "SELECT workspace_id FROM memoryapp_apikey WHERE id = $1",
    "membership": "SELECT workspace_id FROM memoryapp_membership WHERE id = $1",
    "bulkdecision": "SELECT workspace_id FROM memoryapp_bulkdecision WHERE id = $1",
    "bulkchange": "SELECT workspace_id FROM memoryapp_bulkchange WHERE id = $1",
    "environment": "SELECT workspace_id FROM practice_environment WHERE id = $1",
    "environmentsnapshot": """SELECT e.workspace_id FROM practice_environmentsnapshot s
        JOIN practice_environment e ON e.id = s.environment_id WHERE s.id = $1""",
    "run": "SELECT workspace_id FROM practice_run WHERE id = $1",
    "practicetask": """SELECT r.workspace_id FROM practice_practicetask t
        JOIN practice_round o ON o.id = t.round_id
        JOIN practice_run r ON r.id = o.run_id WHERE t.id = $1""",
    "attempt": """SELECT r.workspace_id FROM practice_attempt a
        JOIN practice_run r ON r.id = a.run_id WHERE a.id = $1""",
    "arm": """SELECT r.workspace_id FROM practice_arm a
        JOIN practice_run r ON r.id = a.run_id WHERE a.id = $1""",
    "unit": """SELECT r.workspace_id FROM practice_unit u
        JOIN practice_run r ON r.id = u.run_id WHERE u.id = $1""",
    "lesson": """SELECT r.workspace_id FROM practice_lesson l
        JOIN practice_run r ON r.id = l.run_id WHERE l.id = $1""",
    "prompttrial": """SELECT e.workspace_id FROM practice_prompttrial t
        JOIN practice_environment e ON e.id = t.environment_id WHERE t.id = $1""",
    "telemetrysource": "SELECT workspace_id FROM practice_telemetrysource WHERE id = $1",
    "incident": "SELECT workspace_id FROM practice_incident WHERE id = $1",
    "analysis": """SELECT i.workspace_id FROM practice_analysis a
        JOIN practice_incident i ON i.id = a.incident_id WHERE a.id = $1""",
}
UUIDS = {"bullet", "candidate", "run"}

#: tables that lead to a workspace by more than one column: column to what it points at.
TABLES = {
    "memoryapp_candidate": {
        "workspace_id": "", "playbook_id": "playbook", "policy_id": "reviewpolicy",
        "superseded_by_id": "candidate",
    },
    "memoryapp_candidate_targets": {"candidate_id": "candidate", "bullet_id": "bullet"},
    "memoryapp_bullet": {"playbook_id": "playbook", "wording_id": "bulletrevision"},
    "memoryapp_bulletrevision": {"bullet_id": "bullet", "candidate_id": "candidate"},
    "memoryapp_bulletvector": {"revision_id": "bulletrevision", "playbook_id": "playbook"},
    "memoryapp_evaluation": {"playbook_id": "playbook", "release_id": "release"},
    "memoryapp_pullreceipt": {"release_id": "release", "key_id": "apikey"},
    "memoryapp_report": {"release_id": "release", "key_id": "apikey"},
    "memoryapp_vote": {"report_id": "report", "bullet_id": "bullet"},
    "memoryapp_release": {"playbook_id": "playbook", "replacement_id": "release"},
    "memoryapp_releaselabel": {
        "playbook_id": "playbook", "release_id": "release", "canary_id": "release",
    },
    "memoryapp_labelmove": {
        "playbook_id": "playbook", "from_release_id": "release", "to_release_id": "release",
    },
    "memoryapp_reservation": {"membership_id": "membership", "candidate_id": "candidate"},
    "memoryapp_bulkdecision": {"workspace_id": "", "undoes_id": "bulkdecision"},
    "memoryapp_bulkoutcome": {"bulk_id": "bulkdecision", "candidate_id": "candidate"},
    "memoryapp_bulkchange": {"workspace_id": "", "undoes_id": "bulkchange"},
    "memoryapp_bulkchangeoutcome": {"bulk_id": "bulkchange", "bullet_id": "bullet"},
    "memoryapp_tally": {"workspace_id": "", "playbook_id": "playbook"},
    "memoryapp_apikey_playbooks": {"apikey_id": "apikey", "playbook_id": "playbook"},
    "memoryapp_recalltrace": {"workspace_id": "", "release_id": "release", "key_id": "apikey"},
    "practice_run": {
        "workspace_id": "", "environment_id": "environment", "playbook_id": "playbook",
        "snapshot_id": "environmentsnapshot",
    },
    "practice_attempt": {"task_id": "practicetask", "run_id": "run", "arm_id": "arm"},
    "practice_modelcall": {
        "workspace_id": "", "run_id": "run", "unit_id": "unit", "attempt_id": "attempt",
        "trial_id": "prompttrial",
    },
    "practice_prompttrial": {"environment_id": "environment", "attempt_id": "attempt"},
    "practice_senttrajectory": {
        "environment_id": "environment", "playbook_id": "playbook", "attempt_id": "attempt",
    },
    "practice_senttrace": {"environment_id": "environment", "playbook_id": "playbook"},
    "practice_environmentfact": {
        "environment_id": "environment", "run_id": "run", "task_id": "practicetask",
    },
    "practice_practicerecord": {
        "environment_id": "environment", "task_id": "practicetask", "run_id": "run",
    },
    "practice_steering": {"environment_id": "environment", "task_id": "practicetask"},
    "practice_incident": {
        "workspace_id": "", "source_id": "telemetrysource", "attempt_id": "attempt",
    },
    "practice_keptverdict": {"workspace_id": "", "analysis_id": "analysis"},
    "practice_ledgerentry": {"run_id": "run", "unit_id": "unit"},
    "practice_attempttally": {
        "workspace_id": "", "environment_id": "environment", "run_id": "run",
    },
    "practice_telemetryfile": {"source_id": "telemetrysource", "incident_id": "incident"},
    "practice_arm": {"run_id": "run", "lesson_id": "lesson"},
    "practice_lesson": {"run_id": "run", "attempt_id": "attempt", "candidate_id": "candidate"},
    "practice_experiment": {"run_id": "run", "release_id": "release"},
}
#: a row of these never moves to another workspace, or what hangs on it would move unseen.
ROOTS = (
    "memoryapp_apikey", "memoryapp_bulkchange", "memoryapp_bulkdecision", "memoryapp_candidate", "memoryapp_membership",
    "memoryapp_playbook", "practice_environment", "practice_incident", "practice_run",
    "practice_telemetrysource",
)


def lookups():
    for kind, query in WORKSPACE_OF.items():
        of = "uuid" if kind in UUIDS else "bigint"
        yield (
            f"CREATE FUNCTION greenroom_workspace_of_{kind}({of}) RETURNS bigint "
            f"LANGUAGE sql STABLE AS $body$ {query} $body$",
            f"DROP FUNCTION greenroom_workspace_of_{kind}({of})",
        )


def checks():
    for table, columns in TABLES.items():
        found = ", ".join(
            f"(greenroom_workspace_of_{kind}(NEW.{column}))" if kind else f"(NEW.{column})"
            for column, kind in columns.items()
        )
        name = f"greenroom_check_{table}"
        yield (
            f"""CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $body$
            BEGIN
              IF (SELECT min(w) <> max(w) FROM (VALUES {found}) AS found (w)) THEN
                RAISE EXCEPTION 'A row of {table} would join two workspaces.'
                  USING ERRCODE = 'integrity_constraint_violation';
              END IF;
              RETURN NULL;
            END $body$""",
            f"DROP FUNCTION {name}()",
        )
        yield (
            f"CREATE TRIGGER one_workspace AFTER INSERT OR UPDATE OF {', '.join(columns)} "
            f"ON {table} FOR EACH ROW EXECUTE FUNCTION {name}()",
            f"DROP TRIGGER one_workspace ON {table}",
        )


def roots():
    yield (
        """CREATE FUNCTION greenroom_stays() RETURNS trigger LANGUAGE plpgsql AS $body$
        BEGIN
          RAISE EXCEPTION 'A row of % does not move to another workspace.', TG_TABLE_NAME
            USING ERRCODE = 'integrity_constraint_violation';
        END $body$""",
        "DROP FUNCTION greenroom_stays()",
    )
    for table in ROOTS:
        yield (
            f"CREATE TRIGGER stays BEFORE UPDATE OF workspace_id ON {table} FOR EACH ROW "
            "WHEN (OLD.workspace_id IS DISTINCT FROM NEW.workspace_id) "
            "EXECUTE FUNCTION greenroom_stays()",
            f"DROP TRIGGER stays ON {table}",
        )


class Migration(migrations.Migration):
    dependencies = [
        ("memoryapp", "0015_trust"),
        ("practice", "0011_tools_counted"),
    ]

    operations = [
        migrations.RunSQL(sql, reverse) for part in (lookups, checks, roots) for sql, reverse in part()
    ]
