"""The goal that stands with a product becomes its active one, set as the product was made."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


def set_goals(apps, schema_editor):
    Product = apps.get_model("backlog", "Product")
    ProductGoal = apps.get_model("backlog", "ProductGoal")
    ProductGoal.objects.bulk_create(
        ProductGoal(product=product, text=product.goal.strip(), set_at=product.created_at)
        for product in Product.objects.exclude(goal="").order_by("pk")
        if product.goal.strip()
    )


class Migration(migrations.Migration):

    dependencies = [
        ('backlog', '0012_let_items_be_made_in_the_past'),
    ]

    operations = [
        migrations.CreateModel(
            name='ProductGoal',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('text', models.TextField(max_length=10000)),
                ('state', models.CharField(choices=[('active', 'Active'), ('fulfilled', 'Fulfilled'), ('abandoned', 'Abandoned')], default='active', max_length=10)),
                ('set_at', models.DateTimeField()),
                ('ended_at', models.DateTimeField(null=True)),
                ('reason', models.TextField(blank=True, max_length=2000)),
                ('ended_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('product', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='goals', to='backlog.product')),
                ('set_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ['-set_at', '-id'],
                'constraints': [models.UniqueConstraint(condition=models.Q(('state', 'active')), fields=('product',), name='one_active_goal'), models.CheckConstraint(condition=models.Q(models.Q(('ended_at__isnull', True), ('state', 'active')), models.Q(('ended_at__isnull', False), ('state__in', ['fulfilled', 'abandoned'])), _connector='OR'), name='a_goal_is_active_until_it_ends'), models.CheckConstraint(condition=models.Q(models.Q(('state', 'abandoned'), _negated=True), models.Q(('reason', ''), _negated=True), _connector='OR'), name='an_abandoned_goal_has_a_reason')],
            },
        ),
        migrations.RunPython(set_goals, migrations.RunPython.noop),
    ]
