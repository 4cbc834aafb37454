from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('backlog', '0017_tell_channels_of_findings'),
        ('dataquality', '0009_read_tables_of_spark'),
    ]

    operations = [
        migrations.AddField(
            model_name='dataset',
            name='shared_with',
            field=models.ManyToManyField(blank=True, related_name='datasets_shared_here', to='backlog.product'),
        ),
    ]
