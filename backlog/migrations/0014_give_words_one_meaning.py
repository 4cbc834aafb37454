"""A glossary for each product: words, their names, meanings by trade, columns, versions, talk."""


import backlog.models.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('backlog', '0013_let_a_product_pursue_one_goal_at_a_time'),
    ]

    operations = [
        migrations.AddField(
            model_name='product',
            name='glossary_stamp',
            field=models.CharField(blank=True, max_length=32),
        ),
        migrations.CreateModel(
            name='Term',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('word', models.CharField(max_length=120)),
                ('folded', backlog.models.fields.RankField(max_length=250)),
                ('definition', models.TextField(max_length=4000)),
                ('state', models.CharField(choices=[('proposed', 'Proposed'), ('agreed', 'Agreed'), ('contested', 'Contested')], default='proposed', max_length=10)),
                ('reason', models.TextField(blank=True, max_length=2000)),
                ('version', models.PositiveIntegerField(default=1)),
                ('words', models.TextField(blank=True)),
                ('proposed_at', models.DateTimeField()),
                ('changed_at', models.DateTimeField()),
                ('agreed_at', models.DateTimeField(null=True)),
                ('contested_at', models.DateTimeField(null=True)),
                ('agreed_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('contested_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('product', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='terms', to='backlog.product')),
                ('proposed_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ['folded', 'id'],
            },
        ),
        migrations.CreateModel(
            name='TermColumn',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('column', models.CharField(max_length=200)),
                ('subject', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='term_columns', to='backlog.subject')),
                ('term', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='columns', to='backlog.term')),
            ],
            options={
                'ordering': ['id'],
            },
        ),
        migrations.CreateModel(
            name='TermMeaning',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('trade', models.CharField(max_length=60)),
                ('folded', models.CharField(max_length=130)),
                ('text', models.TextField(max_length=2000)),
                ('term', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='meanings', to='backlog.term')),
            ],
            options={
                'ordering': ['id'],
            },
        ),
        migrations.CreateModel(
            name='TermName',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=120)),
                ('folded', models.CharField(max_length=250)),
                ('is_word', models.BooleanField(default=False)),
                ('product', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='term_names', to='backlog.product')),
                ('term', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='names', to='backlog.term')),
            ],
            options={
                'ordering': ['id'],
            },
        ),
        migrations.CreateModel(
            name='TermRemark',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('text', models.TextField(max_length=10000)),
                ('created_at', models.DateTimeField()),
                ('edited_at', models.DateTimeField(null=True)),
                ('author', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('term', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='talk', to='backlog.term')),
            ],
            options={
                'ordering': ['id'],
            },
        ),
        migrations.CreateModel(
            name='TermVersion',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveIntegerField()),
                ('deed', models.CharField(max_length=20)),
                ('state', models.CharField(choices=[('proposed', 'Proposed'), ('agreed', 'Agreed'), ('contested', 'Contested')], max_length=10)),
                ('word', models.CharField(max_length=120)),
                ('definition', models.TextField(max_length=4000)),
                ('synonyms', models.JSONField(default=list)),
                ('meanings', models.JSONField(default=list)),
                ('columns', models.JSONField(default=list)),
                ('reason', models.TextField(blank=True, max_length=2000)),
                ('at', models.DateTimeField()),
                ('by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('term', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='versions', to='backlog.term')),
            ],
            options={
                'ordering': ['-number'],
            },
        ),
        migrations.AddConstraint(
            model_name='term',
            constraint=models.UniqueConstraint(fields=('product', 'folded'), name='term_word_in_product'),
        ),
        migrations.AddConstraint(
            model_name='term',
            constraint=models.CheckConstraint(condition=models.Q(('state__in', ['proposed', 'agreed', 'contested'])), name='term_state'),
        ),
        migrations.AddConstraint(
            model_name='term',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('word', ''), _negated=True), models.Q(('folded', ''), _negated=True), models.Q(('definition', ''), _negated=True)), name='a_term_has_a_word_and_a_definition'),
        ),
        migrations.AddConstraint(
            model_name='term',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('state', 'contested'), _negated=True), models.Q(('reason', ''), _negated=True), _connector='OR'), name='a_contest_has_a_reason'),
        ),
        migrations.AddConstraint(
            model_name='termcolumn',
            constraint=models.UniqueConstraint(fields=('term', 'subject', 'column'), name='a_term_describes_a_column_once'),
        ),
        migrations.AddConstraint(
            model_name='termmeaning',
            constraint=models.UniqueConstraint(fields=('term', 'folded'), name='one_meaning_for_a_trade'),
        ),
        migrations.AddConstraint(
            model_name='termmeaning',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('folded', ''), _negated=True), models.Q(('text', ''), _negated=True)), name='a_meaning_has_a_trade_and_words'),
        ),
        migrations.AddConstraint(
            model_name='termname',
            constraint=models.UniqueConstraint(fields=('product', 'folded'), name='term_name_in_product'),
        ),
        migrations.AddConstraint(
            model_name='termname',
            constraint=models.UniqueConstraint(condition=models.Q(('is_word', True)), fields=('term',), name='one_word_of_a_term'),
        ),
        migrations.AddConstraint(
            model_name='termname',
            constraint=models.CheckConstraint(condition=models.Q(('folded', ''), _negated=True), name='a_term_name_has_letters'),
        ),
        migrations.AddConstraint(
            model_name='termremark',
            constraint=models.CheckConstraint(condition=models.Q(('text', ''), _negated=True), name='a_remark_says_something'),
        ),
        migrations.AddConstraint(
            model_name='termversion',
            constraint=models.UniqueConstraint(fields=('term', 'number'), name='term_version_number'),
        ),
    ]
