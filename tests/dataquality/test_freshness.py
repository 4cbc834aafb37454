"""Data that is late, and that comes."""

from datetime import timedelta

from django.utils import timezone

from backlog.models import Actor, Finding
from dataquality.models import Dataset
from dataquality.services.freshness import report_freshness
from dataquality.services.versions import add_version
from tests.dataquality.conftest import CLEANED, run_now, upload


def test_late_data_files_a_finding_that_new_data_closes(
    with_suite: Dataset, max_acts: Actor
) -> None:
    Dataset.objects.update(freshness_limit_h=24)
    now = timezone.now()
    assert report_freshness(now) == 0
    assert report_freshness(now + timedelta(hours=25)) == 1
    assert report_freshness(now + timedelta(hours=26)) == 0
    finding = Finding.objects.get(source="freshness")
    assert finding.title == "Patients: no new data for more than 24 hours"
    assert (finding.state, finding.severity, finding.priority) == ("open", "warning", "P3")
    assert finding.item is not None

    run_now(with_suite, max_acts)  # a run is no new data
    finding.refresh_from_db()
    assert finding.state == "open"

    version = add_version(with_suite, upload(CLEANED), actor=max_acts).version
    version.seen_at = now + timedelta(hours=27)
    version.save(update_fields=["seen_at"])
    assert report_freshness(now + timedelta(hours=28)) == 1
    assert report_freshness(now + timedelta(hours=29)) == 0
    finding.refresh_from_db()
    assert (finding.state, finding.resolved_reason) == ("resolved", "green")
    assert report_freshness(now + timedelta(hours=60)) == 1
    finding.refresh_from_db()
    assert (finding.state, finding.regressed) == ("open", True)
