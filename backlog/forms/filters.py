"""The filters of items, alike for the backlog page and REST: any of, not, none, me, since.

`kind=story&kind=bug` is either; `kind__not=bug` is neither; `label=none` is without any;
`assignee=me` is the reader.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django import forms
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone
from django_filters import BooleanFilter, CharFilter, DateFilter, IsoDateTimeFilter
from django_filters import MultipleChoiceFilter as AnyOf
from django_filters.rest_framework import FilterSet

from backlog.models import Backlog, Category, Finding, Item, Kind, Link, Product, User
from backlog.queries.search import found_by
from backlog.rules.severity import WEIGHTS, Severity
from mlscrum.lib.numbers import whole_number

NONE, ME = "none", "me"
SEVERITIES = [(severity, severity) for severity in Severity]
DUE = [("overdue", "Overdue"), ("week", "Within a week"), (NONE, "Without a date")]
Found = QuerySet[Item]


class WordsField(forms.MultipleChoiceField):
    """Any words: what is allowed differs from product to product."""

    def valid_value(self, value: Any) -> bool:
        return "\0" not in str(value)


class WordsFilter(AnyOf):
    """One or more words, any of which may match."""

    field_class = WordsField


class ItemFilters(FilterSet):
    """Of the items of a product. Each filter that takes several words has a twin `…__not`."""

    q = CharFilter(
        method="with_words", help_text="Words, or their beginnings, of any text of the item."
    )
    kind = AnyOf(choices=Kind.choices, distinct=False)
    kind__not = AnyOf(field_name="kind", choices=Kind.choices, exclude=True, distinct=False)
    status = WordsFilter(field_name="status__slug", distinct=False, help_text="Slugs of statuses.")
    status__not = WordsFilter(field_name="status__slug", exclude=True, distinct=False)
    category = AnyOf(field_name="status__category", choices=Category.choices, distinct=False)
    category__not = AnyOf(
        field_name="status__category", choices=Category.choices, exclude=True, distinct=False
    )
    backlog = AnyOf(field_name="backlog__kind", choices=Backlog.Kind.choices, distinct=False)
    sprint = CharFilter(method="in_sprint", help_text="The id of a sprint, or `active`.")
    assignee = WordsFilter(
        method="assigned", help_text="E-mail addresses, `me`, or `none` for nobody."
    )
    assignee__not = WordsFilter(method="not_assigned")
    label = WordsFilter(method="labelled", help_text="Names of labels, or `none`.")
    label__not = WordsFilter(method="not_labelled")
    parent = WordsFilter(method="under", help_text="Refs of parents, or `none`.")
    severity = AnyOf(
        choices=SEVERITIES, method="of_severity", help_text="The worst of the item's findings."
    )
    source = WordsFilter(method="of_source", help_text="Sources of findings, such as gx, or none.")
    blocked = BooleanFilter(method="is_blocked")
    estimated = BooleanFilter(field_name="points", lookup_expr="isnull", exclude=True)
    due = AnyOf(choices=DUE, method="is_due")
    due_before = DateFilter(field_name="due_date", lookup_expr="lt")
    due_after = DateFilter(field_name="due_date", lookup_expr="gt")
    updated_since = IsoDateTimeFilter(
        field_name="updated_at", lookup_expr="gte", help_text="Changed at this time or later."
    )

    def __init__(
        self,
        *args: Any,
        product: Product | None = None,
        reader: User | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        user = getattr(self.request, "user", None)
        self.reader = reader or (user if isinstance(user, User) else None)

    def with_words(self, items: Found, name: str, value: str) -> Found:
        return found_by(items, value)  # type: ignore[arg-type]

    def in_sprint(self, items: Found, name: str, value: str) -> Found:
        items = items.filter(backlog__kind=Backlog.Kind.SPRINT)
        if value == "active":
            return items.filter(backlog__state=Backlog.State.ACTIVE)
        number = whole_number(value)
        return items.none() if number is None else items.filter(backlog=number)

    def assigned(self, items: Found, name: str, value: list[str]) -> Found:
        return items.filter(self._assigned(value))

    def not_assigned(self, items: Found, name: str, value: list[str]) -> Found:
        return items.exclude(self._assigned(value))

    def labelled(self, items: Found, name: str, value: list[str]) -> Found:
        return items.filter(_labelled(value))

    def not_labelled(self, items: Found, name: str, value: list[str]) -> Found:
        return items.exclude(_labelled(value))

    def under(self, items: Found, name: str, value: list[str]) -> Found:
        wanted = Q(parent__isnull=True) if NONE in value else Q(pk__in=[])
        for ref in value:
            key, _, digits = ref.rpartition("-")
            if (number := whole_number(digits, digits=9)) is not None:
                wanted |= Q(parent__product__key=key.upper(), parent__number=number)
        return items.filter(wanted)

    def of_source(self, items: Found, name: str, value: list[str]) -> Found:
        wanted = Q(Exists(_findings().filter(source__in=value)))
        if NONE in value:
            wanted |= ~Q(Exists(_findings()))
        return items.filter(wanted)

    def of_severity(self, items: Found, name: str, value: list[str]) -> Found:
        wanted = Q()
        for severity in value:
            worse = [s for s in Severity if WEIGHTS[s] > WEIGHTS[Severity(severity)]]
            wanted |= Q(Exists(_findings().filter(severity=severity))) & ~Q(
                Exists(_findings().filter(severity__in=worse))
            )
        return items.filter(wanted)

    def is_blocked(self, items: Found, name: str, value: bool) -> Found:  # noqa: FBT001
        return items.filter(BLOCKED) if value else items.exclude(BLOCKED)

    def is_due(self, items: Found, name: str, value: list[str]) -> Found:
        today = timezone.localdate()
        wanted = Q()
        if "overdue" in value:
            wanted |= Q(due_date__lt=today) & ~Q(status__category=Category.DONE)
        if "week" in value:
            wanted |= Q(due_date__range=(today, today + timedelta(days=7)))
        if NONE in value:
            wanted |= Q(due_date__isnull=True)
        return items.filter(wanted)

    def _assigned(self, value: Sequence[str]) -> Q:
        people = Q()
        for email in value:
            if email == ME:
                people |= Q(pk=self.reader.pk if self.reader else None)
            elif email != NONE:
                people |= Q(email__iexact=email)
        through = Item.assignees.through.objects.filter(item=OuterRef("pk"))
        wanted = Q(pk__in=[])
        if people:
            wanted |= Q(Exists(through.filter(user__in=User.objects.filter(people))))
        return wanted | ~Q(Exists(through)) if NONE in value else wanted


def _blockers() -> QuerySet[Link]:
    """Open items that hold back the outer one: by a block, or as data that it needs."""
    is_open = ~Q(source__status__category=Category.DONE) & Q(source__deleted_at__isnull=True)
    return Link.objects.filter(is_open, kind=Link.Kind.BLOCKS, target=OuterRef("pk"))


def _missing_data() -> QuerySet[Link]:
    is_open = ~Q(target__status__category=Category.DONE) & Q(target__deleted_at__isnull=True)
    return Link.objects.filter(is_open, kind=Link.Kind.NEEDS_DATA, source=OuterRef("pk"))


BLOCKED = ~Q(blocked_reason="") | Q(Exists(_blockers())) | Q(Exists(_missing_data()))


def _labelled(value: Sequence[str]) -> Q:
    through = Item.labels.through.objects.filter(item=OuterRef("pk"))
    names = Q()
    for name in value:
        if name != NONE:
            names |= Q(label__name__iexact=name)
    wanted = Q(Exists(through.filter(names))) if names else Q(pk__in=[])
    return wanted | ~Q(Exists(through)) if NONE in value else wanted


def _findings() -> QuerySet[Finding]:
    return Finding.objects.filter(item=OuterRef("pk"))
