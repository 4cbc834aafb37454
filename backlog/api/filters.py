"""The filters of findings, as query parameters declare them."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Q, QuerySet
from django_filters import CharFilter, MultipleChoiceFilter
from django_filters.rest_framework import FilterSet

from backlog.forms.filters import SEVERITIES, MomentFilter, WordsFilter
from backlog.models import Finding, Subject
from backlog.rules.severity import Priority
from mlscrum.lib.numbers import whole_number


class FindingFilters(FilterSet):
    """Of the findings of a product."""

    state = MultipleChoiceFilter(choices=Finding.State.choices, distinct=False)
    severity = MultipleChoiceFilter(choices=SEVERITIES, distinct=False)
    priority = MultipleChoiceFilter(choices=[(p, p) for p in Priority], distinct=False)
    source = WordsFilter(distinct=False)
    dataset = CharFilter(method="of_dataset", help_text="The slug of a dataset.")
    item = CharFilter(method="of_item", help_text="The ref of an item.")
    updated_since = MomentFilter(
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
