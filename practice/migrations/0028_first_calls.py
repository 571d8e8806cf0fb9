from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models

from memoryapp.resumable import Resumable


class Migration(Resumable):
    dependencies = [
        ("practice", "0027_failed_checks"),
    ]

    operations = [
        migrations.AddField(
            model_name="senttrajectory",
            name="first_call",
            field=models.CharField(blank=True, db_default="", default="", max_length=100),
        ),
        AddIndexConcurrently(
            model_name="senttrajectory",
            index=models.Index(
                condition=models.Q(("first_call", ""), _negated=True),
                fields=["playbook", "first_call"],
                name="trajectories_by_first_call",
            ),
        ),
    ]
