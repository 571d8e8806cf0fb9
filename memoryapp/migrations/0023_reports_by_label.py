from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations, models

from memoryapp.resumable import Resumable


class Migration(Resumable):
    # Nothing waits for the tables while they are indexed.

    dependencies = [
        ("memoryapp", "0022_deleted_workspaces"),
    ]

    operations = [
        migrations.AddField(
            model_name="report",
            name="label",
            field=models.CharField(blank=True, db_default="", default="", max_length=40),
        ),
        AddIndexConcurrently(
            model_name="pullreceipt",
            index=models.Index(
                fields=["release", "key", "agent", "-pulled_at"], name="receipts_of_agent"
            ),
        ),
        AddIndexConcurrently(
            model_name="report",
            index=models.Index(
                fields=["release", "label", "outcome", "created_at"], name="outcomes_by_label"
            ),
        ),
        RemoveIndexConcurrently(
            model_name="report",
            name="memoryapp_r_release_7e9913_idx",
        ),
    ]
