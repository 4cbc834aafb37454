"""What people choose to be told, and digests of what they have not read, by mail or chat."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from smtplib import SMTPException

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.mail import EmailMessage
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from backlog.models import Digest, Job, Member, NewsChoice, User
from backlog.queries.digests import unread_lines
from backlog.rules.digests import next_digest, text_of
from backlog.services import jobs
from backlog.services.jobs import Lease, Retry
from mlscrum.lib import chats
from mlscrum.lib.errors import DomainError
from mlscrum.lib.secrets import decrypt, encrypt

JOB_KIND = "digest"
MAX_ATTEMPTS = 12  # within about an hour
AT_ONCE = 200
SETTLED = timedelta(minutes=1)  # what is written now may stand with an earlier time than ours
LAST_HOUR = 23
MAIL, CHAT = "mail", "chat"
# ValueError: an address that can't stand in a header
UNSENT = (SMTPException, OSError, ValueError)


def choose_levels(person: User, levels: Mapping[int, str]) -> None:
    """How much the person hears of products, by their ids; others stay as they are.

    Raises ValidationError for what is no level, and for a product that the person is not in.
    """
    if not set(levels.values()) <= set(NewsChoice.Level.values):
        raise ValidationError(f"A level is one of {', '.join(NewsChoice.Level.values)}.")
    own = Member.objects.filter(user=person, product__in=list(levels))
    if set(own.values_list("product", flat=True)) != set(levels):
        raise ValidationError("Choose for products that you belong to.")
    NewsChoice.objects.bulk_create(
        [NewsChoice(user=person, product_id=pk, level=level) for pk, level in levels.items()],
        update_conflicts=True,
        unique_fields=["user", "product"],
        update_fields=["level"],
    )


def keep_digest(
    person: User,
    *,
    every: str,
    hour: int = 8,
    by_mail: bool = True,
    chat: str | None = None,
) -> Digest:
    """Send the person a digest from now on; a `chat` of None leaves the present one, an empty one
    takes it away. What was told before is not told again. Raises ValidationError for bad fields."""
    now = timezone.now()
    with transaction.atomic():
        digest = Digest.objects.select_for_update().filter(user=person).first()
        if digest is None:
            digest = Digest(user=person, told_until=now)
        _aim(digest, chat)
        digest.every, digest.hour, digest.by_mail = every, hour, by_mail
        digest.error = ""
        if every not in Digest.Every.values:
            raise ValidationError({"every": "Choose how often."})
        if not 0 <= hour <= LAST_HOUR:
            raise ValidationError({"hour": "Choose an hour from 0 to 23."})
        if not by_mail and not digest.chat_address:
            raise ValidationError({"by_mail": "Choose mail, or give the address of a chat."})
        digest.next_at = next_digest(now, every, hour, _zone(person))
        digest.save()
    return digest


def end_digest(person: User) -> None:
    """Send the person no digest any more; the address of their chat is forgotten."""
    Digest.objects.filter(user=person).delete()


def try_out(person: User) -> None:
    """Send a digest of all that is unread at once, to see that it arrives; raises DomainError for
    who gets none."""
    digest = Digest.objects.filter(user=person).first()
    if digest is None:
        raise DomainError("no_digest", "Choose first how often a digest is to come.")
    _give_jobs(digest, since=None, until=timezone.now(), is_trial=True)


def send_due(now: datetime) -> int:
    """Ask for the digests that are due, one job for each way out; deletes nothing, so 0.

    Any number of dispatchers may do so at once: who moves the date on has it.
    """
    due = Digest.objects.filter(next_at__lte=now).select_related("user").order_by("next_at")
    until = now - SETTLED
    for digest in due[:AT_ONCE]:
        person = digest.user
        following = next_digest(now, digest.every, digest.hour, _zone(person))
        with transaction.atomic():
            ours = Digest.objects.filter(pk=digest.pk, next_at=digest.next_at).update(
                next_at=following, told_until=max(until, digest.told_until)
            )
            if ours and person.is_active and unread_lines(person, digest.told_until, until)[1]:
                _give_jobs(digest, since=digest.told_until, until=until)
    return 0


def deliver(lease: Lease) -> None:
    """Carry out a job: one digest by mail, or to the chat. What was read meanwhile is left out, and
    so is all of it where the person ended the digest. It is sent again only where a worker was
    killed between sending and saying so."""
    args = lease.job.args
    digest = Digest.objects.filter(user=args["user"]).select_related("user").first()
    if digest is None or not digest.user.is_active:
        return
    person = digest.user
    since = datetime.fromisoformat(args["since"]) if args["since"] else person.created_at
    lines, total = unread_lines(person, since, datetime.fromisoformat(args["until"]))
    if not total and not args["is_trial"]:
        return
    choices = f"{settings.BASE_URL}{reverse('notification-choices')}"
    subject, body = text_of(lines, total=total, choices_url=choices)
    if args["by"] == MAIL:
        if not digest.by_mail:
            return
        _mail(person, subject, body)
    elif not digest.chat_address:
        return
    else:
        try:
            chats.send(decrypt(digest.chat_address), subject, body)
        except chats.Unreachable as error:
            raise Retry(error.message, code=error.code) from None
    with lease.finish():
        ours = Digest.objects.filter(pk=digest.pk)
        ours.update(sent_at=timezone.now())
        ours.filter(error__startswith=f"{args['by']}: ").update(error="")


def delivery_failed(job: Job, code: str, message: str) -> None:
    """A digest could not be sent: the page of choices says why, and where there is no other way
    its news come with the next."""
    digest = Digest.objects.select_for_update().filter(pk=job.args["user"]).first()
    if digest is None:
        return
    digest.error = f"{job.args['by']}: {message}"[:300]
    if job.args["since"] and not (digest.by_mail and digest.chat_address):
        since = datetime.fromisoformat(job.args["since"])
        digest.told_until = min(digest.told_until, since)
    digest.save(update_fields=["error", "told_until"])


def _aim(digest: Digest, chat: str | None) -> None:
    if chat is None:
        return
    if not chat:
        digest.chat_service = digest.chat_address = ""
        return
    try:
        digest.chat_service = chats.service_of(chat)
    except DomainError as error:
        raise ValidationError({"chat": error.message}) from None
    digest.chat_address = encrypt(chat)


def _give_jobs(
    digest: Digest, *, since: datetime | None, until: datetime, is_trial: bool = False
) -> None:
    ways = [way for way, is_on in ((MAIL, digest.by_mail), (CHAT, digest.chat_address)) if is_on]
    for way in ways:
        jobs.enqueue(
            None,
            JOB_KIND,
            {
                "user": digest.user_id,
                "by": way,
                "since": since.isoformat() if since else None,
                "until": until.isoformat(),
                "is_trial": is_trial,
            },
        )


def _mail(person: User, subject: str, body: str) -> None:
    try:
        EmailMessage(subject, body, to=[person.email]).send()
    except UNSENT:
        raise Retry(
            "The mail could not be sent; the server of EMAIL_URL did not take it."
        ) from None


def _zone(person: User) -> str:
    return person.time_zone or settings.TIME_ZONE
