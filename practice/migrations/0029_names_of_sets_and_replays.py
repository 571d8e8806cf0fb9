from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('practice', '0028_first_calls'),
    ]

    operations = [
        migrations.AddField(
            model_name='caseset',
            name='is_named',
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.AddField(
            model_name='replay',
            name='name',
            field=models.CharField(blank=True, db_default='', default='', max_length=100),
        ),
    ]
