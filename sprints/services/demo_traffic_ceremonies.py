"""The ceremonies of the city's traffic: a review at which planners and data scientists find one
language, what became of it, and those to come. The figures are those of a worked example."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.urls import reverse

from backlog.models import Actor, Backlog, Item, Kind, Product, Subject, Term, User
from backlog.services.demo import PEAK_HOUR
from backlog.services.terms import agree_term, contest_term
from mlscrum.lib import clock
from sprints.models import Ceremony, Outcome, Participant, Sprint
from sprints.services.ceremonies import CeremonyDraft, close, open_ceremony, schedule
from sprints.services.demo import ZONE
from sprints.services.notes import write_block
from sprints.services.outcomes import (
    OutcomeDraft,
    accept,
    add_outcome,
    convert_to_criterion,
    convert_to_item,
    decline,
    note_conversion,
)
from sprints.services.seats import be_present, come_as_guest, make_guest_link, take_seat

PLANNER = "Urban planner"
FRIDAY = 4
REVIEW_DAY, RETRO_DAY = 9, 11  # after the Monday: the council's planners come on Wednesdays
NEW_PEAK_HOUR = "The time, by district, in which a road carries more than 85 % of what it can."
DATASET = "loop-detectors"
FORECAST = "Delay forecast for the six bus lines of the ring road"
SIGNS = "Signs on the motorway belong to another authority."
Sort, Into = Outcome.Sort, Outcome.Into


@dataclass(frozen=True)
class Said:
    """An insight: who said it, and after how many days it became an item; else what it became on
    the day, or that it was declined. None of these: it waits."""

    text: str
    by: str
    sort: Outcome.Sort
    days: int | None = None
    into: Outcome.Into | None = None
    is_declined: bool = False


SAID = (
    Said("Peak hour is not one hour for the whole city: in the north it begins at half past six.",
         "pia", Sort.METRIC, into=Into.TERM),
    Said("A bus of line 4 may be held for two minutes at most: it has to reach the ferry.",
         "pia", Sort.CONSTRAINT, into=Into.CRITERION),
    Said("No lane carries more than 2,400 vehicles an hour; a higher count is a broken detector.",
         "dora", Sort.DATA, into=Into.EXPECTATION),
    Said("Report the error of the forecast by district, not one for the city",
         "pia", Sort.METRIC, days=2),
    Said("Mark the roads that have no detector within 300 m", "dora", Sort.DATA, days=2),
    Said("Football nights fill the southern ring from six o'clock", "pia", Sort.DATA, days=2),
    Said("Retrain when a bridge closes, not on the first of a month", "max", Sort.RISK, days=0),
    Said("The council reads minutes of delay, no percentages", "dora", Sort.METRIC, days=1),
    Said("Ask the ferry company for its timetable as data", "pia", Sort.DATA, days=5),
    Said("Show the forecast to drivers on the signs of the motorway",
         "max", Sort.IDEA, is_declined=True),
    Said("Cyclists use the bus lane in summer", "dora", Sort.RISK),
    Said("Compare the forecast with the one of the bus drivers", "pia", Sort.IDEA),
)  # fmt: skip


def tell_traffic_ceremonies(product: Product, olga: Actor) -> None:
    """Give the last closed sprint its review and retrospective, and the next days theirs."""
    _Dialogue(product, olga).tell()


class _Dialogue:
    def __init__(self, product: Product, olga: Actor) -> None:
        self.product, self.olga = product, olga
        members = product.members.select_related("user")
        self.people: dict[str, User] = {m.user.email.partition("@")[0]: m.user for m in members}
        self.sina = Actor.person(self.people["sina"])
        sprints = Sprint.objects.select_related("backlog__product").filter(backlog__product=product)
        closed = sprints.filter(backlog__state=Backlog.State.CLOSED)
        self.past = closed.latest("backlog__starts_on")
        self.running = sprints.get(backlog__state=Backlog.State.ACTIVE)
        self.planned = sprints.get(backlog__state=Backlog.State.PLANNED)

    def tell(self) -> None:
        with self._at(self.past, REVIEW_DAY, 13):
            review = self._hold(self.past, Ceremony.Kind.REVIEW, 90)
            seats = self._seat(review)
            said = self._listen(review, seats)
            self._write_down(review, seats["dora"])
        with self._at(self.past, REVIEW_DAY, 15):
            close(review, actor=self.sina)
            self._decide(said)
        for days in sorted({one.days for one in SAID if one.days is not None}):
            # On other days at the hour of the review, so that the days between are whole.
            with self._at(self.past, REVIEW_DAY + days, 13 if days else 15):
                for one, outcome in zip(SAID, said, strict=True):
                    if one.days == days:
                        kind = Kind.DATA_NEED if one.sort == Sort.DATA else Kind.STORY
                        convert_to_item(outcome, actor=self.olga, to_top=True, kind=kind)
        with self._at(self.past, RETRO_DAY, 10):
            retro = self._hold(self.past, Ceremony.Kind.RETROSPECTIVE, 60)
            seat = take_seat(retro, self.people["max"])
            action = OutcomeDraft(
                Outcome.Kind.ACTION,
                "Invite the planners to refinement, not only to the review",
                owner=self.people["sina"],
            )
            add_outcome(retro, action, actor=Actor.person(self.people["max"]), seat=seat)
        with self._at(self.past, RETRO_DAY, 11):
            close(retro, actor=self.sina)
        self._schedule_next()

    # The review -----------------------------------------------------------------------------------

    def _hold(self, sprint: Sprint, kind: Ceremony.Kind, minutes: int) -> Ceremony:
        draft = CeremonyDraft(
            kind, clock.now(), minutes, sprint=sprint, place="Town hall, room 4",
            remind_minutes=None,
        )  # fmt: skip
        return open_ceremony(schedule(self.product, draft, actor=self.sina), actor=self.sina)

    def _seat(self, review: Ceremony) -> dict[str, Participant]:
        """The developer, the domain expert, a stakeholder who only listens, and a guest."""
        seats = {}
        for name in ("max", "dora", "vera"):
            seat = take_seat(review, self.people[name])
            seats[name] = be_present(seat, actor=Actor.person(self.people[name]))
        link, _ = make_guest_link(
            review,
            actor=self.sina,
            trade=PLANNER,
        )
        seats["pia"] = come_as_guest(link, "Pia Lindqvist")
        return seats

    def _listen(self, review: Ceremony, seats: dict[str, Participant]) -> list[Outcome]:
        return [
            add_outcome(
                review,
                OutcomeDraft(Outcome.Kind.INSIGHT, one.text, one.sort),
                actor=self._actor(one.by),
                seat=seats[one.by],
            )
            for one in SAID
        ]

    def _write_down(self, review: Ceremony, seat: Participant) -> None:
        block = review.blocks.first()
        if block is not None:
            write_block(
                block,
                "The forecast was shown beside what came, road by road. The planners marked eleven"
                " roads; **seven** of them lie in the north, where the *peak hour* is another.",
                seat=seat,
                actor=self._actor("dora"),
                base_version=block.version,
            )

    def _decide(self, said: list[Outcome]) -> None:
        """What was decided before people went home."""
        for one, outcome in zip(SAID, said, strict=True):
            if one.is_declined:
                decline(outcome, SIGNS, actor=self.olga)
            elif one.into == Into.TERM:
                self._redefine(outcome)
            elif one.into == Into.CRITERION:
                item = Item.objects.select_related("product", "backlog").get(
                    product=self.product, title=FORECAST
                )
                convert_to_criterion(outcome, item, actor=self.olga)
            elif one.into == Into.EXPECTATION:
                self._expect(outcome)
            elif one.days is not None:
                accept(outcome, actor=self.olga)

    def _redefine(self, outcome: Outcome) -> None:
        term = Term.objects.get(product=self.product, word=PEAK_HOUR)
        contest_term(term, outcome.text, actor=self._actor("dora"))
        agree_term(term, actor=self.olga, definition=NEW_PEAK_HOUR)
        url = reverse("backlog:term", args=[self.product.key, term.pk])
        target = {"words": term.word, "url": url}
        note_conversion(outcome, Into.TERM, target, actor=self.olga)

    def _expect(self, outcome: Outcome) -> None:
        subject = Subject.objects.filter(product=self.product, slug=DATASET).first()
        if subject is None:  # the floor of the data is not here
            return
        target = {
            "words": f"{subject.name}: vehicles between 0 and 2,400",
            "url": reverse("dataquality:dataset", args=[self.product.key, subject.slug]),
        }
        note_conversion(outcome, Into.EXPECTATION, target, actor=self.olga)

    # Those to come --------------------------------------------------------------------------------

    def _schedule_next(self) -> None:
        ends_on, next_on = self.running.backlog.ends_on, self.planned.backlog.starts_on
        assert ends_on is not None
        assert next_on is not None
        zone = ZoneInfo(ZONE)
        for sprint, kind, day, hour, minutes in (
            (self.running, Ceremony.Kind.REVIEW, ends_on, 13, 90),
            (self.running, Ceremony.Kind.RETROSPECTIVE, ends_on, 15, 60),
            (self.planned, Ceremony.Kind.PLANNING, next_on, 9, 120),
        ):
            starts_at = datetime.combine(day, time(hour), zone)
            draft = CeremonyDraft(
                kind, starts_at, minutes, sprint=sprint, place="Town hall, room 4"
            )
            schedule(self.product, draft, actor=self.sina)
        day = clock.now().astimezone(zone).date() + timedelta(days=1)
        while day.weekday() > FRIDAY:
            day += timedelta(days=1)
        draft = CeremonyDraft(Ceremony.Kind.REFINEMENT, datetime.combine(day, time(10), zone), 60)
        schedule(self.product, draft, actor=self.sina)

    # ----------------------------------------------------------------------------------------------

    def _actor(self, name: str) -> Actor:
        return Actor.person(self.people[name]) if name in self.people else Actor.guest()

    def _at(self, sprint: Sprint, days: int, hour: int) -> AbstractContextManager[datetime]:
        first = sprint.backlog.starts_on
        assert first is not None
        moment = datetime.combine(first + timedelta(days=days), time(hour), ZoneInfo(ZONE))
        return clock.set_to(min(moment, clock.now()))
