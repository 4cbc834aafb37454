"""Keep how findings came and went. Of those that are there only the beginning and the present are
known: what lay between, such as a mute that has ended, left no moment behind."""

import django.db.models.deletion
from django.db import migrations, models

STATES = [("open", "Open"), ("muted", "Muted"), ("resolved", "Resolved"), ("obsolete", "Obsolete")]


def tell_from_findings(apps, schema_editor):
    Finding = apps.get_model("backlog", "Finding")
    FindingTransition = apps.get_model("backlog", "FindingTransition")

    def rows():
        for finding in Finding.objects.order_by("pk").iterator(chunk_size=1000):
            began, score = finding.first_seen, finding.score
            yield FindingTransition(finding=finding, at=began, state="open", score=score)
            if finding.state != "open":
                at = max(began, finding.resolved_at or finding.last_seen)
                yield FindingTransition(finding=finding, at=at, state=finding.state, score=score)

    FindingTransition.objects.bulk_create(rows(), batch_size=1000)


class Migration(migrations.Migration):
    dependencies = [("backlog", "0010_keep_words_as_lexemes")]
    operations = [
        migrations.CreateModel(
            name="FindingTransition",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("at", models.DateTimeField()),
                ("state", models.CharField(choices=STATES, max_length=10)),
                ("score", models.PositiveSmallIntegerField()),
                (
                    "finding",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="transitions",
                        to="backlog.finding",
                    ),
                ),
            ],
            options={"ordering": ["id"]},
        ),
        migrations.RunPython(tell_from_findings, migrations.RunPython.noop),
    ]
