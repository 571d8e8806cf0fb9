from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("memoryapp", "0017_exports"),
    ]

    operations = [
        migrations.AddField(
            model_name="workspaceexport",
            name="heartbeat_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="workspaceexport",
            name="tries",
            field=models.PositiveIntegerField(db_default=0, default=0),
        ),
    ]
