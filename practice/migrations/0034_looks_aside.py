from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('practice', '0033_attempt_statuses'),
    ]

    operations = [
        migrations.AddField(
            model_name='analysis',
            name='is_aside',
            field=models.BooleanField(db_default=False, default=False, help_text="It looked where nothing is: an earlier one stays its incident's answer."),
        ),
    ]
