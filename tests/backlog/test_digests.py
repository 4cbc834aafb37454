"""People choose what reaches them; a digest tells once what they have not read, by mail or chat."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core import mail
from django.core.exceptions import ValidationError
from django.utils import timezone

from backlog.models import Actor, Digest, Item, Job, NewsChoice, Notification, Product
from backlog.rules.digests import Line, next_digest, text_of
from backlog.services import jobs
from backlog.services.digests import choose_levels, end_digest, keep_digest, send_due, try_out
from backlog.services.items import ItemDraft, comment, create_item, update_item
from backlog.services.members import remove_member
from backlog.services.notifications import mark_read
from backlog.services.secret_keys import rotate
from mlscrum.lib import chats
from mlscrum.lib.errors import DomainError
from tests.conftest import Cast

PAGE = "/notifications/choices/"
CHAT = "jsons://example.org/hook-5550199"


@pytest.fixture
def olga(cast: Cast) -> Actor:
    return Actor.person(cast.olga)


@pytest.fixture
def story(product: Product, olga: Actor) -> Item:
    return create_item(product, ItemDraft("Second reading"), actor=olga)


def work() -> None:
    for job in Job.objects.filter(state="queued", kind="digest").order_by("pk"):
        jobs.run(job.pk)


def later(digest: Digest) -> datetime:
    """When the digest is due, the news of now being settled."""
    digest.refresh_from_db()
    return max(digest.next_at, timezone.now() + timedelta(hours=1))


# The rules ---------------------------------------------------------------------------------------

FRIDAY = datetime(2026, 3, 27, 6, 30, tzinfo=UTC)  # 07:30 in Berlin; the clocks change on Sunday


@pytest.mark.parametrize(
    ("after", "every", "hour", "zone", "due"),
    [
        (FRIDAY, "hour", 8, "Europe/Berlin", datetime(2026, 3, 27, 7, 0, tzinfo=UTC)),
        (FRIDAY, "day", 8, "Europe/Berlin", datetime(2026, 3, 27, 7, 0, tzinfo=UTC)),
        (FRIDAY, "day", 7, "Europe/Berlin", datetime(2026, 3, 28, 6, 0, tzinfo=UTC)),
        (FRIDAY, "day", 8, "UTC", datetime(2026, 3, 27, 8, 0, tzinfo=UTC)),
        # after the weekend, by then in summer time
        (FRIDAY, "workday", 7, "Europe/Berlin", datetime(2026, 3, 30, 5, 0, tzinfo=UTC)),
        # exactly then: the next
        (datetime(2026, 3, 27, 7, 0, tzinfo=UTC), "day", 8, "Europe/Berlin",
         datetime(2026, 3, 28, 7, 0, tzinfo=UTC)),
        (datetime(2026, 3, 27, 7, 0, tzinfo=UTC), "hour", 0, "UTC",
         datetime(2026, 3, 27, 8, 0, tzinfo=UTC)),
    ],
)  # fmt: skip
def test_the_next_digest(after: datetime, every: str, hour: int, zone: str, due: datetime) -> None:
    assert next_digest(after, every, hour, zone) == due


def test_a_digest_tells_by_product_and_how_many_more_there_are() -> None:
    lines = [Line("TRA", "TRA-1 Jams", "https://x/1"), Line("MED", "MED-2 Ages", "https://x/2")]
    subject, body = text_of(lines, total=3, choices_url="https://x/choices")
    assert subject == "ML Scrum: 3 unread notifications"
    assert body.split("\n\n") == [
        "MED\n- MED-2 Ages\n  https://x/2",
        "TRA\n- TRA-1 Jams\n  https://x/1",
        "And 1 more.",
        "How often this comes, and of what, you choose here:\nhttps://x/choices\n",
    ]


# What reaches a person ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("level", "told"),
    [
        (None, ["mention", "assigned", "comment", "change"]),
        ("watched", ["mention", "assigned", "comment", "change"]),
        ("direct", ["mention", "assigned"]),
        ("none", []),
    ],
)
def test_a_level_says_what_of_a_product_reaches_the_bell(
    story: Item, product: Product, cast: Cast, olga: Actor, level: str | None, told: list[str]
) -> None:
    if level:
        choose_levels(cast.max, {product.pk: level})
    choose_levels(cast.dora, {product.pk: "none"})  # which is hers alone
    comment(story, "@max is this yours?", actor=olga)
    update_item(story, actor=olga, assignees=[cast.max])
    comment(story, "It is.", actor=olga)
    update_item(story, actor=olga, status=product.statuses.get(slug="done"))
    found = Notification.objects.filter(user=cast.max).order_by("pk")
    assert list(found.values_list("kind", flat=True)) == told


def test_a_level_is_of_one_product_and_may_change(
    story: Item, product: Product, cast: Cast, olga: Actor
) -> None:
    choose_levels(cast.max, {product.pk: "none"})
    choose_levels(cast.max, {product.pk: "direct"})
    assert [row.level for row in NewsChoice.objects.all()] == ["direct"]
    comment(story, "@max?", actor=olga)
    assert Notification.objects.filter(user=cast.max).count() == 1


def test_levels_that_can_not_be_chosen(product: Product, cast: Cast, olga: Actor) -> None:
    with pytest.raises(ValidationError, match="A level is one of"):
        choose_levels(cast.max, {product.pk: "loud"})
    remove_member(product.members.get(user=cast.max), actor=olga)
    with pytest.raises(ValidationError, match="that you belong to"):
        choose_levels(cast.max, {product.pk: "none"})
    assert not NewsChoice.objects.exists()


# Digests -----------------------------------------------------------------------------------------


def test_nobody_gets_a_digest_unasked(story: Item, olga: Actor) -> None:
    comment(story, "@max is this yours?", actor=olga)
    send_due(timezone.now() + timedelta(days=2))
    assert not Job.objects.filter(kind="digest").exists()


def test_a_digest_tells_once_what_was_not_read(story: Item, cast: Cast, olga: Actor) -> None:
    comment(story, "@max before.", actor=olga)
    digest = keep_digest(cast.max, every="hour")
    comment(story, "@max is this **yours**?", actor=olga)

    send_due(due := later(digest))
    send_due(due)  # another dispatcher
    work()
    [message] = mail.outbox
    assert message.to == [cast.max.email]
    assert message.subject == "ML Scrum: 1 unread notification"
    assert "MED-1 Second reading: Olga Kuznetsova mentioned you" in message.body
    assert "/p/MED/items/MED-1/" in message.body
    assert PAGE in message.body

    send_due(due + timedelta(hours=2))
    work()
    assert len(mail.outbox) == 1, "what was told is not told again"
    digest.refresh_from_db()
    assert digest.sent_at is not None
    assert digest.next_at > due


def test_what_was_read_before_is_not_sent(story: Item, cast: Cast, olga: Actor) -> None:
    digest = keep_digest(cast.max, every="day", hour=8)
    comment(story, "@max?", actor=olga)
    send_due(later(digest))
    mark_read(cast.max)  # between the asking and the sending
    work()
    assert mail.outbox == []


def test_news_that_are_being_written_come_with_the_next(
    story: Item, cast: Cast, olga: Actor
) -> None:
    digest = keep_digest(cast.max, every="hour")
    comment(story, "@max?", actor=olga)
    Digest.objects.update(next_at=timezone.now())
    send_due(timezone.now())  # within a minute of the deed
    assert not Job.objects.filter(kind="digest").exists()
    send_due(later(digest))
    assert Job.objects.filter(kind="digest").count() == 1


def test_who_ended_it_or_left_gets_none(
    product: Product, story: Item, cast: Cast, olga: Actor
) -> None:
    for person in (cast.max, cast.dora):
        keep_digest(person, every="hour")
    comment(story, "@max and @dora?", actor=olga)
    send_due(timezone.now() + timedelta(hours=2))
    end_digest(cast.max)
    cast.dora.is_active = False
    cast.dora.save()
    work()
    assert mail.outbox == []
    assert {job.state for job in Job.objects.filter(kind="digest")} == {"done"}


def test_a_digest_goes_to_a_chat_too(
    story: Item, cast: Cast, olga: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[tuple[str, str]] = []
    monkeypatch.setattr(chats, "send", lambda to, title, body: sent.append((to, title)))
    digest = keep_digest(cast.max, every="hour", chat=CHAT)
    assert (digest.chat_service, CHAT in digest.chat_address) == ("JSON webhook", False)
    comment(story, "@max?", actor=olga)
    send_due(later(digest))
    work()
    assert sent == [(CHAT, "ML Scrum: 1 unread notification")]
    assert len(mail.outbox) == 1
    assert ("digest chat_address", 1) in [(row.name, row.count) for row in rotate()]


def test_a_chat_that_does_not_answer_is_said_and_keeps_the_mail(
    story: Item, cast: Cast, olga: Actor, monkeypatch: pytest.MonkeyPatch, as_person: Any
) -> None:
    def refuse(*args: str) -> None:
        raise DomainError("bad_address", "This address is not known any more; enter it again.")

    monkeypatch.setattr(chats, "send", refuse)
    digest = keep_digest(cast.max, every="hour", chat=CHAT)
    comment(story, "@max?", actor=olga)
    send_due(later(digest))
    work()
    assert len(mail.outbox) == 1
    digest.refresh_from_db()
    assert digest.error == "chat: This address is not known any more; enter it again."
    assert "did not arrive: chat: This address" in as_person(cast.max).get(PAGE).content.decode()


def test_one_way_that_works_does_not_hide_that_the_other_does_not(
    story: Item, cast: Cast, olga: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: str) -> None:
        raise DomainError("bad_address", "Not known any more.")

    monkeypatch.setattr(chats, "send", refuse)
    digest = keep_digest(cast.max, every="hour", chat=CHAT)
    comment(story, "@max?", actor=olga)
    send_due(later(digest))
    for job in Job.objects.filter(kind="digest").order_by("-pk"):  # the chat first
        jobs.run(job.pk)
    digest.refresh_from_db()
    assert (len(mail.outbox), digest.error) == (1, "chat: Not known any more.")


def test_what_could_not_be_sent_comes_with_the_next(
    story: Item, cast: Cast, olga: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: Any) -> None:
        raise DomainError("refused", "The server is closed.")

    digest = keep_digest(cast.max, every="hour")
    comment(story, "@max?", actor=olga)
    with monkeypatch.context() as closed:
        closed.setattr("backlog.services.digests._mail", refuse)
        send_due(due := later(digest))
        work()
    digest.refresh_from_db()
    assert (mail.outbox, digest.error) == ([], "mail: The server is closed.")
    send_due(due + timedelta(hours=2))
    work()
    digest.refresh_from_db()
    assert (len(mail.outbox), digest.error) == (1, "")


def test_a_trial_tells_all_that_is_unread_at_once(story: Item, cast: Cast, olga: Actor) -> None:
    comment(story, "@max before.", actor=olga)
    with pytest.raises(DomainError, match="how often"):
        try_out(cast.max)
    keep_digest(cast.max, every="workday", hour=7)
    try_out(cast.max)
    work()
    assert [message.subject for message in mail.outbox] == ["ML Scrum: 1 unread notification"]


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"every": "minute"}, "every"),
        ({"every": "day", "hour": 24}, "hour"),
        ({"every": "day", "by_mail": False}, "by_mail"),
        ({"every": "day", "chat": "file:///etc/passwd"}, "chat"),
    ],
)
def test_digests_that_can_not_be(
    product: Product, cast: Cast, fields: dict[str, Any], field: str
) -> None:
    with pytest.raises(ValidationError) as refused:
        keep_digest(cast.max, **fields)
    assert list(refused.value.message_dict) == [field]
    assert not Digest.objects.exists()


# The page ----------------------------------------------------------------------------------------


def test_the_page_keeps_what_is_chosen(product: Product, cast: Cast, as_person: Any) -> None:
    client = as_person(cast.max)
    level = f"level_{product.pk}"
    html = client.get(PAGE).content.decode()
    assert f'name="{level}"' in html
    assert "Send me one now" not in html

    sent = {level: "direct", "every": "day", "hour": "7", "by_mail": "on", "chat": CHAT}
    assert client.post(PAGE, sent).status_code == 302
    digest = Digest.objects.get(user=cast.max)
    assert (digest.every, digest.hour, digest.chat_service) == ("day", 7, "JSON webhook")
    assert NewsChoice.objects.get(user=cast.max).level == "direct"
    html = client.get(PAGE).content.decode()
    assert "It goes to JSON webhook" in html
    assert CHAT not in html

    assert client.post(PAGE, {**sent, "chat": "", "no_chat": "on"}).status_code == 302
    digest.refresh_from_db()
    assert digest.chat_address == ""
    assert client.post(PAGE, {**sent, "every": ""}).status_code == 302
    assert not Digest.objects.exists()


def test_the_page_says_what_is_wrong_and_keeps_nothing(
    product: Product, cast: Cast, as_person: Any
) -> None:
    client = as_person(cast.max)
    sent = {f"level_{product.pk}": "none", "every": "day", "hour": "7", "chat": "nonsense"}
    answer = client.post(PAGE, sent)
    assert answer.status_code == 422
    assert "as apprise knows it" in answer.content.decode()
    assert not NewsChoice.objects.exists()
    assert not Digest.objects.exists()
