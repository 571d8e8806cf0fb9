from django.db import migrations, models

from memoryapp.resumable import AddUniqueConcurrently, Resumable


class Migration(Resumable):
    # Reports are written on while the index is built. The release before goes on beside: what it
    # sends twice at a time is of one key, which the new constraint keeps apart as well.

    dependencies = [
        ("memoryapp", "0023_reports_by_label"),
    ]

    operations = [
        AddUniqueConcurrently(
            model_name="report",
            constraint=models.UniqueConstraint(
                fields=("release", "key", "task"), name="one_report_per_task_of_key"
            ),
        ),
        migrations.RemoveConstraint(
            model_name="report",
            name="one_report_per_task",
        ),
    ]
