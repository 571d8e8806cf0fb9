from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("memoryapp", "0021_unusual_use"),
    ]

    operations = [
        migrations.AddField(
            model_name="workspace",
            name="deleted_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
    ]
