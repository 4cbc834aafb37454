"""The pages of findings: triage, evidence, and what people decide, each with its bad answer."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from backlog.models import Finding, Item, Product
from backlog.rules.severity import Severity
from tests.backlog.evidence import patients, see
from tests.conftest import Cast

BACKLOG = "/p/MED/backlog/"
DECIDE = "/p/MED/findings/decide/"
HTMX = {"HX-Request": "true"}


@pytest.fixture
def max_(as_person: Any, cast: Cast) -> Client:
    client: Client = as_person(cast.max)
    return client


@pytest.fixture
def vera(as_person: Any, cast: Cast) -> Client:
    client: Client = as_person(cast.vera)
    return client


@pytest.fixture
def age(product: Product) -> Finding:
    """Open, with MED-1 standing for it."""
    return see(product, "age")[0]


@pytest.fixture
def minor(product: Product) -> Finding:
    """Open without an item: the product files from P3 on, and this is P4."""
    product.file_from = "P3"
    product.save()
    return see(product, "note", severity=Severity.INFO, excess=0.5)[0]


def url(finding: Finding, deed: str = "") -> str:
    return f"/p/MED/findings/{finding.pk}/" + (f"{deed}/" if deed else "")


# What is shown --------------------------------------------------------------------------------


def test_what_is_not_tracked_is_shown_apart(product: Product, vera: Client) -> None:
    job = {"pull_request": 12, "job_url": "https://ci.example.org/7"}
    see(product, "age", "weight", context=job)
    tabs = vera.get("/p/MED/findings/").content.decode()
    assert 'Not tracked <span class="muted">1</span>' in tabs
    html = vera.get("/p/MED/findings/?state=untracked").content.decode()
    for text in ("Pull request: 12", "2 would be filed", "https://ci.example.org/7"):
        assert text in html, text
    assert html.count(">failed</span>") == 2
    assert not Finding.objects.exists()


def test_the_page_of_untracked_evidence_takes_the_same_queries_however_long(
    product: Product, vera: Client
) -> None:
    def taken() -> int:
        with CaptureQueriesContext(connection) as seen:
            assert vera.get("/p/MED/findings/?state=untracked").status_code == 200
        return len(seen)

    see(product, "age", context={"pull_request": 12})
    before = taken()
    for number in range(5):
        see(product, "age", context={"pull_request": number + 13})
    assert taken() == before


def test_the_page_of_a_finding_shows_its_evidence_and_its_days(age: Finding, vera: Client) -> None:
    page = vera.get(url(age))
    html = page.content.decode()
    assert page.status_code == 200
    for told in ("age is missing", "P1", "critical", "1,087", "MED-1", "failed"):
        assert told in html
    assert "/mute/" not in html


def test_findings_are_listed_by_state(age: Finding, minor: Finding, vera: Client) -> None:
    Finding.objects.filter(pk=minor.pk).update(state="muted")
    opened = vera.get("/p/MED/findings/").content.decode()
    assert "age is missing" in opened
    assert "note is missing" not in opened
    assert "note is missing" in vera.get("/p/MED/findings/?state=muted").content.decode()
    assert vera.get("/p/MED/findings/?state=nonsense").status_code == 200


def test_the_list_takes_the_same_queries_for_many(product: Product, vera: Client) -> None:
    see(product, "age")
    vera.get("/p/MED/findings/")
    with CaptureQueriesContext(connection) as few:
        vera.get("/p/MED/findings/")
    see(product, "weight", "height", "pulse")
    with CaptureQueriesContext(connection) as many:
        vera.get("/p/MED/findings/")
    assert len(many) == len(few)


def test_strangers_find_no_finding(age: Finding, as_person: Any, cast: Cast) -> None:
    sam = as_person(cast.sam)
    assert sam.get("/p/MED/findings/").status_code == 404
    assert sam.get(url(age)).status_code == 404
    assert sam.post(url(age, "resolve"), {"reason": "fixed"}).status_code == 404


def test_a_finding_of_another_product_is_not_found(
    age: Finding, other_product: Product, as_person: Any, cast: Cast
) -> None:
    assert as_person(cast.sam).get(f"/p/SHOP/findings/{age.pk}/").status_code == 404


@pytest.mark.parametrize("deed", ["file", "mute", "resolve", "priority", "reopen", "obsolete"])
def test_stakeholders_decide_nothing(age: Finding, vera: Client, deed: str) -> None:
    assert vera.post(url(age, deed), {"reason": "fixed", "priority": "P1"}).status_code == 403


def test_the_keeper_of_a_dataset_decides_whatever_the_role(
    product: Product, vera: Client, cast: Cast
) -> None:
    patients(product, steward=cast.vera)
    [found] = see(product, "age")
    assert "/mute/" in vera.get(url(found)).content.decode()
    assert vera.post(url(found, "mute")).status_code == 302


def test_evidence_is_text_and_links_to_the_web_alone(product: Product, max_: Client) -> None:
    [found] = see(
        product,
        "age",
        evidence={"url": "javascript:alert(1)", "note": "<script>x</script>", "nested": {"a": [1]}},
    )
    html = max_.get(url(found)).content.decode()
    assert "javascript:" not in html
    assert "<script>x" not in html
    assert "&lt;script&gt;x" in html


# Deeds ----------------------------------------------------------------------------------------


def test_a_finding_is_muted_until_the_end_of_a_day(age: Finding, max_: Client) -> None:
    day = (timezone.localdate() + timedelta(days=7)).isoformat()
    back = {"next": "/p/MED/items/MED-1/"}
    answer = max_.post(url(age, "mute"), {"until": day, **back})
    assert answer["Location"] == "/p/MED/items/MED-1/"
    age.refresh_from_db()
    assert age.state == "muted"
    assert age.muted_until is not None
    assert timezone.localtime(age.muted_until).date().isoformat() == day
    assert "muted its finding until" in max_.get("/p/MED/items/MED-1/").content.decode()


@pytest.mark.parametrize("until", ["2001-01-01", "next week"])
def test_a_mute_that_ends_before_it_begins_is_refused(
    age: Finding, max_: Client, until: str
) -> None:
    answer = max_.post(url(age, "mute"), {"until": until})
    assert answer.status_code == 422
    assert "field-error" in answer.content.decode()
    age.refresh_from_db()
    assert age.state == "open"


def test_a_finding_is_resolved_with_a_reason_and_its_item_follows(
    age: Finding, max_: Client
) -> None:
    max_.post(url(age, "resolve"), {"reason": "upstream", "note": "The clinic repairs it."})
    age.refresh_from_db()
    assert (age.state, age.resolved_reason, age.resolved_note) == (
        "resolved",
        "upstream",
        "The clinic repairs it.",
    )
    assert Item.objects.get().status.slug == "done"
    assert "The clinic repairs it." in max_.get(url(age)).content.decode()


@pytest.mark.parametrize("reason", ["", "green", "accepted", "because"])
def test_a_reason_that_people_cannot_give_is_refused(
    age: Finding, max_: Client, reason: str
) -> None:
    assert max_.post(url(age, "resolve"), {"reason": reason}).status_code == 422
    age.refresh_from_db()
    assert age.state == "open"


def test_a_resolved_finding_is_reopened_with_its_item(age: Finding, max_: Client) -> None:
    max_.post(url(age, "resolve"), {"reason": "fixed"})
    max_.post(url(age, "reopen"))
    age.refresh_from_db()
    assert age.state == "open"
    assert Item.objects.get().status.category == "todo"


def test_a_priority_of_a_person_sticks(age: Finding, max_: Client, product: Product) -> None:
    max_.post(url(age, "priority"), {"priority": "P4"})
    see(product, "age")
    age.refresh_from_db()
    assert age.priority == "P4"
    assert max_.post(url(age, "priority"), {"priority": "P9"}).status_code == 422


def test_a_finding_whose_rule_is_gone_becomes_obsolete(age: Finding, max_: Client) -> None:
    max_.post(url(age, "obsolete"))
    age.refresh_from_db()
    assert age.state == "obsolete"


def test_a_deed_leads_back_to_our_own_pages_alone(age: Finding, max_: Client) -> None:
    answer = max_.post(url(age, "mute"), {"next": "https://evil.example/"})
    assert answer["Location"] == url(age)


def test_the_page_is_named_by_the_finding_and_tells_who_did_what(
    age: Finding, max_: Client, as_person: Any, cast: Cast
) -> None:
    max_.post(url(age, "priority"), {"priority": "P2"})
    max_.post(url(age, "mute"))
    as_person(cast.olga).post(url(age, "reopen"))
    html = max_.get(url(age)).content.decode()
    assert html.count("age is missing in 8.7 % of rows") == 2  # the title and the heading
    assert "reported by Great Expectations" in html
    assert ">Score<" not in html
    told = [html.index(deed) for deed in ("reopened it", "muted it", "set the priority of it")]
    assert told == sorted(told)
    assert "Olga Kuznetsova" in html


def test_a_deed_on_several_findings_is_told_at_each(product: Product, max_: Client) -> None:
    found = see(product, *[f"column{n}" for n in range(8)])
    some = [finding.pk for finding in found[:2]]
    max_.post(DECIDE, {"choice": "accept", "finding": some})
    for finding in found[:2]:
        assert "accepted the level of it" in max_.get(url(finding)).content.decode()
    assert "accepted the level of it" not in max_.get(url(found[2])).content.decode()


def test_the_finding_of_a_dataset_leads_to_its_page(age: Finding, max_: Client) -> None:
    assert 'href="/p/MED/data/patients/">Patients</a>' in max_.get(url(age)).content.decode()


@pytest.mark.parametrize(("deed", "badge"), [("mute", "muted"), ("obsolete", "recovered?")])
def test_the_row_of_an_item_says_how_its_finding_stands(
    age: Finding, max_: Client, deed: str, badge: str
) -> None:
    # Of an obsolete finding the team is asked, so that the item stays in the list.
    Product.objects.update(on_green="ask")
    max_.post(url(age, deed))
    page = max_.get(f"{BACKLOG}?done=1").content.decode()
    row = page.partition('id="item-1"')[2]
    assert f"{badge}</span>" in row.partition("</li>")[0]


# Triage ---------------------------------------------------------------------------------------


def test_minor_findings_wait_in_triage_above_the_backlog(minor: Finding, max_: Client) -> None:
    html = max_.get(BACKLOG).content.decode()
    assert "Triage" in html
    assert "note is missing" in html
    assert not Item.objects.exists()


def test_a_waiting_finding_is_filed_once(minor: Finding, max_: Client) -> None:
    assert max_.post(url(minor, "file")).status_code == 302
    minor.refresh_from_db()
    assert minor.item is not None
    assert minor.item.ref == "MED-1"
    assert max_.post(url(minor, "file"), headers=HTMX).status_code == 409


def test_a_first_run_of_many_waits_for_a_yes(product: Product, max_: Client) -> None:
    columns = [f"column{n}" for n in range(8)]
    found = see(product, *columns)
    html = max_.get(BACKLOG).content.decode()
    assert "8 of a first run wait for a yes" in html
    chosen = {"choice": "file", "finding": [finding.pk for finding in found[:3]]}
    assert max_.post(DECIDE, chosen).status_code == 302
    assert Item.objects.count() == 3
    rest = [finding.pk for finding in found[3:]]
    max_.post(DECIDE, {"choice": "accept", "finding": rest[:2]})
    max_.post(DECIDE, {"choice": "watch", "finding": rest[2:]})
    assert Finding.objects.filter(state="muted", muted_cap__isnull=False).count() == 2
    assert Finding.objects.filter(state="muted", muted_cap__isnull=True).count() == 3
    assert "Triage" not in max_.get(BACKLOG).content.decode()


@pytest.mark.parametrize(
    "choice", [{"choice": "file"}, {"choice": "burn"}, {"finding": ["1", "x"]}]
)
def test_a_choice_of_nothing_is_refused(
    minor: Finding, max_: Client, choice: dict[str, Any]
) -> None:
    assert max_.post(DECIDE, choice, headers=HTMX).status_code == 422


def test_a_stakeholder_decides_on_no_triage(minor: Finding, vera: Client) -> None:
    assert "File items" not in vera.get(BACKLOG).content.decode()
    wanted = {"choice": "file", "finding": [minor.pk]}
    assert vera.post(DECIDE, wanted).status_code == 403


@pytest.mark.parametrize("key", ["9" * 40, "9" * 5000, "-1", "²", "x"])
def test_a_finding_that_can_not_be_is_a_wrong_choice(
    product: Product, max_: Client, key: str
) -> None:
    see(product, "age")
    refused = max_.post(DECIDE, {"choice": "file", "finding": key}, headers=HTMX)
    assert refused.status_code == 422
    assert "no longer waits" in refused.content.decode()
