"""Statuses have colours of the palette, and a product says which checks its definitions make."""

from django.db import migrations, models

HUES = [
    ("grey", "Grey"),
    ("red", "Red"),
    ("orange", "Orange"),
    ("amber", "Amber"),
    ("green", "Green"),
    ("teal", "Teal"),
    ("cyan", "Cyan"),
    ("blue", "Blue"),
    ("violet", "Violet"),
    ("pink", "Pink"),
]


def colour(apps, schema_editor):
    """The colours by which lists have told the categories apart so far; nobody could choose one."""
    statuses = apps.get_model("backlog", "Status").objects
    statuses.filter(category="doing").update(hue="blue")
    statuses.filter(category="done").update(hue="green")


class Migration(migrations.Migration):
    dependencies = [("backlog", "0007_groom_items")]

    operations = [
        migrations.AddField("product", "ready_checks", models.JSONField(blank=True, default=list)),
        migrations.AddField("product", "done_checks", models.JSONField(blank=True, default=list)),
        migrations.RunPython(colour, migrations.RunPython.noop),
        migrations.AlterField(
            "status", "hue", models.CharField(choices=HUES, default="grey", max_length=10)
        ),
        migrations.AddConstraint(
            "status",
            models.CheckConstraint(
                condition=models.Q(hue__in=[value for value, _ in HUES]), name="status_hue"
            ),
        ),
    ]
