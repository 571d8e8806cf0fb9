from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations, models

from memoryapp.resumable import Resumable


class Migration(Resumable):
    # Nothing waits for the tables while they are indexed.

    dependencies = [
        ("memoryapp", "0018_export_heartbeat"),
    ]

    operations = [
        AddIndexConcurrently(
            model_name="candidate",
            index=models.Index(
                fields=["workspace", "origin_environment", "-created_at"], name="newest_of_world"
            ),
        ),
        AddIndexConcurrently(
            model_name="pullreceipt",
            index=models.Index(fields=["-pulled_at", "-id"], name="receipts_newest"),
        ),
        RemoveIndexConcurrently(
            model_name="pullreceipt",
            name="receipts_by_age",
        ),
    ]
