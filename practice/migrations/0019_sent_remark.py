from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("practice", "0018_one_workspace_of_texts"),
    ]

    operations = [
        migrations.AddField(
            model_name="senttrajectory",
            name="remark",
            field=models.CharField(blank=True, db_default="", default="", max_length=300),
        ),
    ]
