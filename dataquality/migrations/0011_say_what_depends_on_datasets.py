import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('backlog', '0017_tell_channels_of_findings'),
        ('dataquality', '0010_share_datasets_with_products'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name='dataset',
            name='judged_suite',
            field=models.PositiveBigIntegerField(default=0),
        ),
        migrations.AddField(
            model_name='dataset',
            name='judged_version',
            field=models.PositiveBigIntegerField(default=0),
        ),
        migrations.CreateModel(
            name='Dependence',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('added_at', models.DateTimeField(auto_now_add=True)),
                ('added_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('dataset', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='dependences', to='dataquality.dataset')),
                ('item', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='dependences', to='backlog.item')),
            ],
            options={
                'ordering': ['id'],
                'constraints': [models.UniqueConstraint(fields=('dataset', 'item'), name='an_item_depends_on_a_dataset_once')],
            },
        ),
    ]
