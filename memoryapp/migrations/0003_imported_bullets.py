from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('memoryapp', '0002_practice_in_full'),
    ]

    operations = [
        migrations.AddField(
            model_name='bullet',
            name='imported',
            field=models.JSONField(default=dict),
        ),
    ]
