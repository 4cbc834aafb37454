from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("sprints", "0007_keep_what_ceremonies_showed"),
    ]

    operations = [
        migrations.AddField(
            model_name="participant",
            name="seen_at",
            field=models.DateTimeField(null=True),
        ),
    ]
