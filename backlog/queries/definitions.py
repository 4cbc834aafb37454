"""What items lack by their product's definitions of ready and done."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db.models import prefetch_related_objects

from backlog.models import Backlog, Category, Finding, Item, Product, Status
from backlog.queries.items import MIDDLE
from backlog.queries.links import LinkEnd, links_of
from backlog.rules import definitions as rules

# Below this many lines a definition is read where the work is; longer ones have a page.
LINES_SHOWN = 12
ITEMS_TRIED = 5
MOST_WARNED_OF = 500


@dataclass(frozen=True)
class Definition:
    """A definition as an item shows it: its checks with their answers, and its lines to read."""

    name: str
    category: str
    answers: Sequence[rules.Answer]
    lines: Sequence[str]

    @property
    def met(self) -> int:
        return sum(answer.is_met for answer in self.answers)

    @property
    def is_met(self) -> bool:
        return self.met == len(self.answers)

    @property
    def more_lines(self) -> int:
        return max(len(self.lines) - LINES_SHOWN, 0)

    @property
    def first_lines(self) -> Sequence[str]:
        return self.lines[:LINES_SHOWN]


def missing_for(items: Iterable[Item], category: str) -> dict[int, list[str]]:
    """What items of one product lack to enter a category, by their ids; complete ones are left out.

    A constant number of queries, none where the product chose no check.
    """
    found = list(items)
    chosen = chosen_checks(found[0].product, category) if found else []
    if not chosen:
        return {}
    facts = _facts(found)
    lacks = {item.pk: rules.missing(facts[item.pk], category, chosen) for item in found}
    return {pk: words for pk, words in lacks.items() if words}


def definition_warnings(items: Sequence[Item], status: Status) -> list[str]:
    """What to tell a person who sets these items to a status; ask before they are.

    A sentence for each item that is pulled and not ready, or finished and not done; one sentence
    for all where they are many, of the first 500. Nobody is hindered.
    """
    entering = [item for item in items if rules.is_gate(item.status.category, status.category)]
    entering = entering[:MOST_WARNED_OF]
    lacks = missing_for(entering, status.category)
    told = {item.ref: lacks[item.pk] for item in entering if item.pk in lacks}
    return rules.warning(told, status.category)


def definition_of(item: Item) -> Definition | None:
    """The definition that the item meets next: ready before it is pulled, done from then on.

    None where its product has neither checks nor words for it.
    """
    is_waiting = item.status.category == Category.TODO
    category = Category.DOING if is_waiting else Category.DONE
    chosen = chosen_checks(item.product, category)
    answers = rules.answers(_facts([item])[item.pk], category, chosen) if chosen else []
    lines = rules.lines_of(text_of(item.product, category))
    if not answers and not lines:
        return None
    return Definition("Ready" if is_waiting else "Done", category, answers, lines)


@dataclass(frozen=True)
class Preview:
    """A definition as it would be met: its lines, and the items it would be asked of next, each
    with what it lacks."""

    name: str
    checks: int
    lines: Sequence[str]
    items: Sequence[tuple[Item, Sequence[str]]]

    @property
    def complete(self) -> int:
        return sum(not lacks for _, lacks in self.items)


def preview_of(product: Product) -> list[Preview]:
    """Both definitions of the product as it is given, saved or not, tried on its next items.

    Ready on the first of the backlog that are to do, done on those that are in progress.
    """
    return [
        _preview(product, "Ready", waiting=Category.TODO, entered=Category.DOING),
        _preview(product, "Done", waiting=Category.DOING, entered=Category.DONE),
    ]


def _preview(product: Product, name: str, *, waiting: str, entered: str) -> Preview:
    found = (
        Item.objects.alive()
        .filter(MIDDLE, product=product, status__category=waiting)
        .exclude(backlog__kind=Backlog.Kind.INBOX)
        .order_by("backlog__kind", "rank")
    )
    items = list(found[:ITEMS_TRIED])
    for item in items:
        item.product = product
    lacks = missing_for(items, entered)
    return Preview(
        name=name,
        checks=len(chosen_checks(product, entered)),
        lines=rules.lines_of(text_of(product, entered)),
        items=[(item, lacks.get(item.pk, [])) for item in items],
    )


def chosen_checks(product: Product, category: str) -> list[str]:
    """The names of the checks that the product makes of what enters a category."""
    if category == Category.DOING:
        return list(product.ready_checks)
    return list(product.done_checks) if category == Category.DONE else []


def text_of(product: Product, category: str) -> str:
    """The definition in the product's own words."""
    if category == Category.DOING:
        return product.definition_of_ready
    return product.definition_of_done if category == Category.DONE else ""


def _facts(items: Sequence[Item]) -> dict[int, rules.Facts]:
    ids = [item.pk for item in items]
    prefetch_related_objects(items, "assignees", "parent")
    links = links_of(items)
    open_below = _counts(
        Item.objects.alive()
        .filter(parent__in=ids)
        .exclude(status__category=Category.DONE)
        .values_list("parent_id", flat=True)
    )
    open_findings = _counts(
        Finding.objects.filter(item__in=ids, state=Finding.State.OPEN).values_list(
            "item_id", flat=True
        )
    )
    return {
        item.pk: _facts_of(item, links.get(item.pk, []), open_below, open_findings)
        for item in items
    }


def _facts_of(
    item: Item, links: Sequence[LinkEnd], open_below: Counter[int], open_findings: Counter[int]
) -> rules.Facts:
    waits = [end for end in links if end.holds_back]
    return rules.Facts(
        kind=item.kind,
        is_described=bool(item.description.strip()),
        criteria=len(item.criteria),
        criteria_met=sum(bool(row.get("is_met")) for row in item.criteria),
        is_estimated=item.points is not None,
        in_epic=item.parent is not None and item.parent.kind == "epic",
        blocked_reason=item.blocked_reason,
        blockers=[end.other.ref for end in waits if end.kind == "blocked_by"],
        data=[end.other.ref for end in waits if end.kind == "needs_data"],
        people=len(item.assignees.all()),
        under=open_below[item.pk],
        findings=open_findings[item.pk],
    )


def _counts(ids: Iterable[int | None]) -> Counter[int]:
    return Counter(pk for pk in ids if pk is not None)
