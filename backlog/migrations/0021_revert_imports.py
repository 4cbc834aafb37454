import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('backlog', '0020_keep_who_revoked_tokens'),
    ]

    operations = [
        migrations.AddField(
            model_name='import',
            name='revert_job',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='backlog.job'),
        ),
        migrations.AddField(
            model_name='import',
            name='reverted',
            field=models.JSONField(default=dict),
        ),
        migrations.AddField(
            model_name='import',
            name='reverted_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='import',
            name='reverter',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='import',
            name='reverter_kind',
            field=models.CharField(blank=True, choices=[('person', 'Person'), ('token', 'Token'), ('guest', 'Guest'), ('system', 'System')], max_length=10),
        ),
        migrations.AddField(
            model_name='import',
            name='reverter_token',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='backlog.apitoken'),
        ),
        migrations.AddField(
            model_name='importline',
            name='before',
            field=models.JSONField(default=dict),
        ),
    ]
