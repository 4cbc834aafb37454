"""The triage: what asks, decided many at once, by page and by REST, and taken back."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from backlog.models import Activity, Actor, Finding, FindingNews, Item, OnGreen, Product
from backlog.queries.finding_figures import finding_figures
from backlog.queries.triage import ask_of, inbox, undecided
from backlog.rules.finding_figures import Turn, duration_in_words, figures
from backlog.rules.severity import Severity
from backlog.services import findings
from tests.backlog.evidence import patients, see
from tests.conftest import Cast

TRIAGE = "/p/MED/findings/triage/"
DECIDE = "/p/MED/findings/decide/"
API = "/api/v1/products/MED/findings/"


@pytest.fixture
def max_(as_person: Any, cast: Cast) -> Client:
    client: Client = as_person(cast.max)
    return client


@pytest.fixture
def vera(as_person: Any, cast: Cast) -> Client:
    client: Client = as_person(cast.vera)
    return client


@pytest.fixture
def minor(product: Product) -> list[Finding]:
    """Open without items: the product files from P3 on, and these are P4."""
    product.file_from = "P3"
    product.save()
    return see(product, "note", "remark", severity=Severity.INFO, excess=0.5)


def html(client: Client, url: str) -> str:
    page = client.get(url)
    assert page.status_code == 200
    return page.content.decode()


# What is asked ---------------------------------------------------------------------------------


def test_each_question_has_its_place(product: Product, cast: Cast, max_: Client) -> None:
    product.file_from, product.on_green = "P3", OnGreen.ASK
    product.save()
    minor, *_ = see(product, "note", severity=Severity.INFO, excess=0.5)
    see(product, "age")
    recovered, *_ = see(product, "age", outcome="passed")
    orphan, *_ = see(product, "weight")
    findings.propose_obsolete(
        patients(product), [orphan], source="gx", actor=Actor.person(cast.olga)
    )
    waiting, *_ = see(product, *(f"c{n}" for n in range(6)))
    asked = {finding.pk: ask_of(finding) for finding in undecided(product)}
    assert asked[minor.pk] == "minor"
    assert asked[recovered.pk] == "recovered"
    assert asked[orphan.pk] == "obsolete"
    assert asked[waiting.pk] == "waits"
    assert len(asked) == 9
    page = html(max_, TRIAGE)
    for told in ("Is it obsolete?", "Is the item done?", "below the priority", "File it?"):
        assert told in page, told
    assert html(max_, f"{TRIAGE}?ask=obsolete").count("data-row>") == 1
    assert html(max_, f"{TRIAGE}?ask=nonsense").count("data-row>") == 9


def test_rows_show_how_often_it_was_seen_of_late(product: Product, minor: list[Finding]) -> None:
    see(product, "note", outcome="passed")
    see(product, "note", severity=Severity.INFO, excess=0.5)
    (group,) = inbox(product).groups
    assert group.name == "Patients"
    row = next(row for row in group.rows if row.finding.title.startswith("note"))
    assert [tick.tone for tick in row.ticks] == ["red", "green", "red"]
    assert row.picture == "Looked at 3 times of late, red 2 of them"


def test_the_page_takes_the_same_queries_for_many(product: Product, max_: Client) -> None:
    product.file_from = "P1"
    product.save()

    def taken() -> int:
        with CaptureQueriesContext(connection) as seen:
            assert max_.get(TRIAGE).status_code == 200
        return len(seen)

    see(product, "a", severity=Severity.INFO)
    taken()
    few = taken()
    see(product, "b", "c", "d", "e", severity=Severity.INFO)
    assert taken() == few


def test_who_may_only_read_gets_no_buttons(minor: list[Finding], vera: Client) -> None:
    page = html(vera, TRIAGE)
    assert "note is missing" in page
    assert 'name="choice"' not in page
    assert 'name="finding"' not in page


def test_an_empty_triage_says_what_to_do_next(product: Product, max_: Client) -> None:
    assert "Nothing asks for a decision" in html(max_, TRIAGE)


# Many at once ------------------------------------------------------------------------------------

TOMORROW = (timezone.now() + timedelta(days=2)).date().isoformat()
CHOICES: list[tuple[dict[str, str], str]] = [
    ({"choice": "file"}, "open"),
    ({"choice": "accept"}, "muted"),
    ({"choice": "watch"}, "muted"),
    ({"choice": "mute", "until": TOMORROW, "cap": "3"}, "muted"),
    ({"choice": "resolve", "reason": "fixed"}, "resolved"),
    ({"choice": "resolve", "reason": "accepted", "accepted_until": TOMORROW}, "muted"),
    ({"choice": "priority", "priority": "P1"}, "open"),
    ({"choice": "obsolete"}, "obsolete"),
]


@pytest.mark.parametrize(("sent", "state"), CHOICES, ids=[str(row[0]) for row in CHOICES])
def test_all_that_are_chosen_are_decided_in_one_deed(
    minor: list[Finding], max_: Client, sent: dict[str, str], state: str
) -> None:
    before = Activity.objects.count()
    answer = max_.post(DECIDE, {**sent, "finding": [f.pk for f in minor], "next": TRIAGE})
    assert answer.status_code == 302
    assert answer["Location"] == TRIAGE
    assert set(Finding.objects.values_list("state", flat=True)) == {state}
    assert Activity.objects.count() == before + 1


def test_duplicates_become_one_and_an_undo_makes_them_two(
    minor: list[Finding], max_: Client
) -> None:
    max_.post(DECIDE, {"choice": "merge", "finding": [f.pk for f in minor]})
    assert Finding.objects.filter(merged_into__isnull=False).count() == 1
    answer = max_.post("/p/MED/findings/undo/", {}, headers={"HX-Request": "true"})
    assert 'id="triage"' in answer.content.decode()
    assert "stands as before" in answer.content.decode()
    assert not Finding.objects.filter(merged_into__isnull=False).exists()


def test_a_duplicate_is_named_by_the_item_of_the_other(
    product: Product, minor: list[Finding], max_: Client
) -> None:
    other, *_ = see(product, "age")
    assert other.item is not None
    sent = {"choice": "merge", "into": other.item.ref.lower(), "finding": [minor[0].pk]}
    max_.post(DECIDE, sent)
    assert Finding.objects.get(pk=minor[0].pk).merged_into == other


BAD: list[tuple[dict[str, str], str]] = [
    ({"choice": "resolve", "reason": "accepted"}, "Say until when it is accepted."),
    ({"choice": "merge", "into": "MED-999"}, "There is no open finding MED-999"),
    ({"choice": "merge", "into": "the other"}, "Write an item such as MED-12"),
    ({"choice": "merge"}, "Choose of which it is a duplicate."),
    ({"choice": "mute", "cap": "-1"}, "greater than or equal to 0"),
    ({"choice": "dance"}, "not one of the available choices"),
    ({"choice": "mute", "until": "2020-01-01"}, "Choose a time in the future."),
]


def test_only_what_is_perhaps_obsolete_is_watched_on(
    product: Product, minor: list[Finding], cast: Cast, max_: Client
) -> None:
    chosen = {"choice": "keep", "finding": [finding.pk for finding in minor]}
    assert 'value="keep"' not in html(max_, TRIAGE)
    refused = max_.post(DECIDE, chosen, follow=True).content.decode()
    assert "None of these asks whether it is obsolete." in refused
    assert not Activity.objects.filter(kind="findings.decided").exists()
    findings.propose_obsolete(
        patients(product), minor[:1], source="gx", actor=Actor.person(cast.olga)
    )
    assert 'value="keep"' in html(max_, TRIAGE)
    assert "1 finding watched on." in max_.post(DECIDE, chosen, follow=True).content.decode()
    assert not Finding.objects.filter(obsolete_proposed=True).exists()


@pytest.mark.parametrize(("sent", "why"), BAD, ids=[str(row[0]) for row in BAD])
def test_what_can_not_be_done_says_why_and_changes_nothing(
    minor: list[Finding], max_: Client, sent: dict[str, str], why: str
) -> None:
    answer = max_.post(DECIDE, {**sent, "finding": [minor[0].pk]}, follow=True)
    assert why in answer.content.decode()
    assert set(Finding.objects.values_list("state", flat=True)) == {"open"}


def test_a_person_of_the_product_is_assigned(
    minor: list[Finding], cast: Cast, max_: Client
) -> None:
    ids = [finding.pk for finding in minor]
    stranger = {"choice": "assign", "person": cast.sam.pk, "finding": ids}
    assert "Select a valid choice" in max_.post(DECIDE, stranger, follow=True).content.decode()
    max_.post(DECIDE, {"choice": "assign", "person": cast.dora.pk, "finding": ids})
    assert {item.assignees.get() for item in Item.objects.all()} == {cast.dora}


# One finding -------------------------------------------------------------------------------------


def test_the_page_asks_whether_it_is_obsolete(product: Product, cast: Cast, max_: Client) -> None:
    age, *_ = see(product, "age")
    findings.propose_obsolete(patients(product), [age], source="gx", actor=Actor.person(cast.olga))
    url = f"/p/MED/findings/{age.pk}/"
    assert "Yes, obsolete" in html(max_, url)
    max_.post(f"{url}keep/")
    assert "Yes, obsolete" not in html(max_, url)


def test_an_alias_is_split_off_on_the_page_of_either(product: Product, max_: Client) -> None:
    age, weight = see(product, "age", "weight")
    max_.post(f"/p/MED/findings/{weight.pk}/resolve/", {"reason": "duplicate", "of": str(age.pk)})
    assert "Merged into it" in html(max_, f"/p/MED/findings/{age.pk}/")
    assert "Merged into" in html(max_, f"/p/MED/findings/{weight.pk}/")
    max_.post(f"/p/MED/findings/{weight.pk}/split/")
    assert Finding.objects.get(pk=weight.pk).state == "open"


def test_opening_a_finding_reads_what_was_told_of_it(
    product: Product, cast: Cast, max_: Client
) -> None:
    patients(product, owner=cast.max)
    age, *_ = see(product, "age")
    assert FindingNews.objects.get().read_at is None
    html(max_, f"/p/MED/findings/{age.pk}/")
    assert FindingNews.objects.get().read_at is not None


def test_a_mute_says_when_it_ends(product: Product, max_: Client) -> None:
    age, *_ = see(product, "age")
    url = f"/p/MED/findings/{age.pk}/"
    max_.post(f"{url}mute/", {"until": TOMORROW, "cap": "7.5"})
    page = html(max_, url)
    assert "until it gets worse than 7.5 percentage points" in page
    assert "open again by itself" in page


# Figures ---------------------------------------------------------------------------------


def turns(*rows: tuple[int, float, str]) -> list[Turn]:
    start = timezone.now() - timedelta(days=30)
    return [Turn(pk, start + timedelta(hours=at), state, "critical") for pk, at, state in rows]


def test_the_median_and_the_share_that_came_back() -> None:
    found = figures(
        turns(
            (1, 0, "open"), (2, 0, "open"), (3, 0, "open"),
            (1, 2, "resolved"), (2, 4, "muted"), (2, 10, "resolved"), (3, 30, "obsolete"),
            (1, 20, "open"), (1, 26, "resolved"),
        ),
        since=timezone.now() - timedelta(days=90),
        severities=["critical", "info"],
    )  # fmt: skip
    assert (found.resolved, found.reopened, found.median_hours) == (3, 1, 6.0)
    assert found.by_severity == {"critical": 6.0, "info": None}
    assert found.reopen_rate == pytest.approx(1 / 3)


def test_without_any_there_is_no_rate() -> None:
    found = figures([], since=timezone.now(), severities=["info"])
    assert (found.reopen_rate, found.median_hours) == (None, None)


@pytest.mark.parametrize(
    ("hours", "words"), [(None, "–"), (0.001, "1 min"), (0.5, "30 min"), (5, "5 h"), (84, "3.5 d")]
)
def test_durations_are_told_in_words(hours: float | None, words: str) -> None:
    assert duration_in_words(hours) == words


def test_figures_are_those_of_the_product_and_of_each_dataset(
    product: Product, vera: Client
) -> None:
    for outcome in ("failed", "passed", "failed", "passed"):
        see(product, "age", outcome=outcome)
    whole, of_patients = finding_figures(product)
    assert (whole.figures.resolved, whole.figures.reopened, whole.figures.flips) == (2, 1, 3)
    assert of_patients.name == "Patients"
    page = html(vera, "/p/MED/findings/?state=figures")
    assert "How fast they are resolved" in page
    assert "50 %" in page


# REST ------------------------------------------------------------------------------------


def test_rest_tells_the_figures(product: Product, max_: Client) -> None:
    for outcome in ("failed", "passed"):
        see(product, "age", outcome=outcome)
    found = max_.get(f"{API}figures/").json()["results"]
    assert [row["dataset"] for row in found] == [None, "patients"]
    assert found[0]["resolved"] == 1
    assert found[0]["median_hours_by_severity"]["warning"] is None
    assert len(max_.get(f"{API}figures/?dataset=patients&days=7").json()["results"]) == 1
    assert max_.get(f"{API}figures/?dataset=nothing").status_code == 400
    assert max_.get(f"{API}figures/?weeks=1").status_code == 400


def test_rest_merges_and_splits(product: Product, max_: Client) -> None:
    age, weight = see(product, "age", "weight")
    url = f"/api/v1/findings/{weight.pk}/"
    kept = max_.post(f"{url}merge/", {"into": age.pk}, content_type="application/json")
    assert kept.status_code == 200
    assert (kept.json()["id"], kept.json()["aliases"]) == (age.pk, [weight.pk])
    assert max_.get(url).json()["merged_into"] == age.pk
    split = max_.post(
        f"/api/v1/findings/{age.pk}/split/", {}, content_type="application/json"
    ).json()
    assert (split["id"], split["state"], split["merged_into"]) == (weight.pk, "open", None)
    again = max_.post(f"{url}split/", {}, content_type="application/json")
    assert (again.status_code, again.json()["code"]) == (409, "not_merged")
    wrong = max_.post(f"{url}merge/", {"into": 999_999}, content_type="application/json")
    assert wrong.status_code == 400


def test_rest_decides_about_several(product: Product, minor: list[Finding], max_: Client) -> None:
    sent = {"findings": [f.pk for f in minor], "choice": "file"}
    told = max_.post(f"{API}decide/", sent, content_type="application/json").json()
    assert told["items"] == ["MED-1", "MED-2"]
    assert {row["item"] for row in told["findings"]} == {"MED-1", "MED-2"}
    unknown = {"findings": [999_999], "choice": "file"}
    assert max_.post(f"{API}decide/", unknown, content_type="application/json").status_code == 400


def test_who_may_only_read_decides_nothing_by_rest(minor: list[Finding], vera: Client) -> None:
    sent = {"findings": [minor[0].pk], "choice": "file"}
    answer = vera.post(f"{API}decide/", sent, content_type="application/json")
    assert answer.status_code == 403


def test_rest_accepts_until_a_day_and_asks_for_it(product: Product, max_: Client) -> None:
    age, *_ = see(product, "age")
    url = f"/api/v1/findings/{age.pk}/"
    missing = max_.post(f"{url}resolve/", {"reason": "accepted"}, content_type="application/json")
    assert missing.status_code == 400
    assert "until when" in missing.content.decode()
    until = (timezone.now() + timedelta(days=9)).isoformat()
    sent = {"reason": "accepted", "until": until}
    told = max_.post(f"{url}resolve/", sent, content_type="application/json").json()
    assert told["state"] == "muted"
