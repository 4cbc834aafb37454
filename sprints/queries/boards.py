"""The board of a sprint: its cards by status, in lanes, with what hangs on them.

A board is looked at all day, so its cards are read in four statements, however many there are:
the items, all that hangs on them, their history, and the frame of columns and sprints.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from functools import cached_property
from typing import Any

from django.db.models import (
    CharField,
    DateTimeField,
    DecimalField,
    F,
    Q,
    QuerySet,
    Value,
)
from django.db.models.functions import JSONObject

from backlog.models import (
    Backlog,
    Category,
    Finding,
    Item,
    Kind,
    Label,
    Link,
    Product,
    Status,
    Stay,
    Subject,
    Transition,
    User,
)
from backlog.queries.definitions import missing_for, text_of
from backlog.queries.findings import EvidenceBadge, evidence_badge
from backlog.rules.definitions import is_gate, lines_of
from mlscrum.lib import clock
from sprints.models import Sprint
from sprints.queries.reports import kept_figures
from sprints.queries.sprints import SIDE_KINDS, span_of
from sprints.rules import boards as rules
from sprints.rules.days import Calendar, day_of, working_days
from sprints.rules.figures import Figures, StayFact, TransitionFact, figures

LANES = {
    "none": "None",
    "story": "Story",
    "epic": "Epic",
    "assignee": "Assignee",
    "kind": "Kind",
}
DONE_SHOWN = 8  # cards of a column of what is done; the rest is folded


@dataclass(frozen=True)
class Column:
    """A status of the product. The id is that of the status."""

    id: int
    slug: str
    name: str
    hue: str
    category: str
    wip_limit: int | None

    @cached_property
    def is_done(self) -> bool:
        return self.category == Category.DONE

    @cached_property
    def since(self) -> str:
        """What the age of a card speaks of."""
        return f"How long it has been in {self.name}"


@dataclass(frozen=True)
class Mark:
    """A label of a card."""

    name: str
    hue: str


@dataclass(frozen=True)
class Parent:
    ref: str
    title: str
    kind: str


@dataclass(slots=True)
class Card:
    """An item on a board. `tasks` are those that lie in the sprint with it, `age` says how long it
    has been in its status; `shows` is false where a filter leaves it out."""

    pk: int
    number: int
    ref: str
    kind: str
    title: str
    column: Column
    points: Decimal | None
    version: int
    done_at: datetime | None
    parent_id: int | None
    parent: Parent | None
    reason: str
    blocked: str
    people: Sequence[User] = ()
    labels: Sequence[Mark] = ()
    evidence: EvidenceBadge | None = None
    tasks: list[Card] = field(default_factory=list)
    age: str = ""
    is_old: bool = False
    is_left_out: bool = False
    shows: bool = True

    @property
    def is_done(self) -> bool:
        return self.column.is_done

    @property
    def is_task(self) -> bool:
        return self.kind == Kind.TASK

    @property
    def points_typed(self) -> str:
        return "" if self.points is None else f"{float(self.points):g}"

    @property
    def tasks_done(self) -> int:
        return sum(task.is_done for task in self.tasks)

    @property
    def is_offered(self) -> bool:
        """Whether all its tasks are done and it is not: somebody may want to finish it."""
        return bool(self.tasks) and not self.is_done and self.tasks_done == len(self.tasks)

    @property
    def may_be_done(self) -> bool:
        """Whether its evidence has recovered, and only somebody's yes is missing."""
        return self.evidence is not None and self.evidence.recovered and not self.is_done

    @property
    def emails(self) -> str:
        return ",".join(person.email for person in self.people)

    @property
    def label_names(self) -> str:
        return ",".join(label.name for label in self.labels)

    def is_of(self, person: User) -> bool:
        """Whether it, or a task of it, is assigned to this person."""
        mine = any(each.pk == person.pk for each in self.people)
        return mine or any(task.is_of(person) for task in self.tasks)

    @property
    def words(self) -> str:
        """What it is found by, in small letters: its own words, and those of its tasks."""
        parent = f"{self.parent.ref} {self.parent.title}" if self.parent else ""
        people = " ".join(str(person) for person in self.people)
        own = f"{self.ref} {self.title} {parent} {people} {self.label_names}".lower()
        return " ".join([own, *(task.words for task in self.tasks)])


@dataclass(frozen=True)
class Cell:
    """The cards of one lane in one column; `folded` are those done longest ago."""

    column: Column
    cards: Sequence[Card]
    folded: Sequence[Card] = ()


@dataclass(frozen=True)
class Lane:
    """A row of a board: `head` is the story or epic that it is of, `person` the assignee."""

    key: str
    title: str
    cells: Sequence[Cell]
    items: int
    points: Decimal
    head: Card | None = None
    parent: Parent | None = None
    person: User | None = None
    kind: str = ""


@dataclass(frozen=True)
class ColumnHead:
    """What a column says above its cards: of the middle level only."""

    column: Column
    items: int
    points: Decimal
    unestimated: int
    wip: str

    @property
    def wip_words(self) -> str:
        over = self.items - (self.column.wip_limit or 0)
        return f"{over} over the limit" if self.wip == "over" else "at the limit"


@dataclass(frozen=True)
class Progress:
    """How far a sprint is, in points and items, with a small burndown."""

    done: Decimal
    scope: Decimal
    done_items: int
    items: int
    added: int
    removed: int
    spark: rules.Spark | None


class Board:
    """A sprint by status. `cards` are those of the middle level and tasks that stand alone."""

    def __init__(
        self,
        sprint: Sprint,
        columns: Sequence[Column],
        cards: Sequence[Card],
        others: Sequence[Mapping[str, Any]],
        progress: Progress | None,
        calendar: Calendar,
    ) -> None:
        self.sprint, self.columns, self.cards = sprint, columns, cards
        self.others, self.progress, self.calendar = others, progress, calendar

    @property
    def is_closed(self) -> bool:
        return self.sprint.backlog.state == Backlog.State.CLOSED

    @property
    def running(self) -> list[Mapping[str, Any]]:
        """All sprints that run now, by team, this one among them if it does."""
        found = [other for other in self.others if other["state"] == Backlog.State.ACTIVE]
        return sorted(found, key=lambda other: str(other["team"]))

    @property
    def menu(self) -> dict[str, Any]:
        """What the menus of the cards name: columns, and sprints that cards can go to."""
        return {
            "columns": [
                {"value": c.slug, "label": c.name, "hue": c.hue, "isDone": c.is_done}
                for c in self.columns
            ],
            "sprints": [
                {"value": str(other["id"]), "label": other["name"], "hint": other["state"]}
                for other in self.others
                if other["id"] != self.sprint.pk
            ],
        }

    @cached_property
    def people(self) -> list[User]:
        """Who works on it, those with most cards first."""
        counts: dict[int, int] = defaultdict(int)
        found: dict[int, User] = {}
        for card in self.cards:
            for person in {*card.people, *(p for task in card.tasks for p in task.people)}:
                counts[person.pk] += 1
                found[person.pk] = person
        return sorted(found.values(), key=lambda one: (-counts[one.pk], str(one)))

    @cached_property
    def days_left(self) -> int:
        """Working days to come, today among them."""
        ends_on = self.sprint.backlog.ends_on
        assert ends_on is not None, "a sprint has both days"
        return len(working_days(self.today, ends_on, self.calendar))

    @property
    def today(self) -> date:
        return day_of(clock.now(), self.sprint.zone)

    @property
    def is_late(self) -> bool:
        ends_on = self.sprint.backlog.ends_on
        return ends_on is not None and self.today > ends_on

    @cached_property
    def heads(self) -> list[ColumnHead]:
        """The columns with what lies in them, whatever a filter leaves out."""
        return [self._head(column) for column in self.columns]

    def filter(self, *, person: User | None = None, words: Sequence[str] = ()) -> None:
        """Let only cards show that are this person's, and that hold all these words."""
        for card in self.cards:
            card.is_left_out = person is not None and not card.is_of(person)
            for each in (card, *card.tasks):
                each.is_left_out = card.is_left_out
                each.shows = not each.is_left_out and all(word in each.words for word in words)

    def lanes(self, by: str) -> list[Lane]:
        """The rows of the board; one without a title where there are no lanes."""
        return LANE_MAKERS.get(by, _no_lanes)(self)

    def _head(self, column: Column) -> ColumnHead:
        here = [card for card in self.cards if card.column is column and not card.is_task]
        return ColumnHead(
            column=column,
            items=len(here),
            points=sum((card.points or Decimal(0) for card in here), Decimal(0)),
            unestimated=sum(card.points is None for card in here),
            wip=rules.wip_state(len(here), column.wip_limit),
        )

    def lane(self, key: str, title: str, cards: Sequence[Card], **about: Any) -> Lane:
        counted = [card for card in cards if not card.is_task]
        return Lane(
            key=key,
            title=title,
            cells=[_cell(column, cards) for column in self.columns],
            items=len(counted),
            points=sum((card.points or Decimal(0) for card in counted), Decimal(0)),
            **about,
        )


def board_of(sprint: Sprint) -> Board:
    """The board of a sprint that has started, with everything on it, in four statements."""
    hangs = _hangings(sprint)
    rows, columns, others = _lying(sprint)
    cards = _cards(sprint.backlog.product, rows, columns, hangs)
    stays, transitions = _history(sprint)
    _age(cards, transitions)
    span = span_of(sprint)
    if sprint.report:
        progress = _kept_progress(sprint.report)
    else:
        found = figures(
            span, stays, [fact for _, fact in transitions], now=span.closed_at or clock.now()
        )
        progress = _progress(found)
    return Board(sprint, list(columns.values()), _nested(cards), others, progress, span.calendar)


# Lanes -------------------------------------------------------------------------------------------


def _no_lanes(board: Board) -> list[Lane]:
    return [board.lane("all", "", board.cards)]


def _by_story(board: Board) -> list[Lane]:
    """One for each item with tasks, which stand in the columns beside it; then all the others."""
    stories = [card for card in board.cards if card.tasks]
    rest = [card for card in board.cards if not card.tasks]
    lanes = [
        board.lane(card.ref, card.title, [card, *card.tasks], head=card)
        for card in sorted(stories, key=lambda card: card.is_done)
    ]
    return [*lanes, *([board.lane("", "Without tasks", rest)] if rest or not lanes else [])]


def _by_epic(board: Board) -> list[Lane]:
    def epic(card: Card) -> str:
        return card.parent.ref if card.parent and card.parent.kind == Kind.EPIC else ""

    groups = _grouped(board.cards, epic)
    parents = {card.parent.ref: card.parent for card in board.cards if card.parent}
    return [
        board.lane(ref, parents[ref].title if ref else "Without an epic", cards,
                   parent=parents.get(ref))
        for ref, cards in sorted(groups.items(), key=lambda group: not group[0])
    ]  # fmt: skip


def _by_assignee(board: Board) -> list[Lane]:
    """A card of several people stands in the lane of the first of them by name."""
    groups = _grouped(board.cards, lambda card: card.people[0].email if card.people else "")
    people = {person.email: person for card in board.cards for person in card.people}
    ordered = sorted(groups, key=lambda email: (not email, str(people.get(email, ""))))
    return [
        board.lane(email, str(people[email]) if email else "Nobody yet", groups[email],
                   person=people.get(email))
        for email in ordered
    ]  # fmt: skip


def _by_kind(board: Board) -> list[Lane]:
    groups = _grouped(board.cards, lambda card: card.kind)
    order = list(Kind.values)
    return [
        board.lane(kind, str(Kind(kind).label), groups[kind], kind=kind)
        for kind in sorted(groups, key=order.index)
    ]


LANE_MAKERS: dict[str, Callable[[Board], list[Lane]]] = {
    "none": _no_lanes,
    "story": _by_story,
    "epic": _by_epic,
    "assignee": _by_assignee,
    "kind": _by_kind,
}


def _grouped(cards: Iterable[Card], key: Callable[[Card], str]) -> dict[str, list[Card]]:
    groups: dict[str, list[Card]] = {}
    for card in cards:
        groups.setdefault(key(card), []).append(card)
    return groups


def _cell(column: Column, cards: Iterable[Card]) -> Cell:
    """In the order of the sprint; what is done, the last finished first, and folded when long."""
    here = [card for card in cards if card.column is column]
    if not column.is_done:
        return Cell(column, here)
    here.sort(key=lambda card: card.done_at.timestamp() if card.done_at else 0, reverse=True)
    # To fold one or two away would save nothing.
    cut = DONE_SHOWN if len(here) > DONE_SHOWN + 2 else len(here)
    return Cell(column, here[:cut], here[cut:])


# What is read ------------------------------------------------------------------------------------


def _frame(product: Product) -> tuple[dict[int, Column], list[Mapping[str, Any]]]:
    """The columns in their order, and the sprints that run or are planned, in one statement."""
    statuses = Status.objects.filter(product=product).order_by()
    sprints = Backlog.objects.filter(product=product, kind=Backlog.Kind.SPRINT).exclude(
        state=Backlog.State.CLOSED
    )
    rows = list(
        _told(
            "status", statuses, "pk", slug="slug", name="name", hue="hue", category="category",
            wip_limit="wip_limit", position="position",
        ).union(
            _told("sprint", sprints.order_by(), "pk", name="name", state="state",
                  team="team__name", starts_on="starts_on"),
            all=True,
        )
    )  # fmt: skip
    found = sorted((row for row in rows if row[0] == "status"), key=lambda row: row[2]["position"])
    columns = {
        pk: Column(
            pk, row["slug"], row["name"], row["hue"], row["category"], row["wip_limit"]
        )
        for _, pk, row in found
    }  # fmt: skip
    others = [{"id": pk, **row} for what, pk, row in rows if what == "sprint"]
    return columns, sorted(others, key=lambda row: (row["state"], str(row["starts_on"])))


def _hangings(sprint: Sprint) -> dict[str, dict[int, list[Any]]]:
    """People, labels, findings and open blockers of what lies in a sprint, by the item's id, in
    one statement."""
    here = {"item__backlog": sprint.backlog, "item__deleted_at": None}
    people = Item.assignees.through.objects.filter(**here)
    labels = Item.labels.through.objects.filter(**here)
    findings = Finding.objects.filter(**here).order_by()
    links = Link.objects.order_by()
    is_open = ~Q(source__status__category=Category.DONE) & Q(source__deleted_at=None)
    blockers = links.filter(
        is_open, kind=Link.Kind.BLOCKS, target__backlog=sprint.backlog, target__deleted_at=None
    )
    is_missing = ~Q(target__status__category=Category.DONE) & Q(target__deleted_at=None)
    data = links.filter(
        is_missing,
        kind=Link.Kind.NEEDS_DATA,
        source__backlog=sprint.backlog,
        source__deleted_at=None,
    )
    rows = _told(
        "people", people, "item_id", pk="user_id", name="user__name", email="user__email"
    ).union(
        _told("labels", labels, "item_id", name="label__name", hue="label__hue"),
        _told(
            "findings", findings, "item_id", source="source", priority="priority", score="score",
            severity="severity", state="state", regressed="regressed", recovered="recovered",
            awaiting_evidence="awaiting_evidence", occurrence_count="occurrence_count",
            alias_count="alias_count",
            kind="subject__kind",
        ),
        _told("blockers", blockers, "target_id", key="source__product__key",
              number="source__number"),
        _told("blockers", data, "source_id", key="target__product__key", number="target__number"),
        all=True,
    )  # fmt: skip
    found: dict[str, dict[int, list[Any]]] = {
        name: defaultdict(list) for name in ("people", "labels", "findings", "blockers")
    }
    for what, item, row in rows:
        found[what][item].append(row)
    return found


def _told(what: str, rows: QuerySet[Any], about: str, **fields: str) -> QuerySet[Any, Any]:
    """Rows in the one shape that a union has: what they are, of which id, and the fields."""
    told: QuerySet[Any, Any] = rows.annotate(
        what=Value(what, output_field=CharField()), about=F(about), told=JSONObject(**fields)
    )
    return told.values_list("what", "about", "told")


def _history(
    sprint: Sprint,
) -> tuple[list[StayFact], list[tuple[int | None, TransitionFact]]]:
    """The stays of the sprint, of the middle level, and with their statuses the transitions of
    all that was ever in it, oldest first; in one statement."""
    backlog = sprint.backlog
    stays = Stay.objects.filter(backlog=backlog).exclude(item__kind__in=SIDE_KINDS)
    ever = Stay.objects.filter(backlog=backlog).values("item")
    transitions = Transition.objects.filter(item__in=ever)
    nothing = Value(None, output_field=DecimalField(max_digits=6, decimal_places=1))
    rows = (
        transitions.order_by()
        .annotate(until=Value(None, output_field=DateTimeField()))
        .values_list("pk", "item_id", "at", "until", "category", "points", "status_id")
        .union(
            stays.order_by()
            .annotate(
                category=Value("", output_field=CharField()),
                points=nothing,
                status_id=Value(-1),
            )
            .values_list(
                "pk", "item_id", "entered_at", "left_at", "category", "points", "status_id"
            ),
            all=True,
        )
    )
    held: list[StayFact] = []
    changes: list[tuple[int, int | None, TransitionFact]] = []
    for pk, item, at, until, category, points, status in rows:
        if category:
            changes.append((pk, status, TransitionFact(item, at, category, points)))
        else:
            held.append(StayFact(item, at, until))
    changes.sort(key=lambda change: (change[2].at, change[0]))
    held.sort(key=lambda stay: stay.entered_at)
    return held, [(status, fact) for _, status, fact in changes]


def _lying(
    sprint: Sprint,
) -> tuple[list[tuple[Any, ...]], dict[int, Column], list[Mapping[str, Any]]]:
    """Rows of what lies in the sprint, in its order, and the frame that holds them.

    The frame is read last, so that it has statuses made meanwhile; where one that was still in use
    has been deleted since, both are read again.
    """
    here = Item.objects.alive().filter(backlog=sprint.backlog).order_by("rank")
    while True:
        rows: list[tuple[Any, ...]] = list(
            here.values_list(
                "pk", "number", "kind", "title", "status_id", "points", "version", "done_at",
                "blocked_reason", "parent_id", "parent__number", "parent__title", "parent__kind",
            )
        )  # fmt: skip
        columns, others = _frame(sprint.backlog.product)
        if all(row[4] in columns for row in rows):
            return rows, columns, others


def _cards(
    product: Product,
    rows: Iterable[tuple[Any, ...]],
    columns: Mapping[int, Column],
    hangs: Mapping[str, Mapping[int, list[Any]]],
) -> dict[int, Card]:
    """The cards of these rows, by id, in their order."""
    key = product.key
    users: dict[int, User] = {}
    cards = {}
    for (pk, number, kind, title, status, points, version, done_at, reason, parent_id,
         parent_number, parent_title, parent_kind) in rows:  # fmt: skip
        waits = [f"{row['key']}-{row['number']}" for row in hangs["blockers"].get(pk, ())]
        cards[pk] = Card(
            pk=pk,
            number=number,
            ref=f"{key}-{number}",
            kind=kind,
            title=title,
            column=columns[status],
            points=points,
            version=version,
            done_at=done_at,
            parent_id=parent_id,
            parent=Parent(f"{key}-{parent_number}", parent_title, parent_kind)
            if parent_id
            else None,
            reason=reason,
            blocked=_why_blocked(reason, waits),
            people=_people(hangs["people"].get(pk, ()), users),
            labels=sorted(
                (Mark(row["name"], row["hue"]) for row in hangs["labels"].get(pk, ())),
                key=lambda label: label.name,
            ),
            evidence=evidence_badge(_finding(row) for row in hangs["findings"].get(pk, ())),
        )
    return cards


def _why_blocked(reason: str, waits: Sequence[str]) -> str:
    reasons = [reason] if reason else []
    return "; ".join([*reasons, *([f"waits for {', '.join(sorted(waits))}"] if waits else [])])


def _people(rows: Iterable[Mapping[str, Any]], known: dict[int, User]) -> list[User]:
    for row in rows:
        known.setdefault(row["pk"], User(**row))
    return sorted((known[row["pk"]] for row in rows), key=str)


def _finding(row: Mapping[str, Any]) -> Finding:
    fields = dict(row)
    kind = fields.pop("kind")
    return Finding(subject=Subject(kind=kind) if kind else None, **fields)


def _age(cards: Mapping[int, Card], changes: Iterable[tuple[int | None, TransitionFact]]) -> None:
    """Tell each card how long it has had its status."""
    histories: dict[int, list[tuple[datetime, int | None]]] = defaultdict(list)
    for status, fact in changes:
        histories[fact.item].append((fact.at, status))
    now = clock.now()
    for pk, card in cards.items():
        since = rules.entered_at(histories.get(pk, ()))
        if since is None:
            continue
        seconds = (now - since).total_seconds()
        card.age = rules.age_in_words(seconds)
        card.is_old = card.column.category == Category.DOING and rules.is_old(seconds)


def _nested(cards: Mapping[int, Card]) -> list[Card]:
    """Tasks under the card of their parent; one whose parent is elsewhere stands for itself."""
    top = []
    for card in cards.values():
        parent = cards.get(card.parent_id or 0) if card.is_task else None
        if parent is None:
            top.append(card)
        else:
            parent.tasks.append(card)
    return top


def _progress(found: Figures) -> Progress:
    completed, remaining = found.completed, found.remaining
    days = [(day.ideal, day.remaining) for day in found.days]
    return Progress(
        done=completed.points,
        scope=completed.points + remaining.points,
        done_items=completed.items,
        items=completed.items + remaining.items,
        added=found.added.items,
        removed=found.removed.items,
        spark=rules.spark(found.opening.remaining or Decimal(0), days),
    )


def _kept_progress(report: Mapping[str, Any]) -> Progress:
    """As the report of a closed sprint holds it; what was split off was of its scope."""

    def exact(value: float | None) -> Decimal | None:
        return None if value is None else Decimal(str(value))

    kept = kept_figures(report["figures"])
    done, left, rest = (
        Decimal(str(kept[name]["points"])) for name in ("completed", "remaining", "split_off")
    )
    opening = exact(report["opening"]["remaining"]) or Decimal(0)
    days = [(exact(day["ideal"]) or Decimal(0), exact(day["remaining"])) for day in report["days"]]
    return Progress(
        done=done,
        scope=done + left + rest,
        done_items=kept["completed"]["items"],
        items=kept["completed"]["items"] + kept["remaining"]["items"],
        added=kept["added"]["items"],
        removed=kept["removed"]["items"],
        spark=rules.spark(opening, days),
    )


def running_sprint(product: Product, person: User, *, last: int | None = None) -> Backlog | None:
    """The sprint whose board a person wants: the one looked at last if it still runs, else that of
    the person's team, else the first that runs."""
    found = list(
        Backlog.objects.filter(
            product=product, kind=Backlog.Kind.SPRINT, state=Backlog.State.ACTIVE
        )
        .order_by("team_id")
    )  # fmt: skip
    if len(found) > 1:
        own = set(product.teams.filter(members__user=person).values_list("pk", flat=True))
        found.sort(key=lambda backlog: (backlog.pk != last, backlog.team_id not in own))
    return found[0] if found else None


def next_planned(product: Product) -> Backlog | None:
    """The sprint that would start first."""
    return (
        Backlog.objects.filter(
            product=product, kind=Backlog.Kind.SPRINT, state=Backlog.State.PLANNED
        )
        .order_by("starts_on", "pk")
        .first()
    )


def choices_of(product: Product) -> tuple[list[User], list[Label]]:
    """Who can be assigned, and the labels that there are."""
    people = User.objects.filter(memberships__product=product, is_active=True).order_by("name")
    return list(people), list(product.labels.order_by("name"))


@dataclass(frozen=True)
class DoneCheck:
    """What to ask of an item that shall be done: the lines of the product's definition, and what
    it lacks by its checks."""

    lines: Sequence[str]
    lacks: Sequence[str]


def done_check_of(item: Item, status: Status | None) -> DoneCheck | None:
    """What the definition of done asks before an item gets this status; None for nothing.

    The product's own lines speak of the increment, not of a step towards it: tasks are spared.
    """
    if status is None or status.category != Category.DONE:
        return None
    if not is_gate(item.status.category, status.category):
        return None
    text = "" if item.kind == Kind.TASK else text_of(item.product, Category.DONE)
    lines = lines_of(text)
    lacks = missing_for([item], Category.DONE).get(item.pk, [])
    return DoneCheck(lines, lacks) if lines or lacks else None
