import django.core.validators
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('backlog', '0015_tell_of_contested_words'),
        ('dataquality', '0004_share_datasets_by_link'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Connection',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('slug', models.CharField(max_length=80)),
                ('name', models.CharField(max_length=120)),
                ('kind', models.CharField(choices=[('sql', 'Database'), ('s3', 'Object store'), ('http', 'Web address')], max_length=10)),
                ('address', models.CharField(max_length=500)),
                ('login', models.CharField(blank=True, max_length=250)),
                ('secret', models.TextField(blank=True)),
                ('ambient', models.BooleanField(default=False)),
                ('options', models.JSONField(blank=True, default=dict)),
                ('profile_cap', models.PositiveSmallIntegerField(default=2, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(20)])),
                ('paused_at', models.DateTimeField(null=True)),
                ('rotated_at', models.DateTimeField(null=True)),
                ('tested_at', models.DateTimeField(null=True)),
                ('test_error', models.CharField(blank=True, max_length=1000)),
                ('test_answer', models.CharField(blank=True, max_length=200)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
            ],
        ),
        migrations.CreateModel(
            name='Registration',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('personal_data', models.BooleanField(default=True)),
                ('sample_policy', models.CharField(default='none', max_length=10)),
                ('entries', models.JSONField(default=list)),
                ('requested_at', models.DateTimeField(auto_now_add=True)),
            ],
            options={
                'ordering': ['-id'],
            },
        ),
        migrations.RemoveConstraint(
            model_name='dataset',
            name='dataset_choices',
        ),
        migrations.RemoveConstraint(
            model_name='dataset',
            name='only_a_path_source_has_a_path',
        ),
        migrations.RemoveConstraint(
            model_name='datasetversion',
            name='same_content_is_the_same_version',
        ),
        migrations.RemoveConstraint(
            model_name='datasetversion',
            name='a_version_has_a_file_until_purged',
        ),
        migrations.AddField(
            model_name='dataset',
            name='batch',
            field=models.JSONField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='dataset',
            name='source',
            field=models.JSONField(blank=True, default=dict),
        ),
        migrations.AddField(
            model_name='datasetversion',
            name='partition',
            field=models.CharField(blank=True, max_length=250),
        ),
        migrations.AddField(
            model_name='datasetversion',
            name='read_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='profile',
            name='waiting_since',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='run',
            name='batch',
            field=models.JSONField(blank=True, null=True),
        ),
        migrations.AlterField(
            model_name='dataset',
            name='format',
            field=models.CharField(blank=True, choices=[('csv', 'CSV'), ('parquet', 'Parquet'), ('jsonl', 'JSON lines')], max_length=10),
        ),
        migrations.AlterField(
            model_name='dataset',
            name='source_kind',
            field=models.CharField(choices=[('upload', 'A file that people upload'), ('path', 'A file on the server'), ('url', 'A web address'), ('s3', 'An object store'), ('sql_table', 'A table of a database'), ('sql_query', 'A query to a database')], default='upload', max_length=10),
        ),
        migrations.AlterField(
            model_name='datasetversion',
            name='sha256',
            field=models.CharField(blank=True, max_length=64),
        ),
        migrations.AddConstraint(
            model_name='datasetversion',
            constraint=models.UniqueConstraint(condition=models.Q(('sha256', ''), _negated=True), fields=('dataset', 'sha256'), name='same_content_is_the_same_version'),
        ),
        migrations.AddConstraint(
            model_name='datasetversion',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('purged_at__isnull', True), models.Q(('file', ''), _negated=True)), models.Q(('file', ''), ('purged_at__isnull', False)), models.Q(('file', ''), ('sha256', '')), _connector='OR'), name='a_version_has_a_file_until_purged'),
        ),
        migrations.AddField(
            model_name='connection',
            name='created_by',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='connection',
            name='product',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='connections', to='backlog.product'),
        ),
        migrations.AddField(
            model_name='connection',
            name='shared_with',
            field=models.ManyToManyField(blank=True, related_name='+', to='backlog.product'),
        ),
        migrations.AddField(
            model_name='dataset',
            name='connection',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.RESTRICT, related_name='datasets', to='dataquality.connection'),
        ),
        migrations.AddConstraint(
            model_name='dataset',
            constraint=models.CheckConstraint(condition=models.Q(('source_kind__in', ['upload', 'path', 'url', 's3', 'sql_table', 'sql_query']), models.Q(('format__in', ['csv', 'parquet', 'jsonl']), models.Q(('format', ''), ('source_kind__in', ['sql_table', 'sql_query'])), _connector='OR'), ('sample_policy__in', ['none', 'keys', 'values'])), name='dataset_choices'),
        ),
        migrations.AddConstraint(
            model_name='dataset',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('source_kind', 'path'), models.Q(('path', ''), _negated=True)), models.Q(models.Q(('source_kind', 'path'), _negated=True), ('path', '')), _connector='OR'), name='only_a_path_source_has_a_path'),
        ),
        migrations.AddConstraint(
            model_name='dataset',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('connection__isnull', True), ('source_kind__in', ['upload', 'path'])), ('source_kind', 'url'), models.Q(('connection__isnull', False), ('source_kind__in', ['s3', 'sql_table', 'sql_query'])), _connector='OR'), name='databases_and_buckets_have_a_connection'),
        ),
        migrations.AddField(
            model_name='registration',
            name='connection',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='registrations', to='dataquality.connection'),
        ),
        migrations.AddField(
            model_name='registration',
            name='job',
            field=models.OneToOneField(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='registration', to='backlog.job'),
        ),
        migrations.AddField(
            model_name='registration',
            name='owner',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='registration',
            name='product',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='backlog.product'),
        ),
        migrations.AddField(
            model_name='registration',
            name='requested_by',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddConstraint(
            model_name='connection',
            constraint=models.UniqueConstraint(fields=('product', 'slug'), name='connection_slug_in_product'),
        ),
        migrations.AddConstraint(
            model_name='connection',
            constraint=models.UniqueConstraint(condition=models.Q(('product__isnull', True)), fields=('slug',), name='connection_slug_in_installation'),
        ),
        migrations.AddConstraint(
            model_name='connection',
            constraint=models.CheckConstraint(condition=models.Q(('kind__in', ['sql', 's3', 'http'])), name='connection_choices'),
        ),
        migrations.AddConstraint(
            model_name='connection',
            constraint=models.CheckConstraint(condition=models.Q(('ambient', False), ('secret', ''), _connector='OR'), name='ambient_credentials_have_no_secret'),
        ),
        migrations.AddConstraint(
            model_name='connection',
            constraint=models.CheckConstraint(condition=models.Q(('profile_cap__gte', 1), ('profile_cap__lte', 20)), name='profile_cap_is_1_to_20'),
        ),
    ]
