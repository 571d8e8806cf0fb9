from django.db import migrations

#: candidates name the environment of the run they came from, bullets that of their first one.
FILL = """
UPDATE memoryapp_candidate c SET origin_environment = e.name
FROM practice_run r JOIN practice_environment e ON e.id = r.environment_id
WHERE c.origin_kind = 'run' AND r.workspace_id = c.workspace_id
  AND c.origin_link = '/practice/runs/' || r.number || '/';
UPDATE memoryapp_bullet b SET environment = taught.environment FROM (
  SELECT DISTINCT ON (r.bullet_id) r.bullet_id, c.origin_environment AS environment
  FROM memoryapp_bulletrevision r JOIN memoryapp_candidate c ON c.id = r.candidate_id
  WHERE c.origin_environment <> '' ORDER BY r.bullet_id, r.number
) taught WHERE taught.bullet_id = b.id;
"""


class Migration(migrations.Migration):

    dependencies = [
        ('practice', '0009_seed_outcomes'),
        ('memoryapp', '0012_facets'),
    ]

    operations = [migrations.RunSQL(FILL, migrations.RunSQL.noop)]
