from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("sprints", "0006_know_by_the_news_who_was_reminded"),
    ]

    operations = [
        migrations.AddField(
            model_name="block",
            name="evidence",
            field=models.TextField(null=True),
        ),
    ]
