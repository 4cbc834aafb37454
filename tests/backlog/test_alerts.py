"""Channels hear once of what is new, back or worse: by severity and owner, and not at night."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from backlog.models import (
    Actor,
    AlertChannel,
    AlertMessage,
    AlertRule,
    Job,
    Product,
    Subject,
)
from backlog.rules.alerts import News, lines_of, next_loud, title_of
from backlog.rules.evidence import Observation, Outcome
from backlog.rules.severity import Severity
from backlog.services import jobs
from backlog.services.alerts import (
    ChannelDraft,
    RuleDraft,
    create_channel,
    delete_channel,
    forget_messages,
    test_channel,
    update_channel,
)
from backlog.services.findings import EvidenceReport, report
from mlscrum.lib import chats
from mlscrum.lib.errors import DomainError
from tests.conftest import Cast
from tests.rest import queries

ADDRESS = "jsons://example.org/hook-5550199"
PAGE = "/p/MED/settings/alerts/"
REST = "/api/v1/products/MED/alert-channels/"
test_channel.__test__ = False  # a service, whatever its name


@pytest.fixture
def olga(cast: Cast) -> Actor:
    return Actor.person(cast.olga)


@pytest.fixture
def patients(product: Product, cast: Cast) -> Subject:
    return Subject.objects.create(
        product=product, kind="dataset", slug="patients", name="Patients", owner=cast.dora
    )


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str, str]]:
    """What is sent, in place of sending it."""
    found: list[tuple[str, str, str]] = []
    monkeypatch.setattr(chats, "send", lambda *message: found.append(message))
    return found


def draft(*rules: RuleDraft, **fields: Any) -> ChannelDraft:
    given: dict[str, Any] = {"name": "#data", "address": ADDRESS}
    return ChannelDraft(rules=rules or [RuleDraft("warning")], **{**given, **fields})


def check(name: str, severity: str = "critical", outcome: str = "failed") -> Observation:
    return Observation(
        "unique", {"column": name}, f"Patients: {name} is not unique", Outcome(outcome),
        Severity(severity), evidence={"url": "/p/MED/runs/7/"},
    )  # fmt: skip


def see(subject: Subject, *seen: Observation, day: int = 1, **context: str) -> None:
    at = datetime(2026, 3, day, tzinfo=UTC)
    report(
        EvidenceReport(
            subject.product, "gx", f"run:{day}", subject, f"b{day}", at, seen, context=context
        ),
        actor=Actor.system(),
    )


def work() -> None:
    for job in Job.objects.filter(state="queued", kind="alert").order_by("pk"):
        jobs.run(job.pk)


# What is told ------------------------------------------------------------------------------------


def test_one_report_is_one_message_with_counts_names_and_a_link(
    product: Product, olga: Actor, patients: Subject, sent: list[Any], settings: Any
) -> None:
    create_channel(product, draft(), actor=olga)
    see(patients, check("id"), check("age", "warning"), check("name", "info"))
    work()
    [(address, title, body)] = sent
    assert address == ADDRESS
    assert title == "MED Patients: 2 new findings, at worst P1"
    lines = body.splitlines()
    assert lines[0] == "P1 critical: Patients: id is not unique (MED-1)"
    assert lines[1] == "P2 warning: Patients: age is not unique (MED-2)"
    assert lines[2] == f"{settings.BASE_URL}/p/MED/runs/7/"
    message = AlertMessage.objects.get()
    assert (message.state, message.attempts) == ("sent", 1)


def test_what_is_seen_again_is_not_told_but_what_is_back_or_worse(
    product: Product, olga: Actor, patients: Subject, sent: list[Any]
) -> None:
    create_channel(product, draft(RuleDraft("info")), actor=olga)
    see(patients, check("id", "info"), day=1)
    see(patients, check("id", "info"), day=2)
    assert AlertMessage.objects.count() == 1
    see(patients, check("id", "critical"), day=3)
    see(patients, check("id", outcome="passed"), day=4)
    see(patients, check("id"), day=5)
    titles = list(AlertMessage.objects.order_by("pk").values_list("title", flat=True))
    assert titles == [
        "MED Patients: 1 new finding, at worst P3",
        "MED Patients: 1 got worse, at worst P1",
        "MED Patients: 1 is back, at worst P1",
    ]


def test_what_is_not_tracked_is_not_told(product: Product, olga: Actor, patients: Subject) -> None:
    create_channel(product, draft(), actor=olga)
    see(patients, check("id"), pull_request="7")
    assert not AlertMessage.objects.exists()


@pytest.mark.parametrize(
    ("severity", "owner", "heard"),
    [("critical", None, True), ("warning", "dora", True), ("critical", "max", False)],
)
def test_a_rule_asks_for_severity_and_owner(
    product: Product, olga: Actor, patients: Subject, cast: Cast, severity: str,
    owner: str | None, heard: bool,  # noqa: FBT001
) -> None:  # fmt: skip
    rule = RuleDraft(severity, cast[owner] if owner else None)
    create_channel(product, draft(rule), actor=olga)
    see(patients, check("id", "critical"))
    see(patients, check("age", "info"), day=2)
    assert AlertMessage.objects.count() == int(heard)


def test_names_that_others_chose_mention_nobody() -> None:
    news = [News("new", "<!channel> @here `x`\n</a>", "critical", "P1")]
    [line] = lines_of(news)
    assert not {"<", ">", "`", "\n"} & set(line)
    assert "@here" not in line
    assert "@everyone" not in title_of("MED", "@everyone", news)
    many = [News("new", f"t{n}", "info", "P4") for n in range(30)]
    assert lines_of(many)[-1] == "and 20 more"


# When it is told ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("now", "loud"),
    [
        ("2026-03-14T12:00", "2026-03-14T12:00"),
        ("2026-03-14T22:30", "2026-03-15T06:00"),  # 23:30 in Berlin
        ("2026-03-14T03:00", "2026-03-14T06:00"),
        ("2026-03-14T06:00", "2026-03-14T06:00"),
        ("2026-03-28T23:00", "2026-03-29T05:00"),  # summer time begins that night
    ],
)
def test_quiet_hours_end_in_their_zone(now: str, loud: str) -> None:
    found = next_loud(
        datetime.fromisoformat(now).replace(tzinfo=UTC), time(22), time(7), "Europe/Berlin"
    )
    assert found == datetime.fromisoformat(loud).replace(tzinfo=UTC)


def test_quiet_hours_of_one_day_and_none_at_all() -> None:
    noon = datetime(2026, 3, 14, 12, tzinfo=UTC)
    assert next_loud(noon, time(11), time(13), "UTC") == noon.replace(hour=13)
    assert next_loud(noon, time(13), time(14), "UTC") == noon
    assert next_loud(noon, None, None, "UTC") == noon


def test_what_waited_comes_as_one_message(
    product: Product, olga: Actor, patients: Subject, sent: list[Any]
) -> None:
    now = timezone.now()
    channel = create_channel(
        product,
        draft(
            quiet_from=(now - timedelta(hours=1)).time(),
            quiet_until=(now + timedelta(hours=1)).time(),
        ),
        actor=olga,
    )
    see(patients, check("id"), day=1)
    see(patients, check("age"), day=2)
    assert {job.run_after > now for job in Job.objects.filter(kind="alert")} == {True}
    work()
    assert sent == []
    AlertMessage.objects.update(not_before=now)
    Job.objects.filter(kind="alert").update(run_after=now)
    work()
    [(_, title, body)] = sent
    assert title == "MED: 2 reports while it was quiet"
    assert "id is not unique" in body
    assert "age is not unique" in body
    assert set(channel.messages.values_list("state", flat=True)) == {"sent"}


# How it gets there -------------------------------------------------------------------------------


def test_a_service_that_does_not_answer_is_tried_again_and_then_given_up(
    product: Product, olga: Actor, patients: Subject, monkeypatch: pytest.MonkeyPatch
) -> None:
    def send(*message: str) -> None:
        raise chats.Unreachable("not_taken", "The service did not take the message (HTTP 503).")

    monkeypatch.setattr(chats, "send", send)
    create_channel(product, draft(), actor=olga)
    see(patients, check("id"))
    job = Job.objects.get(kind="alert")
    for attempt in range(1, 7):
        jobs.run(job.pk)
        job.refresh_from_db()
        message = AlertMessage.objects.get()
        assert message.attempts == attempt
        assert message.state == ("sending" if attempt < 6 else "failed")
        Job.objects.update(run_after=timezone.now())
    assert job.state == "failed"
    assert "HTTP 503" in message.error


def test_an_address_within_is_refused_and_the_log_names_the_setting(
    product: Product, olga: Actor, patients: Subject
) -> None:
    create_channel(product, draft(address="json://127.0.0.1:9/hook"), actor=olga)
    see(patients, check("id"))
    work()
    message = AlertMessage.objects.get()
    assert message.state == "failed"
    assert "OUTBOUND_ALLOW" in message.error
    assert Job.objects.get(kind="alert").attempts == 1


class Hook(http.server.BaseHTTPRequestHandler):
    heard: list[dict[str, Any]] = []

    def do_POST(self) -> None:  # noqa: N802
        length = int(self.headers["content-length"])
        self.heard.append(json.loads(self.rfile.read(length)))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def hook() -> Iterator[int]:
    Hook.heard = []
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hook)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield server.server_port
    server.shutdown()
    server.server_close()


def test_apprise_delivers_to_a_service_that_is_named(
    product: Product, olga: Actor, hook: int, settings: Any
) -> None:
    pytest.importorskip("apprise")
    settings.OUTBOUND_ALLOW = [f"127.0.0.1:{hook}"]
    channel = create_channel(product, draft(address=f"json://127.0.0.1:{hook}/x"), actor=olga)
    test_channel(channel, actor=olga)
    work()
    assert AlertMessage.objects.get().state == "sent"
    [heard] = Hook.heard
    assert heard["title"] == "MED: a trial message of ML Scrum"
    assert f"{settings.BASE_URL}{PAGE}" in heard["message"]


@pytest.mark.parametrize(
    ("address", "service"),
    [
        ("slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#general", "Slack"),
        ("https://hooks.slack.com/services/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ", "Slack"),
        ("mailtos://user:pass@example.org", "E-mail"),
        ("mmosts://hook.example.com/3ccdd113474722377935511fc85d3dd4", "Mattermost"),
        ("workflows://prod.logic.azure.com/WORKFLOWID/SIGNATURE/", "Microsoft Teams"),
    ],
)
def test_addresses_are_known_by_their_service(address: str, service: str) -> None:
    assert chats.service_of(address) == service


@pytest.mark.parametrize(
    "address",
    [
        "", "nonsense://x", "file:///etc/passwd", "syslog://", "dbus://", "https://example.org/hook",
        "slack://", "json://a b", "jsons://example.org/?verify=no", "http://[::1",
        "mailtos://u:p@example.org?pgpkey=/etc/passwd", "https://hooks.slack.com.evil.example/x",
    ],
)  # fmt: skip
def test_other_addresses_are_refused(address: str) -> None:
    with pytest.raises(DomainError):
        chats.service_of(address)


# Who may, and what is seen -----------------------------------------------------------------------


def test_an_address_is_encrypted_and_never_shown_again(
    product: Product, olga: Actor, cast: Cast, as_person: Any, api: Any
) -> None:
    channel = create_channel(product, draft(), actor=olga)
    assert "5550199" not in channel.address
    pages = [PAGE, f"{PAGE}{channel.pk}/"]
    told = [as_person(cast.olga).get(page).content.decode() for page in pages]
    told += [api(cast.olga).get(path).content.decode() for path in (REST, f"{REST}{channel.pk}/")]
    assert all("5550199" not in text and channel.address not in text for text in told)


def test_a_channel_is_made_tried_changed_and_deleted_on_its_pages(
    product: Product, cast: Cast, as_person: Any, sent: list[Any]
) -> None:
    olgas = as_person(cast.olga)
    form = {"name": "#data", "address": ADDRESS, "everybodys": "critical", "owned": "warning",
            "owners": [cast.dora.pk], "quiet_from": "22:00", "quiet_until": "07:00",
            "time_zone": "Europe/Berlin", "is_active": "on"}  # fmt: skip
    assert olgas.post(PAGE, form).status_code == 302
    channel = AlertChannel.objects.get()
    rules = AlertRule.objects.values_list("severity", "owner__email")
    assert set(rules) == {("critical", None), ("warning", "dora@example.org")}
    assert (
        "critical findings; warning and above of Dora Anyango" in olgas.get(PAGE).content.decode()
    )
    assert olgas.post(f"{PAGE}{channel.pk}/test/").status_code == 302
    work()
    assert "a trial message" in olgas.get(PAGE).content.decode()
    before = channel.address
    changed = {**form, "address": "", "name": "#quality", "owners": [], "everybodys": "info"}
    assert olgas.post(f"{PAGE}{channel.pk}/", changed).status_code == 302
    channel.refresh_from_db()
    assert (channel.name, channel.address) == ("#quality", before)
    assert AlertRule.objects.get().severity == "info"
    for wrong in ({"everybodys": "", "owners": []}, {"quiet_until": ""}, {"name": ""}):
        assert olgas.post(f"{PAGE}{channel.pk}/", {**form, **wrong}).status_code == 422
    assert olgas.post(f"{PAGE}{channel.pk}/delete/").status_code == 302
    assert not AlertChannel.objects.exists()


def test_channels_over_rest(product: Product, cast: Cast, api: Any, sent: list[Any]) -> None:
    olgas = api(cast.olga)
    wanted = {"name": "#data", "address": ADDRESS,
              "rules": [{"severity": "warning", "owner": "dora@example.org"}]}  # fmt: skip
    made = olgas.post(REST, wanted)
    assert made.status_code == 201
    path = f"{REST}{made.json()['id']}/"
    assert made.json()["rules"] == [{"severity": "warning", "owner": "dora@example.org"}]
    assert olgas.patch(path, {"is_active": False}).json()["rules"] == made.json()["rules"]
    assert olgas.post(f"{path}test/").status_code == 202
    work()
    [message] = olgas.get("/api/v1/products/MED/alert-messages/").json()["results"]
    assert message["state"] == "sent"
    wrongs: list[dict[str, Any]] = [
        {"rules": []},
        {"rules": [{"severity": "warning", "owner": "sam@example.org"}]},
        {"address": "nonsense://x"},
        {"time_zone": "Nowhere"},
        {"urls": []},
    ]
    for wrong in wrongs:
        assert olgas.patch(path, wrong).status_code == 400
    assert olgas.post(REST, wanted).status_code == 400  # the name is taken
    assert olgas.delete(path).status_code == 204
    assert api(product=product).get(REST).status_code == 403


@pytest.mark.parametrize("name", ["max", "dora", "vera"])
def test_only_who_steers_sees_channels(
    product: Product, cast: Cast, as_person: Any, api: Any, name: str
) -> None:
    assert as_person(cast[name]).get(PAGE).status_code == 403
    assert api(cast[name]).get(REST).status_code == 403


def test_pages_take_no_more_queries_as_channels_grow(
    product: Product, olga: Actor, cast: Cast, as_person: Any, api: Any
) -> None:
    def add(name: str) -> None:
        wanted = draft(RuleDraft("info", cast.dora), name=name)
        channel = create_channel(product, wanted, actor=olga)
        test_channel(channel, actor=olga)

    add("#a")
    olgas, rest = as_person(cast.olga), api(cast.olga)
    before = queries(olgas, PAGE), queries(rest, REST)
    for name in ("#b", "#c", "#d"):
        add(name)
    assert (queries(olgas, PAGE), queries(rest, REST)) == before


def test_messages_go_after_30_days_and_channels_with_what_waits(
    product: Product, olga: Actor, sent: list[Any]
) -> None:
    channel = create_channel(product, draft(), actor=olga)
    old = test_channel(channel, actor=olga)
    AlertMessage.objects.filter(pk=old.pk).update(created_at=timezone.now() - timedelta(days=31))
    test_channel(channel, actor=olga)
    assert forget_messages(timezone.now()) == 1
    delete_channel(channel, actor=olga)
    work()
    assert sent == []
    assert Job.objects.filter(kind="alert", state="failed").count() == 0


def test_a_channel_that_is_off_hears_nothing(
    product: Product, olga: Actor, patients: Subject, sent: list[Any]
) -> None:
    channel = create_channel(product, draft(), actor=olga)
    see(patients, check("id"))
    update_channel(channel, draft(address=None, is_active=False), actor=olga)
    work()
    assert sent == []
    assert AlertMessage.objects.get().error == "The channel was switched off."
    see(patients, check("age"), day=2)
    assert AlertMessage.objects.count() == 1


def test_there_are_up_to_20_channels(product: Product, olga: Actor) -> None:
    for number in range(20):
        create_channel(product, draft(name=f"#{number}"), actor=olga)
    with pytest.raises(ValidationError, match="up to 20"):
        create_channel(product, draft(name="#more"), actor=olga)
