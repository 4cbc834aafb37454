"""Fingerprints that reporters gave named findings of any subject; now the subject belongs to them.

What is known by the old name is filed again under the new one, so that nothing is filed twice.
"""

import hashlib
import json

from django.db import migrations

GIVEN = "given"


def fingerprint(inputs):
    said = json.dumps(inputs, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(said.encode()).hexdigest()[:16]


def tie(apps, schema_editor):
    Finding = apps.get_model("backlog", "Finding")
    for finding in Finding.objects.select_related("subject").order_by("pk").iterator():
        if finding.is_execution or finding.fingerprint == fingerprint(finding.fingerprint_inputs):
            continue
        subject = finding.subject
        kind, slug = (subject.kind, subject.slug) if subject else ("", "")
        _rename(Finding, finding, ["v1", kind, slug, GIVEN, finding.fingerprint])


def untie(apps, schema_editor):
    Finding = apps.get_model("backlog", "Finding")
    for finding in Finding.objects.order_by("pk").iterator():
        version, kind, slug, what, given = [*finding.fingerprint_inputs, *[None] * 5][:5]
        if what == GIVEN:
            _rename(Finding, finding, [version, kind, slug, finding.check_name, {}], given)


def _rename(Finding, finding, inputs, name=None):
    before, finding.fingerprint = finding.fingerprint, name or fingerprint(inputs)
    finding.fingerprint_inputs = inputs
    finding.save(update_fields=["fingerprint", "fingerprint_inputs"])
    same_source = Finding.objects.filter(product=finding.product_id, source=finding.source)
    for waiting in same_source.filter(is_execution=True).exclude(errored_checks=[]):
        if before in waiting.errored_checks:
            waiting.errored_checks = [
                finding.fingerprint if check == before else check
                for check in waiting.errored_checks
            ]
            waiting.save(update_fields=["errored_checks"])


class Migration(migrations.Migration):

    dependencies = [
        ('backlog', '0004_name_who_speaks_for_a_source'),
    ]

    operations = [migrations.RunPython(tie, untie)]
