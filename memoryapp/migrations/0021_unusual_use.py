import django.contrib.postgres.fields
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("memoryapp", "0020_words_found_at_once"),
    ]

    operations = [
        migrations.AlterField(
            model_name="webhook",
            name="kinds",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(
                    choices=[
                        ("release.published", "A release was published"),
                        ("release.recalled", "A release was recalled"),
                        ("run.finished", "A run ended"),
                        ("review.waiting", "Something waits for review"),
                        ("incident.analyzed", "An incident was analyzed"),
                        ("use.unusual", "Somebody did unusually much in an hour"),
                    ],
                    max_length=40,
                ),
                size=None,
            ),
        ),
    ]
