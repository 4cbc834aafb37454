"""Data that is late, and that comes."""

from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from backlog.models import Actor, Finding
from backlog.services import findings
from dataquality.models import Dataset
from dataquality.services.freshness import report_freshness
from dataquality.services.versions import add_version
from tests.dataquality.conftest import CLEANED, run_now, upload


def bring_new_data(dataset: Dataset, actor: Actor, at: datetime) -> None:
    version = add_version(dataset, upload(CLEANED), actor=actor).version
    version.seen_at = at
    version.save(update_fields=["seen_at"])


def test_late_data_files_a_finding_that_new_data_closes(
    with_suite: Dataset, max_acts: Actor
) -> None:
    Dataset.objects.update(freshness_limit_h=24)
    now = timezone.now()
    assert report_freshness(now) == 0
    assert report_freshness(now + timedelta(hours=25)) == 1
    assert report_freshness(now + timedelta(hours=25, minutes=6)) == 0
    finding = Finding.objects.get(source="freshness")
    assert finding.title == "Patients: no new data for more than 24 hours"
    assert (finding.state, finding.severity, finding.priority) == ("open", "warning", "P3")
    assert finding.item is not None

    run_now(with_suite, max_acts)  # a run is no new data
    finding.refresh_from_db()
    assert finding.state == "open"

    bring_new_data(with_suite, max_acts, now + timedelta(hours=27))
    assert report_freshness(now + timedelta(hours=28)) == 1
    assert report_freshness(now + timedelta(hours=29)) == 0
    finding.refresh_from_db()
    assert (finding.state, finding.resolved_reason) == ("resolved", "green")
    assert report_freshness(now + timedelta(hours=60)) == 1
    finding.refresh_from_db()
    assert (finding.state, finding.regressed) == ("open", True)


def test_late_data_weighs_more_the_later_it_is(with_suite: Dataset) -> None:
    Dataset.objects.update(freshness_limit_h=100)
    limit = timezone.now() + timedelta(hours=100)
    told = []
    for late in (0.05, 0.1, 2, 3, 7, 19, 21, 200):  # hours are percent of the limit
        if report_freshness(limit + timedelta(hours=late)):
            told.append((late, Finding.objects.get().priority))
        assert report_freshness(limit + timedelta(hours=late, seconds=5)) == 0
    assert told == [(0.05, "P4"), (2, "P3"), (7, "P2"), (21, "P2")]
    assert Finding.objects.get().occurrence_count == 4


def test_what_is_muted_is_counted_once_at_each_weight(with_suite: Dataset, max_acts: Actor) -> None:
    Dataset.objects.update(freshness_limit_h=100)
    limit = timezone.now() + timedelta(hours=100)
    report_freshness(limit + timedelta(minutes=3))
    findings.mute(Finding.objects.get(), actor=max_acts)
    said = [report_freshness(limit + timedelta(hours=hours)) for hours in (2, 3, 4, 6, 7)]
    assert said == [1, 0, 0, 1, 0]
    finding = Finding.objects.get()
    assert (finding.state, finding.occurrence_count) == ("muted", 3)


@pytest.mark.parametrize("comes_late", [False, True])
@pytest.mark.parametrize("settled_as", ["upstream", "obsolete"])
def test_what_was_settled_by_hand_is_late_anew_with_new_content(
    with_suite: Dataset, max_acts: Actor, settled_as: str, comes_late: bool
) -> None:
    Dataset.objects.update(freshness_limit_h=24)
    now = timezone.now()
    report_freshness(now + timedelta(hours=25))
    finding = Finding.objects.get()
    if settled_as == "obsolete":
        findings.mark_obsolete(finding, actor=max_acts)
    else:
        findings.resolve(finding, reason=settled_as, actor=max_acts)
    assert report_freshness(now + timedelta(hours=99)) == 0  # the same content, however late

    bring_new_data(with_suite, max_acts, now + timedelta(hours=100))
    if not comes_late:
        assert report_freshness(now + timedelta(hours=101)) == 1
        assert report_freshness(now + timedelta(hours=102)) == 0
    assert report_freshness(now + timedelta(hours=125)) == 1
    finding.refresh_from_db()
    assert (finding.state, finding.regressed) == ("open", True)


def test_new_data_speaks_for_what_is_merged_into_another(
    with_suite: Dataset, max_acts: Actor
) -> None:
    Dataset.objects.update(freshness_limit_h=24)
    run_now(with_suite, max_acts)
    now = timezone.now()
    report_freshness(now + timedelta(hours=25))
    late = Finding.objects.get(source="freshness")
    findings.merge(late, Finding.objects.get(source="gx"), actor=max_acts)
    bring_new_data(with_suite, max_acts, now + timedelta(hours=26))
    assert report_freshness(now + timedelta(hours=27)) == 1
    late.refresh_from_db()
    assert late.last_outcome == "passed"
