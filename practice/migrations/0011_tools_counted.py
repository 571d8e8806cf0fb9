import django.db.models.deletion
from django.db import migrations, models


#: One statement in so many folds the parts of the environments it touched.
FOLD_SHARE = 0.03
CHANGED = {
    "INSERT": "SELECT fresh.*, 1 AS sign FROM fresh",
    "DELETE": "SELECT gone.*, -1 AS sign FROM gone",
    "UPDATE": (
        "SELECT fresh.*, 1 AS sign FROM fresh UNION ALL SELECT gone.*, -1 AS sign FROM gone"
    ),
}
REFERENCING = {
    "INSERT": "NEW TABLE AS fresh",
    "DELETE": "OLD TABLE AS gone",
    "UPDATE": "OLD TABLE AS gone NEW TABLE AS fresh",
}
COUNTS = "practised, worked, feasible_worked, infeasible, worked_at"


def _append(changed):
    """Write the parts of one statement. A call is [tool, failed] or [tool, failed, attempt]."""
    return f"""
    INSERT INTO practice_tooltally (environment_id, tool, {COUNTS})
    SELECT environment_id, tool, sum(sign),
           coalesce(sum(sign) FILTER (WHERE worked), 0),
           coalesce(sum(sign) FILTER (WHERE worked AND NOT infeasible), 0),
           coalesce(sum(sign) FILTER (WHERE infeasible), 0),
           max(created_at) FILTER (WHERE worked AND sign > 0)
    FROM (
      SELECT r.environment_id, r.sign, r.created_at, r.category = 'infeasible' AS infeasible,
             c.value ->> 0 AS tool, bool_or(NOT (c.value ->> 1)::boolean) AS worked
      FROM ({changed}) r
      -- Tasks kept for experiments are not practice.
      JOIN practice_practicetask t ON t.id = r.task_id AND NOT t.is_held_out
      CROSS JOIN LATERAL jsonb_array_elements(r.calls) AS c (value)
      GROUP BY r.id, r.sign, r.environment_id, r.created_at, r.category, c.value ->> 0
    ) used
    GROUP BY environment_id, tool;
    """


def _function(event):
    name = f"practice_tally_tool_{event.lower()}"
    return f"""
CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE scope record;
BEGIN
  {_append(CHANGED[event])}
  IF random() < {FOLD_SHARE} THEN
    FOR scope IN SELECT DISTINCT r.environment_id FROM ({CHANGED[event]}) r LOOP
      PERFORM practice_tool_fold(scope.environment_id);
    END LOOP;
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER {name} AFTER {event} ON practice_practicerecord
REFERENCING {REFERENCING[event]} FOR EACH STATEMENT EXECUTE FUNCTION {name}();
"""


FOLD = f"""
CREATE FUNCTION practice_tool_fold(environment bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  -- One folds at a time; parts of transactions still open are not seen and stay.
  IF pg_try_advisory_xact_lock(hashtext('practice_tool_tally')) THEN
    WITH parts AS (
      DELETE FROM practice_tooltally WHERE environment_id = environment RETURNING *
    )
    INSERT INTO practice_tooltally (environment_id, tool, {COUNTS})
    SELECT environment_id, tool, sum(practised), sum(worked), sum(feasible_worked),
           sum(infeasible), max(worked_at)
    FROM parts GROUP BY environment_id, tool HAVING sum(practised) <> 0;
  END IF;
END $$;
"""
EVENTS = ("INSERT", "UPDATE", "DELETE")
CREATE = FOLD + "".join(map(_function, EVENTS))
FILL = _append("SELECT t.*, 1 AS sign FROM practice_practicerecord t")
DROP = "".join(
    f"DROP TRIGGER practice_tally_tool_{event.lower()} ON practice_practicerecord;"
    f"DROP FUNCTION practice_tally_tool_{event.lower()}();"
    for event in EVENTS
) + "DROP FUNCTION practice_tool_fold(bigint);"


class Migration(migrations.Migration):

    dependencies = [
        ('practice', '0010_environment_of_candidates'),
    ]

    operations = [
        migrations.CreateModel(
            name='ToolTally',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('tool', models.CharField(max_length=200)),
                ('practised', models.IntegerField()),
                ('worked', models.IntegerField()),
                ('feasible_worked', models.IntegerField()),
                ('infeasible', models.IntegerField()),
                ('worked_at', models.DateTimeField(null=True)),
                ('environment', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='practice.environment')),
            ],
        ),
        migrations.RunSQL(CREATE + FILL, DROP),
    ]
