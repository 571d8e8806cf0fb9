from typing import Any

from django.db import migrations, models


def mark(apps: Any, schema_editor: Any) -> None:
    """What ended runs left unjudged looked as if it was still being judged."""
    apps.get_model("practice", "SentTrajectory").objects.filter(
        status="taken",
        attempt__label="",
        attempt__run__status__in=("cancelled", "finished", "failed"),
    ).update(status="unjudged")


class Migration(migrations.Migration):
    dependencies = [
        ("practice", "0022_tested_step"),
    ]

    operations = [
        migrations.AlterField(
            model_name="senttrajectory",
            name="status",
            field=models.CharField(
                choices=[
                    ("waiting", "Waiting"),
                    ("taken", "Taken into a run"),
                    ("unjudged", "Not judged"),
                ],
                default="waiting",
                max_length=8,
            ),
        ),
        migrations.RunPython(mark, migrations.RunPython.noop, elidable=True),
    ]
