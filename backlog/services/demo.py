"""Demo products: the cast, and what each app adds to a product. Loaded and taken away at will."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from django.db import transaction
from django.utils import timezone

from backlog.models import Actor, Hue, Item, Kind, Link, Product, ProductGoal, Role, User
from backlog.services.goals import end_goal, set_goal
from backlog.services.items import (
    ItemDraft,
    comment,
    create_item,
    create_items,
    edit_items,
    update_item,
)
from backlog.services.labels import create_label
from backlog.services.links import add_link
from backlog.services.members import add_member
from backlog.services.products import create_product, update_product
from backlog.services.terms import agree_term, contest_term, propose_term, say
from mlscrum.lib import clock

PEOPLE = {
    "olga": ("Olga Kuznetsova", Role.PRODUCT_OWNER),
    "max": ("Max Berger", Role.DEVELOPER),
    "sina": ("Sina Rahimi", Role.SCRUM_MASTER),
    "dora": ("Dora Anyango", Role.DOMAIN_EXPERT),
    "vera": ("Vera Novak", Role.STAKEHOLDER),
}
PEAK_HOUR = "peak hour"  # what the planner of the city contests
BEGAN_AGO = timedelta(days=80)
NEXT_GOAL_AGO = timedelta(days=36)
WORKED_ON_AGO = timedelta(days=2)
Chapter = Callable[[Product, Actor], None]
Groom = Callable[[Product, "list[Item]", "dict[str, User]", Actor], None]
TakeAway = Callable[[Product], None]
_chapters: dict[str, list[tuple[int, Chapter]]] = {}
_take_aways: dict[str, list[TakeAway]] = {}


@dataclass(frozen=True)
class DemoProduct:
    """What a demo product is made of."""

    key: str
    name: str
    goal: str
    first_goal: str
    first_goal_shown: str  # why it is fulfilled
    ready: str
    done: str
    stories: tuple[tuple[str, str, float | None, str, str], ...]
    groom: Groom
    talk: Groom


@dataclass(frozen=True)
class Removed:
    """The keys of the demo products that went, and of those that people use by now."""

    gone: tuple[str, ...]
    kept: tuple[str, ...]


def register_chapter(
    key: str, chapter: Chapter, take_away: TakeAway | None = None, *, order: int = 50
) -> None:
    """Let an app of a higher floor add its part to the demo product `key`, which began 80 days
    ago; a chapter may set the clock back to any day since. Those of a lower `order` come first.

    `take_away(product)` removes what the rows don't hold, such as files; it is called in the
    transaction that deletes the product, so it removes files on commit.
    """
    _chapters.setdefault(key, []).append((order, chapter))
    if take_away is not None:
        _take_aways.setdefault(key, []).append(take_away)


def load(keys: Collection[str] | None = None) -> list[Product]:
    """Make the demo people and products that are not there yet, or of these keys alone; which
    products are new."""
    made = []
    with transaction.atomic():
        people = {name: _person(name) for name in PEOPLE}
        for demo in PRODUCTS:
            is_wanted = keys is None or demo.key in keys
            if is_wanted and not Product.objects.filter(key=demo.key).exists():
                made.append(_make(demo, people))
    return made


def remove() -> Removed:
    """Take the demo products and people away.

    A product with a member who is no demo person is left alone, and so are its people.
    """
    with transaction.atomic():
        demos = Product.objects.filter(is_demo=True)
        in_use = demos.filter(members__user__is_demo=False).distinct()
        kept = tuple(product.key for product in in_use)
        gone = list(demos.exclude(key__in=kept))
        for product in gone:
            for take_away in _take_aways.get(product.key, []):
                take_away(product)
            erase(product)
        User.objects.filter(is_demo=True).exclude(memberships__product__key__in=kept).delete()
    return Removed(tuple(product.key for product in gone), kept)


def erase(product: Product) -> None:
    """Delete a product with all that belongs to it, in the order that the keys allow."""
    for name in _ERASED_FIRST:
        getattr(product, name).all().delete()
    product.delete()


_ERASED_FIRST = ("activities", "findings", "items", "backlogs", "jobs")


def _person(name: str) -> User:
    full_name, _ = PEOPLE[name]
    email = f"{name}@demo.example"
    person = User.objects.filter(email=email).first()
    # No password: demo people sign in by one click, and only where DEMO_LOGIN allows it.
    return person or User.objects.create_user(email, full_name, None, is_demo=True)


def _make(demo: DemoProduct, people: dict[str, User]) -> Product:
    olga = Actor.person(people["olga"])
    with clock.set_to(timezone.now() - BEGAN_AGO):
        product, items = _begin(demo, people, olga)
    with clock.set_to(timezone.now() - NEXT_GOAL_AGO):
        end_goal(
            product.goals.get(),
            ProductGoal.State.FULFILLED,
            actor=olga,
            reason=demo.first_goal_shown,
        )
        set_goal(product, demo.goal, actor=olga)
    for _, chapter in sorted(_chapters.get(demo.key, []), key=lambda told: told[0]):
        chapter(product, olga)
    with clock.set_to(timezone.now() - WORKED_ON_AGO):
        _work_on(product, demo, items, people, olga)
    return product


def _begin(demo: DemoProduct, people: dict[str, User], olga: Actor) -> tuple[Product, list[Item]]:
    """The product as it began: its people, its definitions, and its backlog, groomed."""
    product = create_product(
        key=demo.key,
        name=demo.name,
        goal=demo.first_goal,
        owner=people["olga"],
        actor=olga,
        is_demo=True,
    )
    update_product(
        product,
        actor=olga,
        definition_of_ready=demo.ready,
        ready_checks=["estimated", "unblocked", "data"],
        definition_of_done=demo.done,
        done_checks=["criteria_met", "no_findings", "tasks_done"],
    )
    for name, (_, role) in PEOPLE.items():
        if name != "olga":
            add_member(product, people[name], role, actor=olga)
    items = _tell_stories(product, demo, people, olga)
    demo.groom(product, items, people, olga)
    return product, items


def _tell_stories(
    product: Product, demo: DemoProduct, people: dict[str, User], olga: Actor
) -> list[Item]:
    drafts = [
        ItemDraft(
            title=title,
            kind=kind,
            points=None if points is None else Decimal(str(points)),
            assignees=[people[name]] if name else [],
        )
        for kind, title, points, name, _ in demo.stories
    ]
    return create_items(product, drafts, actor=olga)


def _work_on(
    product: Product,
    demo: DemoProduct,
    items: list[Item],
    people: dict[str, User],
    olga: Actor,
) -> None:
    """What has been done of it by now, and what is talked about."""
    statuses = {status.slug: status for status in product.statuses.all()}
    for item, (*_, status) in zip(items, demo.stories, strict=True):
        if status != "to-do":
            update_item(item, actor=olga, status=statuses[status])
    demo.talk(product, items, people, olga)


# The medical product: its patients' data are cleaned ----------------------------------------------


def _groom_medical(
    product: Product, items: list[Item], people: dict[str, User], olga: Actor
) -> None:
    """What grooming adds: an epic, labels, criteria, what waits for what."""
    reading, explain, spike, _, threshold, reports, ethics, *_ = items
    ux = create_label(product, "ux", actor=olga, hue=Hue.PINK)
    data = create_label(product, "data", actor=olga, hue=Hue.TEAL)
    law = create_label(product, "regulation", actor=olga, hue=Hue.VIOLET)
    epic = create_item(product, ItemDraft("A second reading doctors trust", Kind.EPIC), actor=olga)
    edit_items(product, [reading, explain, threshold], actor=olga, parent=epic, labels=[ux])
    edit_items(product, [reports, ethics], actor=olga, add_labels=[data, law])
    update_item(
        reading,
        actor=olga,
        description="Where the model is **unsure**, a second doctor reads the case.",
        criteria=[
            ("The threshold of doubt is set with two clinics", True),
            ("A case waits at most one day", False),
            ("The second reader doesn't see the first verdict", False),
        ],
    )
    update_item(spike, actor=olga, gpu_hours=Decimal(120))
    add_link(ethics, Link.Kind.NEEDS_DATA, reports, actor=olga)


def _talk_medical(
    product: Product, items: list[Item], people: dict[str, User], olga: Actor
) -> None:
    _speak_medical(product, people)
    update_item(items[1], actor=olga, due_date=timezone.localdate() + timedelta(days=9))
    comment(
        items[0],
        "@max in our clinic the night shift has one doctor only; who reads the second time?",
        actor=Actor.person(people["dora"]),
    )


def _speak_medical(product: Product, people: dict[str, User]) -> None:
    """What its trades mean by the same words: one agreed, one contested, one proposed."""
    dora, max_, sina, vera = (
        Actor.person(people[name]) for name in ("dora", "max", "sina", "vera")
    )
    recall = propose_term(
        product,
        "recall",
        "Of all patients who are ill, the share that the model finds.",
        actor=max_,
        synonyms=["sensitivity"],
        meanings={
            "doctor": "How many ill people are not sent home.",
            "data scientist": "TP / (TP + FN) on the frozen test set, at the clinic's threshold.",
        },
    )
    agree_term(recall, actor=dora)
    reading = propose_term(
        product,
        "second reading",
        "A doctor reads the case again without having seen the first verdict.",
        actor=dora,
        meanings={"developer": "A case that waits for another verdict."},
    )
    agree_term(reading, actor=sina)
    why = "At night one doctor reads twice, a day apart. Is that a second reading too?"
    contest_term(reading, why, actor=vera)
    say(reading, "The regulation asks for *another* person, so it is not.", actor=dora)
    propose_term(
        product, "threshold", "The score from which on a case counts as suspicious.", actor=sina
    )


MEDICAL = DemoProduct(
    key="MED",
    name="Diagnosis model",
    goal="Doctors trust the second reading: recall 0.95 on clean patient data by spring.",
    first_goal="A doctor sees a verdict beside every case, in under two seconds.",
    first_goal_shown="Three clinics use it every day; half of all cases load in 1.2 s.",
    ready="- Its data is named\n- Dora has read it",
    done="- Reviewed\n- Tested on the frozen test set\n- Explained to the clinic",
    groom=_groom_medical,
    talk=_talk_medical,
    stories=(
        (Kind.STORY, "Second reading for uncertain cases", 8, "sina", "in-progress"),
        (Kind.STORY, "Explain the three strongest features to the doctor", 5, "max", "in-review"),
        (Kind.SPIKE, "Does a tabular transformer beat boosting by 1 pp?", 5, "sina", "to-do"),
        (Kind.BUG, "Export loses the unit of measurement", 2, "max", "to-do"),
        (Kind.STORY, "Threshold by clinic, set by the clinic's own experts", 8, "", "to-do"),
        (Kind.DATA_NEED, "Pathology reports since 2019", 5, "dora", "to-do"),
        (Kind.ETHICS, "Compare recall for patients over 75 with the rest", 3, "dora", "to-do"),
        (Kind.STORY, "Follow-up dates in the worklist", 3, "", "to-do"),
        (Kind.STORY, "Audit trail for overridden advice", None, "vera", "to-do"),
        (Kind.BUG, "Worklist forgets the chosen clinic after signing in", 1, "max", "done"),
    ),
)


# City traffic: planners and data scientists find one language -------------------------------------


def _groom_traffic(
    product: Product, items: list[Item], people: dict[str, User], olga: Actor
) -> None:
    """An epic, labels, criteria, what waits for what."""
    buses, districts, bridge, _, _, layouts, error, *_ = items
    data = create_label(product, "data", actor=olga, hue=Hue.TEAL)
    planning = create_label(product, "planning", actor=olga, hue=Hue.ORANGE)
    epic = create_item(product, ItemDraft("The ring road runs on time", Kind.EPIC), actor=olga)
    edit_items(product, [buses, districts, layouts], actor=olga, parent=epic)
    edit_items(product, [districts, layouts], actor=olga, add_labels=[planning])
    edit_items(product, [bridge, error], actor=olga, add_labels=[data])
    update_item(
        buses,
        actor=olga,
        description="The control room holds a bus back before the **peak hour** jams its line.",
        criteria=[
            ("The forecast reaches 30 minutes ahead", False),
            ("The mean error in the peak hour is below two minutes", False),
        ],
    )
    add_link(error, Link.Kind.NEEDS_DATA, bridge, actor=olga)
    _explain_traffic(product, people, olga)


def _explain_traffic(product: Product, people: dict[str, User], olga: Actor) -> None:
    """The glossary as it began: the team's words, and what each trade means by them."""
    dora, max_ = Actor.person(people["dora"]), Actor.person(people["max"])
    planner, scientist = "urban planner", "data scientist"
    peak = propose_term(
        product,
        PEAK_HOUR,
        "The hour of a day in which most vehicles are on the roads.",
        actor=max_,
        meanings={
            planner: "When a road carries more than it was built for.",
            scientist: "The hour with the highest count, 8:00 to 9:00.",
        },
        synonyms=["rush hour"],
    )
    agree_term(peak, actor=olga)
    loop = propose_term(
        product,
        "loop detector",
        "A coil in the lane that counts the vehicles above it.",
        actor=dora,
        synonyms=["detector"],
    )
    agree_term(loop, actor=olga)
    propose_term(
        product,
        "headway",
        "The time between two buses of a line at a stop.",
        actor=dora,
        meanings={scientist: "A target: what the delay forecast is judged by."},
    )
    incident = propose_term(
        product, "incident", "Whatever blocks a lane without a plan.", actor=max_
    )
    contest_term(incident, "Police count an accident, planners a closed lane: which?", actor=dora)


def _talk_traffic(
    product: Product, items: list[Item], people: dict[str, User], olga: Actor
) -> None:
    comment(
        items[1],
        "@dora which roads share a peak hour? The model has one for the whole city.",
        actor=Actor.person(people["max"]),
    )


TRAFFIC = DemoProduct(
    key="CITY",
    name="City traffic",
    goal="Buses on the ring road keep their time: delays are known 30 minutes ahead.",
    first_goal="The control room sees tomorrow's traffic on every main road.",
    first_goal_shown="The forecast of the day hangs in the control room since the second sprint.",
    ready="- A planner has read it\n- Its roads are named",
    done="- Reviewed\n- Tested on the last four weeks\n- Shown to the control room",
    groom=_groom_traffic,
    talk=_talk_traffic,
    stories=(
        (Kind.STORY, "Delay forecast for the six bus lines of the ring road", 8, "max",
         "in-progress"),
        (Kind.STORY, "Peak hour by district instead of one for the city", 5, "sina", "to-do"),
        (Kind.DATA_NEED, "Loop detectors of the northern bridge", 5, "dora", "to-do"),
        (Kind.SPIKE, "Does a graph network beat boosting at junctions?", 8, "sina", "to-do"),
        (Kind.BUG, "Public holidays are forecast as working days", 3, "max", "in-review"),
        (Kind.STORY, "Planners compare two road layouts side by side", 8, "", "to-do"),
        (Kind.ETHICS, "Compare the error of districts with few detectors", 3, "dora", "to-do"),
        (Kind.STORY, "Explain a forecast in words for the council", 3, "", "to-do"),
        (Kind.STORY, "Warn the control room of a jam to come", 5, "sina", "done"),
    ),
)  # fmt: skip
PRODUCTS = (MEDICAL, TRAFFIC)
