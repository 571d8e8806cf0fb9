from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('practice', '0029_names_of_sets_and_replays'),
    ]

    operations = [
        migrations.AddField(
            model_name='caseset',
            name='last_replay',
            field=models.PositiveIntegerField(db_default=0, default=0, help_text='The highest number of a replay that was deleted.'),
        ),
    ]
