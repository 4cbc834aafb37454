"""REST: findings that other tools report, lists of them, and what people decide."""

from __future__ import annotations

import base64
from datetime import timedelta
from importlib import import_module
from typing import Any

import pytest
from django.apps import apps
from django.utils import timezone

from backlog.models import Finding, Item, Job, Product, Scope, StoredReport, Subject, User
from tests.backlog.evidence import see
from tests.conftest import Cast
from tests.rest import V1, cursor_of, pointers, queries, walk

FINDINGS = f"{V1}/products/MED/findings/"
SEEN = {
    "source": "bandit",
    "fingerprint": "B603:train.py",
    "title": "A subprocess with untrusted input",
    "severity": "critical",
    "outcome": "failed",
    "evidence": {"file": "train.py", "count": 3},
}
FIELDS = {
    "id", "source", "fingerprint", "title", "severity", "priority", "state", "marks", "first_seen",
    "last_seen", "occurrences", "evidence", "dataset", "run", "item", "resolution", "muted_until",
    "muted_cap", "merged_into", "aliases", "url",
}  # fmt: skip


@pytest.fixture
def ci(api: Any, product: Product) -> Any:
    """A product's token with the evidence scope alone."""
    return api(product=product, scopes=(Scope.EVIDENCE,))


@pytest.fixture
def max_(api: Any, cast: Cast, product: Product) -> Any:
    return api(cast.max)


def seen(**more: Any) -> dict[str, Any]:
    return {**SEEN, **more}


def ids(answer: Any) -> list[int]:
    return [row["id"] for row in answer.json()["results"]]


# Report ------------------------------------------------------------------------------------


def test_what_a_tool_saw_becomes_a_finding_and_an_item(ci: Any, product: Product) -> None:
    answer = ci.post(FINDINGS, seen(context={"commit": "abc", "job_url": "https://ci/7"}))
    told = answer.json()
    assert answer.status_code == 201
    assert (told["tracked"], told["created"], told["updated"]) == (True, ["MED-1"], [])
    finding = told["finding"]
    assert set(finding) == FIELDS
    expected = {
        "source": "bandit", "fingerprint": "B603:train.py", "severity": "critical",
        "priority": "P1", "state": "open", "marks": [], "occurrences": 1, "item": "MED-1",
        "dataset": None, "run": None, "resolution": None, "muted_until": None,
        "title": "A subprocess with untrusted input",
    }  # fmt: skip
    assert {name: finding[name] for name in expected} == expected
    assert finding["evidence"] == {
        "file": "train.py", "count": 3, "context": {"commit": "abc", "job_url": "https://ci/7"}
    }  # fmt: skip
    assert finding["url"].endswith(f"/p/MED/findings/{finding['id']}/")


def test_the_same_again_is_the_same_finding_and_green_resolves_it(ci: Any) -> None:
    first = ci.post(FINDINGS, seen()).json()
    again = ci.post(FINDINGS, seen())
    assert (again.status_code, again.json()["updated"]) == (200, ["MED-1"])
    assert again.json()["finding"]["id"] == first["finding"]["id"]
    assert again.json()["finding"]["occurrences"] == 2
    green = ci.post(FINDINGS, seen(outcome="passed")).json()
    assert green["finding"]["state"] == "resolved"
    assert green["resolved"] == ["MED-1"]
    assert green["finding"]["resolution"]["reason"] == "green"
    assert green["finding"]["resolution"]["at"].endswith("Z")


def test_a_report_that_is_named_counts_once(ci: Any) -> None:
    named = seen(external_id="job-7/B603")
    first, second = (ci.post(FINDINGS, named) for _ in range(2))
    assert second.json()["finding"]["occurrences"] == 1
    assert second.json()["created"] == first.json()["created"] == ["MED-1"]


def test_one_job_reports_many_findings_under_its_id(ci: Any) -> None:
    job = {"external_id": "job-7"}
    first, other = (ci.post(FINDINGS, seen(fingerprint=f, **job)).json() for f in ("a", "b"))
    assert (first["created"], other["created"]) == (["MED-1"], ["MED-2"])
    assert other["finding"]["fingerprint"] == "b"
    worse = ci.post(FINDINGS, seen(fingerprint="b", evidence={"count": 9}, **job)).json()
    assert (worse["finding"]["occurrences"], worse["finding"]["evidence"]["count"]) == (2, 9)


def test_a_key_sent_twice_counts_once_and_holds_its_body(ci: Any) -> None:
    headers = {"Idempotency-Key": "k"}
    first, second = (ci.post(FINDINGS, SEEN, headers=headers) for _ in range(2))
    assert first.json() == second.json()
    assert Finding.objects.get().occurrence_count == 1
    assert ci.post(FINDINGS, seen(title="b"), headers=headers).status_code == 422


def test_evidence_of_a_pull_request_says_what_it_would_have_done(ci: Any) -> None:
    told = ci.post(FINDINGS, seen(context={"pull_request": 12})).json()
    assert (told["tracked"], told["created"], told["finding"]) == (False, [SEEN["title"]], None)
    assert not Finding.objects.exists() and not Item.objects.exists()


def test_evidence_of_a_pull_request_is_kept_apart_from_the_findings(ci: Any) -> None:
    ci.post(FINDINGS, seen(context={"pull_request": 12}))
    (kept,) = StoredReport.objects.get(tracked=False).observations
    assert (kept["title"], kept["outcome"], kept["score"]) == (SEEN["title"], "failed", 12)
    assert kept["evidence"] == SEEN["evidence"]


def test_green_of_what_was_never_red_is_nothing(ci: Any) -> None:
    answer = ci.post(FINDINGS, seen(outcome="passed"))
    assert (answer.status_code, answer.json()["finding"]) == (200, None)


def test_a_tool_that_broke_is_an_execution_finding(ci: Any) -> None:
    told = ci.post(FINDINGS, seen(outcome="errored", evidence={"error_code": "no_memory"})).json()
    assert told["errored"] == ["MED-1"]
    assert told["finding"]["title"] == "bandit: 1 check could not run (no memory)"


def test_a_tool_that_broke_is_well_once_the_same_checks_are_judged_again(ci: Any) -> None:
    broken = {"outcome": "errored", "evidence": {"error_code": "no_memory"}}
    for check in ("a", "b"):
        execution = ci.post(FINDINGS, seen(fingerprint=check, **broken)).json()["finding"]["id"]
    for check, state in (("other", "open"), ("a", "open"), ("b", "resolved")):
        ci.post(FINDINGS, seen(fingerprint=check, outcome="passed"))
        assert ci.get(f"{V1}/findings/{execution}/").json()["state"] == state, check


def test_evidence_is_about_a_dataset_where_it_says_so(ci: Any, product: Product) -> None:
    Subject.objects.create(product=product, kind="dataset", slug="patients", name="Patients")
    assert ci.post(FINDINGS, seen(dataset="patients")).json()["finding"]["dataset"] == "patients"
    assert pointers(ci.post(FINDINGS, seen(dataset="cats"))) == ["/dataset"]


def test_a_fingerprint_names_no_finding_of_another_subject(
    ci: Any, max_: Any, product: Product
) -> None:
    for slug in ("patients", "cats"):
        Subject.objects.create(product=product, kind="dataset", slug=slug, name=slug.title())
    about = [{"dataset": "patients"}, {"dataset": "cats"}, {}]
    found = [ci.post(FINDINGS, seen(**each)).json()["finding"] for each in about]
    assert len({finding["id"] for finding in found}) == 3
    assert {finding["fingerprint"] for finding in found} == {SEEN["fingerprint"]}
    told = ci.post(FINDINGS, seen(outcome="passed", dataset="cats")).json()
    assert told["finding"]["id"] == found[1]["id"]
    assert ids(max_.get(f"{FINDINGS}?state=open&ordering=id")) == [found[0]["id"], found[2]["id"]]
    ours = see(product, "age")[0]
    ci.post(FINDINGS, seen(fingerprint=ours.fingerprint, outcome="passed", dataset="patients"))
    ours.refresh_from_db()
    assert ours.state == "open"


def test_findings_from_before_are_known_by_their_new_fingerprints(
    ci: Any, product: Product
) -> None:
    Subject.objects.create(product=product, kind="dataset", slug="patients", name="Patients")
    sent = [seen(dataset="patients"), seen(fingerprint="b")]
    broken = seen(fingerprint="b", outcome="errored", evidence={"error_code": "no_memory"})
    for report in (*sent, broken):
        ci.post(FINDINGS, report)
    today = list(Finding.objects.order_by("id").values("fingerprint", "errored_checks"))
    ours = see(product, "age")[0].fingerprint
    migration = import_module("backlog.migrations.0005_tie_given_fingerprints_to_their_subject")
    migration.untie(apps, None)
    known = Finding.objects.filter(source="bandit").order_by("id")
    names = list(known.values_list("fingerprint", "errored_checks"))
    assert names[:2] == [(SEEN["fingerprint"], []), ("b", [])]
    assert names[2][1] == ["b"]
    migration.tie(apps, None)
    assert list(known.values("fingerprint", "errored_checks")) == today
    assert see(product, "age")[0].fingerprint == ours
    again = [ci.post(FINDINGS, report).json()["finding"]["occurrences"] for report in sent]
    assert again == [2, 2]


def test_nobody_speaks_for_the_source_of_another(api: Any, cast: Cast, product: Product) -> None:
    max_, sina = api(cast.max), api(cast.sina)
    finding = max_.post(FINDINGS, seen()).json()["finding"]["id"]
    refused = sina.post(FINDINGS, seen(outcome="passed"))
    assert (refused.status_code, refused.json()["code"]) == (403, "not_your_source")
    assert Finding.objects.get(pk=finding).state == "open"
    assert sina.post(FINDINGS, seen(source="ruff")).status_code == 201
    renewed = api(cast.max, scopes=(Scope.EVIDENCE,)).post(FINDINGS, seen(outcome="passed"))
    assert renewed.json()["finding"]["state"] == "resolved"


def test_tokens_of_the_product_speak_with_one_voice_that_no_person_has(
    ci: Any, api: Any, max_: Any, product: Product
) -> None:
    finding = ci.post(FINDINGS, seen()).json()["finding"]["id"]
    assert max_.post(FINDINGS, seen(outcome="passed")).status_code == 403
    renewed = api(product=product, scopes=(Scope.EVIDENCE,))
    assert renewed.post(FINDINGS, seen(outcome="passed")).json()["finding"]["id"] == finding
    assert Finding.objects.get().state == "resolved"


def test_the_product_takes_over_a_source_that_a_person_began(ci: Any, max_: Any) -> None:
    finding = max_.post(FINDINGS, seen()).json()["finding"]["id"]
    taken = ci.post(FINDINGS, seen(outcome="passed"))
    assert (taken.status_code, taken.json()["finding"]["id"]) == (200, finding)
    assert max_.post(FINDINGS, seen()).status_code == 403


def test_evidence_holds_counts_names_and_links_without_passwords(ci: Any) -> None:
    evidence = {
        "count": 3, "share": 0.5, "blocked": True, "owner": None, "columns": ["age", "weight"],
        "log": "at postgres://me:secret@db/x", "url": f"https://ci.example.org/{'x' * 300}",
    }  # fmt: skip
    kept = ci.post(FINDINGS, seen(evidence=evidence)).json()["finding"]["evidence"]
    assert kept == {**evidence, "log": "at postgres://db/x", "context": {}}


@pytest.mark.parametrize(
    "address", ["https://bot:hunter2@ci/job", "https://ghp_s3cret@ci/job", "https://a:b@c@ci/job"]
)
def test_an_address_is_kept_without_who_it_signs_in(ci: Any, address: str) -> None:
    sent = seen(
        title=f"See {address}",
        fingerprint=address[:64],
        evidence={"url": address, "log": f"at {address}", "urls": [address]},
        context={"job_url": address, "job_id": address, "commit": address},
    )
    kept = ci.post(FINDINGS, sent).json()["finding"]
    plain = "https://ci/job"
    assert (kept["title"], kept["fingerprint"]) == (f"See {plain}", plain)
    assert kept["evidence"] == {
        "url": plain, "log": f"at {plain}", "urls": [plain],
        "context": {"job_url": plain, "job_id": plain, "commit": plain},
    }  # fmt: skip
    stored = StoredReport.objects.get()
    assert (stored.context, stored.batch_key) == (kept["evidence"]["context"], plain)


@pytest.mark.parametrize(
    "evidence",
    [
        {f"columns {number}": ["x"] * 26 for number in range(4)},
        {f"url {number}": f"https://ci/{'x' * 900}" for number in range(20)},
    ],
)
def test_much_evidence_is_linked_to_not_sent(ci: Any, evidence: dict[str, Any]) -> None:
    answer = ci.post(FINDINGS, seen(evidence=evidence))
    assert (answer.status_code, pointers(answer)) == (400, ["/evidence"])
    assert not Finding.objects.exists()


@pytest.mark.parametrize(
    "fact",
    [
        {"name": "Ada"},
        [{"name": "Ada"}],
        [["Ada", 36]],
        [36, 41],
        ["x"] * 51,
        "x" * 201,
        "two\nlines",
    ],
)
def test_rows_and_long_texts_are_no_evidence(ci: Any, fact: Any) -> None:
    answer = ci.post(FINDINGS, seen(evidence={"rows": fact}))
    assert (answer.status_code, pointers(answer)) == (400, ["/evidence/rows"])
    assert not Finding.objects.exists()


@pytest.mark.parametrize(
    ("wrong", "pointer"),
    [
        ({"source": "gx"}, "/source"),
        ({"source": "My Tool"}, "/source"),
        ({"fingerprint": ""}, "/fingerprint"),
        ({"fingerprint": "x" * 65}, "/fingerprint"),
        ({"severity": "worst"}, "/severity"),
        ({"outcome": "maybe"}, "/outcome"),
        ({"evidence": [1]}, "/evidence"),
        ({"excess": -1}, "/excess"),
        ({"context": {"job_url": "javascript:alert(1)"}}, "/context/job_url"),
        ({"context": {"colour": "red"}}, "/context/colour"),
        ({"state": "resolved"}, "/state"),
        ({"as_of": "2100-01-01T00:00:00Z"}, "/as_of"),
    ],
)
def test_bad_reports_are_refused_by_field(ci: Any, wrong: dict[str, Any], pointer: str) -> None:
    answer = ci.post(FINDINGS, seen(**wrong))
    assert (answer.status_code, pointers(answer)) == (400, [pointer])
    assert not Finding.objects.exists()


def test_reporting_takes_the_evidence_scope_and_a_builder(
    api: Any, cast: Cast, product: Product
) -> None:
    assert api(cast.max, scopes=(Scope.READ, Scope.WRITE)).post(FINDINGS, SEEN).status_code == 403
    assert api(cast.vera).post(FINDINGS, SEEN).status_code == 403
    assert api(cast.sam).post(FINDINGS, SEEN).status_code == 404


# Lists -------------------------------------------------------------------------------------


def test_the_list_is_narrowed_and_ordered(ci: Any, max_: Any, product: Product) -> None:
    Subject.objects.create(product=product, kind="dataset", slug="patients", name="Patients")
    p1 = ci.post(FINDINGS, seen()).json()["finding"]
    p2 = ci.post(
        FINDINGS, seen(fingerprint="b", severity="warning", source="ruff", dataset="patients")
    ).json()["finding"]
    gone = ci.post(FINDINGS, seen(fingerprint="c", severity="info")).json()["finding"]
    max_.post(f"{V1}/findings/{gone['id']}/mute/", {})
    everything = [p1["id"], p2["id"], gone["id"]]
    for query, expected in {
        "": everything,
        "ordering=id": everything,
        "ordering=-last_seen": everything[::-1],
        "state=open": everything[:2],
        "state=open&state=muted": everything,
        "severity=warning": [p2["id"]],
        "priority=P1": [p1["id"]],
        "source=bandit": [p1["id"], gone["id"]],
        "dataset=patients": [p2["id"]],
        "item=med-1": [p1["id"]],
        "item=nothing": [],
        f"updated_since={(timezone.now() + timedelta(hours=1)).strftime('%FT%TZ')}": [],
    }.items():
        assert ids(max_.get(f"{FINDINGS}?{query}")) == expected, query
    assert [[f["id"] for f in page] for page in walk(max_, f"{FINDINGS}?limit=2")] == [
        everything[:2],
        everything[2:],
    ]
    assert max_.get(f"{FINDINGS}?state=lost").status_code == 400
    assert max_.get(f"{FINDINGS}?kind=bug").status_code == 400


@pytest.mark.parametrize(
    ("ordering", "wrong"),
    [
        ("-id", cursor_of(FINDINGS, "-id", 0, 10**40)),
        ("-id", cursor_of(FINDINGS, "-id", 0, -1)),
        ("priority", cursor_of(FINDINGS, "priority", 0, "\ud800", 1)),
        ("priority", cursor_of(FINDINGS, "priority", 0, "\0", 1)),
        ("last_seen", cursor_of(FINDINGS, "last_seen", 0, "9999-12-31T23:59:59-12:00", 1)),
        ("last_seen", cursor_of(FINDINGS, "last_seen", 0, "0001-01-01T00:00:00+14:00", 1)),
        ("-id", base64.urlsafe_b64encode(b"[" * 50_000).decode()),
        ("-id", base64.urlsafe_b64encode(b'[1,"-id",0,' + b"9" * 5000 + b"]").decode()),
    ],
)
def test_a_cursor_that_no_database_understands_is_refused(
    max_: Any, ordering: str, wrong: str
) -> None:
    answer = max_.get(FINDINGS, {"ordering": ordering, "cursor": wrong})
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_parameter")


def test_the_list_takes_the_same_queries_however_long(ci: Any, max_: Any) -> None:
    ci.post(FINDINGS, seen())
    before = queries(max_, FINDINGS)
    for number in range(5):
        ci.post(FINDINGS, seen(fingerprint=f"f{number}"))
    assert queries(max_, FINDINGS) == before


def test_the_evidence_scope_reads_findings_but_decides_nothing(ci: Any) -> None:
    finding = ci.post(FINDINGS, seen()).json()["finding"]["id"]
    assert ci.get(FINDINGS).status_code == 200
    assert ci.get(f"{V1}/findings/{finding}/").status_code == 200
    assert ci.post(f"{V1}/findings/{finding}/mute/", {}).status_code == 403


# Decide ------------------------------------------------------------------------------------


def test_people_mute_resolve_and_reopen(ci: Any, max_: Any) -> None:
    path = f"{V1}/findings/{ci.post(FINDINGS, seen()).json()['finding']['id']}/"
    muted = max_.post(f"{path}mute/", {"until": "2100-01-01T00:00:00Z", "cap": 5}).json()
    assert (muted["state"], muted["muted_until"]) == ("muted", "2100-01-01T00:00:00Z")
    resolved = max_.post(f"{path}resolve/", {"reason": "upstream", "note": "Their side"}).json()
    assert (resolved["state"], resolved["muted_until"]) == ("resolved", None)
    assert resolved["resolution"].pop("at")
    assert resolved["resolution"] == {
        "reason": "upstream", "by": "max@example.org", "note": "Their side"
    }  # fmt: skip
    opened = max_.post(f"{path}reopen/").json()
    assert (opened["state"], opened["resolution"]) == ("open", None)


@pytest.mark.parametrize(
    ("deed", "body", "pointer"),
    [
        ("mute", {"until": "2001-01-01T00:00:00Z"}, "/until"),
        ("mute", {"until": "soon"}, "/until"),
        ("resolve", {}, "/reason"),
        ("resolve", {"reason": "green"}, "/reason"),
        ("resolve", {"reason": "bored"}, "/reason"),
        ("resolve", {"reason": "fixed", "colour": "red"}, "/colour"),
    ],
)
def test_bad_decisions_are_refused_by_field(
    ci: Any, max_: Any, deed: str, body: dict[str, Any], pointer: str
) -> None:
    finding = ci.post(FINDINGS, seen()).json()["finding"]["id"]
    answer = max_.post(f"{V1}/findings/{finding}/{deed}/", body)
    assert (answer.status_code, pointers(answer)) == (400, [pointer])
    assert Finding.objects.get().state == "open"


def test_a_dataset_s_steward_decides_whatever_the_role(
    ci: Any, api: Any, cast: Cast, product: Product
) -> None:
    Subject.objects.create(
        product=product, kind="dataset", slug="patients", name="Patients", steward=cast.dora
    )
    hers = ci.post(FINDINGS, seen(dataset="patients")).json()["finding"]["id"]
    other = ci.post(FINDINGS, seen(fingerprint="b")).json()["finding"]["id"]
    dora = api(cast.dora)
    assert dora.post(f"{V1}/findings/{hers}/mute/", {}).status_code == 200
    assert dora.post(f"{V1}/findings/{other}/mute/", {}).status_code == 403


def test_strangers_find_no_finding(ci: Any, api: Any, cast: Cast) -> None:
    finding = ci.post(FINDINGS, seen()).json()["finding"]["id"]
    sam = api(cast.sam)
    assert sam.get(f"{V1}/findings/{finding}/").status_code == 404
    assert sam.post(f"{V1}/findings/{finding}/mute/", {}).status_code == 404
    assert sam.get(FINDINGS).status_code == 404


# Jobs --------------------------------------------------------------------------------------


@pytest.fixture
def job(product: Product) -> Job:
    return Job.objects.create(
        product=product, kind="run", run_after=timezone.now(), progress=0.25, message="Reading"
    )


def test_a_job_says_how_far_it_is(ci: Any, job: Job) -> None:
    shown = ci.get(f"{V1}/jobs/{job.pk}/").json()
    expected = {
        "id": job.pk, "kind": "run", "product": "MED", "state": "queued", "progress": 0.25,
        "message": "Reading", "error": None, "started_at": None, "finished_at": None,
    }  # fmt: skip
    assert {name: shown[name] for name in expected} == expected


def test_a_job_is_cancelled_once(max_: Any, job: Job) -> None:
    cancelled = max_.post(f"{V1}/jobs/{job.pk}/cancel/").json()
    assert (cancelled["state"], cancelled["error"]["code"]) == ("cancelled", "cancelled")
    assert max_.post(f"{V1}/jobs/{job.pk}/cancel/").status_code == 409


@pytest.mark.parametrize("kind", ["import", "import.check"])
def test_an_import_is_stopped_by_those_who_may_import(
    api: Any, cast: Cast, product: Product, max_: Any, job: Job, kind: str
) -> None:
    Job.objects.update(kind=kind)
    address = f"{V1}/jobs/{job.pk}/cancel/"
    assert max_.post(address).status_code == 403
    assert api(product=product).post(address).status_code == 403
    job.refresh_from_db()
    assert not job.cancel_requested
    assert max_.get(f"{V1}/jobs/{job.pk}/").status_code == 200
    assert api(cast.sina).post(address).status_code == 200


def test_jobs_of_others_and_of_nobody_are_not_there(
    ci: Any, api: Any, cast: Cast, job: Job
) -> None:
    assert api(cast.sam).get(f"{V1}/jobs/{job.pk}/").status_code == 404
    assert api(cast.vera).post(f"{V1}/jobs/{job.pk}/cancel/").status_code == 403
    assert ci.post(f"{V1}/jobs/{job.pk}/cancel/").status_code == 403
    Job.objects.update(product=None)
    User.objects.update(is_administrator=True)
    assert api(cast.olga).get(f"{V1}/jobs/{job.pk}/").status_code == 404
    assert api(cast.olga).get(f"{V1}/jobs/999999999999999999/").status_code == 404
