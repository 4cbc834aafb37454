"""The sprints of the demo products: a past that the services themselves have made, by a clock set
back; the sprint that runs, and the next."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from backlog.models import Actor, Finding, Item, Kind, Product, Subject, Team, User
from backlog.rules.evidence import Observation, Outcome
from backlog.rules.severity import Severity
from backlog.services.findings import EvidenceReport, report
from backlog.services.items import ItemDraft, create_items, edit_each, move_items, product_backlog
from backlog.services.ranks import Spot
from mlscrum.lib import clock
from sprints.models import Sprint
from sprints.services.assessments import plan_assessment
from sprints.services.calendars import set_calendar
from sprints.services.closing import Closing, close_sprint
from sprints.services.sprints import ShareLine, create_sprint, start_sprint, update_sprint

ZONE = "Europe/Berlin"
SPRINT_DAYS, LAST_DAY = 14, 11  # from a Monday to the Friday of the week after
DATASET, SOURCE = "patients", "clinic-export"
WORKING_DAYS, A_WEEK = 10, 5
WEDNESDAY = 2
STALE = "The first tracked run of Patients comes with the next sprint."


@dataclass(frozen=True)
class Work:
    """An item of a past sprint by working days, 1 to 10: when it was begun and done, when it came
    in after the start, and when it was taken out again."""

    title: str
    points: float | None
    who: str
    begun: int | None = None
    done: int | None = None
    joins: int | None = None
    leaves: int | None = None
    kind: str = Kind.STORY


@dataclass(frozen=True)
class Trouble:
    """A finding that the nightly export reports before a sprint: the working day on which it
    resolves, past 10 after the sprint, and when its item was begun."""

    title: str
    severity: Severity
    excess: float
    who: str
    points: float
    begun: int | None = None
    green: int | None = None

    def passes_on(self, day: int) -> bool:
        """The second of two green nights resolves it, as the patients' `green_batches` ask."""
        return self.green is not None and self.green - 1 <= day <= self.green


@dataclass(frozen=True)
class PastSprint:
    """A sprint as it went. `carried` are the days, begun and done, of what the last one left."""

    goal: str
    works: tuple[Work, ...]
    goal_met: str = "yes"
    reason: str = ""
    carried: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    troubles: tuple[Trouble, ...] = ()


@dataclass(frozen=True)
class Tale:
    """The sprints of a product: those of the past, the one that runs, and the next; by the titles
    of items where these are in the backlog already."""

    past: tuple[PastSprint, ...]
    running_goal: str
    of_running: tuple[str, ...]
    next_goal: str
    of_next: tuple[str, ...]
    troubles_now: tuple[Trouble, ...] = ()


MEDICAL_PAST = (
    PastSprint(
        goal="A doctor sees a first verdict beside every case.",
        works=(
            Work("Verdict beside the case, with its probability", 8, "max", 1, 6),
            Work("Load a case in under two seconds", 5, "sina", 2, 5),
            Work("Sign in with the clinic's own account", 3, "max", 6, 8),
            Work("Worklist of the day", 5, "sina", 6),
            Work("Verdict is cut off on small screens", 2, "max", 9, 10, joins=8, kind=Kind.BUG),
        ),
        goal_met="partly",
        reason="Verdicts are there; the worklist of the day was more than we thought.",
    ),
    PastSprint(
        goal="The worklist shows the cases that need a doctor first.",
        works=(
            Work("Sort the worklist by urgency", 5, "max", 2, 5),
            Work("Baseline: boosting on the tabular data", 5, "sina", 4, 8, kind=Kind.SPIKE),
            Work("Retrain every night on new cases", 8, "max", 6, 10),
            Work("Show the last visit beside the case", 3, "sina", leaves=4),
        ),
        carried={"Worklist of the day": (1, 3)},
    ),
    PastSprint(
        goal="Lab values mean the same in every clinic.",
        works=(
            Work("One table of units for all clinics", 5, "sina", 1, 4),
            Work("Convert units as a case is loaded", 5, "max", 4, 7),
            Work("Old cases keep their unit of that time", 3, "max", 8),
        ),
        goal_met="partly",
        reason="Units agree everywhere; haemoglobin is still missing for the Hill clinic.",
        troubles=(
            Trouble("creatinine has two units in 6.2 % of rows", Severity.CRITICAL, 6.2, "sina",
                    3, 2, 5),
            Trouble("haemoglobin is missing in 9.1 % of rows", Severity.WARNING, 9.1, "max",
                    3, 5, 12),
            Trouble("visit numbers occur twice in 0.8 % of rows", Severity.WARNING, 0.8, "sina",
                    2, 6, 8),
        ),
    ),
    PastSprint(
        goal="Doctors see how sure the model is, and may say that it is wrong.",
        works=(
            Work("Calibrated probability instead of a score", 5, "sina", 1, 4),
            Work("A doctor overrides the verdict with a reason", 8, "max", 1, 7),
            Work("Warn where the model has seen few such cases", 5, "sina", 5, 9),
            Work("Probability is rounded to zero", 1, "max", 8, 8, joins=7, kind=Kind.BUG),
        ),
        carried={"Old cases keep their unit of that time": (2, 3)},
    ),
)  # fmt: skip
MEDICAL = Tale(
    past=MEDICAL_PAST,
    running_goal="Patient data holds a health of 95, so that doctors trust what we report.",
    of_running=(
        "Second reading for uncertain cases",
        "Explain the three strongest features to the doctor",
        "Export loses the unit of measurement",
        "Worklist forgets the chosen clinic after signing in",
    ),
    troubles_now=(
        Trouble("sex is unknown in 4.3 % of rows", Severity.CRITICAL, 4.3, "sina", 3, 1, 3),
        Trouble("clinic is misspelt in 0.6 % of rows", Severity.INFO, 0.6, "max", 1),
    ),
    next_goal="Night shifts get a second reading within an hour.",
    of_next=(
        "Threshold by clinic, set by the clinic's own experts",
        "Follow-up dates in the worklist",
    ),
)
TRAFFIC = Tale(
    past=(
        PastSprint(
            goal="The control room sees tomorrow's traffic on the main roads.",
            works=(
                Work("Counts of all loop detectors, every five minutes", 5, "max", 1, 4),
                Work("Forecast of the day by road", 8, "sina", 2, 8),
                Work("Map of tomorrow for the control room", 5, "max", 5, 9),
                Work("Detectors that report zero all day", 2, "sina", 7, 8, joins=6, kind=Kind.BUG),
            ),
        ),
        PastSprint(
            goal="Planners can say where the forecast is wrong.",
            works=(
                Work("Forecast beside what came, by road", 5, "sina", 1, 4),
                Work("A planner marks a road and says why", 5, "max", 1, 6),
                Work("School holidays as a feature", 3, "sina", 5, 7),
                Work("Roadworks from the city's calendar", 5, "max", 7),
            ),
            goal_met="partly",
            reason="Planners mark roads; the calendar of roadworks has no interface yet.",
        ),
    ),
    running_goal="Bus delays on the ring road are known 30 minutes ahead.",
    of_running=(
        "Roadworks from the city's calendar",
        "Delay forecast for the six bus lines of the ring road",
        "Public holidays are forecast as working days",
        "Warn the control room of a jam to come",
    ),
    next_goal="Planners compare road layouts before anything is built.",
    of_next=(
        "Peak hour by district instead of one for the city",
        "Planners compare two road layouts side by side",
    ),
)


def tell_medical(product: Product, olga: Actor) -> None:
    """Give the medical product four closed sprints, one that runs, which assesses its patients,
    and the next one, planned."""
    _Story(MEDICAL, product, olga).tell()


def tell_traffic(product: Product, olga: Actor) -> None:
    """Give the city's traffic two closed sprints, one that runs and the next one, planned."""
    _Story(TRAFFIC, product, olga).tell()


class _Story:
    """A team's sprints, told from the first to the next."""

    def __init__(self, tale: Tale, product: Product, olga: Actor) -> None:
        self.tale, self.product, self.olga = tale, product, olga
        team = product.teams.first()
        assert team is not None, "every product is born with a team"
        self.team: Team = team
        members = product.members.select_related("user")
        self.people: dict[str, User] = {m.user.email.partition("@")[0]: m.user for m in members}
        self.sina = Actor.person(self.people["sina"])
        self.statuses = {status.slug: status for status in product.statuses.all()}
        self.patients = product.subjects.filter(kind=Subject.Kind.DATASET, slug=DATASET).first()
        self.reports = 0

    def tell(self) -> None:
        first = _running_monday() - len(self.tale.past) * timedelta(days=SPRINT_DAYS)
        with self._at(first, -4):
            set_calendar(self.team, actor=self.sina, zone=ZONE, country="DE", subdivision="BE")
        for number, past in enumerate(self.tale.past):
            self._tell_past(past, first + number * timedelta(days=SPRINT_DAYS))
        self._tell_running(_running_monday())
        self._tell_next(_running_monday() + timedelta(days=SPRINT_DAYS))

    # The past ---------------------------------------------------------------------------------

    def _tell_past(self, past: PastSprint, monday: date) -> None:
        planned = [work for work in past.works if work.joins is None]
        left = self._left_over(past.carried)
        with self._at(monday, -3):
            made = self._make(planned)
            found = self._report(past.troubles)
        with self._at(monday, 0):
            sprint = self._plan(monday, past.goal, [*left, *made.values()], found)
        with self._at(monday, 0, hour=9):
            start_sprint(sprint, actor=self.sina)
        self._go_through(past, sprint, monday, made | {item.title: item for item in left}, found)
        with self._at(monday, LAST_DAY, hour=16):
            closing = Closing(past.goal_met, past.reason, override=STALE if found else "")
            close_sprint(sprint, closing, actor=self.sina)
        last = max((trouble.green or 0 for trouble in past.troubles), default=0)
        for day in range(WORKING_DAYS + 1, last + 1):
            with self._at(monday, _offset(day), hour=6):
                self._report([t for t in past.troubles if t.passes_on(day)], Outcome.PASSED)

    def _go_through(
        self,
        past: PastSprint,
        sprint: Sprint,
        monday: date,
        items: dict[str, Item],
        found: Sequence[Finding],
    ) -> None:
        """Day by day: what comes in and goes, what is begun and done, what turns green."""
        begun: dict[int, list[str]] = defaultdict(list)
        done: dict[int, list[str]] = defaultdict(list)
        days = {work.title: (work.begun, work.done) for work in past.works} | dict(past.carried)
        for trouble, finding in zip(past.troubles, found, strict=True):
            assert finding.item is not None, "plan_assessment files what has none"
            items[finding.item.title] = finding.item
            days[finding.item.title] = (trouble.begun, None)
        for title, (start, end) in days.items():
            if start is not None:
                begun[start].append(title)
            if end is not None:
                done[end].append(title)
        for day in range(1, WORKING_DAYS + 1):
            offset = _offset(day)
            for work in past.works:
                if work.joins == day:
                    with self._at(monday, offset, hour=10):
                        items |= self._make([work])
                        self._move([items[work.title]], sprint)
                if work.leaves == day:
                    with self._at(monday, offset, hour=11):
                        self._move([items[work.title]], None)
            with self._at(monday, offset, hour=11):
                self._set("in-progress", [items[title] for title in begun[day]])
            with self._at(monday, offset, hour=15):
                self._set("done", [items[title] for title in done[day]])
            with self._at(monday, offset, hour=6):
                self._report([t for t in past.troubles if t.passes_on(day)], Outcome.PASSED)

    # What runs, and what comes ------------------------------------------------------------------

    def _tell_running(self, monday: date) -> None:
        with self._at(monday, -3):
            found = self._report(self.tale.troubles_now)
        with self._at(monday, 0):
            items = [*self._left_over({}), *self._named(self.tale.of_running)]
            sprint = self._plan(monday, self.tale.running_goal, items, found)
        with self._at(monday, 0, hour=9):
            start_sprint(sprint, actor=self.sina)
        begun = [
            f.item for f, t in zip(found, self.tale.troubles_now, strict=True) if t.begun and f.item
        ]
        for day, status in ((1, "in-progress"), (2, "in-review"), (3, "")):
            with self._at(monday, _offset(day), hour=6):
                self._report(
                    [t for t in self.tale.troubles_now if t.passes_on(day)], Outcome.PASSED
                )
            if status:
                with self._at(monday, _offset(day), hour=11):
                    self._set(status, begun)

    def _tell_next(self, monday: date) -> None:
        sprint = create_sprint(
            self.team,
            actor=self.sina,
            starts_on=monday,
            ends_on=monday + timedelta(days=LAST_DAY),
            goal=self.tale.next_goal,
            capacity_points=Decimal(21),
        )
        self._move(self._named(self.tale.of_next), sprint)

    # Deeds --------------------------------------------------------------------------------------

    def _at(self, monday: date, days: int, *, hour: int = 8) -> AbstractContextManager[datetime]:
        """The clock at an hour of the team's day, so many days after a Monday; never in future."""
        moment = datetime.combine(monday + timedelta(days=days), time(hour), ZoneInfo(ZONE))
        return clock.set_to(min(moment, clock.now()))

    def _make(self, works: Sequence[Work]) -> dict[str, Item]:
        drafts = [
            ItemDraft(
                work.title,
                work.kind,
                points=None if work.points is None else Decimal(str(work.points)),
                assignees=[self.people[work.who]],
            )
            for work in works
        ]
        made = create_items(self.product, drafts, actor=self.olga)
        return {item.title: item for item in made}

    def _plan(
        self, monday: date, goal: str, items: Sequence[Item], found: Sequence[Finding]
    ) -> Sprint:
        fields: dict[str, Any] = {
            "starts_on": monday,
            "ends_on": monday + timedelta(days=LAST_DAY),
            "goal": goal,
            "capacity_points": Decimal(21),
        }
        if found:
            fields["target_health"] = 95
            assert self.patients is not None, "findings are about them"
            made = plan_assessment(self.team, [self.patients], found, actor=self.sina, **fields)
            sprint = made.sprint
        else:
            sprint = create_sprint(self.team, actor=self.sina, **fields)
        self._move(items, sprint)
        for finding in found:
            finding.refresh_from_db()
        away = monday + timedelta(days=LAST_DAY)
        shares = [
            ShareLine(self.people["max"], Decimal(11)),
            ShareLine(self.people["sina"], Decimal(10), days_off=[away]),
        ]
        return update_sprint(sprint, actor=self.sina, shares=shares)

    def _move(self, items: Sequence[Item], sprint: Sprint | None) -> None:
        """Into the sprint, or out of it to the top of the product backlog."""
        home = sprint.backlog if sprint else product_backlog(self.product)
        spot = Spot.bottom() if sprint else Spot.top()
        fresh = [self._fresh(item) for item in items]
        if fresh:
            move_items(self.product, fresh, actor=self.sina, spot=spot, to=home)

    def _set(self, status: str, items: Sequence[Item]) -> None:
        fields = {"status": self.statuses[status]}
        edit_each(self.product, [(self._fresh(item), fields) for item in items], actor=self.sina)

    def _fresh(self, item: Item) -> Item:
        found: Item = Item.objects.select_related("product", "backlog").get(pk=item.pk)
        return found

    def _named(self, titles: Sequence[str]) -> list[Item]:
        found = {item.title: item for item in self._alive().filter(title__in=titles)}
        return [found[title] for title in titles if title in found]

    def _left_over(self, known: Mapping[str, Any]) -> list[Item]:
        """What the last sprint left: at the top of the backlog, begun and not done."""
        return self._named(tuple(known))

    def _alive(self) -> Any:
        return Item.objects.alive().filter(product=self.product).select_related("backlog")

    def _report(
        self, troubles: Sequence[Trouble], outcome: Outcome = Outcome.FAILED
    ) -> list[Finding]:
        """What the nightly export sees of the patients; the findings of it, with their items."""
        if not troubles or self.patients is None:
            return []
        self.reports += 1
        seen = [
            Observation(
                check=f"{SOURCE}:{trouble.title.partition(' ')[0]}",
                identity={"column": trouble.title.partition(" ")[0]},
                title=trouble.title,
                outcome=outcome,
                severity=trouble.severity,
                excess=trouble.excess,
            )
            for trouble in troubles
        ]
        night = f"night-{self.reports}"
        told = report(
            EvidenceReport(
                self.product, SOURCE, night, self.patients, night, clock.now(), seen, is_whole=False
            ),
            actor=Actor.system(),
        )
        found = Finding.objects.select_related("item").in_bulk(told.findings)
        for trouble, pk in zip(troubles, told.findings, strict=True):
            item = found[pk].item
            if outcome == Outcome.FAILED and item is not None:
                estimate = {
                    "points": Decimal(str(trouble.points)),
                    "assignees": [self.people[trouble.who]],
                }
                edit_each(self.product, [(self._fresh(item), estimate)], actor=self.olga)
        return [found[pk] for pk in told.findings]


def _running_monday() -> date:
    """The Monday on which the running sprint began: three to nine days ago."""
    today = clock.now().astimezone(ZoneInfo(ZONE)).date()
    monday = today - timedelta(days=today.weekday())
    return monday if today.weekday() > WEDNESDAY else monday - timedelta(days=7)


def _offset(day: int) -> int:
    """How many days after the Monday a working day is, the Monday itself being 1."""
    weeks, rest = divmod(day - 1, A_WEEK)
    return weeks * 7 + rest
