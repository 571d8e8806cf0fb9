import django.contrib.postgres.fields
import django.contrib.postgres.indexes
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models

from memoryapp.domain.retrieval import bands
from memoryapp.resumable import Resumable

CHUNK = 2_000


def fill(apps, schema_editor):
    """Give what waits its bands; the index is built afterwards, in one go."""
    rows = apps.get_model("memoryapp", "Candidate").objects.filter(status="pending")
    held = []
    for row in rows.only("content").iterator(chunk_size=CHUNK):
        row.bands = bands(row.content)
        held.append(row)
        if len(held) == CHUNK:
            rows.bulk_update(held, ["bands"])
            held = []
    rows.bulk_update(held, ["bands"])


class Migration(Resumable):
    # A transaction per step: PostgreSQL builds no index over rows that were changed in the same one.

    dependencies = [("memoryapp", "0010_receipts_counted")]

    operations = [
        migrations.AddField(
            model_name="candidate",
            name="bands",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.IntegerField(), editable=False, null=True, size=None
            ),
        ),
        migrations.RunPython(fill, migrations.RunPython.noop, atomic=False),
        AddIndexConcurrently(
            model_name="candidate",
            index=django.contrib.postgres.indexes.GinIndex(
                condition=models.Q(("status", "pending")), fields=["bands"], name="candidate_bands"
            ),
        ),
    ]
