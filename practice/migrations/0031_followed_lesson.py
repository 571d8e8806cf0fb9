from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('practice', '0030_last_replay'),
    ]

    operations = [
        migrations.AddField(
            model_name='analysis',
            name='followed',
            field=models.CharField(blank=True, db_default='', default='', help_text='The lesson that put its first cause there, by its entry in memory.', max_length=200),
        ),
    ]
