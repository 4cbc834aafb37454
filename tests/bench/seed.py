"""The product that is measured: its people, and as many items as a size asks for.

Items are written past the services, by the models and in bulk, for a hundred thousand of them;
what services leave beside an item (stay, transition, words, watchers) is written as well.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from itertools import islice

from django.db import connection
from django.db.models import Max
from django.test import Client

from backlog.models import (
    Actor,
    Backlog,
    Comment,
    Item,
    ItemCounter,
    Kind,
    Label,
    Link,
    Member,
    Product,
    Role,
    Scope,
    SearchText,
    Stay,
    Transition,
    User,
)
from backlog.rules.search import indexed_words
from backlog.services.products import create_product
from backlog.services.tokens import create_token
from mlscrum.lib import ranks
from sprints.models import Sprint
from tests.bench.house import KEY
from tests.bench.sprints import close_many, start_another
from tests.bench.sprints import plant as plant_sprint
from tests.bench.texts import Text, endless, texts
from tests.bench.words import plant as plant_words

CHUNK = 2_000
COMMENT = "Seen again on the cluster; the log says **executorLost** twice."


@dataclass
class Seed:
    """The product and who asks for it; `grow` fills it up to a number of items."""

    product: Product
    olga: User
    session: str
    token: str
    people: list[User]
    labels: list[Label]
    sprint: Sprint
    source: str
    _texts: Iterator[Text]
    _choice: random.Random = field(default_factory=lambda: random.Random(7))

    def grow(self, size: int) -> list[str]:
        """Bring the product to `size` items, give the planner figures; returns all refs."""
        present = self.product.items.count()
        while present < size:
            present += self._add(min(CHUNK, size - present))
        ItemCounter.objects.filter(product=self.product).update(next_number=present + 1)
        self.settle()
        return [f"{KEY}-{number}" for number in range(1, present + 1)]

    def close_sprints(self, count: int) -> None:
        """So many closed sprints lie behind the running one."""
        close_many(self.sprint.backlog.product, self.olga, count)
        self.settle()

    def start_another_sprint(self) -> int:
        """A running sprint of two hundred items, to be closed."""
        return int(start_another(self.sprint.backlog.product, self.olga).pk)

    def shrink(self, size: int) -> None:
        """Throw away what was made while measuring."""
        made = Item.objects.filter(product=self.product, number__gt=size)
        made.delete()
        ItemCounter.objects.filter(product=self.product).update(next_number=size + 1)
        self.settle()

    def settle(self) -> None:
        """What a database does by itself sooner or later: clean up, and look at its rows."""
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE" if connection.vendor == "postgresql" else "ANALYZE")

    def _add(self, count: int) -> int:
        choice, product = self._choice, self.product
        home = product.backlogs.get(kind=Backlog.Kind.PRODUCT)
        last = home.items.aggregate(rank=Max("rank"), number=Max("number"))
        keys = ranks.between(last["rank"], None, count)
        first, statuses = (last["number"] or 0) + 1, list(product.statuses.order_by("position"))
        rows: list[tuple[Item, Text]] = []
        for place, text in enumerate(islice(self._texts, count)):
            # One of fifty is an epic, and seven of ten are to do.
            kind = Kind.EPIC if place % 50 == 0 else choice.choice([Kind.STORY, Kind.BUG])
            item = Item(
                product=product,
                number=first + place,
                kind=kind,
                title=text.title,
                description=text.description,
                points=None if kind == Kind.EPIC else text.points,
                status=choice.choices(statuses, [7, 1, 1, 1][: len(statuses)])[0],
                backlog=home,
                rank=keys[place],
                created_by=self.olga,
            )
            rows.append((item, text))
        epics = [item for item, _ in rows if item.kind == Kind.EPIC]
        Item.objects.bulk_create(epics)
        others = [item for item, _ in rows if item.kind != Kind.EPIC]
        for item in others:
            item.parent = choice.choice(epics) if choice.random() < 0.5 else None
        Item.objects.bulk_create(others)
        SearchText.objects.bulk_create(
            SearchText(item=item, words=_words(item, text)) for item, text in rows
        )
        self._hang_on([item for item, _ in rows])
        return count

    def _hang_on(self, items: list[Item]) -> None:
        choice = self._choice
        assigned, labelled, watching = (
            Item.assignees.through,
            Item.labels.through,
            Item.watchers.through,
        )
        Stay.objects.bulk_create(
            Stay(item=item, backlog=item.backlog, entered_at=item.created_at) for item in items
        )
        Transition.objects.bulk_create(
            Transition(
                item=item,
                at=item.created_at,
                status=item.status,
                category=item.status.category,
                points=item.points,
            )
            for item in items
        )
        watching.objects.bulk_create(watching(item=item, user=self.olga) for item in items)
        assigned.objects.bulk_create(
            assigned(item=item, user=user)
            for item in items
            for user in choice.sample(self.people, choice.choice([0, 1, 1, 2]))
        )
        labelled.objects.bulk_create(
            labelled(item=item, label=label)
            for item in items
            for label in choice.sample(self.labels, choice.choice([0, 1, 2]))
        )
        Comment.objects.bulk_create(
            Comment(item=item, author=self.olga, text=COMMENT) for item in items[::20]
        )
        Link.objects.bulk_create(
            Link(source=source, target=target, kind=Link.Kind.BLOCKS, created_by=self.olga)
            for source, target in zip(items[::40], items[20::40], strict=False)
        )


def plant() -> Seed:
    """The product without items: eight people, thirty labels, a token of the product owner."""
    olga = User.objects.create_user("olga@example.org", "Olga Kuznetsova")
    product = create_product(key=KEY, name="Bench", owner=olga, actor=Actor.person(olga))
    people = [
        User.objects.create_user(f"dev{n}@example.org", f"Developer {n}") for n in range(1, 9)
    ]
    Member.objects.bulk_create(
        Member(product=product, user=user, role=Role.DEVELOPER) for user in people
    )
    labels = Label.objects.bulk_create(
        Label(product=product, name=f"area-{n}") for n in range(1, 31)
    )
    _, token = create_token(
        name="bench", scopes=tuple(Scope), days=1, actor=Actor.person(olga), user=olga
    )
    browser = Client()
    browser.force_login(olga)
    session = browser.cookies["sessionid"].value
    source, found = texts()
    sprint = plant_sprint(olga, people)
    plant_words(olga)
    return Seed(product, olga, session, token, people, labels, sprint, source, endless(found))


def _words(item: Item, text: Text) -> str:
    """As the service indexes an item, but each description is split once, however often it is
    used."""
    own = indexed_words([f"{KEY}-{item.number}", item.title])
    comments = indexed_words([COMMENT]) if (item.number - 1) % 20 == 0 else ""
    return " ".join(dict.fromkeys(f"{own} {_described(text)} {comments}".split()))


def _described(text: Text) -> str:
    return _split(text.source, text.description)


@cache
def _split(source: int, description: str) -> str:
    return indexed_words([description])
