import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('practice', '0002_practice_in_full'),
    ]

    operations = [
        migrations.AddField(
            model_name='steering',
            name='task',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='seeded_by', to='practice.practicetask'),
        ),
        migrations.AddField(
            model_name='practicerecord',
            name='imported',
            field=models.JSONField(default=dict),
        ),
    ]
