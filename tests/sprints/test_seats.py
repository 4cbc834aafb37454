"""Seats in a ceremony: members take theirs, guests come by a link that ends."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from backlog.models import Activity, Actor, Product
from mlscrum.lib.errors import DomainError
from sprints.models import Ceremony, Participant
from sprints.queries.ceremonies import guest_seat, people_of
from sprints.queries.minutes import minutes_of
from sprints.services.seats import (
    be_present,
    come_as_guest,
    find_guest_link,
    make_guest_link,
    revoke_guest_link,
    see_off,
    stay,
    take_part,
    take_seat,
)
from tests.conftest import Cast


@pytest.fixture
def review(product: Product) -> Ceremony:
    return Ceremony.objects.create(
        product=product,
        kind=Ceremony.Kind.REVIEW,
        title="Review",
        starts_at=timezone.now(),
        minutes=60,
        state=Ceremony.State.RUNNING,
    )


def test_a_member_has_one_seat_and_speaks_for_the_own_role(review: Ceremony, cast: Cast) -> None:
    seat = take_seat(review, cast.dora)
    assert (seat.trade, seat.is_guest) == ("Domain expert", False)
    assert take_seat(review, cast.dora) == seat


def test_a_stranger_gets_no_seat(review: Ceremony, cast: Cast) -> None:
    with pytest.raises(DomainError, match="Only members and guests"):
        take_seat(review, cast.sam)


def test_who_is_there_is_one_deed_and_coming_twice_is_none(review: Ceremony, cast: Cast) -> None:
    seat, acts = take_seat(review, cast.max), Actor.person(cast.max)
    be_present(seat, actor=acts)
    be_present(seat, actor=acts)
    deeds = Activity.objects.filter(kind="ceremony.joined")
    assert [deed.data["ceremony"] for deed in deeds] == [review.pk]


def test_who_writes_before_it_begins_was_not_there_by_that(review: Ceremony, cast: Cast) -> None:
    review.state = Ceremony.State.PLANNED
    review.save()
    seat = take_part(review, cast.max, actor=Actor.person(cast.max))
    assert (seat.is_present, seat.joined_at) == (False, None)


def test_who_takes_part_is_there_and_is_so_again_after_leaving(
    review: Ceremony, cast: Cast
) -> None:
    acts = Actor.person(cast.max)
    seat = take_part(review, cast.max, actor=acts)
    be_present(seat, actor=acts, is_present=False)
    assert take_part(review, cast.max, actor=acts, seat=seat).is_present
    deeds = Activity.objects.filter(kind__in=["ceremony.joined", "ceremony.left"]).order_by("pk")
    assert [deed.kind for deed in deeds] == ["ceremony.joined", "ceremony.left", "ceremony.joined"]


def test_who_writes_after_the_end_was_not_there(review: Ceremony, cast: Cast) -> None:
    review.state, review.closed_at = Ceremony.State.OVER, timezone.now()
    seat = take_part(review, cast.max, actor=Actor.person(cast.max))
    assert (seat.is_present, seat.joined_at) == (False, None)


def test_no_deed_and_no_minute_tells_when_somebody_took_part_in_a_retrospective(
    review: Ceremony, cast: Cast
) -> None:
    review.kind = Ceremony.Kind.RETROSPECTIVE
    seat = take_part(review, cast.max, actor=Actor.person(cast.max))
    assert seat.is_present
    assert seat.joined_at is not None
    assert (seat.joined_at.minute, seat.joined_at.second) == (0, 0)
    assert not Activity.objects.filter(kind="ceremony.joined").exists()


def test_a_guest_comes_by_a_link_until_it_is_revoked(review: Ceremony, cast: Cast) -> None:
    olga = Actor.person(cast.olga)
    link, secret = make_guest_link(review, actor=olga, trade=" Urban  planner ")
    assert find_guest_link(secret) == link
    assert find_guest_link(secret + "x") is None
    seat = come_as_guest(link, "Pia Planner")
    assert (seat.name, seat.trade, seat.is_guest) == ("Pia Planner", "Urban planner", True)
    assert guest_seat("med", review.pk, seat.pk) == seat
    assert guest_seat("MED", review.pk + 1, seat.pk) is None
    assert guest_seat("OTHER", review.pk, seat.pk) is None
    revoke_guest_link(link, actor=olga)
    assert guest_seat("MED", review.pk, seat.pk) is None
    with pytest.raises(DomainError, match="has ended"):
        come_as_guest(link, "Pia Planner")


@pytest.fixture
def came(review: Ceremony, cast: Cast) -> Participant:
    """A guest whose page is open."""
    link, _ = make_guest_link(review, actor=Actor.person(cast.olga), trade="Bus driver")
    seat = come_as_guest(link, "Ben Bus")
    stay(seat, actor=Actor.guest())
    return seat


def gone(seat: Participant) -> bool:
    """Whether somebody else's page finds that they have gone."""
    see_off(seat.ceremony)
    seat.refresh_from_db()
    return not seat.is_present


def test_who_closed_the_page_is_seen_off_after_a_while_and_may_come_again(
    review: Ceremony, came: Participant, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = timezone.now()
    monkeypatch.setattr(timezone, "now", lambda: now + timedelta(seconds=70))
    assert not gone(came)
    monkeypatch.setattr(timezone, "now", lambda: now + timedelta(seconds=90))
    assert gone(came)
    assert gone(came)
    assert Activity.objects.filter(kind="ceremony.left").count() == 1
    stay(came, actor=Actor.guest())
    assert not gone(came)


def test_who_left_stays_away_with_the_page_open(came: Participant) -> None:
    be_present(came, actor=Actor.guest(), is_present=False)
    stay(came, actor=Actor.guest())
    assert gone(came)


def test_who_has_no_page_that_says_so_is_there_until_they_leave(
    review: Ceremony, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    seat = take_part(review, cast.max, actor=Actor.person(cast.max))
    now = timezone.now()
    monkeypatch.setattr(timezone, "now", lambda: now + timedelta(hours=1))
    assert not gone(seat)


def test_a_guest_who_came_twice_is_one_person(review: Ceremony, came: Participant) -> None:
    assert came.link is not None
    came.is_present = False
    came.save()
    again = come_as_guest(came.link, "Ben Bus")
    assert (people_of(review).present, people_of(review).away) == ([again], [])
    assert minutes_of(review).count("- Ben Bus, Bus driver") == 1


def test_a_link_expires(review: Ceremony, cast: Cast) -> None:
    link, secret = make_guest_link(review, actor=Actor.person(cast.olga))
    seat = come_as_guest(link, "Pia")
    link.expires_at = timezone.now() - timedelta(seconds=1)
    link.save()
    assert find_guest_link(secret) is None
    assert guest_seat("MED", review.pk, seat.pk) is None


@pytest.mark.parametrize("days", [-1, 0, 31])
def test_a_link_ends_within_a_month(review: Ceremony, cast: Cast, days: int) -> None:
    with pytest.raises(ValidationError, match="within the next 30 days"):
        make_guest_link(
            review,
            actor=Actor.person(cast.olga),
            expires_at=timezone.now() + timedelta(days=days),
        )


def test_a_guest_needs_a_name(review: Ceremony, cast: Cast) -> None:
    link, _ = make_guest_link(review, actor=Actor.person(cast.olga))
    with pytest.raises(ValidationError):
        come_as_guest(link, "   ")
    assert not review.participants.exists()
