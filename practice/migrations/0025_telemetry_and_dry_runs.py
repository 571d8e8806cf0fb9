from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('practice', '0024_case_set_kind'),
    ]

    operations = [
        migrations.AddField(
            model_name='prompttrial',
            name='started_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='retention',
            name='telemetry_days',
            field=models.PositiveIntegerField(blank=True, null=True),
        ),
    ]
