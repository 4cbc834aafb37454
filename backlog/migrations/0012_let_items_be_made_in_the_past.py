"""Items and comments take the moment at which they are made from the clock of their deed. Only the
model changes: neither database keeps defaults, and SQLite would copy the whole table."""

from django.db import migrations, models

from mlscrum.lib import clock


def made_at(model):
    field = models.DateTimeField(default=clock.now, editable=False)
    return migrations.AlterField(model_name=model, name="created_at", field=field)


class Migration(migrations.Migration):
    dependencies = [("backlog", "0011_keep_how_findings_came_and_went")]
    operations = [
        migrations.SeparateDatabaseAndState(state_operations=[made_at("item"), made_at("comment")])
    ]
