from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("practice", "0020_model_silence"),
    ]

    operations = [
        migrations.AddField(
            model_name="ledgerentry",
            name="answered",
            field=models.BooleanField(db_default=True, default=True),
        ),
    ]
