"""The ceremonies of the medical product: what was said in the last review and retrospective, and
those of the sprint that runs."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from backlog.models import Actor, Backlog, Item, Product, User
from mlscrum.lib import clock
from sprints.models import Ceremony, Sprint
from sprints.queries.planning import working_days_of
from sprints.rules.ceremonies import DAILY, RETROSPECTIVE, REVIEW, time_box
from sprints.services import outcomes
from sprints.services.ceremonies import CeremonyDraft, close, open_ceremony, schedule_all
from sprints.services.notes import write_block
from sprints.services.outcomes import OutcomeDraft, add_outcome
from sprints.services.seats import be_present, take_seat

AROUND_US = """\
- The Hill clinic changes its laboratory in spring; units will change once more.
- Two more clinics ask for the worklist.
"""
INSIGHTS = (
    (
        "dora",
        "metric",
        "Recall counts for each clinic by itself: one weak clinic hides in the mean",
    ),
    ("dora", "data", "An empty sex field is meant: some clinics do not ask before the first visit"),
    ("vera", "idea", "Show the doctor how often the model was wrong on cases like this one"),
    ("vera", "constraint", "No second reading at night: nobody is there to read it"),
)


def tell_medical_ceremonies(product: Product, olga: Actor) -> None:
    """Give the medical product a review and a retrospective that were held, and plan those of the
    sprint that runs; none where it has no sprints."""
    people = {
        member.user.email.partition("@")[0]: member.user
        for member in product.members.select_related("user")
    }
    sprints = Sprint.objects.select_related("backlog__product").filter(backlog__product=product)
    last = sprints.filter(backlog__state=Backlog.State.CLOSED).order_by("-backlog__ends_on").first()
    running = sprints.filter(backlog__state=Backlog.State.ACTIVE).first()
    if last is not None:
        _tell_review(last, olga, people)
        _tell_retrospective(last, olga, people)
    if running is not None:
        _plan(running, olga)


def _tell_review(sprint: Sprint, olga: Actor, people: dict[str, User]) -> None:
    with clock.set_to(_moment(sprint, 13)):
        review = _held(sprint, REVIEW, 60, olga, people, ("olga", "max", "sina", "dora", "vera"))
        block = review.blocks.filter(title__startswith="What has changed").first()
        if block is not None:
            write_block(
                block, AROUND_US, seat=take_seat(review, people["max"]),
                actor=Actor.person(people["max"]), base_version=block.version,
            )  # fmt: skip
        said = [
            add_outcome(
                review,
                OutcomeDraft("insight", text, sort),
                actor=Actor.person(people[who]),
                seat=take_seat(review, people[who]),
            )  # fmt: skip
            for who, sort, text in INSIGHTS
        ]
        add_outcome(
            review,
            OutcomeDraft("decision", "The next sprint assesses the patients before anything else"),
            actor=olga,
            seat=take_seat(review, people["olga"]),
        )
        close(review, actor=olga)
    with clock.set_to(_moment(sprint, 13) + timedelta(days=2)):
        item = Item.objects.alive().filter(
            product=sprint.backlog.product, title="Second reading for uncertain cases"
        ).select_related("product").first()  # fmt: skip
        if item is not None:
            outcomes.convert_to_criterion(said[0], item, actor=olga)
        outcomes.accept(said[1], actor=olga)
        outcomes.decline(said[3], "The second reading is asked for by day alone", actor=olga)


def _tell_retrospective(sprint: Sprint, olga: Actor, people: dict[str, User]) -> None:
    with clock.set_to(_moment(sprint, 14)):
        held = _held(sprint, RETROSPECTIVE, 45, olga, people, ("olga", "max", "sina"))
        max_ = people["max"]
        action = OutcomeDraft(
            "action", "Agree on units with each clinic before its data", owner=max_
        )
        add_outcome(held, action, actor=Actor.person(max_), seat=take_seat(held, max_))
        close(held, actor=olga)


def _held(
    sprint: Sprint, kind: str, minutes: int, olga: Actor, people: dict[str, User],
    there: tuple[str, ...],
) -> Ceremony:  # fmt: skip
    draft = CeremonyDraft(kind, clock.now(), minutes, sprint=sprint, remind_minutes=None)
    [ceremony] = schedule_all(sprint.backlog.product, [draft], actor=olga)
    opened = open_ceremony(ceremony, actor=olga)
    for name in there:
        be_present(take_seat(opened, people[name]), actor=Actor.person(people[name]))
    return opened


def _plan(sprint: Sprint, olga: Actor) -> None:
    """The next daily, on a day on which the team works, and review and retrospective on the last
    day."""
    backlog = sprint.backlog
    assert backlog.starts_on is not None, "a sprint has both days"
    assert backlog.ends_on is not None, "a sprint has both days"
    days = (backlog.ends_on - backlog.starts_on).days + 1
    zone = ZoneInfo(sprint.zone)
    today = clock.now().astimezone(zone).date()
    next_day = next((day for day in working_days_of(sprint) if day > today), backlog.ends_on)
    last = datetime.combine(backlog.ends_on, time(13), zone)
    review = time_box(REVIEW, days)
    wanted = [
        (DAILY, datetime.combine(next_day, time(9, 30), zone), 15),
        (REVIEW, last, review),
        (RETROSPECTIVE, last + timedelta(minutes=review), time_box(RETROSPECTIVE, days)),
    ]
    drafts = [
        CeremonyDraft(kind, starts, minutes, sprint=sprint, place="Room Charité")
        for kind, starts, minutes in wanted
    ]
    schedule_all(backlog.product, drafts, actor=olga)


def _moment(sprint: Sprint, hour: int) -> datetime:
    """That hour of the last day of a sprint, by the clock of its team."""
    assert sprint.backlog.ends_on is not None, "a sprint has both days"
    return datetime.combine(sprint.backlog.ends_on, time(hour), ZoneInfo(sprint.zone))
