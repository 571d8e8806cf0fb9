from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('practice', '0034_looks_aside'),
    ]

    operations = [
        migrations.AddField(
            model_name='attempt',
            name='cost',
            field=models.DecimalField(blank=True, decimal_places=6, max_digits=12, null=True),
        ),
        migrations.AddField(
            model_name='senttrajectory',
            name='cost',
            field=models.DecimalField(blank=True, decimal_places=6, max_digits=12, null=True),
        ),
        migrations.AddField(
            model_name='step',
            name='cost',
            field=models.DecimalField(blank=True, decimal_places=6, max_digits=12, null=True),
        ),
        migrations.AddField(
            model_name='step',
            name='parent',
            field=models.PositiveIntegerField(blank=True, null=True),
        ),
    ]
