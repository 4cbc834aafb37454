"""The filters of lists, as query parameters declare them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import forms
from django.db.models import Exists, OuterRef, Q, QuerySet
from django_filters import CharFilter, IsoDateTimeFilter, MultipleChoiceFilter
from django_filters.rest_framework import FilterSet

from backlog.models import Backlog, Category, Finding, Item, Kind, Subject, User
from backlog.rules.severity import WEIGHTS, Priority, Severity
from mlscrum.lib.numbers import whole_number

SEVERITIES = [(severity, severity) for severity in Severity]


class WordsField(forms.MultipleChoiceField):
    """Any words: what is allowed differs from product to product."""

    def valid_value(self, value: Any) -> bool:
        return "\0" not in str(value)


class WordsFilter(MultipleChoiceFilter):
    """One or more words, any of which may match."""

    field_class = WordsField


class ItemFilters(FilterSet):
    """Of the items of a product."""

    kind = MultipleChoiceFilter(choices=Kind.choices, distinct=False)
    status = WordsFilter(field_name="status__slug", distinct=False, help_text="Slugs of statuses.")
    category = MultipleChoiceFilter(
        field_name="status__category", choices=Category.choices, distinct=False
    )
    backlog = MultipleChoiceFilter(
        field_name="backlog__kind", choices=Backlog.Kind.choices, distinct=False
    )
    sprint = CharFilter(method="in_sprint", help_text="The id of a sprint, or `active`.")
    assignee = WordsFilter(method="assigned", help_text="E-mail addresses.")
    source = WordsFilter(method="of_source", help_text="Sources of findings, such as gx.")
    severity = MultipleChoiceFilter(
        choices=SEVERITIES, method="of_severity", help_text="The worst of the item's findings."
    )
    updated_since = IsoDateTimeFilter(
        field_name="updated_at", lookup_expr="gte", help_text="Changed at this time or later."
    )

    def in_sprint(self, items: QuerySet[Item], name: str, value: str) -> QuerySet[Item]:
        items = items.filter(backlog__kind=Backlog.Kind.SPRINT)
        if value == "active":
            return items.filter(backlog__state=Backlog.State.ACTIVE)
        number = whole_number(value)
        return items.none() if number is None else items.filter(backlog=number)

    def assigned(self, items: QuerySet[Item], name: str, value: list[str]) -> QuerySet[Item]:
        wanted = Q()
        for email in value:
            wanted |= Q(email__iexact=email)
        users = User.objects.filter(wanted)
        through = Item.assignees.through.objects.filter(item=OuterRef("pk"), user__in=users)
        return items.filter(Exists(through))

    def of_source(self, items: QuerySet[Item], name: str, value: list[str]) -> QuerySet[Item]:
        return items.filter(Exists(_findings().filter(source__in=value)))

    def of_severity(self, items: QuerySet[Item], name: str, value: list[str]) -> QuerySet[Item]:
        wanted = Q()
        for severity in value:
            worse = [s for s in Severity if WEIGHTS[s] > WEIGHTS[Severity(severity)]]
            wanted |= Q(Exists(_findings().filter(severity=severity))) & ~Q(
                Exists(_findings().filter(severity__in=worse))
            )
        return items.filter(wanted)


class FindingFilters(FilterSet):
    """Of the findings of a product."""

    state = MultipleChoiceFilter(choices=Finding.State.choices, distinct=False)
    severity = MultipleChoiceFilter(choices=SEVERITIES, distinct=False)
    priority = MultipleChoiceFilter(choices=[(p, p) for p in Priority], distinct=False)
    source = WordsFilter(distinct=False)
    dataset = CharFilter(method="of_dataset", help_text="The slug of a dataset.")
    item = CharFilter(method="of_item", help_text="The ref of an item.")
    updated_since = IsoDateTimeFilter(
        method="since", help_text="Seen, or resolved, at this time or later."
    )

    def since(self, found: QuerySet[Finding], name: str, value: datetime) -> QuerySet[Finding]:
        return found.filter(Q(last_seen__gte=value) | Q(resolved_at__gte=value))

    def of_dataset(self, found: QuerySet[Finding], name: str, value: str) -> QuerySet[Finding]:
        return found.filter(subject__kind=Subject.Kind.DATASET, subject__slug=value)

    def of_item(self, found: QuerySet[Finding], name: str, value: str) -> QuerySet[Finding]:
        key, _, digits = value.rpartition("-")
        number = whole_number(digits, digits=9)
        if number is None:
            return found.none()
        return found.filter(item__product__key=key.upper(), item__number=number)


def _findings() -> QuerySet[Finding]:
    return Finding.objects.filter(item=OuterRef("pk"))
