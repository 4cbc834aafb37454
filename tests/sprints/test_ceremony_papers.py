"""What leaves a ceremony: calendar files, feeds, reminders."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from smtplib import SMTPRecipientsRefused
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from django.utils import timezone
from icalendar import Calendar

from backlog.models import Actor, Job, Member, Product
from backlog.services import jobs
from backlog.services.members import remove_member
from sprints.models import CalendarFeed, Ceremony, CeremonyNews
from sprints.queries.minutes import plain
from sprints.services import ceremonies as services
from sprints.services.ceremonies import CeremonyDraft, schedule
from tests.conftest import Cast


@pytest.fixture
def olga(cast: Cast) -> Actor:
    return Actor.person(cast.olga)


@pytest.fixture
def review(product: Product, olga: Actor) -> Ceremony:
    begins = timezone.now() + timedelta(minutes=10)
    draft = CeremonyDraft("review", begins, 90, "Review; <b>all</b>, of it", place="Room 1, north")
    return schedule(product, draft, actor=olga)


def test_a_calendar_reads_the_file(as_person: Any, cast: Cast, review: Ceremony) -> None:
    answer = as_person(cast.vera).get(f"/p/MED/ceremonies/{review.pk}/ceremony.ics")
    assert answer.headers["Content-Type"].startswith("text/calendar")
    [event] = Calendar.from_ical(answer.content).walk("VEVENT")
    assert event["SUMMARY"] == "MED: Review; <b>all</b>, of it"
    assert event["LOCATION"] == "Room 1, north"
    begins = review.starts_at.replace(microsecond=0)
    assert event.decoded("DTSTART") == begins
    assert event.decoded("DTEND") == begins + timedelta(minutes=90)


def test_a_feed_is_read_by_its_secret_until_it_ends(
    as_person: Any, cast: Cast, review: Ceremony, product: Product
) -> None:
    client = as_person(cast.vera)
    made = client.post("/p/MED/ceremonies/calendar/", {"deed": "make"})
    address = made.context["address"]
    assert made.headers["Cache-Control"] == "no-store"
    assert CalendarFeed.objects.get().token_hash not in address
    path = address.partition("/calendar/")[2]
    answer = Client().get(f"/calendar/{path}")
    assert len(Calendar.from_ical(answer.content).walk("VEVENT")) == 1
    assert address not in client.get("/p/MED/ceremonies/calendar/").content.decode()
    client.post("/p/MED/ceremonies/calendar/", {"deed": "make"})
    assert Client().get(f"/calendar/{path}").status_code == 404


def test_a_feed_ends_with_the_membership(
    as_person: Any, cast: Cast, review: Ceremony, product: Product, olga: Actor
) -> None:
    made = as_person(cast.vera).post("/p/MED/ceremonies/calendar/", {"deed": "make"})
    path = made.context["address"].partition("/calendar/")[2]
    remove_member(Member.objects.get(product=product, user=cast.vera), actor=olga)
    assert Client().get(f"/calendar/{path}").status_code == 404


def test_people_are_reminded_once_here_and_by_mail(
    as_person: Any, cast: Cast, review: Ceremony
) -> None:
    job = Job.objects.get(kind=services.REMIND_KIND)
    jobs.run(job.pk)
    job.refresh_from_db()
    assert job.state == Job.State.DONE
    assert {message.to[0] for message in mail.outbox} == {
        cast[name].email for name in ("olga", "max", "sina", "dora", "vera")
    }
    assert f"/p/MED/ceremonies/{review.pk}/" in mail.outbox[0].body
    client = as_person(cast.vera)
    body = client.get("/notifications/").content.decode()
    assert "Review; &lt;b&gt;all" in body
    assert 'data-unread="1"' in body
    client.get(f"/p/MED/ceremonies/{review.pk}/")
    assert 'data-unread=""' in client.get("/notifications/").content.decode()
    assert CeremonyNews.objects.filter(read_at=None).count() == 4


def test_an_address_that_is_refused_keeps_nobody_from_the_rest(
    review: Ceremony, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    send = mail.EmailMessage.send

    def but_one(message: mail.EmailMessage, fail_silently: bool = False) -> int:
        if message.to == [cast.max.email]:
            raise SMTPRecipientsRefused({cast.max.email: (550, b"No such person")})
        return send(message, fail_silently)

    monkeypatch.setattr(mail.EmailMessage, "send", but_one)
    job = Job.objects.get(kind=services.REMIND_KIND)
    jobs.run(job.pk)
    job.refresh_from_db()
    assert job.state == Job.State.DONE
    assert {message.to[0] for message in mail.outbox} == {
        cast[name].email for name in ("olga", "sina", "dora", "vera")
    }
    assert CeremonyNews.objects.count() == 5


def test_without_a_mail_server_people_are_reminded_here(
    review: Ceremony, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(mailer: Any) -> None:
        raise ConnectionRefusedError

    monkeypatch.setattr("django.core.mail.backends.locmem.EmailBackend.open", refuse)
    job = Job.objects.get(kind=services.REMIND_KIND)
    jobs.run(job.pk)
    job.refresh_from_db()
    review.refresh_from_db()
    assert (job.state, mail.outbox) == (Job.State.DONE, [])
    assert review.reminded_for == review.starts_at
    assert CeremonyNews.objects.count() == 5


def test_all_news_are_marked_as_read(as_person: Any, cast: Cast, review: Ceremony) -> None:
    jobs.run(Job.objects.get(kind=services.REMIND_KIND).pk)
    client = as_person(cast.vera)
    client.post("/notifications/read/")
    assert 'data-unread=""' in client.get("/notifications/").content.decode()


@pytest.mark.parametrize("what", ["moved", "opened", "off"])
def test_nobody_is_reminded_of_what_is_not_meant_any_more(
    review: Ceremony, olga: Actor, what: str
) -> None:
    job = Job.objects.get(kind=services.REMIND_KIND)
    if what == "moved":
        services.change(review, actor=olga, starts_at=review.starts_at + timedelta(days=1))
    elif what == "opened":
        services.open_ceremony(review, actor=olga)
    else:
        services.change(review, actor=olga, remind_minutes=None)
    jobs.run(job.pk)
    assert mail.outbox == []


def test_a_past_start_asks_for_no_reminder(product: Product, olga: Actor) -> None:
    draft = CeremonyDraft("daily", datetime(2020, 1, 1, 9, tzinfo=UTC), 15)
    schedule(product, draft, actor=olga)
    assert not Job.objects.filter(kind=services.REMIND_KIND).exists()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("- a list", r"\- a list"),
        ("+ a list", r"\+ a list"),
        ("12. a list", r"12\. a list"),
        ("12) a list", r"12\) a list"),
        ("# a\nheading", r"\# a heading"),
        ("[x](javascript:y) <b>", r"\[x\](javascript:y) \<b\>"),
        ("-5 degrees, 1.5 m", "-5 degrees, 1.5 m"),
    ],
)
def test_words_of_others_make_no_markdown_in_the_minutes(text: str, shown: str) -> None:
    assert plain(text) == shown
