"""The filters of items, alike for the backlog page and REST: any of, not, none, me, since.

`kind=story&kind=bug` is either; `kind__not=bug` is neither; `label=none` is without any;
`assignee=me` is the reader. A field of the product filters as `fields.risk=high` and
`fields.risk__not=high`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, timedelta
from functools import partial
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.fields.json import KeyTransform
from django.http import QueryDict
from django.utils import timezone
from django_filters import BooleanFilter, CharFilter, DateFilter, IsoDateTimeFilter
from django_filters import MultipleChoiceFilter as AnyOf
from django_filters.fields import IsoDateTimeField
from django_filters.rest_framework import FilterSet

from backlog.models import (
    Backlog,
    Category,
    ExtraField,
    Finding,
    Item,
    Kind,
    Product,
    User,
)
from backlog.queries.items import EXTRA
from backlog.queries.links import BLOCKED
from backlog.queries.search import found_by
from backlog.rules import extra_fields
from backlog.rules.severity import WEIGHTS, Severity
from mlscrum.lib.numbers import whole_number

NONE, ME, NOT = "none", "me", "__not"
MOST_WORDS = 100  # of one filter; SQLite refuses conditions of about a thousand parts
SEVERITIES = [(severity, severity) for severity in Severity]
DUE = [("overdue", "Overdue"), ("week", "Within a week"), (NONE, "Without a date")]
Found = QuerySet[Item]


class WordsField(forms.MultipleChoiceField):
    """Any words, not too many: what is allowed differs from product to product."""

    def valid_value(self, value: Any) -> bool:
        return "\0" not in str(value)

    def validate(self, value: Any) -> None:
        super().validate(value)
        if len(value) > MOST_WORDS:
            raise ValidationError(f"Give at most {MOST_WORDS} values.", code="too_many")


class WordsFilter(AnyOf):
    """One or more words, any of which may match."""

    field_class = WordsField


class ExtraValues(WordsField):
    """Values of a product's own field, as the field keeps them."""

    def __init__(self, *, extra_field: ExtraField | None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.extra_field = extra_field

    def clean(self, value: Any) -> list[Any]:
        if self.extra_field is None:
            raise ValidationError("The product has no such field.", code="unknown_parameter")
        kind, choices = self.extra_field.kind, self.extra_field.choices
        try:
            return [
                NONE if word == NONE else extra_fields.kept(kind, word, choices)
                for word in super().clean(value)
                if word
            ]
        except extra_fields.BadValue as error:
            raise ValidationError(str(error), code="invalid") from None


class ExtraFilter(AnyOf):
    """Any of several values of a product's own field."""

    field_class = ExtraValues


class MomentField(IsoDateTimeField):
    """A time that there is in UTC as well: in its own zone it may lie beyond the last year."""

    def clean(self, value: Any) -> Any:
        moment = super().clean(value)
        try:
            return moment and moment.astimezone(UTC)
        except OverflowError:
            raise ValidationError("Give a time of the years 1 to 9999.", code="invalid") from None


class MomentFilter(IsoDateTimeFilter):
    """By a time in any zone."""

    field_class = MomentField


class ItemFilters(FilterSet):
    """Of the items of a product. Each filter that takes several words has a twin `…__not`.

    With the `product`, those of its own fields that are asked for are among the filters; one that
    it has not is an error of the form.
    """

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
    parent__not = WordsFilter(method="not_under")
    severity = AnyOf(
        choices=SEVERITIES, method="of_severity", help_text="The worst of the item's findings."
    )
    severity__not = AnyOf(choices=SEVERITIES, method="not_of_severity")
    source = WordsFilter(method="of_source", help_text="Sources of findings, such as gx, or none.")
    source__not = WordsFilter(method="not_of_source")
    blocked = BooleanFilter(method="is_blocked")
    estimated = BooleanFilter(field_name="points", lookup_expr="isnull", exclude=True)
    due = AnyOf(choices=DUE, method="is_due")
    due__not = AnyOf(choices=DUE, method="is_not_due")
    due_before = DateFilter(field_name="due_date", lookup_expr="lt")
    due_after = DateFilter(field_name="due_date", lookup_expr="gt")
    updated_since = MomentFilter(
        field_name="updated_at", lookup_expr="gte", help_text="Changed at this time or later."
    )

    def __init__(
        self,
        data: QueryDict | None = None,
        *args: Any,
        product: Product | None = None,
        reader: User | None = None,
        **kwargs: Any,
    ) -> None:
        # Those that nobody asks for are not made: all of them take as long as a page of items.
        declared = type(self).declared_filters
        self.base_filters = {name: declared[name] for name in declared if name in (data or {})}
        super().__init__(data, *args, **kwargs)
        user = getattr(self.request, "user", None)
        self.reader = reader or (user if isinstance(user, User) else None)
        asked = [name for name in self.data if name.startswith(EXTRA)] if product else []
        if product and asked:
            known = {field.slug: field for field in product.extra_fields.all()}
            for name in asked:
                self.filters[name] = self._extra_filter(known, name)

    def _extra_filter(self, known: Mapping[str, ExtraField], name: str) -> ExtraFilter:
        slug = name.removeprefix(EXTRA)
        is_not = slug not in known and slug.endswith(NOT)
        field = known.get(slug.removesuffix(NOT) if is_not else slug)
        found = ExtraFilter(
            extra_field=field,
            label=field.name if field else slug,
            distinct=False,
            method=partial(self.without_values if is_not else self.with_values, field),
        )
        found.parent = self
        return found

    def with_values(self, field: ExtraField, items: Found, name: str, value: list[Any]) -> Found:
        return items.filter(pk__in=_holding(field, value))

    def without_values(self, field: ExtraField, items: Found, name: str, value: list[Any]) -> Found:
        return items.exclude(pk__in=_holding(field, value))

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
        return items.filter(_under(value))

    def not_under(self, items: Found, name: str, value: list[str]) -> Found:
        return items.exclude(_under(value))

    def of_source(self, items: Found, name: str, value: list[str]) -> Found:
        return items.filter(_of_source(value))

    def not_of_source(self, items: Found, name: str, value: list[str]) -> Found:
        return items.exclude(_of_source(value))

    def of_severity(self, items: Found, name: str, value: list[str]) -> Found:
        return items.filter(_of_severity(value))

    def not_of_severity(self, items: Found, name: str, value: list[str]) -> Found:
        return items.exclude(_of_severity(value))

    def is_blocked(self, items: Found, name: str, value: bool) -> Found:  # noqa: FBT001
        return items.filter(BLOCKED) if value else items.exclude(BLOCKED)

    def is_due(self, items: Found, name: str, value: list[str]) -> Found:
        return items.filter(_due(value))

    def is_not_due(self, items: Found, name: str, value: list[str]) -> Found:
        return items.exclude(_due(value))

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


def _under(value: Sequence[str]) -> Q:
    wanted = Q(parent__isnull=True) if NONE in value else Q(pk__in=[])
    for ref in value:
        key, _, digits = ref.rpartition("-")
        if (number := whole_number(digits, digits=9)) is not None:
            wanted |= Q(parent__product__key=key.upper(), parent__number=number)
    return wanted


def _of_source(value: Sequence[str]) -> Q:
    wanted = Q(Exists(_findings().filter(source__in=value)))
    return wanted | ~Q(Exists(_findings())) if NONE in value else wanted


def _of_severity(value: Sequence[str]) -> Q:
    wanted = Q(pk__in=[])
    for severity in set(value):
        worse = [s for s in Severity if WEIGHTS[s] > WEIGHTS[Severity(severity)]]
        wanted |= Q(Exists(_findings().filter(severity=severity))) & ~Q(
            Exists(_findings().filter(severity__in=worse))
        )
    return wanted


def _due(value: Sequence[str]) -> Q:
    today = timezone.localdate()
    wanted = Q(pk__in=[])
    if "overdue" in value:
        wanted |= Q(due_date__lt=today) & ~Q(status__category=Category.DONE)
    if "week" in value:
        wanted |= Q(due_date__range=(today, today + timedelta(days=7)))
    if NONE in value:
        wanted |= Q(due_date__isnull=True)
    return wanted


def _labelled(value: Sequence[str]) -> Q:
    through = Item.labels.through.objects.filter(item=OuterRef("pk"))
    names = Q()
    for name in value:
        if name != NONE:
            names |= Q(label__name__iexact=name)
    wanted = Q(Exists(through.filter(names))) if names else Q(pk__in=[])
    return wanted | ~Q(Exists(through)) if NONE in value else wanted


def _holding(field: ExtraField, values: Sequence[Any]) -> Found:
    """The items that hold one of the values; what nobody ticked is not ticked."""
    holding = Item.objects.alias(held=KeyTransform(field.slug, "extra"))
    wanted = Q(pk__in=[])
    for value in values:
        if value != NONE:
            wanted |= Q(held=value)
        if value == NONE or value is False:
            wanted |= ~Q(extra__has_key=field.slug)
    found: Found = holding.filter(wanted, product=field.product_id).order_by().values("pk")
    return found


def _findings() -> QuerySet[Finding]:
    return Finding.objects.filter(item=OuterRef("pk"))
