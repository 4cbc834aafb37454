"""Findings flap, come in storms and are merged; what the newest batch said is told by their state."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


def tell_last_outcomes(apps, schema_editor):
    Finding = apps.get_model("backlog", "Finding")
    Finding.objects.filter(state="open").update(last_outcome="failed")
    Finding.objects.filter(state="resolved", resolved_reason="green").update(last_outcome="passed")


class Migration(migrations.Migration):

    dependencies = [
        ('backlog', '0015_tell_of_contested_words'),
    ]

    operations = [
        migrations.CreateModel(
            name='FindingMerge',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField()),
                ('before', models.JSONField(default=dict)),
            ],
        ),
        migrations.CreateModel(
            name='FindingNews',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('words', models.CharField(max_length=400)),
                ('icon', models.CharField(max_length=30)),
                ('at', models.DateTimeField()),
                ('read_at', models.DateTimeField(null=True)),
            ],
            options={
                'ordering': ['-at', '-id'],
            },
        ),
        migrations.CreateModel(
            name='Storm',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('began_at', models.DateTimeField()),
                ('last_at', models.DateTimeField()),
            ],
        ),
        migrations.AddField(
            model_name='finding',
            name='alias_count',
            field=models.PositiveIntegerField(default=0),
        ),
        migrations.AddField(
            model_name='finding',
            name='flapping',
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name='finding',
            name='flips',
            field=models.JSONField(default=list),
        ),
        migrations.AddField(
            model_name='finding',
            name='last_outcome',
            field=models.CharField(blank=True, max_length=10),
        ),
        migrations.AddField(
            model_name='finding',
            name='merged_into',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='aliases', to='backlog.finding'),
        ),
        migrations.AddField(
            model_name='finding',
            name='obsolete_proposed',
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name='finding',
            name='stale',
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name='product',
            name='assign_owner',
            field=models.BooleanField(default=True),
        ),
        migrations.AddConstraint(
            model_name='finding',
            constraint=models.CheckConstraint(condition=models.Q(('merged_into__isnull', True), ('state', 'resolved'), _connector='OR'), name='what_is_merged_is_resolved'),
        ),
        migrations.AddField(
            model_name='findingmerge',
            name='by',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='findingmerge',
            name='gone',
            field=models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='merge', to='backlog.finding'),
        ),
        migrations.AddField(
            model_name='findingmerge',
            name='kept',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='merges', to='backlog.finding'),
        ),
        migrations.AddField(
            model_name='findingnews',
            name='finding',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='backlog.finding'),
        ),
        migrations.AddField(
            model_name='findingnews',
            name='item',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='backlog.item'),
        ),
        migrations.AddField(
            model_name='findingnews',
            name='product',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='backlog.product'),
        ),
        migrations.AddField(
            model_name='findingnews',
            name='user',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='storm',
            name='item',
            field=models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='storm', to='backlog.item'),
        ),
        migrations.AddField(
            model_name='storm',
            name='product',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='storms', to='backlog.product'),
        ),
        migrations.AddField(
            model_name='storm',
            name='subject',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='backlog.subject'),
        ),
        migrations.AddIndex(
            model_name='findingnews',
            index=models.Index(condition=models.Q(('read_at__isnull', True)), fields=['user'], name='finding_news'),
        ),
        migrations.AddIndex(
            model_name='storm',
            index=models.Index(fields=['product', 'last_at'], name='storm_in_product'),
        ),
        migrations.RunPython(tell_last_outcomes, migrations.RunPython.noop),
    ]
